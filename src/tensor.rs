//! A tensor with its dtype, its layout and its bits: what calls carry and what engines answer with.
//!
//! A [`Tensor`] is an n-dimensional array of one of four dtypes over shared storage. It may be
//! strided in any way, zero strides included, so that the layouts a framework meets in practice
//! (channels last, transposed, stepped, expanded) reach every engine as they are.

use std::fmt;
use std::sync::Arc;

use half::{bf16, f16};
use ndarray::{ArrayD, ArrayViewD, ShapeBuilder};
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
            DType::F16 => f16::rounded(value).to_f64(),
            DType::BF16 => bf16::rounded(value).to_f64(),
            DType::F32 => f64::from(f32::rounded(value)),
            DType::F64 => value,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One element of a tensor.
pub trait Element: Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The tag of this type.
    const DTYPE: DType;

    /// The same value in f64; exact for every dtype.
    fn to_f64(self) -> f64;

    /// `value` rounded once, to nearest, ties to even.
    fn rounded(value: f64) -> Self;

    /// The bits, in the low end.
    fn bits(self) -> u64;

    /// A tensor over this type's storage.
    fn tensor(strided: Strided<Self>) -> Tensor;

    /// The storage of a tensor of this type; `None` where it is of another dtype.
    fn strided(tensor: &Tensor) -> Option<&Strided<Self>>;
}

/// `value` in f32, with the last bit set where it is inexact ("round to odd"), so that rounding it
/// again to a narrower type gives what rounding once would have given. The `half` crate converts
/// by way of an f32 rounded to nearest, which is off by one in the rare ties.
fn odd_f32(value: f64) -> f32 {
    let near = value as f32;
    if !near.is_finite() && value.is_finite() {
        return f32::MAX.copysign(near);
    }
    if f64::from(near) == value || !near.is_finite() {
        return near;
    }
    let bits = near.to_bits();
    let toward_zero = if f64::from(near).abs() > value.abs() { bits - 1 } else { bits };
    f32::from_bits(toward_zero | 1)
}

macro_rules! element {
    ($type:ty, $tag:ident, $value:ident => $to:expr, $wide:ident => $from:expr) => {
        impl Element for $type {
            const DTYPE: DType = DType::$tag;

            fn to_f64(self) -> f64 {
                let $value = self;
                $to
            }

            fn rounded($wide: f64) -> Self {
                $from
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn tensor(strided: Strided<Self>) -> Tensor {
                Tensor::$tag(strided)
            }

            fn strided(tensor: &Tensor) -> Option<&Strided<Self>> {
                match tensor {
                    Tensor::$tag(strided) => Some(strided),
                    _ => None,
                }
            }
        }
    };
}

element!(f16, F16, v => v.to_f32().into(), w => f16::from_f32(odd_f32(w)));
element!(bf16, BF16, v => v.to_f32().into(), w => bf16::from_f32(odd_f32(w)));
element!(f32, F32, v => v.into(), w => w as f32);
element!(f64, F64, v => v, w => w);

/// Storage and how an array lies in it: element `[i, j, …]` is at `offset + i*strides[0] + …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Strided<T> {
    storage: Arc<[T]>,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
}

impl<T: Element> Strided<T> {
    /// An array over `storage`. `None` where an element would lie outside of it.
    pub fn new(storage: impl Into<Arc<[T]>>, shape: &[usize], strides: &[usize], offset: usize) -> Option<Self> {
        let storage = storage.into();
        let last = shape
            .iter()
            .zip(strides)
            .try_fold(offset, |at, (&n, &s)| at.checked_add(n.saturating_sub(1).checked_mul(s)?));
        let empty = shape.contains(&0);
        if shape.len() != strides.len() || !(empty || last? < storage.len()) || offset > storage.len() {
            return None;
        }
        Some(Self { storage, shape: shape.to_vec(), strides: strides.to_vec(), offset })
    }

    /// A contiguous array. `None` where the number of values is not that of `shape`.
    pub fn contiguous(values: impl Into<Arc<[T]>>, shape: &[usize]) -> Option<Self> {
        let values = values.into();
        if shape.iter().try_fold(1usize, |a, &n| a.checked_mul(n)) != Some(values.len()) {
            return None;
        }
        Some(Self { storage: values, shape: shape.to_vec(), strides: contiguous_strides(shape), offset: 0 })
    }

    /// The array, to read.
    pub fn view(&self) -> ArrayViewD<'_, T> {
        if self.shape.contains(&0) {
            return ArrayViewD::from_shape(self.shape.clone(), &[]).expect("an empty array needs no elements");
        }
        ArrayViewD::from_shape(self.shape.clone().strides(self.strides.clone()), &self.storage[self.offset..])
            .expect("Strided::new admits only what lies inside its storage")
    }

    /// Everything that lies in the storage, the elements that the array does not reach included.
    pub fn storage(&self) -> &[T] {
        &self.storage
    }

    /// Index in the storage of the first element.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Steps in the storage from one index of a dimension to the next, in elements.
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// The elements where they lie one after the other.
    fn as_slice(&self) -> Option<&[T]> {
        let length = self.shape.iter().product::<usize>();
        let is_contiguous = length == 0 || self.strides == contiguous_strides(&self.shape);
        self.storage.get(self.offset..self.offset + length).filter(|_| is_contiguous)
    }

    fn is_contiguous(&self) -> bool {
        self.offset == 0
            && self.strides == contiguous_strides(&self.shape)
            && self.storage.len() == self.shape.iter().product::<usize>()
    }

    fn to_vec(&self) -> Vec<T> {
        self.as_slice().map_or_else(|| self.view().iter().copied().collect(), <[T]>::to_vec)
    }
}

/// Strides of a contiguous array, last dimension fastest.
pub fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1);
    }
    strides
}

/// An array of one of the four dtypes.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// Half precision.
    F16(Strided<f16>),
    /// Brain floating point.
    BF16(Strided<bf16>),
    /// Single precision.
    F32(Strided<f32>),
    /// Double precision.
    F64(Strided<f64>),
}

/// Runs one expression for whichever dtype a tensor has.
macro_rules! of_dtype {
    ($tensor:expr, $s:ident => $body:expr) => {
        match $tensor {
            $crate::tensor::Tensor::F16($s) => $body,
            $crate::tensor::Tensor::BF16($s) => $body,
            $crate::tensor::Tensor::F32($s) => $body,
            $crate::tensor::Tensor::F64($s) => $body,
        }
    };
}
pub(crate) use of_dtype;

/// Runs one expression with `$t` as the Rust type of a dtype.
macro_rules! with_type {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::tensor::DType::F16 => {
                type $t = half::f16;
                $body
            }
            $crate::tensor::DType::BF16 => {
                type $t = half::bf16;
                $body
            }
            $crate::tensor::DType::F32 => {
                type $t = f32;
                $body
            }
            $crate::tensor::DType::F64 => {
                type $t = f64;
                $body
            }
        }
    };
}
pub(crate) use with_type;

impl Tensor {
    /// A contiguous tensor of `dtype`, each value rounded once. `None` where the number of values is not that of `shape`.
    pub fn from_f64(dtype: DType, shape: &[usize], values: &[f64]) -> Option<Self> {
        with_type!(dtype, T => {
            let values: Vec<T> = values.iter().map(|&v| T::rounded(v)).collect();
            Strided::contiguous(values, shape).map(T::tensor)
        })
    }

    /// A contiguous tensor of the same values.
    pub fn from_array<T: Element>(array: &ArrayD<T>) -> Self {
        let values = match array.as_slice() {
            Some(values) => values.to_vec(),
            None => array.iter().copied().collect(),
        };
        T::tensor(Strided::contiguous(values, array.shape()).expect("an array has as many values as its shape says"))
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        match self {
            Tensor::F16(_) => DType::F16,
            Tensor::BF16(_) => DType::BF16,
            Tensor::F32(_) => DType::F32,
            Tensor::F64(_) => DType::F64,
        }
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        of_dtype!(self, s => &s.shape)
    }

    /// Steps in the storage, in elements.
    pub fn strides(&self) -> &[usize] {
        of_dtype!(self, s => &s.strides)
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in index order, in f64 (exact).
    pub fn to_f64(&self) -> Vec<f64> {
        of_dtype!(self, s => match s.as_slice() {
            Some(values) => values.iter().map(|v| Element::to_f64(*v)).collect(),
            None => s.view().iter().map(|v| Element::to_f64(*v)).collect(),
        })
    }

    /// Whether dtype, shape and every bit are the same; layouts may differ.
    pub fn same_bits(&self, other: &Tensor) -> bool {
        fn same<T: Element>(one: &Strided<T>, other: &Tensor) -> bool {
            let Some(other) = T::strided(other) else { return false };
            let same = |(one, other): (&T, &T)| one.bits() == other.bits();
            match (one.as_slice(), other.as_slice()) {
                (Some(one), Some(other)) => one.iter().zip(other).all(same),
                _ => one.view().iter().zip(other.view().iter()).all(same),
            }
        }
        self.shape() == other.shape() && of_dtype!(self, s => same(s, other))
    }

    /// The same values in another dtype, each rounded once, contiguous.
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.contiguous();
        }
        Tensor::from_f64(dtype, self.shape(), &self.to_f64()).expect("as many values as before")
    }

    /// The same values, contiguous.
    pub fn contiguous(&self) -> Tensor {
        fn contiguous<T: Element>(s: &Strided<T>) -> Tensor {
            if s.is_contiguous() {
                return T::tensor(s.clone());
            }
            T::tensor(Strided::contiguous(s.to_vec(), &s.shape).expect("as many values as before"))
        }
        of_dtype!(self, s => contiguous(s))
    }

    /// Index `at` of the first dimension, that dimension kept with length 1; the layout stays.
    pub fn sample(&self, at: usize) -> Tensor {
        fn sample<T: Element>(s: &Strided<T>, at: usize) -> Tensor {
            let mut sample = s.clone();
            sample.offset += at * s.strides[0];
            sample.shape[0] = 1;
            T::tensor(sample)
        }
        of_dtype!(self, s => sample(s, at))
    }

    /// Feeds dtype, shape, layout and values to a hash.
    pub(crate) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(self.dtype().name().as_bytes());
        let sizes = [self.shape().len()].into_iter().chain(self.shape().iter().chain(self.strides()).copied());
        hasher.update(&bytes(sizes, |size| (size as u64).to_le_bytes()));
        of_dtype!(self, s => {
            let bytes = match s.as_slice() {
                Some(values) => bytes(values.iter().copied(), |v| v.to_le_bytes()),
                None => bytes(s.view().iter().copied(), |v| v.to_le_bytes()),
            };
            hasher.update(&bytes);
        });
    }
}

fn bytes<T, const N: usize>(values: impl Iterator<Item = T>, of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.size_hint().0 * N);
    values.for_each(|value| bytes.extend_from_slice(&of(value)));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_to_half_happens_once() {
        // Just above the tie between 1 and 1 + 2^-10: by way of a nearest f32 it would fall back on the tie, and to 1.
        let just_above = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
        assert_eq!(f16::rounded(just_above).to_f64(), 1.0 + 2f64.powi(-10));
        let just_above = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        assert_eq!(bf16::rounded(just_above).to_f64(), 1.0 + 2f64.powi(-7));
        assert_eq!(f16::rounded(65519.999).to_f64(), 65504.0);
        assert!(f16::rounded(65520.0).to_f64().is_infinite());
        assert!(bf16::rounded(1e300).to_f64().is_infinite());
        assert!(f16::rounded(f64::NAN).to_f64().is_nan());
        assert_eq!(f16::rounded(-0.0).bits(), 0x8000);
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

    #[test]
    fn strides_are_followed() {
        let transposed = Strided::new(vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], &[1, 2], 0).unwrap();
        let tensor = f32::tensor(transposed);
        assert_eq!(tensor.to_f64(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(tensor.sample(1).to_f64(), [2.0, 4.0, 6.0]);
        let expanded = f32::tensor(Strided::new(vec![7.0f32], &[2, 2], &[0, 0], 0).unwrap());
        assert_eq!(expanded.to_f64(), [7.0; 4]);
        assert!(Strided::new(vec![1.0f32; 5], &[2, 3], &[3, 1], 0).is_none());
        let empty = f32::tensor(Strided::new(vec![1.0f32], &[0, 3, 2], &[12, 4, 2], 1).unwrap());
        assert!(empty.to_f64().is_empty() && empty.contiguous().shape() == [0, 3, 2]);
    }
}
