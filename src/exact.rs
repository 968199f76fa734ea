//! The arbiter: GroupNorm by its definition, forward and gradients, in double-double.
//!
//! Y. Wu and K. He, "Group Normalization" (2018), equations 1 to 5; the gradients are their
//! derivatives. Nothing is done for speed. It belongs to no side: it answers the effective call of
//! each.

use std::collections::BTreeMap;

use crate::call::{Effective, Output};
use crate::double_double::Double;
use crate::tensor::DType;

/// One array as it should be.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The dtype to which an engine rounds.
    pub dtype: DType,
    /// The less precise of that and of the dtype of x: an engine may have gone through either.
    pub through: DType,
    /// The shape.
    pub shape: Vec<usize>,
    /// The values before any rounding, last dimension fastest.
    pub values: Vec<Double>,
    /// The magnitude whose ULP is the unit of error of each value: what its terms add up to.
    pub unit: Vec<f64>,
}

/// Every array that the call asks for: y, and of dx, dgamma, dbeta those that are wanted.
///
/// The unit is max(|y|, |gamma|, |beta|) for y, the sum of |dy*x_hat| for dgamma, of |dy| for
/// dbeta, and rstd*max|gamma*dy| over the group for dx.
pub fn answer(call: &Effective) -> BTreeMap<Output, Expected> {
    let shape = call.x.shape();
    let channels = shape[1];
    let inner: usize = shape[2..].iter().product();
    let (group_channels, dtypes) = (channels / call.num_groups, call.dtypes);
    let group_size = group_channels * inner;
    let x = call.x.to_f64();
    let dy = call.backward.as_ref().map(|(dy, _)| dy.to_f64()).unwrap_or_default();

    let empty = |dtype: DType, shape: &[usize], size: usize| Expected {
        dtype,
        through: dtype.less_precise(call.x.dtype()),
        shape: shape.to_vec(),
        values: Vec::with_capacity(size),
        unit: Vec::with_capacity(size),
    };
    let zeros = |dtype| Expected {
        values: vec![Double::default(); channels],
        unit: vec![0.0; channels],
        ..empty(dtype, &[channels], 0)
    };
    let (mut y, mut dx) = (empty(dtypes.y, shape, x.len()), empty(call.x.dtype(), shape, dy.len()));
    let (mut dgamma, mut dbeta) = (zeros(dtypes.gamma), zeros(dtypes.beta));

    // Without places there are no groups to go through either.
    let inner = inner.max(1);
    for group in 0..call.groups() {
        let start = group * group_size;
        let first = group % call.num_groups * group_channels;
        let (x_hat, rstd) = normalise(&x[start..start + group_size], call.eps);
        for (x_hat, c) in x_hat.chunks(inner).zip(first..) {
            let (gamma, beta) = (call.gamma[c], call.beta[c]);
            for &x_hat in x_hat {
                let value = x_hat * gamma + beta;
                y.values.push(value);
                y.unit.push(value.hi.abs().max(gamma.abs()).max(beta.abs()));
            }
        }
        if dy.is_empty() {
            continue;
        }
        let mut g = Vec::with_capacity(group_size);
        let (mut sum_g, mut sum_gx, mut largest) = (Double::default(), Double::default(), 0.0f64);
        let of_channels = dy[start..start + group_size].chunks(inner).zip(x_hat.chunks(inner));
        for ((dy, x_hat), c) in of_channels.zip(first..) {
            let gamma = call.gamma[c];
            let (mut of_gamma, mut of_beta) = (dgamma.values[c], dbeta.values[c]);
            for (&dy, &x_hat) in dy.iter().zip(x_hat) {
                let dy_x_hat = x_hat * dy;
                of_gamma = of_gamma + dy_x_hat;
                dgamma.unit[c] += dy_x_hat.hi.abs();
                of_beta = of_beta + dy;
                dbeta.unit[c] += dy.abs();
                let dy_gamma = Double::from(dy) * gamma;
                sum_g = sum_g + dy_gamma;
                sum_gx = sum_gx + dy_gamma * x_hat;
                largest = largest.max(dy_gamma.hi.abs());
                g.push(dy_gamma);
            }
            (dgamma.values[c], dbeta.values[c]) = (of_gamma, of_beta);
        }
        let count = Double::from(group_size as f64);
        let (mean_g, mean_gx) = (sum_g / count, sum_gx / count);
        for (&g, &x_hat) in g.iter().zip(&x_hat) {
            dx.values.push(rstd * (g - mean_g - x_hat * mean_gx));
            dx.unit.push(rstd.hi * largest);
        }
    }

    let wanted = call.backward.as_ref().map(|(_, wanted)| *wanted);
    let asked = |of: fn(&crate::call::Wanted) -> bool| wanted.as_ref().is_some_and(of);
    [
        (true, Output::Y, y),
        (asked(|w| w.x), Output::Dx, dx),
        (asked(|w| w.gamma), Output::Dgamma, dgamma),
        (asked(|w| w.beta), Output::Dbeta, dbeta),
    ]
    .into_iter()
    .filter_map(|(asked, output, array)| asked.then_some((output, array)))
    .collect()
}

/// (x - mean) / sqrt(variance + eps) of a group, and 1 / sqrt(variance + eps).
fn normalise(x: &[f64], eps: f64) -> (Vec<Double>, Double) {
    let nan = Double::from(f64::NAN);
    let Some(&first) = x.first() else { return (Vec::new(), nan) };
    if !x.iter().all(|v| v.is_finite()) {
        return (vec![nan; x.len()], nan);
    }
    // Squares of the largest f64 overflow: a power of two is taken out, unless eps outweighs them anyway.
    let largest = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let power = if largest >= f64::MIN_POSITIVE { libm::ldexp(1.0, libm::frexp(largest).1 - 1) } else { 1.0 };
    let power = if (eps / power / power).is_infinite() && eps.is_finite() { 1.0 } else { power };
    // Deviations from the first element are exact, so a constant group has a variance of exactly 0.
    let mut deviations: Vec<Double> = x.iter().map(|&v| Double::difference(v / power, first / power)).collect();
    let count = Double::from(x.len() as f64);
    let mean = deviations.iter().copied().sum::<Double>() / count;
    deviations.iter_mut().for_each(|d| *d = *d - mean);
    let variance = deviations.iter().map(|&d| d * d).sum::<Double>() / count;
    // Beside no variance at all, eps counts however small it is.
    let power = if variance.hi == 0.0 { 1.0 } else { power };
    let rstd = Double::from(1.0) / (variance + eps / power / power).sqrt();
    deviations.iter_mut().for_each(|d| *d = *d * rstd);
    (deviations, rstd.scaled(1.0 / power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{DTypes, Wanted};
    use crate::tensor::Tensor;

    fn effective(shape: &[usize], x: &[f64], num_groups: usize, eps: f64) -> Effective {
        let x = Tensor::from_f64(DType::F64, shape, x).unwrap();
        let (gamma, beta, dtypes) = (vec![1.0; shape[1]], vec![0.0; shape[1]], DTypes::all(DType::F64));
        Effective { x, num_groups, gamma, beta, eps, backward: None, dtypes }
    }

    fn y(call: &Effective) -> Vec<f64> {
        answer(call)[&Output::Y].values.iter().map(|v| v.hi).collect()
    }

    #[test]
    fn a_group_worked_by_hand() {
        // Mean 3, variance 4; eps 0.
        assert_eq!(y(&effective(&[1, 2], &[1.0, 5.0], 1, 0.0)), [-1.0, 1.0]);
        // The square root is over the sum: 1 / sqrt(4 + 12) = 1/4.
        assert_eq!(y(&effective(&[1, 2], &[1.0, 5.0], 1, 12.0)), [-0.5, 0.5]);
        // Two groups do not see each other, and beta and gamma are per channel.
        let mut call = effective(&[1, 4], &[1.0, 5.0, 100.0, 104.0], 2, 0.0);
        (call.gamma, call.beta) = (vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 10.0, 20.0, 30.0]);
        assert_eq!(y(&call), [-1.0, 12.0, 17.0, 34.0]);
    }

    #[test]
    fn constant_groups() {
        assert_eq!(y(&effective(&[1, 3], &[4096.1; 3], 1, 1e-5)), [0.0; 3]);
        for value in [4096.1, 0.1, 1e5 / 3.0, -7e-9, 1e-30 / 3.0] {
            for count in 2..12 {
                let y = y(&effective(&[1, count], &vec![value; count], 1, 0.0));
                assert!(y.iter().all(|v| v.is_nan()), "{count} of {value}: no variance at all");
            }
        }
        assert_eq!(y(&effective(&[1, 3], &[1e300, -3.0, 7.5], 3, 1e-5)), [0.0; 3]);
    }

    #[test]
    fn the_ends_of_the_range() {
        let y = y(&effective(&[1, 2], &[1e300, -1e300], 1, 1e-5));
        assert_eq!(y, [1.0, -1.0]);
        let largest = effective(&[1, 2], &[f64::MAX, -f64::MAX], 1, 1e-5);
        assert_eq!(super::tests::y(&largest), [1.0, -1.0]);
        assert_eq!(super::tests::y(&effective(&[1, 2], &[1.7e308, -1.7e308], 1, f64::INFINITY)), [0.0, 0.0]);
        let tiny = super::tests::y(&effective(&[1, 2], &[1e-200, -1e-200], 1, 1e-5));
        assert!((tiny[0] / (1e-200 / 1e-5f64.sqrt()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn units_are_what_the_terms_add_up_to() {
        // One group a sample, of two channels: x_hat is -1, 1, 1, -1, rstd 1/2 and 1/4.
        let mut call = effective(&[2, 2], &[1.0, 5.0, 12.0, 4.0], 1, 0.0);
        (call.gamma, call.beta) = (vec![2.0, -3.0], vec![-0.5, 10.0]);
        let wanted = Wanted::ALL;
        call.backward = Some((Tensor::from_f64(DType::F64, &[2, 2], &[2.0, -5.0, 7.0, 0.25]).unwrap(), wanted));
        let arrays = answer(&call);
        assert_eq!(arrays[&Output::Y].unit, [2.5, 10.0, 2.0, 13.0]);
        assert_eq!(arrays[&Output::Dgamma].unit, [9.0, 5.25]);
        assert_eq!(arrays[&Output::Dbeta].unit, [9.0, 5.25]);
        assert_eq!(arrays[&Output::Dx].unit, [7.5, 7.5, 3.5, 3.5]);
        // The terms of dgamma are products: x_hat is -1/2, -1/2, -1/2, 3/2 times the root of 4/3.
        let mut call = effective(&[1, 1, 4], &[0.0, 0.0, 0.0, 4.0], 1, 0.0);
        call.backward = Some((Tensor::from_f64(DType::F64, &[1, 1, 4], &[2.0, -4.0, 6.0, 8.0]).unwrap(), wanted));
        let unit = answer(&call)[&Output::Dgamma].unit[0];
        assert!((unit - 18.0 * (4.0f64 / 3.0).sqrt()).abs() < 1e-12, "{unit}");
    }

    #[test]
    fn gradients_are_the_derivatives() {
        let x = [0.3, -1.2, 2.5, 0.7, 1.1, -0.4, 0.9, 3.0];
        let dy = [1.0, -2.0, 0.5, 3.0, -1.0, 0.25, 2.0, -0.75];
        let mut call = effective(&[1, 4, 2], &x, 2, 1e-3);
        call.gamma = vec![1.0, -2.0, 0.5, 3.0];
        let wanted = Wanted::ALL;
        call.backward = Some((Tensor::from_f64(DType::F64, &[1, 4, 2], &dy).unwrap(), wanted));
        let arrays = answer(&call);
        let loss = |call: &Effective| y(call).iter().zip(&dy).map(|(y, dy)| y * dy).sum::<f64>();
        let h = 1e-6;
        for i in 0..8 {
            let moved = |by: f64| {
                let mut moved = x;
                moved[i] += by;
                loss(&Effective { x: Tensor::from_f64(DType::F64, &[1, 4, 2], &moved).unwrap(), ..call.clone() })
            };
            let slope = (moved(h) - moved(-h)) / (2.0 * h);
            assert!((arrays[&Output::Dx].values[i].hi - slope).abs() < 1e-8, "dx[{i}]");
        }
        for c in 0..4 {
            let moved = |gamma: f64, beta: f64| {
                let mut moved = call.clone();
                moved.gamma[c] += gamma;
                moved.beta[c] += beta;
                loss(&moved)
            };
            let slope = (moved(h, 0.0) - moved(-h, 0.0)) / (2.0 * h);
            assert!((arrays[&Output::Dgamma].values[c].hi - slope).abs() < 1e-8, "dgamma[{c}]");
            let slope = (moved(0.0, h) - moved(0.0, -h)) / (2.0 * h);
            assert!((arrays[&Output::Dbeta].values[c].hi - slope).abs() < 1e-8, "dbeta[{c}]");
        }
    }
}
