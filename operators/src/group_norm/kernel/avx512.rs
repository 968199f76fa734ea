//! x86-64 with AVX-512 (F, BW, DQ and VL): one register a vector.
//!
//! Every function here is used by code alone that runs where [`super::path::choice`] has found these four, what
//! `avx2` needs and, for what rounds to bf16 by itself, AVX512_BF16: that is what makes the calls of their
//! instructions sound. Loads and stores are unaligned and go through references to arrays of the vector's own size.

use std::arch::x86_64::*;
use std::mem::{MaybeUninit, transmute};

use half::{bf16, f16};

use super::Pass;
use super::avx2::{self, Avx2};
use super::path::Path;
use super::vector::{Arithmetic, Isa, Roots, Vector};

/// The instruction set; whether it rounds to bf16 by itself (AVX512_BF16).
#[derive(Clone, Copy)]
pub(super) struct Avx512<const ROUNDS: bool>;

/// Does a pass, on a machine that has the four.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) fn run(pass: &mut Option<impl Pass>) {
    if let Some(pass) = pass.take() {
        pass.run::<Avx512<false>>();
    }
}

/// The same on a machine that has AVX512_BF16 beside them.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c")]
pub(super) fn run_of_bf16(pass: &mut Option<impl Pass>) {
    if let Some(pass) = pass.take() {
        pass.run::<Avx512<true>>();
    }
}

macro_rules! vector {
    ($vector:ty, $element:ty, $lanes:literal, $mask:ty,
     $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $blend:ident, $some:ident, $sum:ident) => {
        impl Arithmetic<$element> for $vector {
            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: see the top of this file, here and below.
                unsafe { $splat(value) }
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

        impl Vector<$element, $lanes> for $vector {
            #[inline(always)]
            fn load(values: &[$element; $lanes]) -> Self {
                unsafe { $load(values.as_ptr()) }
            }
            #[inline(always)]
            fn some(values: &[$element]) -> Self {
                let mask = (!0u32).checked_shl(values.len() as u32).map_or(!0, |beyond| !beyond) as $mask;
                // SAFETY: as above; nothing is read where the mask is 0.
                unsafe { $some(mask, values.as_ptr()) }
            }
            #[inline(always)]
            fn store(self) -> [$element; $lanes] {
                let mut values = [0.0; $lanes];
                unsafe { $store(values.as_mut_ptr(), self) };
                values
            }
            #[inline(always)]
            fn up_to(self, count: usize, then: Self) -> Self {
                let mask = (!0u32).checked_shl(count as u32).unwrap_or(0) as $mask;
                unsafe { $blend(mask, self, then) }
            }
            #[inline(always)]
            fn sum(self) -> $element {
                $sum(self)
            }
        }
    };
}

vector!(
    __m512,
    f32,
    16,
    __mmask16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_mask_blend_ps,
    _mm512_maskz_loadu_ps,
    sum_of_sixteen
);
vector!(
    __m512d,
    f64,
    8,
    __mmask8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_mask_blend_pd,
    _mm512_maskz_loadu_pd,
    sum_of_eight
);

impl Roots for __m512d {
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_div_pd(_mm512_set1_pd(1.0), _mm512_sqrt_pd(self)) }
    }
}

impl<const ROUNDS: bool> Isa for Avx512<ROUNDS> {
    type F32 = __m512;
    type F64 = __m512d;
    const PATH: Path = if ROUNDS { Path::Avx512Bf16 } else { Path::Avx512 };

    #[inline(always)]
    fn from_f16(values: &[f16; 16]) -> __m512 {
        // SAFETY: as above; sixteen f16 are 256 bits.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(values.as_ptr().cast())) }
    }

    #[inline(always)]
    fn to_f16(values: __m512) -> [f16; 16] {
        let mut narrow = [f16::ZERO; 16];
        // SAFETY: as above.
        unsafe {
            let bits = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(values);
            _mm256_storeu_si256(narrow.as_mut_ptr().cast(), bits);
        }
        narrow
    }

    #[inline(always)]
    fn from_bf16(values: &[bf16; 16]) -> __m512 {
        // SAFETY: as above; sixteen bf16 are 256 bits.
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(values.as_ptr().cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        }
    }

    #[inline(always)]
    fn to_bf16(values: __m512) -> [bf16; 16] {
        let mut narrow = [bf16::ZERO; 16];
        // SAFETY: as above, here and below; a register of bf16 has the size of one of whole numbers, which hold any bits.
        let upper = if ROUNDS && !has_subnormals([values]) {
            unsafe { transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(values)) }
        } else {
            // Of the other sixteen places nothing is kept.
            unsafe {
                let places = _mm512_castsi256_si512(_mm256_loadu_si256(UPPER_HALVES.as_ptr().cast()));
                _mm512_castsi512_si256(_mm512_permutexvar_epi16(places, rounded_to_bf16(values)))
            }
        };
        unsafe { _mm256_storeu_si256(narrow.as_mut_ptr().cast(), upper) };
        narrow
    }

    #[inline(always)]
    fn from_bf16_pair(values: &[[bf16; 16]; 2]) -> [__m512; 2] {
        // SAFETY: as above; two times sixteen bf16 are 512 bits.
        unsafe {
            let bits = _mm512_loadu_si512(values.as_ptr().cast());
            let odd = _mm512_and_si512(bits, _mm512_set1_epi32(!0xffff));
            [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)), _mm512_castsi512_ps(odd)]
        }
    }

    #[inline(always)]
    fn to_bf16_pair([even, odd]: [__m512; 2]) -> [[bf16; 16]; 2] {
        let mut narrow = [[bf16::ZERO; 16]; 2];
        // SAFETY: as above, here and below.
        let alternating = if ROUNDS && !has_subnormals([even, odd]) {
            unsafe {
                let places = _mm512_loadu_si512(ALTERNATING.as_ptr().cast());
                _mm512_permutexvar_epi16(places, transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(odd, even)))
            }
        } else {
            let [even, odd] = [rounded_to_bf16(even), rounded_to_bf16(odd)];
            unsafe { _mm512_mask_blend_epi16(0xaaaa_aaaa, _mm512_srli_epi32::<16>(even), odd) }
        };
        unsafe { _mm512_storeu_si512(narrow.as_mut_ptr().cast(), alternating) };
        narrow
    }

    #[inline(always)]
    fn widen(values: __m512) -> [__m512d; 2] {
        // SAFETY: as above.
        unsafe {
            let lower = _mm512_cvtps_pd(_mm512_castps512_ps256(values));
            [lower, _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(values))]
        }
    }

    #[inline(always)]
    fn narrow([lower, upper]: [__m512d; 2]) -> __m512 {
        // SAFETY: as above.
        unsafe {
            let lower = _mm512_castps256_ps512(_mm512_cvtpd_ps(lower));
            _mm512_insertf32x8::<1>(lower, _mm512_cvtpd_ps(upper))
        }
    }

    #[inline(always)]
    fn stream<B: Copy>(values: B, place: &mut MaybeUninit<B>) {
        let (from, to) = ((&raw const values).cast::<__m512i>(), place.as_mut_ptr().cast::<__m512i>());
        if !(size_of::<B>().is_multiple_of(64) && to.is_aligned()) {
            Avx2::stream(values, place);
            return;
        }
        for at in 0..size_of::<B>() / 64 {
            // SAFETY: as above; the place has that size and alignment.
            unsafe { _mm512_stream_si512(to.add(at), _mm512_loadu_si512(from.add(at))) };
        }
    }

    #[inline(always)]
    fn fence() {
        Avx2::fence();
    }

    #[inline(always)]
    fn prefetch<T>(place: *const T) {
        Avx2::prefetch(place);
    }
}

/// Where the upper halves of sixteen numbers of 32 bits are among the halves of all.
static UPPER_HALVES: [i16; 16] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31];

/// The places of the lower sixteen of 32 numbers of 16 bits and those of the upper sixteen, by turns.
static ALTERNATING: [i16; 32] = alternating();

const fn alternating() -> [i16; 32] {
    let (mut places, mut j) = ([0; 32], 0);
    while j < 16 {
        places[2 * j] = j as i16;
        places[2 * j + 1] = 16 + j as i16;
        j += 1;
    }
    places
}

/// Whether a number is below the normal range of f32, which is that of bf16: AVX512_BF16 takes it for 0.
#[inline(always)]
fn has_subnormals<const V: usize>(vectors: [__m512; V]) -> bool {
    const SUBNORMAL: i32 = 0x20;
    let mut mask = 0;
    for vector in vectors {
        // SAFETY: as above.
        mask |= unsafe { _mm512_fpclass_ps_mask::<SUBNORMAL>(vector) };
    }
    mask != 0
}

/// The upper sixteen bits of each lane rounded to nearest, ties to even, where they are; NaN stays NaN. The lower ones
/// are of no account.
#[inline(always)]
fn rounded_to_bf16(values: __m512) -> __m512i {
    // SAFETY: as above.
    unsafe {
        let bits = _mm512_castps_si512(values);
        // Half of what is cut off, or just below it where the last bit that stays is even.
        let even = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff)));
        let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(values, values);
        _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x40_0000))
    }
}

#[inline(always)]
fn sum_of_sixteen(lanes: __m512) -> f32 {
    // SAFETY: as above.
    avx2::sum_of_eight(unsafe { _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps::<1>(lanes)) })
}

#[inline(always)]
fn sum_of_eight(lanes: __m512d) -> f64 {
    // SAFETY: as above.
    avx2::sum_of_four(unsafe { _mm256_add_pd(_mm512_castpd512_pd256(lanes), _mm512_extractf64x4_pd::<1>(lanes)) })
}
