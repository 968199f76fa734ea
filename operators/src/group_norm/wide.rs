//! Arithmetic of about twice the precision of the elements: f64 for f16, bf16 and f32, a pair of f64
//! for f64. Written once over [`Wide`], the operator is as accurate for f64 as for the narrow dtypes.
//!
//! Sums: Knuth's two-sum, and Ogita, Rump and Oishi, "Accurate sum and dot product" (2005). Products:
//! by fused multiply-add, which is correctly rounded on every platform and so the same everywhere.

use std::ops::{Add, Div, Mul, Sub};

/// A number to compute with.
pub(super) trait Wide:
    Copy
    + Default
    + Send
    + Sync
    + From<f64>
    + Into<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<f64, Output = Self>
{
    /// The inverse of the square root; an infinity at 0 and NaN below, as for f64.
    fn inverse_sqrt(self) -> Self;

    /// One step of a long sum; cheaper than `+`, but only [`settled`](Self::settled) makes the sum a number again.
    fn accumulated(self, term: Self) -> Self;

    /// The number that a long sum came to.
    fn settled(self) -> Self;

    /// The number and what f64 cannot hold of it.
    fn parts(self) -> [f64; 2];

    /// The sum of two, the second of which is little beside the first.
    fn of_parts(parts: [f64; 2]) -> Self;
}

/// A long sum, term by term in the order of the calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum<W>(W);

impl<W: Wide> Sum<W> {
    /// Adds one term.
    pub(super) fn push(&mut self, term: W) {
        self.0 = self.0.accumulated(term);
    }

    /// The sum so far.
    pub(super) fn total(self) -> W {
        self.0.settled()
    }
}

impl<W: Wide> FromIterator<W> for Sum<W> {
    fn from_iter<I: IntoIterator<Item = W>>(terms: I) -> Self {
        Self(terms.into_iter().fold(W::default(), W::accumulated))
    }
}

impl Wide for f64 {
    fn inverse_sqrt(self) -> Self {
        1.0 / self.sqrt()
    }

    #[inline(always)]
    fn accumulated(self, term: Self) -> Self {
        self + term
    }

    fn settled(self) -> Self {
        self
    }

    #[inline(always)]
    fn parts(self) -> [f64; 2] {
        [self, 0.0]
    }

    #[inline(always)]
    fn of_parts([number, _]: [f64; 2]) -> Self {
        number
    }
}

/// The unevaluated sum `hi + lo`; `hi` is that sum rounded to f64, or an infinity or NaN with no `lo`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pair {
    hi: f64,
    lo: f64,
}

impl Pair {
    /// The sum of two where `a` is not the smaller; what f64 cannot hold of `hi` is dropped with `lo`.
    fn normalised(a: f64, b: f64) -> Self {
        let hi = a + b;
        if hi.is_finite() { Self { hi, lo: b - (hi - a) } } else { Self { hi: a, lo: 0.0 } }
    }
}

impl Pair {
    /// The sum of a power of two of numbers, halved again and again; no more is lost than in one pair.
    #[inline(always)]
    pub(super) fn total<const L: usize>(mut numbers: [f64; L]) -> Self {
        let mut rest = [0.0; L];
        let mut half = L / 2;
        while half > 0 {
            for j in 0..half {
                let (sum, left) = two_sum(numbers[j], numbers[j + half]);
                numbers[j] = sum;
                rest[j] += rest[j + half] + left;
            }
            half /= 2;
        }
        Self { hi: numbers[0], lo: rest[0] }
    }
}

/// The sum rounded, and what that left out.
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

impl Wide for Pair {
    fn inverse_sqrt(self) -> Self {
        let near = 1.0 / self.hi.sqrt();
        // One step of Newton's method; multiplied in this order nothing overflows. Of 0 and of infinities it makes NaN,
        // which is dropped.
        let rest = Self::from(1.0) - self * near.into() * near.into();
        Self::normalised(near, 0.5 * near * rest.hi)
    }

    #[inline(always)]
    fn accumulated(self, term: Self) -> Self {
        let (hi, rest) = two_sum(self.hi, term.hi);
        Self { hi, lo: self.lo + (rest + term.lo) }
    }

    fn settled(self) -> Self {
        Self::normalised(self.hi, self.lo)
    }

    #[inline(always)]
    fn parts(self) -> [f64; 2] {
        [self.hi, self.lo]
    }

    #[inline(always)]
    fn of_parts([hi, lo]: [f64; 2]) -> Self {
        Self { hi, lo }
    }
}

impl From<f64> for Pair {
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

impl From<Pair> for f64 {
    fn from(pair: Pair) -> Self {
        pair.hi
    }
}

impl Add for Pair {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (hi, rest) = two_sum(self.hi, other.hi);
        let (lo, last) = two_sum(self.lo, other.lo);
        let sum = Self::normalised(hi, rest + lo);
        Self::normalised(sum.hi, sum.lo + last)
    }
}

impl Sub for Pair {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self { hi: -other.hi, lo: -other.lo }
    }
}

impl Mul for Pair {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let hi = self.hi * other.hi;
        let rest = self.hi.mul_add(other.hi, -hi);
        Self::normalised(hi, rest + (self.hi * other.lo + self.lo * other.hi))
    }
}

impl Div<f64> for Pair {
    type Output = Self;

    fn div(self, divisor: f64) -> Self {
        let hi = self.hi / divisor;
        let rest = (-hi).mul_add(divisor, self.hi) + self.lo;
        Self::normalised(hi, rest / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(hi: f64) -> Pair {
        hi.into()
    }

    #[test]
    fn pairs_hold_what_f64_drops() {
        let third = pair(1.0) / 3.0;
        assert!(f64::from(third * pair(3.0) - pair(1.0)).abs() < 1e-31);
        let inverse = (pair(2.0) + pair(1e-20)).inverse_sqrt();
        assert!(f64::from(inverse * inverse * (pair(2.0) + pair(1e-20)) - pair(1.0)).abs() < 1e-31);
        let sum: Sum<Pair> = [1e16, 1.0, -1e16].map(pair).into_iter().collect();
        assert_eq!(f64::from(sum.total()), 1.0);
        let sum: Sum<Pair> = [third, third, third].into_iter().collect();
        assert!(f64::from(sum.total() - pair(1.0)).abs() < 1e-31);
        let more_than_one = pair(1.0) + pair(1e-20);
        assert!(f64::from(more_than_one / 3.0 * pair(3.0) - more_than_one).abs() < 1e-31);
        let power = |exponent| libm::ldexp(1.0, exponent);
        let [one, other] = [[1.0, power(-55)], [-1.0, power(-115)]].map(Pair::of_parts);
        assert_eq!((one + other).parts(), [power(-55), power(-115)]);
    }

    #[test]
    fn a_total_keeps_what_each_of_its_sums_drops() {
        let least = f64::EPSILON / 8.0;
        for numbers in [[1.0, least, least, least], [least, 1.0, least, least]] {
            assert_eq!(Pair::total(numbers).parts(), [1.0, 3.0 * least]);
        }
    }

    #[test]
    fn infinities_and_nan_are_those_of_f64() {
        let infinity = pair(f64::INFINITY);
        assert_eq!(f64::from(infinity + pair(1.0)), f64::INFINITY);
        assert_eq!(f64::from(pair(1e300) * pair(-1e300)), f64::NEG_INFINITY);
        assert_eq!(f64::from(infinity / 3.0), f64::INFINITY);
        assert!(f64::from(infinity - infinity).is_nan() && f64::from(infinity * pair(0.0)).is_nan());
        assert_eq!(f64::from(infinity.inverse_sqrt()), 0.0);
        assert_eq!(f64::from(pair(0.0).inverse_sqrt()), f64::INFINITY);
        assert!(f64::from(pair(-1.0).inverse_sqrt()).is_nan());
        let sum: Sum<Pair> = [1.0, f64::INFINITY, 1.0].map(pair).into_iter().collect();
        assert_eq!(f64::from(sum.total()), f64::INFINITY);
    }
}
