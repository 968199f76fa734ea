//! Numbers of twice the precision of f64: an unevaluated sum of two, about 106 bits.
//!
//! Dekker, "A floating-point technique for extending the available precision" (1971); Knuth's
//! two-sum; products by fused multiply-add. No rounding of an engine under test comes near.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::dtype::DType;

/// `hi + lo`, where `lo` is at most half a ULP of `hi`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Double {
    /// The sum, rounded to f64.
    pub hi: f64,
    /// What that rounding left out.
    pub lo: f64,
}

impl Double {
    /// The exact sum of two finite numbers.
    #[inline]
    fn two_sum(a: f64, b: f64) -> Self {
        let hi = a + b;
        let b_part = hi - a;
        Self { hi, lo: (a - (hi - b_part)) + (b - b_part) }
    }

    /// The same where `a` is not the smaller in magnitude. Infinities and NaN carry no rest.
    #[inline]
    fn ordered_sum(a: f64, b: f64) -> Self {
        let hi = a + b;
        Self { hi, lo: if hi.is_finite() { b - (hi - a) } else { 0.0 } }
    }

    /// The exact difference of two finite numbers.
    #[inline]
    pub fn difference(a: f64, b: f64) -> Self {
        Self::two_sum(a, -b)
    }

    /// The square root.
    pub fn sqrt(self) -> Self {
        let root = self.hi.sqrt();
        if root == 0.0 || !root.is_finite() {
            return root.into();
        }
        let rest = self - Self::from(root) * root;
        Self::ordered_sum(root, rest.hi / (2.0 * root))
    }

    /// The product with a power of two, without rounding unless it underflows.
    pub fn scaled(self, power_of_two: f64) -> Self {
        Self { hi: self.hi * power_of_two, lo: self.lo * power_of_two }
    }

    /// Rounded once to a dtype, to nearest, ties to even.
    pub fn round(self, dtype: DType) -> f64 {
        if dtype == DType::F64 || self.lo == 0.0 {
            return dtype.round(self.hi);
        }
        // Round to odd first: the neighbour of `hi` toward zero of the sum, its last bit set for the rest.
        let beyond = (self.lo > 0.0) != (self.hi > 0.0);
        let bits = self.hi.to_bits() - u64::from(beyond);
        dtype.round(f64::from_bits(bits | 1))
    }
}

impl From<f64> for Double {
    #[inline]
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

impl Add for Double {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        let high = Self::two_sum(self.hi, other.hi);
        if !high.hi.is_finite() {
            return high.hi.into();
        }
        let low = Self::two_sum(self.lo, other.lo);
        let high = Self::ordered_sum(high.hi, high.lo + low.hi);
        Self::ordered_sum(high.hi, high.lo + low.lo)
    }
}

/// The same bits as with the number made a `Double`.
impl Add<f64> for Double {
    type Output = Self;
    #[inline]
    fn add(self, other: f64) -> Self {
        let high = Self::two_sum(self.hi, other);
        if !high.hi.is_finite() {
            return high.hi.into();
        }
        Self::ordered_sum(high.hi, high.lo + self.lo)
    }
}

impl Neg for Double {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self { hi: -self.hi, lo: -self.lo }
    }
}

impl Sub for Double {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let hi = self.hi * other.hi;
        let lo = self.hi.mul_add(other.hi, -hi) + (self.hi * other.lo + self.lo * other.hi);
        if hi.is_finite() { Self::ordered_sum(hi, lo) } else { hi.into() }
    }
}

/// The same bits as with the number made a `Double`.
impl Mul<f64> for Double {
    type Output = Self;
    #[inline]
    fn mul(self, other: f64) -> Self {
        let hi = self.hi * other;
        let lo = self.hi.mul_add(other, -hi) + self.lo * other;
        if hi.is_finite() { Self::ordered_sum(hi, lo) } else { hi.into() }
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let hi = self.hi / other.hi;
        if !hi.is_finite() || !other.hi.is_finite() {
            return hi.into();
        }
        let rest = self - other * hi;
        let lo = rest.hi / other.hi;
        let rest = rest - other * lo;
        Self::ordered_sum(hi, lo) + (rest.hi / other.hi)
    }
}

impl Sum for Double {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        // Four sums side by side, as each addition waits for the one before.
        let mut sums = [Self::default(); 4];
        for (at, value) in values.enumerate() {
            sums[at % 4] = sums[at % 4] + value;
        }
        let [a, b, c, d] = sums;
        (a + b) + (c + d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_f64_drops_is_kept() {
        let sum = Double::from(1e16) + 1.0 + -1e16;
        assert_eq!((sum.hi, sum.lo), (1.0, 0.0));
        let third = Double::from(1.0) / 3.0.into();
        let one = third * 3.0;
        assert!((one - 1.0.into()).hi.abs() < 1e-31);
        let root = Double::from(2.0).sqrt();
        assert!((root * root - 2.0.into()).hi.abs() < 1e-31);
    }

    #[test]
    fn a_number_counts_as_one_without_a_rest() {
        let mut generator = crate::random::Generator::new(3);
        let mut drawn = || 2f64.powi((generator.bits() % 90) as i32 - 45) * generator.normal();
        for _ in 0..10_000 {
            let (one, other) = (Double::difference(drawn(), drawn()), drawn());
            assert_eq!(one + other, one + Double::from(other));
            assert_eq!(one * other, one * Double::from(other));
        }
        for [one, other] in [[f64::MAX, f64::MAX], [f64::INFINITY, 1.0], [f64::INFINITY, 0.0], [f64::NAN, 1.0]] {
            let (one, bits) = (Double::from(one), |sum: Double| (sum.hi.to_bits(), sum.lo.to_bits()));
            assert_eq!(bits(one + other), bits(one + Double::from(other)));
            assert_eq!(bits(one * other), bits(one * Double::from(other)));
        }
    }

    #[test]
    fn rounding_sees_the_rest() {
        // A tie of f32 that the rest breaks, upward and downward, on both sides of zero.
        let tie = 1.0 + 2f64.powi(-24);
        for sign in [1.0, -1.0] {
            let round = |lo: f64| Double { hi: sign * tie, lo: sign * lo }.round(DType::F32) * sign;
            assert_eq!(round(1e-20), 1.0 + 2f64.powi(-23));
            assert_eq!(round(-1e-20), 1.0);
            assert_eq!(round(0.0), 1.0);
        }
    }

    #[test]
    fn infinities_stay() {
        assert_eq!((Double::from(f64::INFINITY) * 2.0).hi, f64::INFINITY);
        assert_eq!((Double::from(1.0) / 0.0.into()).hi, f64::INFINITY);
        assert!((Double::from(f64::INFINITY) * 0.0).hi.is_nan());
        assert!(Double::from(-1.0).sqrt().hi.is_nan());
    }
}
