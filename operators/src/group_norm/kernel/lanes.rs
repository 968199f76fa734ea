//! Elements by the vector: read into what is computed with, and written back.

use std::sync::OnceLock;

use half::{bf16, f16};

use super::numbers::{Double, Numbers, Single, two_sum};
use super::parameters::Casts;
use super::vector::{Arithmetic, Isa, Vector};
use crate::group_norm::wide::{Pair, Wide};
use crate::tensor::Element;

/// What is computed in: f32 for f16, bf16 and f32, f64 for f64. `N` fill a vector.
pub(super) trait Compute<const N: usize>: Element + Default + Into<f64> {
    /// What sums over a whole group are taken in.
    type Wide: Wide;
    /// The same to compute with, one by one or lane by lane.
    type Numbers<V: Arithmetic<f64>>: Numbers<V>;
    /// The vector of an instruction set.
    type Vector<I: Isa>: Vector<Self, N>;
    /// Long sums, of twice the precision, lane by lane.
    type Total<I: Isa>: Copy;
    /// Numbers below this may be multiplied by any usual one.
    const SAFE: f64;

    /// Rounded once.
    fn of(value: f64) -> Self;
    /// Vectors of f64 that a vector fills.
    const PARTS: usize;
    /// In f64; what is not filled is 0.
    fn parts<I: Isa>(vector: Self::Vector<I>) -> [I::F64; 2];
    /// The nearest that a vector holds, and the nearest to what that leaves.
    fn split<I: Isa>(numbers: [Self::Numbers<I::F64>; 2]) -> [Self::Vector<I>; 2];
    /// 0 in every lane.
    fn nothing<I: Isa>() -> Self::Total<I>;
    /// The same of one number.
    fn halves(number: Self::Numbers<f64>) -> [Self; 2];
    /// With parts of a vector added.
    fn accumulated<I: Isa>(total: Self::Total<I>, parts: [I::F64; 2]) -> Self::Total<I>;
    /// With short sums added.
    #[inline(always)]
    fn emptied<I: Isa>(total: Self::Total<I>, lanes: Self::Vector<I>) -> Self::Total<I> {
        Self::accumulated::<I>(total, Self::parts::<I>(lanes))
    }
    /// All lanes together.
    fn settled<I: Isa>(total: Self::Total<I>) -> Self::Wide;

    /// Long sums, each lane by itself.
    type Each<I: Isa>: Copy;
    /// 0 in every lane.
    fn each_nothing<I: Isa>() -> Self::Each<I>;
    /// With short sums added.
    fn each_emptied<I: Isa>(each: Self::Each<I>, lanes: Self::Vector<I>) -> Self::Each<I>;
    /// What each lane came to.
    fn each_settled<I: Isa>(each: Self::Each<I>) -> [Self::Wide; N];
}

impl Compute<16> for f32 {
    type Wide = f64;
    type Numbers<V: Arithmetic<f64>> = Single<V>;
    type Vector<I: Isa> = I::F32;
    type Total<I: Isa> = I::F64;
    const SAFE: f64 = 1e28;
    const PARTS: usize = 2;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn parts<I: Isa>(vector: I::F32) -> [I::F64; 2] {
        I::widen(vector)
    }

    #[inline(always)]
    fn halves(number: Single<f64>) -> [f32; 2] {
        let value: f64 = number.rounded();
        let near = value as f32;
        [near, (value - f64::from(near)) as f32]
    }

    #[inline(always)]
    fn split<I: Isa>(numbers: [Single<I::F64>; 2]) -> [I::F32; 2] {
        let values = [numbers[0].rounded(), numbers[1].rounded()];
        let near = I::narrow(values);
        let nearly = I::widen(near);
        [near, I::narrow([values[0].sub(nearly[0]), values[1].sub(nearly[1])])]
    }

    #[inline(always)]
    fn nothing<I: Isa>() -> I::F64 {
        I::F64::splat(0.0)
    }

    #[inline(always)]
    fn accumulated<I: Isa>(total: I::F64, [lower, upper]: [I::F64; 2]) -> I::F64 {
        total.add(lower.add(upper))
    }

    #[inline(always)]
    fn settled<I: Isa>(total: I::F64) -> f64 {
        total.sum()
    }

    /// The lower and the upper half.
    type Each<I: Isa> = [I::F64; 2];

    #[inline(always)]
    fn each_nothing<I: Isa>() -> [I::F64; 2] {
        [I::F64::splat(0.0); 2]
    }

    #[inline(always)]
    fn each_emptied<I: Isa>([lower, upper]: [I::F64; 2], lanes: I::F32) -> [I::F64; 2] {
        let [more, above] = I::widen(lanes);
        [lower.add(more), upper.add(above)]
    }

    #[inline(always)]
    fn each_settled<I: Isa>([lower, upper]: [I::F64; 2]) -> [f64; 16] {
        let [lower, upper] = [lower.store(), upper.store()];
        std::array::from_fn(|j| if j < 8 { lower[j] } else { upper[j - 8] })
    }
}

impl Compute<8> for f64 {
    type Wide = Pair;
    type Numbers<V: Arithmetic<f64>> = Double<V>;
    type Vector<I: Isa> = I::F64;
    /// The sums, and what each addition left out (Knuth's two-sum).
    type Total<I: Isa> = [I::F64; 2];
    const SAFE: f64 = 1e290;
    const PARTS: usize = 1;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn parts<I: Isa>(vector: I::F64) -> [I::F64; 2] {
        [vector, I::F64::splat(0.0)]
    }

    #[inline(always)]
    fn halves(number: Double<f64>) -> [f64; 2] {
        number.parts()
    }

    #[inline(always)]
    fn split<I: Isa>(numbers: [Double<I::F64>; 2]) -> [I::F64; 2] {
        numbers[0].parts()
    }

    #[inline(always)]
    fn nothing<I: Isa>() -> [I::F64; 2] {
        [I::F64::splat(0.0); 2]
    }

    #[inline(always)]
    fn accumulated<I: Isa>([high, low]: [I::F64; 2], [lanes, _]: [I::F64; 2]) -> [I::F64; 2] {
        let [sum, left] = two_sum(high, lanes);
        [sum, low.add(left)]
    }

    #[inline(always)]
    fn settled<I: Isa>([high, low]: [I::F64; 2]) -> Pair {
        let [high, left] = Pair::total::<8>(high.store()).parts();
        Pair::of_parts([high, left + low.sum()])
    }

    type Each<I: Isa> = [I::F64; 2];

    #[inline(always)]
    fn each_nothing<I: Isa>() -> [I::F64; 2] {
        Self::nothing::<I>()
    }

    #[inline(always)]
    fn each_emptied<I: Isa>(each: [I::F64; 2], lanes: I::F64) -> [I::F64; 2] {
        Self::emptied::<I>(each, lanes)
    }

    #[inline(always)]
    fn each_settled<I: Isa>([high, low]: [I::F64; 2]) -> [Pair; 8] {
        let [high, low] = [high.store(), low.store()];
        std::array::from_fn(|j| Pair::of_parts([high[j], low[j]]))
    }
}

/// An element type that the kernel reads and writes, `N` at a time.
pub(super) trait Lane<const N: usize>: Element {
    /// What is computed in.
    type Compute: Compute<N>;
    /// Whether what is computed in is no more precise than this: then every rounding counts.
    const IS_TIGHT: bool;
    /// Whether what is computed in holds the squares of elements: then sums about 0 are as good as about a mean of less than
    /// a deviation.
    const IS_SHORT: bool = !Self::IS_TIGHT;
    /// Whether two vectors are sooner taken together.
    const IS_PAIRED: bool = false;

    /// Where gamma and beta are kept that were cast to this type.
    fn casts(casts: &Casts) -> &OnceLock<[Vec<Self::Compute>; 2]>;

    /// Exactly.
    fn load<I: Isa>(values: &[Self; N]) -> <Self::Compute as Compute<N>>::Vector<I>;
    /// The first lanes of as many values as there are, 0 in the others.
    fn some<I: Isa>(values: &[Self]) -> <Self::Compute as Compute<N>>::Vector<I>;
    /// Each rounded once, to nearest, ties to even.
    fn store<I: Isa>(vector: <Self::Compute as Compute<N>>::Vector<I>) -> [Self; N];

    /// Two vectors of elements; which of them is in which lane, each type says for itself.
    #[inline(always)]
    fn load_pair<I: Isa>(values: &[[Self; N]; 2]) -> [<Self::Compute as Compute<N>>::Vector<I>; 2] {
        [Self::load::<I>(&values[0]), Self::load::<I>(&values[1])]
    }
    /// The same back.
    #[inline(always)]
    fn store_pair<I: Isa>([a, b]: [<Self::Compute as Compute<N>>::Vector<I>; 2]) -> [[Self; N]; 2] {
        [Self::store::<I>(a), Self::store::<I>(b)]
    }
}

/// What an element type is computed in.
pub(super) type In<T, const N: usize> = <T as Lane<N>>::Compute;
/// The vector of an element type.
pub(super) type Of<T, I, const N: usize> = <In<T, N> as Compute<N>>::Vector<I>;
/// What the numbers of an element type are computed with.
pub(super) type NumbersOf<T, V, const N: usize> = <In<T, N> as Compute<N>>::Numbers<V>;
/// What the sums over an element type are taken in.
pub(super) type WideOf<T, const N: usize> = <In<T, N> as Compute<N>>::Wide;

macro_rules! lane {
    ($element:ident, $lanes:literal, $compute:ty, $tight:literal, $vector:ident, $values:ident => $load:expr, $some:expr, $lane:ident => $store:expr $(; $($item:item)*)?) => {
        impl Lane<$lanes> for $element {
            type Compute = $compute;
            const IS_TIGHT: bool = $tight;

            fn casts(casts: &Casts) -> &OnceLock<[Vec<$compute>; 2]> {
                &casts.$element
            }

            #[inline(always)]
            fn load<I: Isa>($values: &[Self; $lanes]) -> I::$vector {
                $load
            }

            #[inline(always)]
            fn some<I: Isa>($values: &[Self]) -> I::$vector {
                $some
            }

            #[inline(always)]
            fn store<I: Isa>($lane: I::$vector) -> [Self; $lanes] {
                $store
            }

            $($($item)*)?
        }
    }
}

lane!(f16, 16, f32, false, F32, values => I::from_f16(values), I::from_f16(&padded(values, f16::ZERO)), vector => I::to_f16(vector));
lane! {
    bf16, 16, f32, false, F32, values => I::from_bf16(values), I::from_bf16(&padded(values, bf16::ZERO)), vector => I::to_bf16(vector);

    const IS_PAIRED: bool = true;

    #[inline(always)]
    fn load_pair<I: Isa>(values: &[[bf16; 16]; 2]) -> [I::F32; 2] {
        I::from_bf16_pair(values)
    }

    #[inline(always)]
    fn store_pair<I: Isa>(vectors: [I::F32; 2]) -> [[bf16; 16]; 2] {
        I::to_bf16_pair(vectors)
    }
}
lane!(f32, 16, f32, true, F32, values => I::F32::load(values), I::F32::some(values), vector => vector.store());
lane!(f64, 8, f64, true, F64, values => I::F64::load(values), I::F64::some(values), vector => vector.store());

/// The last few elements, filled up.
#[inline(always)]
pub(super) fn padded<T: Copy, const N: usize>(rest: &[T], filling: T) -> [T; N] {
    let mut values = [filling; N];
    for (value, &element) in values.iter_mut().zip(rest) {
        *value = element;
    }
    values
}
