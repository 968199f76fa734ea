//! Any machine.
//!
//! What is a call for each lane on x86-64 without FMA is not written out at every use: the code of a pass is so a third as
//! long, and is built in a third of the time.

use half::{bf16, f16};

use super::Pass;
use super::lanes::padded;
use super::path::Path;
use super::vector::{Arithmetic, Isa, Roots, Vector};

/// What the language itself can do.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[derive(Clone, Copy)]
pub(super) struct Lanes<E, const N: usize>([E; N]);

/// Does a pass.
#[inline(never)]
pub(super) fn run(pass: &mut Option<impl Pass>) {
    if let Some(pass) = pass.take() {
        pass.run::<Portable>();
    }
}

macro_rules! portable {
    ($element:ty, $lanes:literal) => {
        impl Arithmetic<$element> for Lanes<$element, $lanes> {
            #[inline(always)]
            fn splat(value: $element) -> Self {
                Self([value; $lanes])
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
            #[cfg_attr(target_arch = "x86_64", inline(never))]
            #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                Self(std::array::from_fn(|j| self.0[j].mul_add(factor.0[j], term.0[j])))
            }
        }

        impl Vector<$element, $lanes> for Lanes<$element, $lanes> {
            #[inline(always)]
            fn load(values: &[$element; $lanes]) -> Self {
                Self(*values)
            }
            #[inline(always)]
            fn some(values: &[$element]) -> Self {
                Self(padded(values, 0.0))
            }
            #[inline(always)]
            fn store(self) -> [$element; $lanes] {
                self.0
            }
            #[inline(always)]
            fn up_to(self, count: usize, then: Self) -> Self {
                Self(std::array::from_fn(|j| if j < count { self.0[j] } else { then.0[j] }))
            }
            #[inline(always)]
            fn sum(self) -> $element {
                let (mut lanes, mut half) = (self.0, $lanes / 2);
                while half > 0 {
                    (0..half).for_each(|j| lanes[j] += lanes[j + half]);
                    half /= 2;
                }
                lanes[0]
            }
        }
    };
}

portable!(f32, 16);
portable!(f64, 8);

impl Roots for Lanes<f64, 8> {
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        Self(self.0.map(|lane| 1.0 / lane.sqrt()))
    }
}

impl Isa for Portable {
    type F32 = Lanes<f32, 16>;
    type F64 = Lanes<f64, 8>;
    const PATH: Path = Path::Portable;

    #[inline(never)]
    fn from_f16(values: &[f16; 16]) -> Self::F32 {
        Lanes(values.map(f16::to_f32_const))
    }
    #[inline(never)]
    fn to_f16(values: Self::F32) -> [f16; 16] {
        values.0.map(f16::from_f32_const)
    }
    #[inline(never)]
    fn from_bf16(values: &[bf16; 16]) -> Self::F32 {
        Lanes(values.map(|value| f32::from_bits(u32::from(value.to_bits()) << 16)))
    }
    #[inline(never)]
    fn to_bf16(values: Self::F32) -> [bf16; 16] {
        values.0.map(|value| {
            let bits = value.to_bits();
            let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
            bf16::from_bits(if value.is_nan() { bits >> 16 | 0x40 } else { rounded } as u16)
        })
    }
    fn from_bf16_pair(values: &[[bf16; 16]; 2]) -> [Self::F32; 2] {
        let values = values.as_flattened();
        [0, 1].map(|first| Self::from_bf16(&std::array::from_fn(|j| values[2 * j + first])))
    }
    fn to_bf16_pair(values: [Self::F32; 2]) -> [[bf16; 16]; 2] {
        let [even, odd] = values.map(Self::to_bf16);
        let at = |place: usize| if place.is_multiple_of(2) { even[place / 2] } else { odd[place / 2] };
        [std::array::from_fn(at), std::array::from_fn(|j| at(16 + j))]
    }
    fn widen(values: Self::F32) -> [Self::F64; 2] {
        [0, 8].map(|first| Lanes(std::array::from_fn(|j| values.0[first + j].into())))
    }
    fn narrow([lower, upper]: [Self::F64; 2]) -> Self::F32 {
        Lanes(std::array::from_fn(|j| if j < 8 { lower.0[j] } else { upper.0[j - 8] } as f32))
    }
}
