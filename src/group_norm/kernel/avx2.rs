//! x86-64 with AVX2, FMA and F16C.
//!
//! Every function here is used by code alone that runs where [`super::path::choice`] has found these three:
//! that is what makes the calls of their instructions sound. Loads and stores are unaligned and go through
//! references to arrays of the vector's own size.

use std::arch::x86_64::*;

use half::{bf16, f16};

use super::vector::{Isa, Vector};

/// The instruction set.
#[derive(Clone, Copy)]
pub(super) struct Avx2;

macro_rules! vector {
    ($vector:ty, $element:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident) => {
        impl Vector<$element, $lanes> for $vector {
            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: see the top of this file, here and below.
                unsafe { $splat(value) }
            }
            #[inline(always)]
            fn load(values: &[$element; $lanes]) -> Self {
                unsafe { $load(values.as_ptr()) }
            }
            #[inline(always)]
            fn store(self) -> [$element; $lanes] {
                let mut values = [0.0; $lanes];
                unsafe { $store(values.as_mut_ptr(), self) };
                values
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                unsafe { $sub(self, other) }
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                unsafe { $fma(self, factor, term) }
            }
        }
    };
}

vector!(
    __m256,
    f32,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps
);
vector!(
    __m256d,
    f64,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd
);

impl Isa for Avx2 {
    type F32 = __m256;
    type F64 = __m256d;

    #[inline(always)]
    fn from_f16(values: &[f16; 8]) -> __m256 {
        // SAFETY: as above; eight f16 are 128 bits.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(values.as_ptr().cast())) }
    }

    #[inline(always)]
    fn to_f16(values: __m256) -> [f16; 8] {
        let mut narrow = [f16::ZERO; 8];
        // SAFETY: as above.
        unsafe {
            let bits = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values);
            _mm_storeu_si128(narrow.as_mut_ptr().cast(), bits);
        }
        narrow
    }

    #[inline(always)]
    fn from_bf16(values: &[bf16; 8]) -> __m256 {
        // SAFETY: as above; eight bf16 are 128 bits.
        unsafe {
            let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(values.as_ptr().cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
        }
    }

    #[inline(always)]
    fn to_bf16(values: __m256) -> [bf16; 8] {
        let mut narrow = [bf16::ZERO; 8];
        // SAFETY: as above.
        unsafe {
            let bits = _mm256_castps_si256(values);
            let upper = _mm256_srli_epi32::<16>(bits);
            // Half of what is cut off, or just below it where the last bit that stays is even.
            let even = _mm256_and_si256(upper, _mm256_set1_epi32(1));
            let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
            let rounded = _mm256_srli_epi32::<16>(rounded);
            let nan = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
            let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(values, values));
            let chosen = _mm256_blendv_epi8(rounded, nan, is_nan);
            let packed = _mm256_packus_epi32(chosen, chosen);
            let packed = _mm256_permute4x64_epi64::<0b00_00_10_00>(packed);
            _mm_storeu_si128(narrow.as_mut_ptr().cast(), _mm256_castsi256_si128(packed));
        }
        narrow
    }

    #[inline(always)]
    fn widen(values: __m256) -> [__m256d; 2] {
        // SAFETY: as above.
        unsafe {
            let lower = _mm256_cvtps_pd(_mm256_castps256_ps128(values));
            [lower, _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(values))]
        }
    }

    #[inline(always)]
    fn narrow(halves: [__m256d; 2]) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_set_m128(_mm256_cvtpd_ps(halves[1]), _mm256_cvtpd_ps(halves[0])) }
    }

    #[inline(always)]
    fn stream<T: Copy, const N: usize>(values: [T; N], place: &mut [T; N]) {
        let (size, to) = (size_of_val(&values), place.as_mut_ptr());
        match size {
            // SAFETY: as above; the place has that size and, as is looked up, alignment.
            32 if to.cast::<__m256i>().is_aligned() => unsafe {
                _mm256_stream_si256(to.cast(), _mm256_loadu_si256(values.as_ptr().cast()));
            },
            // SAFETY: as above.
            16 if to.cast::<__m128i>().is_aligned() => unsafe {
                _mm_stream_si128(to.cast(), _mm_loadu_si128(values.as_ptr().cast()));
            },
            _ => *place = values,
        }
    }

    #[inline(always)]
    fn fence() {
        // SAFETY: every x86-64 has it.
        unsafe { _mm_sfence() }
    }
}
