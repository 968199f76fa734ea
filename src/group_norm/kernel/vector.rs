//! Vectors of 32 bytes, as the instruction sets have them: eight f32 or four f64.

use half::{bf16, f16};

/// An instruction set. Whatever it is, every operation gives the same bits.
pub(super) trait Isa: Copy {
    /// Eight f32.
    type F32: Vector<f32, 8>;
    /// Four f64.
    type F64: Vector<f64, 4>;

    /// f16 to f32, exactly.
    fn from_f16(values: &[f16; 8]) -> Self::F32;
    /// f32 to f16, to nearest, ties to even.
    fn to_f16(values: Self::F32) -> [f16; 8];
    /// bf16 to f32, exactly.
    fn from_bf16(values: &[bf16; 8]) -> Self::F32;
    /// f32 to bf16, to nearest, ties to even.
    fn to_bf16(values: Self::F32) -> [bf16; 8];
    /// The lower and the upper half in f64.
    fn widen(values: Self::F32) -> [Self::F64; 2];
    /// Both halves, each rounded once.
    fn narrow(halves: [Self::F64; 2]) -> Self::F32;

    /// Writes past the caches, where there is a way and the place is aligned to its own size.
    #[inline(always)]
    fn stream<T: Copy, const N: usize>(values: [T; N], place: &mut [T; N]) {
        *place = values;
    }
    /// What was written past the caches is seen by others from here on.
    #[inline(always)]
    fn fence() {}
}

/// Lanes that are computed with side by side.
pub(super) trait Vector<E, const N: usize>: Copy {
    /// The same number in every lane.
    fn splat(value: E) -> Self;
    /// The lanes of an array.
    fn load(values: &[E; N]) -> Self;
    /// The lanes as an array.
    fn store(self) -> [E; N];
    /// Lane by lane.
    fn add(self, other: Self) -> Self;
    /// Lane by lane.
    fn sub(self, other: Self) -> Self;
    /// Lane by lane.
    fn mul(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once.
    fn mul_add(self, factor: Self, term: Self) -> Self;
}

/// Any machine.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[derive(Clone, Copy)]
pub(super) struct Lanes<E, const N: usize>([E; N]);

macro_rules! portable {
    ($element:ty, $lanes:literal) => {
        impl Vector<$element, $lanes> for Lanes<$element, $lanes> {
            #[inline(always)]
            fn splat(value: $element) -> Self {
                Self([value; $lanes])
            }
            #[inline(always)]
            fn load(values: &[$element; $lanes]) -> Self {
                Self(*values)
            }
            #[inline(always)]
            fn store(self) -> [$element; $lanes] {
                self.0
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j] + other.0[j]))
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j] - other.0[j]))
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j] * other.0[j]))
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j].mul_add(factor.0[j], term.0[j])))
            }
        }
    };
}

portable!(f32, 8);
portable!(f64, 4);

impl Isa for Portable {
    type F32 = Lanes<f32, 8>;
    type F64 = Lanes<f64, 4>;

    fn from_f16(values: &[f16; 8]) -> Self::F32 {
        Lanes(values.map(f16::to_f32_const))
    }
    fn to_f16(values: Self::F32) -> [f16; 8] {
        values.0.map(f16::from_f32_const)
    }
    fn from_bf16(values: &[bf16; 8]) -> Self::F32 {
        Lanes(values.map(|value| f32::from_bits(u32::from(value.to_bits()) << 16)))
    }
    fn to_bf16(values: Self::F32) -> [bf16; 8] {
        values.0.map(|value| {
            let bits = value.to_bits();
            let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
            bf16::from_bits(if value.is_nan() { bits >> 16 | 0x40 } else { rounded } as u16)
        })
    }
    fn widen(values: Self::F32) -> [Self::F64; 2] {
        [0, 4].map(|first| Lanes(std::array::from_fn(|j| values.0[first + j].into())))
    }
    fn narrow(halves: [Self::F64; 2]) -> Self::F32 {
        Lanes(std::array::from_fn(|j| halves[j / 4].0[j % 4] as f32))
    }
}
