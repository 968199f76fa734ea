//! An engine's array held against what `exact` expects, element by element.

use std::fmt;

use super::{Histogram, Tolerance};
use crate::call::Array;
use crate::exact::Expected;
use crate::tensor::DType;

/// How two arrays of the same shape and dtype compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How many elements were compared.
    pub elements: usize,
    /// How many of them are beyond the tolerance.
    pub beyond: usize,
    /// The largest share of the tolerance that an element uses; infinite where a NaN or an infinity is amiss.
    pub used: f64,
    /// The largest absolute error; infinite likewise.
    pub absolute: Spot,
    /// The largest error relative to the expected value.
    pub relative: Spot,
    /// The largest error in ULP, in the unit that `exact` gives.
    pub ulp: Spot,
    /// How the errors in ULP are spread.
    pub histogram: Histogram,
}

/// The worst element by one measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spot {
    /// The error.
    pub error: f64,
    /// Flat index of the element, last dimension fastest.
    pub index: usize,
    /// What the engine has there.
    pub actual: f64,
    /// What `exact` has there, rounded to the dtype.
    pub expected: f64,
}

/// Arrays that cannot be compared element by element.
#[derive(Clone, Debug, PartialEq)]
pub enum Unlike {
    /// The shapes differ.
    Shape {
        /// The engine's.
        actual: Vec<usize>,
        /// The one expected.
        expected: Vec<usize>,
    },
    /// The dtypes differ.
    DType {
        /// The engine's.
        actual: DType,
        /// The one expected.
        expected: DType,
    },
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unlike::Shape { actual, expected } => write!(f, "the shape is {actual:?}, expected {expected:?}"),
            Unlike::DType { actual, expected } => write!(f, "the dtype is {actual}, expected {expected}"),
        }
    }
}

/// Holds an array to what is expected. NaN equals NaN, -0 equals 0, infinities count by their sign; otherwise
/// the error is measured against the value before rounding.
///
/// # Errors
/// Arrays of another shape or dtype cannot be compared.
pub fn compare(actual: &Array, expected: &Expected, tolerance: Tolerance) -> Result<Comparison, Unlike> {
    if actual.shape != expected.shape {
        return Err(Unlike::Shape { actual: actual.shape.clone(), expected: expected.shape.clone() });
    }
    if actual.values.dtype() != expected.dtype {
        return Err(Unlike::DType { actual: actual.values.dtype(), expected: expected.dtype });
    }
    Ok(comparison(of_array(actual), expected, tolerance))
}

/// Holds what is exact by one reading of a call, rounded as an engine would round it, to what is exact by
/// another reading of the same call.
pub fn compare_exact(actual: &Expected, expected: &Expected, tolerance: Tolerance) -> Comparison {
    comparison(of_exact(actual), expected, tolerance)
}

/// The share of the tolerance that each element uses, with the element's flat index, of arrays that can be compared.
pub fn shares(actual: &Array, expected: &Expected, tolerance: Tolerance) -> Vec<(usize, f64)> {
    each(of_array(actual), expected, tolerance).map(|(index, _, error)| (index, error.used)).collect()
}

/// The same of what is exact by one reading of a call held to what is exact by another.
pub fn shares_exact(actual: &Expected, expected: &Expected, tolerance: Tolerance) -> Vec<(usize, f64)> {
    each(of_exact(actual), expected, tolerance).map(|(index, _, error)| (index, error.used)).collect()
}

/// The elements that are there, each with its flat index.
fn of_array(array: &Array) -> Vec<(usize, f64)> {
    let values = array.values.to_f64();
    match &array.kept {
        Some(kept) => kept.iter().copied().zip(values).collect(),
        None => values.into_iter().enumerate().collect(),
    }
}

fn of_exact(actual: &Expected) -> Vec<(usize, f64)> {
    actual.values.iter().map(|value| value.round(actual.dtype)).enumerate().collect()
}

/// The error of one element by every measure.
struct Error {
    absolute: f64,
    relative: f64,
    ulp: f64,
    /// Share of the tolerance.
    used: f64,
}

/// Index, value and error of each element.
fn each(
    actual: Vec<(usize, f64)>,
    expected: &Expected,
    tolerance: Tolerance,
) -> impl Iterator<Item = (usize, f64, Error)> {
    let dtype = expected.dtype;
    actual.into_iter().map(move |(index, actual)| {
        let (exact, unit) = (expected.values[index], expected.unit[index]);
        let error = if actual.is_finite() && dtype.is_in_range(exact.hi) {
            let absolute = ((actual - exact.hi) - exact.lo).abs();
            let relative = if absolute == 0.0 { 0.0 } else { absolute / exact.hi.abs() };
            let ulp = dtype.ulp(unit);
            Error { absolute, relative, ulp: absolute / ulp, used: tolerance.used(absolute, unit, ulp) }
        } else {
            let error = if same(actual, exact.round(dtype)) { 0.0 } else { f64::INFINITY };
            Error { absolute: error, relative: error, ulp: error, used: error }
        };
        (index, actual, error)
    })
}

fn comparison(actual: Vec<(usize, f64)>, expected: &Expected, tolerance: Tolerance) -> Comparison {
    let mut comparison = Comparison {
        elements: actual.len(),
        beyond: 0,
        used: 0.0,
        absolute: Spot::default(),
        relative: Spot::default(),
        ulp: Spot::default(),
        histogram: Histogram::default(),
    };
    for (i, (index, actual, error)) in each(actual, expected, tolerance).enumerate() {
        comparison.beyond += usize::from(error.used > 1.0);
        comparison.used = comparison.used.max(error.used);
        comparison.histogram.add(error.ulp);
        let worst = [&mut comparison.absolute, &mut comparison.relative, &mut comparison.ulp];
        for (spot, error) in worst.into_iter().zip([error.absolute, error.relative, error.ulp]) {
            if error > spot.error || i == 0 {
                *spot = Spot { error, index, actual, expected: 0.0 };
            }
        }
    }
    for spot in [&mut comparison.absolute, &mut comparison.relative, &mut comparison.ulp] {
        spot.expected = expected.values.get(spot.index).map_or(0.0, |exact| exact.round(expected.dtype));
    }
    comparison
}

/// NaN equals NaN, whatever its bits.
fn same(actual: f64, expected: f64) -> bool {
    actual == expected || actual.is_nan() && expected.is_nan()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double_double::Double;
    use crate::tensor::Tensor;

    const ULP: Tolerance = Tolerance::Ulp(3.0);

    fn exactly(values: &[f64]) -> Expected {
        Expected {
            dtype: DType::F32,
            through: DType::F32,
            shape: vec![values.len()],
            values: values.iter().map(|&v| v.into()).collect(),
            unit: vec![1.0; values.len()],
        }
    }

    fn compared(actual: &[f64], expected: &[f64], tolerance: Tolerance) -> Comparison {
        let array = Array::from(Tensor::from_f64(DType::F32, &[actual.len()], actual).unwrap());
        compare(&array, &exactly(expected), tolerance).unwrap()
    }

    #[test]
    fn what_counts_as_equal() {
        let same = compared(&[f64::NAN, -0.0, f64::INFINITY], &[f64::NAN, 0.0, f64::INFINITY], ULP);
        assert_eq!((same.beyond, same.used, same.absolute.error), (0, 0.0, 0.0));
        for (actual, expected) in
            [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, f64::NEG_INFINITY), (1e30, f64::INFINITY)]
        {
            let amiss = compared(&[actual], &[expected], ULP);
            assert_eq!((amiss.beyond, amiss.used), (1, f64::INFINITY), "{actual} for {expected}");
        }
    }

    #[test]
    fn the_worst_is_named_by_every_measure() {
        let ulp = f64::from(f32::EPSILON);
        let c = compared(&[1.0 + 2.0 * ulp, 1000.01, 1e-3], &[1.0, 1000.0, 2e-3], ULP);
        assert_eq!((c.elements, c.beyond), (3, 2));
        assert_eq!((c.absolute.index, c.relative.index), (1, 2));
        assert_eq!(compared(&[2.0, 2.0], &[1.0, 1.0], ULP).absolute.index, 0, "the first of equals");
        let one = compared(&[1.0 + 2.0 * ulp], &[1.0], ULP);
        assert_eq!((one.beyond, one.ulp.error), (0, 2.0));
        assert!((one.used - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_error_is_measured_before_rounding() {
        // A correctly rounded third of f32 is still off by what rounding took.
        let c = compared(&[1.0 / 3.0], &[1.0 / 3.0], ULP);
        assert!(c.ulp.error > 0.0 && c.ulp.error <= 0.5);
    }

    #[test]
    fn both_halves_of_what_is_exact_count() {
        let exact = Double::from(1.0) + Double::from(1e-20);
        let expected =
            Expected { dtype: DType::F64, through: DType::F64, shape: vec![1], values: vec![exact], unit: vec![1.0] };
        let of = |actual: f64| {
            let array = Array::from(Tensor::from_f64(DType::F64, &[1], &[actual]).unwrap());
            compare(&array, &expected, ULP).unwrap().absolute.error
        };
        assert_eq!(of(1.0), 1e-20);
        // A step above, what is exact is nearer by as much.
        assert_eq!(of(1.0 + f64::EPSILON), f64::EPSILON - 1e-20);
    }

    #[test]
    fn what_uses_the_tolerance_up_is_within_it() {
        let ulp = f64::from(f32::EPSILON);
        assert_eq!(compared(&[1.0 + 3.0 * ulp], &[1.0], ULP).used, 1.0);
        assert_eq!(compared(&[1.0 + 3.0 * ulp], &[1.0], ULP).beyond, 0);
        assert_eq!(compared(&[1.0 + 4.0 * ulp], &[1.0], ULP).beyond, 1);
    }

    #[test]
    fn each_share_is_that_of_its_element() {
        let ulp = f64::from(f32::EPSILON);
        let expected = exactly(&[1.0, 1.0, 0.0, 1.0]);
        let whole = Array::from(Tensor::from_f64(DType::F32, &[4], &[1.0, 1.0 + 6.0 * ulp, 0.0, 1.0]).unwrap());
        assert_eq!(shares(&whole, &expected, ULP), [(0, 0.0), (1, 2.0), (2, 0.0), (3, 0.0)]);
        let part = Tensor::from_f64(DType::F32, &[2], &[1.0, 1.0 + 6.0 * ulp]).unwrap();
        let part = Array { shape: vec![4], values: part, kept: Some(vec![1, 3]) };
        assert_eq!(shares(&part, &expected, ULP), [(1, 0.0), (3, 2.0)]);
        assert_eq!(compare(&part, &expected, ULP).unwrap().ulp.index, 3);
    }

    #[test]
    fn what_is_exact_by_another_reading_is_rounded_first() {
        let ulp = f64::from(f32::EPSILON);
        let (actual, expected) = (exactly(&[1.0, 1.0 + 2.75 * ulp]), exactly(&[1.0, 1.0]));
        assert_eq!(shares_exact(&actual, &expected, ULP), [(0, 0.0), (1, 1.0)]);
        let spot = compare_exact(&actual, &expected, ULP).ulp;
        assert_eq!((spot.index, spot.error, spot.actual, spot.expected), (1, 3.0, 1.0 + 3.0 * ulp, 1.0));
    }

    #[test]
    fn assert_close_is_absolute_and_relative_to_the_unit() {
        // The unit here is 1.
        let close = Tolerance::Relative { rtol: 1e-2, atol: 1e-1 };
        assert_eq!(compared(&[100.1], &[100.0], close).beyond, 0);
        assert_eq!(compared(&[100.12], &[100.0], close).beyond, 1);
        assert_eq!(compared(&[0.09], &[0.0], close).beyond, 0);
    }

    #[test]
    fn other_shapes_and_dtypes_are_no_numbers() {
        let expected = Expected {
            dtype: DType::F32,
            through: DType::F32,
            shape: vec![2],
            values: vec![Double::default(); 2],
            unit: vec![0.0; 2],
        };
        let array = |dtype, n| Array::from(Tensor::from_f64(dtype, &[n], &vec![0.0; n]).unwrap());
        let told = |array| compare(&array, &expected, ULP).unwrap_err().to_string();
        assert_eq!(told(array(DType::F32, 3)), "the shape is [3], expected [2]");
        assert_eq!(told(array(DType::F64, 2)), "the dtype is f64, expected f32");
        assert!(compare(&array(DType::F32, 2), &expected, ULP).is_ok());
    }
}
