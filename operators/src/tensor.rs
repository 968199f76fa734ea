//! A tensor with its dtype, its layout and its bits: what calls carry and what engines answer with.
//!
//! A [`Tensor`] is an n-dimensional array of one of four dtypes over shared storage. It may be
//! strided in any way, zero strides included, so that the layouts a framework meets in practice
//! (channels last, transposed, stepped, expanded) reach every engine as they are.

use std::fmt;
use std::sync::Arc;

use half::{bf16, f16};
use ndarray::{ArrayD, ArrayViewD, ShapeBuilder};

use crate::dtype;
pub use crate::dtype::DType;

/// One element of a tensor: f16, bf16, f32 or f64, and no other type.
pub trait Element: sealed::Sealed + Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The tag of this type.
    const DTYPE: DType;

    /// The same value in f64; exact for every dtype.
    fn to_f64(self) -> f64;

    /// `value` rounded once, to nearest, ties to even.
    fn rounded(value: f64) -> Self;

    /// Each of many rounded once.
    fn all_rounded(values: &[f64]) -> Vec<Self>;

    /// The bits, in the low end.
    fn bits(self) -> u64;

    /// A tensor over this type's storage.
    fn tensor(strided: Strided<Self>) -> Tensor;

    /// The storage of a tensor of this type; `None` where it is of another dtype.
    fn strided(tensor: &Tensor) -> Option<&Strided<Self>>;
}

mod sealed {
    /// There is one type for each dtype: what is known of the dtype is known of the type.
    pub trait Sealed {}
}

macro_rules! element {
    ($type:ty, $tag:ident, $value:ident => $to:expr, $wide:ident => $from:expr, $all:ident => $from_all:expr) => {
        impl sealed::Sealed for $type {}

        impl Element for $type {
            const DTYPE: DType = DType::$tag;

            fn to_f64(self) -> f64 {
                let $value = self;
                $to
            }

            fn rounded($wide: f64) -> Self {
                $from
            }

            fn all_rounded($all: &[f64]) -> Vec<Self> {
                $from_all
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

element!(f16, F16, v => v.to_f32().into(), w => dtype::to_f16(w), all => dtype::all_to_f16(all));
element!(bf16, BF16, v => v.to_f32().into(), w => dtype::to_bf16(w), all => dtype::all_to_bf16(all));
element!(f32, F32, v => v.into(), w => w as f32, all => all.iter().map(|&w| w as f32).collect());
element!(f64, F64, v => v, w => w, all => all.to_vec());

/// Storage and how an array lies in it: element `[i, j, …]` is at `offset + i*strides[0] + …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Strided<T> {
    storage: Arc<[T]>,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
}

impl<T: Element> Strided<T> {
    /// An array over `storage`. `None` where an element would lie outside of it, or where the sizes of an empty
    /// array are beyond any memory.
    pub fn new(storage: impl Into<Arc<[T]>>, shape: &[usize], strides: &[usize], offset: usize) -> Option<Self> {
        let storage = storage.into();
        let last = shape
            .iter()
            .zip(strides)
            .try_fold(offset, |at, (&n, &s)| at.checked_add(n.saturating_sub(1).checked_mul(s)?));
        let empty = shape.contains(&0);
        let outside = !(empty || last? < storage.len()) || offset > storage.len();
        if shape.len() != strides.len() || !is_addressable(shape) || outside {
            return None;
        }
        Some(Self { storage, shape: shape.to_vec(), strides: strides.to_vec(), offset })
    }

    /// A contiguous array. `None` where the number of values is not that of `shape`, or where the sizes of an empty
    /// array are beyond any memory.
    pub fn contiguous(values: impl Into<Arc<[T]>>, shape: &[usize]) -> Option<Self> {
        let values = values.into();
        if !is_addressable(shape) || shape.iter().product::<usize>() != values.len() {
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
    pub fn as_slice(&self) -> Option<&[T]> {
        let length = self.shape.iter().product::<usize>();
        let is_contiguous = length == 0 || are_contiguous(&self.shape, &self.strides);
        self.storage.get(self.offset..self.offset + length).filter(|_| is_contiguous)
    }

    fn is_contiguous(&self) -> bool {
        self.offset == 0
            && are_contiguous(&self.shape, &self.strides)
            && self.storage.len() == self.shape.iter().product::<usize>()
    }

    fn to_vec(&self) -> Vec<T> {
        self.as_slice().map_or_else(|| self.view().iter().copied().collect(), <[T]>::to_vec)
    }
}

/// Whether an index over these sizes, those of 0 left out, can be counted: 2^40 by 2^40 by 0 elements are none, but
/// their strides overflow.
fn is_addressable(shape: &[usize]) -> bool {
    let span = shape.iter().try_fold(1usize, |span, &size| span.checked_mul(size.max(1)));
    span.is_some_and(|span| isize::try_from(span).is_ok())
}

/// Strides of a contiguous array, last dimension fastest. The sizes, those of 0 left out, must be of a product
/// within usize.
pub fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1);
    }
    strides
}

/// Whether strides are the [`contiguous_strides`] of a shape.
fn are_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = stride == expected;
        expected *= size.max(1);
        fits
    })
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
#[macro_export]
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
pub use of_dtype;

/// Runs one expression with `$t` as the Rust type of a dtype.
#[macro_export]
macro_rules! with_type {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::tensor::DType::F16 => {
                type $t = ::half::f16;
                $body
            }
            $crate::tensor::DType::BF16 => {
                type $t = ::half::bf16;
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
pub use with_type;

impl Tensor {
    /// A contiguous tensor of `dtype`, each value rounded once. `None` where the number of values is not that of `shape`.
    pub fn from_f64(dtype: DType, shape: &[usize], values: &[f64]) -> Option<Self> {
        with_type!(dtype, T => {
            Strided::contiguous(T::all_rounded(values), shape).map(T::tensor)
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
    pub fn hash_into(&self, hasher: &mut blake3::Hasher) {
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

    #[test]
    fn sizes_beyond_any_memory_are_no_array() {
        for shape in [[0, 1 << 40, 1 << 40], [1 << 40, 1 << 40, 0], [1 << 62, 0, 2], [usize::MAX, 1, 0]] {
            assert!(Strided::contiguous(Vec::<f32>::new(), &shape).is_none(), "{shape:?}");
            assert!(Strided::new(Vec::<f32>::new(), &shape, &[0, 0, 0], 0).is_none(), "{shape:?}");
        }
        let large = f32::tensor(Strided::contiguous(Vec::<f32>::new(), &[0, 1 << 31, 1 << 31]).unwrap());
        assert!(large.to_f64().is_empty() && large.contiguous().is_empty());
    }
}
