//! The backward pass over groups that lie contiguous, one after the other.
//!
//! With `d = x - shift`, of which the statistics know everything, the gradient of x is linear in dy and d:
//! `dx = dy * p + d * q + r`, `p` for each channel, `q` and `r` for each group. So x and dy are read twice, the
//! first time for their sums, and dx is written once.

use super::forward::{Normaliser, Parameters, SMALL};
use super::lanes::{Compute, Lane};
use super::sums::{Wide as WideOf, products};
use super::vector::{Isa, Vector};
use crate::group_norm::wide::Sum;

/// What one channel of one sample adds to the gradients of gamma and beta.
pub(in crate::group_norm) type Share<W> = [W; 2];

/// Differentiates one group; whether it could.
#[inline(always)]
pub(super) fn group<T: Lane<N>, I: Isa, const N: usize>(
    index: usize,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
    shares: &mut [Share<WideOf<T, N>>],
    parameters: &Parameters<'_>,
) -> bool {
    let spatial = parameters.spatial;
    if spatial < SMALL {
        return false;
    }
    let Some(normaliser) = Normaliser::<T, N>::of::<I>(x, parameters) else { return false };
    let first = index % parameters.groups * parameters.channels;
    let (rest, inverse) = (normaliser.rest, normaliser.inverse_deviation);
    // Of g = gamma * dy and of g * x_hat.
    let (mut sum, mut sum_hat) = (Sum::default(), Sum::default());
    for (channel, share) in shares.iter_mut().enumerate() {
        let range = channel * spatial..(channel + 1) * spatial;
        let [of_dy, of_products] = products::<T, I, N>(&x[range.clone()], &dy[range], normaliser.shift);
        if !is_safe::<T::Compute, N>(of_dy.into()) || !is_safe::<T::Compute, N>(of_products.into()) {
            return false;
        }
        let of_hats = (of_products - rest * of_dy) * inverse;
        let gamma = WideOf::<T, N>::from(parameters.gamma[first + channel]);
        sum.push(gamma * of_dy);
        sum_hat.push(gamma * of_hats);
        *share = [of_hats, of_dy];
    }
    let Some(dx) = dx else { return true };
    let count = x.len() as f64;
    let (mean, mean_hat): (WideOf<T, N>, WideOf<T, N>) = (sum.total() / count, sum_hat.total() / count);
    let slope = WideOf::<T, N>::from(0.0) - inverse * inverse * mean_hat;
    let level = WideOf::<T, N>::from(0.0) - inverse * mean - rest * slope;
    let (slope, level) = (T::Compute::of(slope.into()), T::Compute::of(level.into()));
    let bounds = [slope.to_f64(), level.to_f64()];
    if bounds.into_iter().any(|number| !number.is_finite()) {
        return false;
    }
    for channel in 0..parameters.channels {
        let gamma = WideOf::<T, N>::from(parameters.gamma[first + channel]);
        let factor = T::Compute::of((gamma * inverse).into());
        let range = channel * spatial..(channel + 1) * spatial;
        let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
        write::<T, I, N>(x, dy, &mut dx[range], normaliser.shift, [factor, slope, level]);
    }
    true
}

/// Whether a sum came about far from the ends of the range of what is computed in; 0 is no end.
#[inline(always)]
fn is_safe<C: Compute<N>, const N: usize>(sum: f64) -> bool {
    sum == 0.0 || (1.0 / C::SAFE..C::SAFE).contains(&sum.abs())
}

/// `dx = dy * p + (x - mean) * q + r` of one channel, of at least one vector.
#[inline(always)]
fn write<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    dy: &[T],
    dx: &mut [T],
    mean: T::Compute,
    [p, q, r]: [T::Compute; 3],
) {
    type Of<T, I, const N: usize> = <<T as Lane<N>>::Compute as Compute<N>>::Vector<I>;
    let (mean, p) = (Of::<T, I, N>::splat(mean), Of::<T, I, N>::splat(p));
    let (q, r) = (Of::<T, I, N>::splat(q), Of::<T, I, N>::splat(r));
    let vectors = x.as_chunks::<N>().0.iter().zip(dy.as_chunks::<N>().0);
    for ((x, dy), dx) in vectors.zip(dx.as_chunks_mut::<N>().0) {
        let rest = T::load::<I>(x).sub(mean).mul_add(q, r);
        *dx = T::store::<I>(T::load::<I>(dy).mul_add(p, rest));
    }
    // What is left is the end of a vector that begins before it.
    if let (Some(x), Some(dy), Some(dx)) = (x.last_chunk::<N>(), dy.last_chunk::<N>(), dx.last_chunk_mut::<N>()) {
        let rest = T::load::<I>(x).sub(mean).mul_add(q, r);
        *dx = T::store::<I>(T::load::<I>(dy).mul_add(p, rest));
    }
}
