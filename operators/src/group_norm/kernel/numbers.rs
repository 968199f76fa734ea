//! Numbers of about twice the precision of what is computed in, one by one or lane by lane.
//!
//! [`Pair`](crate::group_norm::wide::Pair) does the same with more care. Here an infinity becomes NaN: whoever uses
//! these looks at the results, and leaves what is not finite to the careful computation.

use super::vector::{Arithmetic, Roots};

/// What is computed with numbers and lanes of them.
pub(super) trait Numbers<V: Arithmetic<f64>>: Copy {
    /// A number and what f64 cannot hold of it.
    fn of(parts: [V; 2]) -> Self;
    /// A number and what f64 cannot hold of it; 0 where f64 is precise enough.
    fn parts(self) -> [V; 2];
    /// The sum.
    fn add(self, other: Self) -> Self;
    /// The difference.
    fn sub(self, other: Self) -> Self;
    /// The product.
    fn mul(self, other: Self) -> Self;
    /// The product with one that f64 holds.
    fn times(self, factor: V) -> Self;
    /// One step of a long sum; only [`settled`](Self::settled) makes it a number again.
    fn accumulated(self, term: Self) -> Self;
    /// The number that a long sum came to.
    fn settled(self) -> Self;
    /// `(x - mean) * inverse_deviation * gamma + beta` in f64, of which little more is rounded than the result.
    fn normalised(x: V, mean: Self, inverse_deviation: Self, gamma: V, beta: V) -> V;

    /// One that f64 holds.
    #[inline(always)]
    fn exactly(value: V) -> Self {
        Self::of([value, V::splat(0.0)])
    }

    /// Rounded to f64.
    #[inline(always)]
    fn rounded(self) -> V {
        self.parts()[0]
    }
}

/// f64, beside dtypes of half its precision or less.
#[derive(Clone, Copy)]
pub(super) struct Single<V>(V);

impl<V: Arithmetic<f64>> Numbers<V> for Single<V> {
    #[inline(always)]
    fn of(parts: [V; 2]) -> Self {
        Self(parts[0])
    }
    #[inline(always)]
    fn parts(self) -> [V; 2] {
        [self.0, V::splat(0.0)]
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0))
    }
    #[inline(always)]
    fn times(self, factor: V) -> Self {
        Self(self.0.mul(factor))
    }
    #[inline(always)]
    fn accumulated(self, term: Self) -> Self {
        self.add(term)
    }
    #[inline(always)]
    fn settled(self) -> Self {
        self
    }
    #[inline(always)]
    fn normalised(x: V, mean: Self, inverse_deviation: Self, gamma: V, beta: V) -> V {
        x.sub(mean.0).mul(inverse_deviation.0).mul_add(gamma, beta)
    }
}

/// The unevaluated sum of two (double-double), beside f64.
#[derive(Clone, Copy)]
pub(super) struct Double<V> {
    high: V,
    low: V,
}

impl<V: Arithmetic<f64>> Double<V> {
    /// The sum of two, the second of which is little beside the first.
    #[inline(always)]
    fn renewed(high: V, low: V) -> Self {
        let sum = high.add(low);
        Self { high: sum, low: low.sub(sum.sub(high)) }
    }
}

impl<V: Arithmetic<f64>> Numbers<V> for Double<V> {
    #[inline(always)]
    fn of([high, low]: [V; 2]) -> Self {
        Self { high, low }
    }
    #[inline(always)]
    fn parts(self) -> [V; 2] {
        [self.high, self.low]
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let [sum, left] = two_sum(self.high, other.high);
        Self::renewed(sum, left.add(self.low.add(other.low)))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let zero = V::splat(0.0);
        self.add(Self { high: zero.sub(other.high), low: zero.sub(other.low) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let product = self.high.mul(other.high);
        let left = self.high.mul_add(other.high, V::splat(0.0).sub(product));
        let left = self.high.mul_add(other.low, self.low.mul_add(other.high, left));
        Self::renewed(product, left)
    }
    #[inline(always)]
    fn times(self, factor: V) -> Self {
        let product = self.high.mul(factor);
        let left = self.high.mul_add(factor, V::splat(0.0).sub(product));
        Self::renewed(product, self.low.mul_add(factor, left))
    }
    #[inline(always)]
    fn accumulated(self, term: Self) -> Self {
        let [high, left] = two_sum(self.high, term.high);
        Self { high, low: self.low.add(left.add(term.low)) }
    }
    #[inline(always)]
    fn settled(self) -> Self {
        Self::renewed(self.high, self.low)
    }
    #[inline(always)]
    fn normalised(x: V, mean: Self, inverse_deviation: Self, gamma: V, beta: V) -> V {
        let zero = V::splat(0.0);
        let [d, left] = two_sum(x, zero.sub(mean.high));
        let near = d.mul(inverse_deviation.high);
        let rest = d.mul_add(inverse_deviation.low, d.mul_add(inverse_deviation.high, zero.sub(near)));
        let rest = left.sub(mean.low).mul_add(inverse_deviation.high, rest);
        near.mul_add(gamma, beta).add(rest.mul(gamma))
    }
}

/// The sum rounded, and what that left out (Knuth).
#[inline(always)]
pub(super) fn two_sum<V: Arithmetic<f64>>(a: V, b: V) -> [V; 2] {
    let sum = a.add(b);
    let part = sum.sub(a);
    [sum, a.sub(sum.sub(part)).add(b.sub(part))]
}

/// One over the square root.
#[inline(always)]
pub(super) fn inverse_sqrt<V: Roots, W: Numbers<V>>(number: W) -> W {
    let [high, low] = number.parts();
    let near = high.inverse_sqrt();
    // One step of Newton's method; of numbers that f64 holds it corrects nothing that is kept.
    let [zero, one, half] = [V::splat(0.0), V::splat(1.0), V::splat(0.5)];
    let product = high.mul(near);
    let left = high.mul_add(near, zero.sub(product));
    let rest = zero.sub(product).mul_add(near, one).sub(left.add(low.mul(near)).mul(near));
    W::of([near, half.mul(near).mul(rest)])
}
