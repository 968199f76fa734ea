//! x86-64 with AVX2, FMA and F16C: two registers a vector.
//!
//! Every function here is used by code alone that runs where [`super::path::choice`] has found these three:
//! that is what makes the calls of their instructions sound. Loads and stores are unaligned and go through
//! references to arrays of the register's own size.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use half::{bf16, f16};

use super::Pass;
use super::path::Path;
use super::vector::{Arithmetic, Isa, Roots, Vector};

/// The instruction set.
#[derive(Clone, Copy)]
pub(super) struct Avx2;

/// Does a pass, on a machine that has them.
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn run(pass: &mut Option<impl Pass>) {
    if let Some(pass) = pass.take() {
        pass.run::<Avx2>();
    }
}

/// The lower and the upper half of a vector.
#[derive(Clone, Copy)]
pub(super) struct Two<R>(R, R);

/// Lanes that are kept, between as many that are not.
static KEPT_F32: [i32; 48] = kept_f32();
static KEPT_F64: [i64; 24] = [0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

const fn kept_f32() -> [i32; 48] {
    let (mut lanes, mut j) = ([0; 48], 16);
    while j < 32 {
        lanes[j] = -1;
        j += 1;
    }
    lanes
}

macro_rules! vector {
    ($register:ty, $element:ty, $lanes:literal, $half:literal, $kept:ident,
     $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $blend:ident, $some:ident, $sum:ident) => {
        impl Arithmetic<$element> for Two<$register> {
            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: see the top of this file, here and below.
                let lanes = unsafe { $splat(value) };
                Self(lanes, lanes)
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                unsafe { Self($add(self.0, other.0), $add(self.1, other.1)) }
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                unsafe { Self($sub(self.0, other.0), $sub(self.1, other.1)) }
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                unsafe { Self($mul(self.0, other.0), $mul(self.1, other.1)) }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                unsafe { Self($fma(self.0, factor.0, term.0), $fma(self.1, factor.1, term.1)) }
            }
        }

        impl Vector<$element, $lanes> for Two<$register> {
            #[inline(always)]
            fn load(values: &[$element; $lanes]) -> Self {
                let from = values.as_ptr();
                unsafe { Self($load(from), $load(from.add($half))) }
            }
            #[inline(always)]
            fn some(values: &[$element]) -> Self {
                let (from, count) = (values.as_ptr(), values.len().min($lanes));
                // SAFETY: as above; nothing is read of the lanes that are not kept, and of the table as many as a vector has.
                unsafe {
                    let kept = $kept.as_ptr().add(2 * $lanes - count);
                    let (lower, upper) = (_mm256_loadu_si256(kept.cast()), _mm256_loadu_si256(kept.add($half).cast()));
                    Self($some(from, lower), $some(from.wrapping_add($half), upper))
                }
            }
            #[inline(always)]
            fn store(self) -> [$element; $lanes] {
                let mut values = [0.0; $lanes];
                let to = values.as_mut_ptr();
                unsafe {
                    $store(to, self.0);
                    $store(to.add($half), self.1);
                }
                values
            }
            #[inline(always)]
            fn up_to(self, count: usize, then: Self) -> Self {
                // SAFETY: as above; from there on the table has as many as a vector.
                unsafe {
                    let kept = $kept.as_ptr().add(2 * $lanes - count.min($lanes)).cast();
                    Self($blend(then.0, self.0, $load(kept)), $blend(then.1, self.1, $load(kept.add($half))))
                }
            }
            #[inline(always)]
            fn sum(self) -> $element {
                $sum(unsafe { $add(self.0, self.1) })
            }
        }
    };
}

vector!(
    __m256,
    f32,
    16,
    8,
    KEPT_F32,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_blendv_ps,
    _mm256_maskload_ps,
    sum_of_eight
);
vector!(
    __m256d,
    f64,
    8,
    4,
    KEPT_F64,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_blendv_pd,
    _mm256_maskload_pd,
    sum_of_four
);

impl Roots for Two<__m256d> {
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let one = _mm256_set1_pd(1.0);
            Self(_mm256_div_pd(one, _mm256_sqrt_pd(self.0)), _mm256_div_pd(one, _mm256_sqrt_pd(self.1)))
        }
    }
}

impl Isa for Avx2 {
    type F32 = Two<__m256>;
    type F64 = Two<__m256d>;
    const PATH: Path = Path::Avx2;

    #[inline(always)]
    fn from_f16(values: &[f16; 16]) -> Self::F32 {
        let from = values.as_ptr();
        // SAFETY: as above; eight f16 are 128 bits.
        unsafe {
            let lower = _mm256_cvtph_ps(_mm_loadu_si128(from.cast()));
            Two(lower, _mm256_cvtph_ps(_mm_loadu_si128(from.add(8).cast())))
        }
    }

    #[inline(always)]
    fn to_f16(values: Self::F32) -> [f16; 16] {
        let mut narrow = [f16::ZERO; 16];
        let to = narrow.as_mut_ptr();
        // SAFETY: as above.
        unsafe {
            _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values.0));
            _mm_storeu_si128(to.add(8).cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values.1));
        }
        narrow
    }

    #[inline(always)]
    fn from_bf16(values: &[bf16; 16]) -> Self::F32 {
        // SAFETY: as above; sixteen bf16 are 256 bits.
        unsafe {
            let bits = _mm256_loadu_si256(values.as_ptr().cast());
            let lower = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(bits));
            let upper = _mm256_cvtepu16_epi32(_mm256_extracti128_si256::<1>(bits));
            let [lower, upper] = [_mm256_slli_epi32::<16>(lower), _mm256_slli_epi32::<16>(upper)];
            Two(_mm256_castsi256_ps(lower), _mm256_castsi256_ps(upper))
        }
    }

    #[inline(always)]
    fn to_bf16(values: Self::F32) -> [bf16; 16] {
        let mut narrow = [bf16::ZERO; 16];
        // SAFETY: as above.
        unsafe {
            let [lower, upper] = [rounded_to_bf16(values.0), rounded_to_bf16(values.1)];
            let packed = _mm256_packus_epi32(_mm256_srli_epi32::<16>(lower), _mm256_srli_epi32::<16>(upper));
            let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm256_storeu_si256(narrow.as_mut_ptr().cast(), packed);
        }
        narrow
    }

    #[inline(always)]
    fn from_bf16_pair(values: &[[bf16; 16]; 2]) -> [Self::F32; 2] {
        // SAFETY: as above; sixteen bf16 are 256 bits.
        unsafe {
            let [lower, upper] =
                [_mm256_loadu_si256(values[0].as_ptr().cast()), _mm256_loadu_si256(values[1].as_ptr().cast())];
            let kept = _mm256_set1_epi32(!0xffff);
            let even = [_mm256_slli_epi32::<16>(lower), _mm256_slli_epi32::<16>(upper)];
            let odd = [_mm256_and_si256(lower, kept), _mm256_and_si256(upper, kept)];
            [
                Two(_mm256_castsi256_ps(even[0]), _mm256_castsi256_ps(even[1])),
                Two(_mm256_castsi256_ps(odd[0]), _mm256_castsi256_ps(odd[1])),
            ]
        }
    }

    #[inline(always)]
    fn to_bf16_pair([even, odd]: [Self::F32; 2]) -> [[bf16; 16]; 2] {
        let mut narrow = [[bf16::ZERO; 16]; 2];
        // SAFETY: as above.
        unsafe {
            let lower = alternating(rounded_to_bf16(even.0), rounded_to_bf16(odd.0));
            let upper = alternating(rounded_to_bf16(even.1), rounded_to_bf16(odd.1));
            _mm256_storeu_si256(narrow[0].as_mut_ptr().cast(), lower);
            _mm256_storeu_si256(narrow[1].as_mut_ptr().cast(), upper);
        }
        narrow
    }

    #[inline(always)]
    fn widen(values: Self::F32) -> [Self::F64; 2] {
        [widen(values.0), widen(values.1)]
    }

    #[inline(always)]
    fn narrow(halves: [Self::F64; 2]) -> Self::F32 {
        Two(narrow(halves[0]), narrow(halves[1]))
    }

    #[inline(always)]
    fn stream<B: Copy>(values: B, place: &mut MaybeUninit<B>) {
        let (from, to) = ((&raw const values).cast::<__m256i>(), place.as_mut_ptr().cast::<__m256i>());
        if !(size_of::<B>().is_multiple_of(32) && to.is_aligned()) {
            place.write(values);
            return;
        }
        for at in 0..size_of::<B>() / 32 {
            // SAFETY: as above; the place has that size and alignment.
            unsafe { _mm256_stream_si256(to.add(at), _mm256_loadu_si256(from.add(at))) };
        }
    }

    #[inline(always)]
    fn fence() {
        // SAFETY: every x86-64 has it.
        unsafe { _mm_sfence() }
    }

    #[inline(always)]
    fn prefetch<T>(place: *const T) {
        // SAFETY: every x86-64 has it, and no address is wrong.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }
}

/// The upper sixteen bits of each lane rounded to nearest, ties to even, where they are; NaN stays NaN. The lower ones
/// are of no account.
#[inline(always)]
fn rounded_to_bf16(values: __m256) -> __m256i {
    // SAFETY: as above.
    unsafe {
        let bits = _mm256_castps_si256(values);
        // Half of what is cut off, or just below it where the last bit that stays is even.
        let even = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
        let nan = _mm256_or_si256(bits, _mm256_set1_epi32(0x40_0000));
        let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(values, values));
        _mm256_blendv_epi8(rounded, nan, is_nan)
    }
}

/// The upper halves of the lanes of two, by turns.
#[inline(always)]
fn alternating(even: __m256i, odd: __m256i) -> __m256i {
    // SAFETY: as above.
    unsafe { _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(even), odd) }
}

#[inline(always)]
fn widen(values: __m256) -> Two<__m256d> {
    // SAFETY: as above.
    unsafe {
        let lower = _mm256_cvtps_pd(_mm256_castps256_ps128(values));
        Two(lower, _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(values)))
    }
}

#[inline(always)]
fn narrow(values: Two<__m256d>) -> __m256 {
    // SAFETY: as above.
    unsafe { _mm256_set_m128(_mm256_cvtpd_ps(values.1), _mm256_cvtpd_ps(values.0)) }
}

#[inline(always)]
pub(super) fn sum_of_eight(lanes: __m256) -> f32 {
    // SAFETY: as above.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}

#[inline(always)]
pub(super) fn sum_of_four(lanes: __m256d) -> f64 {
    // SAFETY: as above.
    unsafe {
        let two = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd::<1>(lanes));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}
