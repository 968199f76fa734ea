//! Elements by the vector: read into what is computed with, and written back.

use half::{bf16, f16};

use super::vector::{Isa, Vector};
use crate::group_norm::wide::{Pair, Wide};
use crate::tensor::Element;

/// The vectors that are summed side by side.
pub(super) const SIDE_BY_SIDE: usize = 4;

/// What is computed in: f32 for f16, bf16 and f32, f64 for f64. `N` fill a vector.
pub(super) trait Compute<const N: usize>: Copy + Default {
    /// What sums over a whole group are taken in.
    type Wide: Wide;
    /// The vector of an instruction set.
    type Vector<I: Isa>: Vector<Self, N>;
    /// Numbers below this may be multiplied by any usual one.
    const SAFE: f64;

    /// Rounded once.
    fn of(value: f64) -> Self;
    /// Exactly.
    fn to_f64(self) -> f64;
    /// The sum of all lanes.
    fn total<I: Isa>(lanes: [Self::Vector<I>; SIDE_BY_SIDE]) -> Self::Wide;
    /// `gamma * inverse`, and `beta - distance` times that: what is nearest to each, and what that leaves of it.
    fn affine<I: Isa>(
        gamma: &[f64; N],
        beta: &[f64; N],
        inverse: Self::Wide,
        distance: Self::Wide,
    ) -> [[Self::Vector<I>; 2]; 2];
}

impl Compute<8> for f32 {
    type Wide = f64;
    type Vector<I: Isa> = I::F32;
    const SAFE: f64 = 1e28;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.into()
    }

    #[inline(always)]
    fn total<I: Isa>(lanes: [I::F32; SIDE_BY_SIDE]) -> f64 {
        let [[a, b], [c, d], [e, f], [g, h]] =
            [I::widen(lanes[0]), I::widen(lanes[1]), I::widen(lanes[2]), I::widen(lanes[3])];
        let sum = a.add(c).add(e.add(g)).add(b.add(d).add(f.add(h))).store();
        (sum[0] + sum[2]) + (sum[1] + sum[3])
    }

    #[inline(always)]
    fn affine<I: Isa>(gamma: &[f64; 8], beta: &[f64; 8], inverse: f64, distance: f64) -> [[I::F32; 2]; 2] {
        let (inverse, distance) = (I::F64::splat(inverse), I::F64::splat(-distance));
        let (gamma, beta) = (halves::<I>(gamma), halves::<I>(beta));
        let scale = [gamma[0].mul(inverse), gamma[1].mul(inverse)];
        [split::<I>(scale), split::<I>([scale[0].mul_add(distance, beta[0]), scale[1].mul_add(distance, beta[1])])]
    }
}

/// The nearest f32, and what that leaves.
#[inline(always)]
fn split<I: Isa>(values: [I::F64; 2]) -> [I::F32; 2] {
    let near = I::narrow(values);
    let wide = I::widen(near);
    [near, I::narrow([values[0].sub(wide[0]), values[1].sub(wide[1])])]
}

#[inline(always)]
fn halves<I: Isa>(values: &[f64; 8]) -> [I::F64; 2] {
    let (halves, _) = values.as_chunks::<4>();
    [I::F64::load(&halves[0]), I::F64::load(&halves[1])]
}

impl Compute<4> for f64 {
    type Wide = Pair;
    type Vector<I: Isa> = I::F64;
    const SAFE: f64 = 1e290;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn total<I: Isa>(lanes: [I::F64; SIDE_BY_SIDE]) -> Pair {
        let [a, b, c, d] = [lanes[0].store(), lanes[1].store(), lanes[2].store(), lanes[3].store()];
        Pair::total::<16>(std::array::from_fn(|j| [a, b, c, d][j / 4][j % 4]))
    }

    #[inline(always)]
    fn affine<I: Isa>(gamma: &[f64; 4], beta: &[f64; 4], inverse: Pair, distance: Pair) -> [[I::F64; 2]; 2] {
        let mut parts = [[[0.0; 4]; 2]; 2];
        for j in 0..4 {
            let scale = Pair::from(gamma[j]) * inverse;
            for (parts, value) in parts.iter_mut().zip([scale, Pair::from(beta[j]) - distance * scale]) {
                [parts[0][j], parts[1][j]] = value.parts();
            }
        }
        parts.map(|parts| parts.map(|part| I::F64::load(&part)))
    }
}

/// An element type that the kernel reads and writes, `N` at a time.
pub(super) trait Lane<const N: usize>: Element {
    /// What is computed in.
    type Compute: Compute<N>;
    /// Whether what is computed in is no more precise than this: then every rounding counts.
    const IS_TIGHT: bool;

    /// Exactly.
    fn load<I: Isa>(values: &[Self; N]) -> <Self::Compute as Compute<N>>::Vector<I>;
    /// Each rounded once, to nearest, ties to even.
    fn store<I: Isa>(vector: <Self::Compute as Compute<N>>::Vector<I>) -> [Self; N];
}

macro_rules! lane {
    ($element:ty, $lanes:literal, $compute:ty, $tight:literal, $vector:ident, $values:ident => $load:expr, $lane:ident => $store:expr) => {
        impl Lane<$lanes> for $element {
            type Compute = $compute;
            const IS_TIGHT: bool = $tight;

            #[inline(always)]
            fn load<I: Isa>($values: &[Self; $lanes]) -> I::$vector {
                $load
            }

            #[inline(always)]
            fn store<I: Isa>($lane: I::$vector) -> [Self; $lanes] {
                $store
            }
        }
    };
}

lane!(f16, 8, f32, false, F32, values => I::from_f16(values), vector => I::to_f16(vector));
lane!(bf16, 8, f32, false, F32, values => I::from_bf16(values), vector => I::to_bf16(vector));
lane!(f32, 8, f32, true, F32, values => I::F32::load(values), vector => vector.store());
lane!(f64, 4, f64, true, F64, values => I::F64::load(values), vector => vector.store());
