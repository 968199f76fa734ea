//! The four dtypes: their names, their precision and range, and rounding to them, once.

use std::fmt;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The element types that a GroupNorm computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 binary16.
    F16,
    /// bfloat16: the upper half of a binary32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl DType {
    /// Every dtype, narrowest first.
    pub const ALL: [DType; 4] = [DType::F16, DType::BF16, DType::F32, DType::F64];

    /// The name used in specs, check names and messages.
    pub fn name(self) -> &'static str {
        match self {
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
        }
    }

    /// The name that PyTorch, MindSpore and numpy give it.
    pub fn framework_name(self) -> &'static str {
        match self {
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// The one with fewer bits in its significand.
    pub fn less_precise(self, other: DType) -> DType {
        if other.precision() < self.precision() { other } else { self }
    }

    /// The narrowest dtype that holds the numbers of both.
    pub fn promoted(self, other: DType) -> DType {
        match (self, other) {
            (DType::F16, DType::BF16) | (DType::BF16, DType::F16) => DType::F32,
            (one, other) => one.max(other),
        }
    }

    /// Bits of the significand, the implicit one included.
    pub fn precision(self) -> i32 {
        match self {
            DType::F16 => 11,
            DType::BF16 => 8,
            DType::F32 => 24,
            DType::F64 => 53,
        }
    }

    /// Exponent of the smallest normal number.
    pub fn min_exponent(self) -> i32 {
        match self {
            DType::F16 => -14,
            DType::BF16 | DType::F32 => -126,
            DType::F64 => -1022,
        }
    }

    /// The spacing of this dtype's numbers at `magnitude` (one ULP), in the unit of `magnitude`.
    pub fn ulp(self, magnitude: f64) -> f64 {
        let biased = (magnitude.to_bits() >> 52 & 0x7ff) as i32;
        let exponent =
            if magnitude.is_finite() { (biased - 1023).max(self.min_exponent()) } else { self.min_exponent() };
        let exponent = exponent - (self.precision() - 1);
        // Only the subnormals of f64 have a spacing that is itself subnormal.
        if exponent >= -1022 { f64::from_bits(((exponent + 1023) as u64) << 52) } else { libm::ldexp(1.0, exponent) }
    }

    /// Whether `value` rounds to a finite number of this dtype.
    pub fn is_in_range(self, value: f64) -> bool {
        // Half a ULP above the largest number lies the first value that rounds to an infinity.
        let infinite_from = match self {
            DType::F16 => 65520.0,
            DType::BF16 => 511.0 / 256.0 * 2f64.powi(127),
            DType::F32 => (2.0 - 2f64.powi(-24)) * 2f64.powi(127),
            DType::F64 => f64::INFINITY,
        };
        value.abs() < infinite_from
    }

    /// `value` rounded once to this dtype (to nearest, ties to even), as f64.
    pub fn round(self, value: f64) -> f64 {
        match self {
            DType::F16 => f64::from(to_f16(value)),
            DType::BF16 => f64::from(to_bf16(value)),
            DType::F32 => f64::from(value as f32),
            DType::F64 => value,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `value` rounded once to f16, to nearest, ties to even.
pub fn to_f16(value: f64) -> f16 {
    f16::from_f32(odd_f32(value))
}

/// `value` rounded once to bf16, to nearest, ties to even.
pub fn to_bf16(value: f64) -> bf16 {
    bf16::from_f32(odd_f32(value))
}

/// `value` in f32, with the last bit set where it is inexact ("round to odd"), so that rounding it
/// again to a narrower type gives what rounding once would have given. The `half` crate converts
/// by way of an f32 rounded to nearest, which is off by one in the rare ties.
fn odd_f32(value: f64) -> f32 {
    let near = value as f32;
    // Without a branch, so that many are taken at once. What is below an infinity is the largest number, and is odd; NaN
    // stays NaN.
    let is_beyond = u32::from(f64::from(near).abs() > value.abs());
    let is_inexact = u32::from(f64::from(near) != value);
    f32::from_bits((near.to_bits() - is_beyond) | is_inexact)
}

/// Each rounded once to f16, to nearest, ties to even.
pub(crate) fn all_to_f16(values: &[f64]) -> Vec<f16> {
    let mut narrow = vec![f16::ZERO; values.len()];
    narrow.convert_from_f32_slice(&values.iter().map(|&value| odd_f32(value)).collect::<Vec<_>>());
    narrow
}

/// Each rounded once to bf16, to nearest, ties to even.
pub(crate) fn all_to_bf16(values: &[f64]) -> Vec<bf16> {
    let mut narrow = vec![bf16::ZERO; values.len()];
    narrow.convert_from_f32_slice(&values.iter().map(|&value| odd_f32(value)).collect::<Vec<_>>());
    narrow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_to_half_happens_once() {
        // Just above the tie between 1 and 1 + 2^-10: by way of a nearest f32 it would fall back on the tie, and to 1.
        let just_above = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
        assert_eq!(to_f16(just_above).to_f64(), 1.0 + 2f64.powi(-10));
        let just_above = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        assert_eq!(to_bf16(just_above).to_f64(), 1.0 + 2f64.powi(-7));
        assert_eq!(to_f16(65519.999).to_f64(), 65504.0);
        assert!(to_f16(65520.0).to_f64().is_infinite());
        assert!(to_bf16(1e300).to_f64().is_infinite());
        assert!(to_f16(f64::NAN).to_f64().is_nan());
        assert_eq!(to_f16(-0.0).to_bits(), 0x8000);
    }

    #[test]
    fn the_range_ends_where_rounding_gives_an_infinity() {
        for dtype in DType::ALL {
            let (mut low, mut high) = (1.0f64.to_bits(), f64::INFINITY.to_bits());
            while high - low > 1 {
                let middle = low.midpoint(high);
                *if dtype.round(f64::from_bits(middle)).is_finite() { &mut low } else { &mut high } = middle;
            }
            assert!(dtype.is_in_range(f64::from_bits(low)) && !dtype.is_in_range(f64::from_bits(high)), "{dtype}");
        }
    }

    #[test]
    fn ulp_is_the_spacing_at_a_magnitude() {
        assert_eq!(DType::F32.ulp(1.0), f64::from(f32::EPSILON));
        assert_eq!(DType::F32.ulp(1.999), f64::from(f32::EPSILON));
        assert_eq!(DType::F64.ulp(2.0), 2.0 * f64::EPSILON);
        assert_eq!(DType::F16.ulp(0.0), 2f64.powi(-24));
        assert_eq!(DType::BF16.ulp(1.0), 2f64.powi(-7));
        assert_eq!(DType::F64.ulp(0.0), f64::from_bits(1));
        assert_eq!(DType::F64.ulp(f64::MIN_POSITIVE), f64::from_bits(1));
    }
}
