//! Whether a live engine gives what was recorded of the same version.

use super::Finding;
use crate::call::{Answer, Array};

/// By so many ULP of the recorded value a live one may differ.
const MOST_ULP: f64 = 1.0;

/// The first difference of each array that both have.
pub(super) fn differences(name: &str, live: &Answer, recorded: &Answer) -> Vec<Finding> {
    let both = live.arrays.iter().filter_map(|(output, live)| Some((output, live, recorded.get(*output)?)));
    let differences = both.filter_map(|(output, live, recorded)| {
        let what = format!("{output}: {}", difference(live, recorded)?);
        Some(Finding::NotReproduced { recorded: name.to_owned(), what })
    });
    differences.collect()
}

fn difference(live: &Array, recorded: &Array) -> Option<String> {
    let dtype = recorded.values.dtype();
    if live.shape != recorded.shape || live.values.dtype() != dtype {
        let live_dtype = live.values.dtype();
        return Some(format!("{live_dtype} {:?} for {dtype} {:?}", live.shape, recorded.shape));
    }
    let values = live.values.to_f64();
    let indices = recorded.kept.clone().unwrap_or_else(|| (0..values.len()).collect());
    let pairs = indices.into_iter().zip(recorded.values.to_f64());
    let amiss = pairs.filter(|&(at, recorded)| {
        let same = values[at] == recorded || values[at].is_nan() && recorded.is_nan();
        let error = (values[at] - recorded).abs();
        !same && (error.is_nan() || error > MOST_ULP * dtype.ulp(recorded))
    });
    let mut amiss = amiss.peekable();
    let &(at, recorded) = amiss.peek()?;
    let count = amiss.count();
    Some(format!("{count} elements by more than {MOST_ULP} ULP, the first {at} with {:e} for {recorded:e}", values[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Output;
    use crate::tensor::{DType, Tensor};

    fn array(dtype: DType, values: &[f64]) -> Array {
        Tensor::from_f64(dtype, &[values.len()], values).unwrap().into()
    }

    fn differences_of(live: Array, recorded: Array) -> Vec<String> {
        let answer = |array| Answer { arrays: [(Output::Y, array)].into(), printed: None };
        differences("torch-2.13.0", &answer(live), &answer(recorded)).iter().map(ToString::to_string).collect()
    }

    fn told(live: &[f64], recorded: &[f64]) -> Vec<String> {
        differences_of(array(DType::F32, live), array(DType::F32, recorded))
    }

    const ULP: f64 = f32::EPSILON as f64;

    #[test]
    fn a_unit_in_the_last_place_is_no_difference() {
        let values = [1.0, f64::NAN, f64::INFINITY, 0.0];
        assert!(told(&values, &values).is_empty());
        assert!(told(&[1.0 + ULP, 1.0 - ULP], &[1.0, 1.0]).is_empty());
        let found = told(&[0.0, 1.0 + 2.0 * ULP, 3.0], &[0.0, 1.0, 1.0]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("torch-2.13.0 is not reproduced: y: 2 elements by more than 1 ULP, the first 1"));
    }

    #[test]
    fn a_nan_and_an_infinity_are_differences() {
        for (live, recorded) in
            [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (f64::INFINITY, f64::NEG_INFINITY)]
        {
            assert_eq!(told(&[live], &[recorded]).len(), 1, "{live} for {recorded}");
        }
    }

    #[test]
    fn arrays_are_of_one_shape_and_dtype() {
        assert!(told(&[1.0, 1.0], &[1.0])[0].ends_with("y: f32 [2] for f32 [1]"));
        let found = differences_of(array(DType::F32, &[1.0]), array(DType::F64, &[1.0]));
        assert!(found[0].ends_with("y: f32 [1] for f64 [1]"));
    }

    #[test]
    fn of_a_large_array_what_was_kept_is_compared() {
        let kept = |values: &[f64]| Array { shape: vec![4], kept: Some(vec![1, 3]), ..array(DType::F32, values) };
        let live = [9.0, 1.0, 9.0, 2.0];
        assert!(differences_of(array(DType::F32, &live), kept(&[1.0, 2.0])).is_empty());
        let found = differences_of(array(DType::F32, &live), kept(&[1.0, 9.0]));
        assert!(found[0].contains("1 elements by more than 1 ULP, the first 3 with 2e0 for 9e0"), "{found:?}");
    }
}
