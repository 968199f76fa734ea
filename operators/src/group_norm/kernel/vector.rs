//! Vectors of 64 bytes: sixteen f32 or eight f64. An instruction set with shorter registers takes several.
//!
//! Whatever takes or gives a vector is `inline(always)`, and no closure does: a closure is compiled without the
//! instruction set, and its operations become calls.

use std::mem::MaybeUninit;

use half::{bf16, f16};

/// An instruction set. Whatever it is, every operation gives the same bits.
pub(super) trait Isa: Copy {
    /// Sixteen f32.
    type F32: Vector<f32, 16>;
    /// Eight f64.
    type F64: Vector<f64, 8> + Roots;

    /// f16 to f32, exactly.
    fn from_f16(values: &[f16; 16]) -> Self::F32;
    /// f32 to f16, to nearest, ties to even.
    fn to_f16(values: Self::F32) -> [f16; 16];
    /// bf16 to f32, exactly.
    fn from_bf16(values: &[bf16; 16]) -> Self::F32;
    /// f32 to bf16, to nearest, ties to even.
    fn to_bf16(values: Self::F32) -> [bf16; 16];
    /// bf16 to f32, exactly: those in even places, and those in odd ones.
    fn from_bf16_pair(values: &[[bf16; 16]; 2]) -> [Self::F32; 2];
    /// The same back, to nearest, ties to even.
    fn to_bf16_pair(values: [Self::F32; 2]) -> [[bf16; 16]; 2];
    /// The lower and the upper half in f64.
    fn widen(values: Self::F32) -> [Self::F64; 2];
    /// A lower and an upper half in f32, each rounded once.
    fn narrow(halves: [Self::F64; 2]) -> Self::F32;

    /// Writes past the caches, where there is a way and the place is aligned to its own size.
    #[inline(always)]
    fn stream<B: Copy>(values: B, place: &mut MaybeUninit<B>) {
        place.write(values);
    }
    /// What was written past the caches is seen by others from here on.
    #[inline(always)]
    fn fence() {}
    /// Says that this place is read soon, at any address.
    #[inline(always)]
    fn prefetch<T>(_place: *const T) {}
}

/// What numbers and lanes of them are computed with.
pub(super) trait Arithmetic<E>: Copy {
    /// The same number in every lane.
    fn splat(value: E) -> Self;
    /// Lane by lane.
    fn add(self, other: Self) -> Self;
    /// Lane by lane.
    fn sub(self, other: Self) -> Self;
    /// Lane by lane.
    fn mul(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once.
    fn mul_add(self, factor: Self, term: Self) -> Self;
}

/// Roots, of numbers and of lanes of them.
pub(super) trait Roots: Arithmetic<f64> {
    /// One over the square root, both rounded.
    fn inverse_sqrt(self) -> Self;
}

/// Lanes that are computed with side by side.
pub(super) trait Vector<E, const N: usize>: Arithmetic<E> {
    /// The lanes of an array.
    fn load(values: &[E; N]) -> Self;
    /// The first lanes of as many values as there are, 0 in the others.
    fn some(values: &[E]) -> Self;
    /// The same, sooner where there are as many as lanes.
    #[inline(always)]
    fn first_of(values: &[E]) -> Self {
        match values.first_chunk::<N>() {
            Some(values) => Self::load(values),
            None => Self::some(values),
        }
    }
    /// The lanes as an array.
    fn store(self) -> [E; N];
    /// The last `count` lanes, 0 in the others.
    fn last(self, count: usize) -> Self;
    /// The sum of all lanes: the upper half is added to the lower, again and again.
    fn sum(self) -> E;
}

/// One lane.
impl Arithmetic<f64> for f64 {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        f64::mul_add(self, factor, term)
    }
}

impl Roots for f64 {
    #[inline(always)]
    fn inverse_sqrt(self) -> Self {
        1.0 / self.sqrt()
    }
}
