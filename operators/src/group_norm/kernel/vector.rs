//! Vectors of 64 bytes: sixteen f32 or eight f64. An instruction set with shorter registers takes several.
//!
//! Whatever takes or gives a vector is `inline(always)`, and no closure does: a closure is compiled without the
//! instruction set, and its operations become calls.

use std::mem::MaybeUninit;

use half::{bf16, f16};

use super::path::Path;

/// An instruction set. Whatever it is, every operation gives the same bits.
pub(super) trait Isa: Copy {
    /// Sixteen f32.
    type F32: Vector<f32, 16>;
    /// Eight f64.
    type F64: Vector<f64, 8> + Roots;
    /// Its name.
    const PATH: Path;

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
pub(super) trait Vector<E: Default, const N: usize>: Arithmetic<E> {
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
    /// The first `count` lanes, 0 in the others.
    #[inline(always)]
    fn first(self, count: usize) -> Self {
        Self::some(&self.store()[..count])
    }
    /// The first `count` lanes, and of another vector those after them.
    fn up_to(self, count: usize, then: Self) -> Self;
    /// The last `count` lanes, 0 in the others.
    #[inline(always)]
    fn last(self, count: usize) -> Self {
        Self::splat(E::default()).up_to(N - count, self)
    }
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

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::{Isa, Vector};
    use crate::group_norm::kernel::path::Path;
    use crate::group_norm::kernel::{Pass, on};
    use crate::tensor::Element;

    /// Vectors of f32 in 16 bits.
    struct Narrowed<'a> {
        values: [&'a [f32; 16]; 2],
        results: &'a mut NarrowedTo,
    }

    #[derive(Default)]
    struct NarrowedTo {
        f16: [[f16; 16]; 2],
        bf16: [[bf16; 16]; 2],
        /// The bf16 of the first in even places, those of the second in odd ones; and what they are in f32 again.
        pair: [[bf16; 16]; 2],
        again: [[f32; 16]; 2],
    }

    impl Pass for Narrowed<'_> {
        const IS_OF_BF16: bool = true;

        fn run<I: Isa>(self) {
            let vectors = [I::F32::load(self.values[0]), I::F32::load(self.values[1])];
            let results = self.results;
            for (j, vector) in vectors.into_iter().enumerate() {
                (results.f16[j], results.bf16[j]) = (I::to_f16(vector), I::to_bf16(vector));
            }
            results.pair = I::to_bf16_pair(vectors);
            let [even, odd] = I::from_bf16_pair(&results.pair);
            results.again = [even.store(), odd.store()];
        }
    }

    /// A NaN that had its only bits in the half that goes would be an infinity.
    #[test]
    fn every_path_rounds_to_16_bits_once_and_keeps_nan() {
        let of_bits = |bits: [u32; 16]| bits.map(f32::from_bits);
        let usual =
            [0.0, -0.0, 1.0, -1.5, 0.1, 257.0, 259.0, 2049.0, 65520.0, 1e-8, 3e-5, 1e38, -3.4e38, 1e-40, 7.0, -1e-3];
        let odd = of_bits([
            0x7f80_0000,
            0xff80_0000,
            0x7f80_0001,
            0xff80_0001,
            0x7fc0_0000,
            0x7fff_ffff,
            0x7f81_0000,
            0x7fbf_ffff,
            0x3f80_8000,
            0x3f81_8000,
            0x3f80_8001,
            0x3f80_7fff,
            0x7f7f_ffff,
            0x0000_0001,
            0x8000_8000,
            0x3880_1000,
        ]);
        // Those of one side alone, too: whether a vector has numbers below the normal range is asked of both.
        for (path, values) in Path::all().into_iter().flat_map(|path| {
            [[usual, odd], [odd, usual], [odd, [0.5; 16]], [[0.5; 16], odd], [[0.5; 16], [1.5; 16]]]
                .map(|both| (path, both))
        }) {
            let mut results = NarrowedTo::default();
            on(path, Narrowed { values: values.each_ref(), results: &mut results });
            for (j, at) in (0..2).flat_map(|j| (0..16).map(move |at| (j, at))) {
                let (value, half, brain) = (values[j][at], results.f16[j][at], results.bf16[j][at]);
                assert!(half.is_nan() == value.is_nan() && brain.is_nan() == value.is_nan(), "{path:?}: {value}");
                let expected = (f16::rounded(value.into()), bf16::rounded(value.into()));
                assert!(value.is_nan() || (half, brain) == expected, "{path:?}: {value}: {half}, {brain}");
                let paired = results.pair.as_flattened()[2 * at + j];
                assert_eq!(paired.to_bits(), brain.to_bits(), "{path:?}: {value}");
                assert_eq!(results.again[j][at].to_bits(), u32::from(brain.to_bits()) << 16, "{path:?}: {value}");
            }
        }
    }
}
