//! Mean and deviation of one group.

use std::ops::Range;

use super::wide::{Sum, Wide};

/// What normalises one group.
///
/// The mean is `shift + rest`: the mean rounded to f64, from which the distance of every element is
/// taken without loss where the mean is large, and the mean of those distances. One f64 alone would be
/// too coarse: at mean 1e6 and deviation 3e-3, half its ULP is 2e-8 of the deviation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments<W> {
    shift: f64,
    rest: W,
    /// Of the elements as they were scaled.
    inverse_deviation: W,
    /// What the elements were divided by.
    power: f64,
}

/// Variances that are computed without coming near the ends of the range of f64.
const USUAL: Range<f64> = 1e-200..1e300;

impl<W: Wide> Moments<W> {
    /// The moments of `group`, which has at least one element.
    ///
    /// Where the squares would leave the range of f64, which only elements of that dtype can do, the
    /// group is divided by a power of two; the moments are for the elements that are then in `group`.
    pub(super) fn of(group: &mut [f64], epsilon: f64) -> Self {
        let (mut centred, mut variance) = Self::centred(group);
        if !USUAL.contains(&variance.into()) {
            let power = power_of_two_below(group);
            // Small elements are left as they are beside an epsilon that outweighs them anyway.
            if power > 1.0 || power < 1.0 && (epsilon / power / power).is_finite() {
                group.iter_mut().for_each(|x| *x /= power);
                (centred, variance) = Self::centred(group);
                // Beside no variance at all, epsilon counts however small it is.
                centred.power = if variance.into() == 0.0 { 1.0 } else { power };
            }
        }
        let epsilon = epsilon / centred.power / centred.power;
        Self { inverse_deviation: (variance + epsilon.into()).inverse_sqrt(), ..centred }
    }

    /// `x`, an element of the group, less the mean, over the deviation.
    pub(super) fn normalised(&self, x: f64) -> W {
        self.distance(x) * self.inverse_deviation
    }

    /// One over the square root of variance and epsilon, in the unit of one over the input.
    pub(super) fn inverse_deviation(&self) -> W {
        self.inverse_deviation * (1.0 / self.power).into()
    }

    /// The mean, and the variance about it.
    fn centred(group: &[f64]) -> (Self, W) {
        let shift = mean(group, W::from).into();
        let rest = mean(group, |x| W::from(x) - shift.into());
        let centred = Self { shift, rest, inverse_deviation: 1.0.into(), power: 1.0 };
        let variance = mean(group, |x| {
            let distance = centred.distance(x);
            distance * distance
        });
        (centred, variance)
    }

    fn distance(&self, x: f64) -> W {
        W::from(x) - self.shift.into() - self.rest
    }
}

fn mean<W: Wide>(group: &[f64], term: impl Fn(f64) -> W) -> W {
    let sum: Sum<W> = group.iter().map(|&x| term(x)).collect();
    sum.total() / group.len() as f64
}

/// The power of two just below the largest magnitude; 1 where there is none.
fn power_of_two_below(group: &[f64]) -> f64 {
    let largest = group.iter().fold(0.0, |largest, x| x.abs().max(largest));
    if largest.is_normal() { libm::ldexp(1.0, libm::ilogb(largest)) } else { 1.0 }
}
