//! The forward pass over groups that lie contiguous, one after the other.

use super::lanes::{Compute, Lane};
use super::sums::{Wide as WideOf, moments, near_mean, padded};
use super::vector::{Isa, Vector};
use crate::group_norm::wide::Wide;

/// What the pass needs to know beside its elements.
pub(super) struct Parameters<'a> {
    /// Elements of one channel of one sample.
    pub spatial: usize,
    /// Channels of a group.
    pub channels: usize,
    /// Groups of a sample.
    pub groups: usize,
    pub epsilon: f64,
    /// Of all channels; for each element of a sample where the spatial size is small.
    pub gamma: &'a [f64],
    pub beta: &'a [f64],
    /// Whether the output is written past the caches.
    pub streams: bool,
    /// The largest magnitude of gamma and beta; an infinity where one of them is no number.
    pub largest: f64,
}

impl Parameters<'_> {
    /// Whether nothing that is made of gamma and beta leaves the range of what is computed in.
    #[inline(always)]
    fn are_in_range<C: Compute<N>, const N: usize>(&self, inverse_deviation: f64) -> bool {
        self.largest.is_finite() && self.largest * inverse_deviation < C::SAFE
    }
}

/// Below this spatial size, gamma and beta are spread out over the elements.
pub(super) const SMALL: usize = 16;

/// So many deviations are few.
const FEW: f64 = 4.0;

/// Variances about which nothing is lost: far from where squares leave the range of f32.
const LEAST: f64 = 1e-24;

/// What normalises a group: the mean is `shift + rest`.
pub(super) struct Normaliser<T: Lane<N>, const N: usize> {
    pub shift: T::Compute,
    pub rest: WideOf<T, N>,
    pub inverse_deviation: WideOf<T, N>,
}

impl<T: Lane<N>, const N: usize> Normaliser<T, N> {
    /// That of a group; `None` where it needs more care than is taken here.
    #[inline(always)]
    pub fn of<I: Isa>(x: &[T], parameters: &Parameters<'_>) -> Option<Self> {
        let epsilon = parameters.epsilon;
        // One division for all that follows.
        let share = WideOf::<T, N>::from(1.0) / x.len() as f64;
        let mut shift = T::Compute::of(near_mean::<T, I, N>(x));
        for last in [false, true] {
            let [sum, squares] = moments::<T, I, N>(x, shift);
            let rest = sum * share;
            let variance = squares * share - rest * rest;
            let (near, about): (f64, f64) = (rest.into(), variance.into());
            // Far from the mean, squares are of the distance and not of the deviation.
            if near * near > 0.25 * about && near != 0.0 {
                if last {
                    return None;
                }
                shift = T::Compute::of(shift.to_f64() + near);
                continue;
            }
            let is_usual = about.is_finite() && about + epsilon > LEAST && epsilon >= 0.0;
            if !is_usual {
                return None;
            }
            let inverse_deviation = (variance + epsilon.into()).inverse_sqrt();
            let in_range = parameters.are_in_range::<T::Compute, N>(inverse_deviation.into());
            return in_range.then_some(Self { shift, rest, inverse_deviation });
        }
        None
    }

    /// A number from which the distance of no element has to be rounded, and that of the mean: 0 where the mean is
    /// no larger than a few deviations; otherwise near the mean, since what is within a factor of two of each other
    /// has an exact difference.
    #[inline(always)]
    fn origin(&self) -> (T::Compute, WideOf<T, N>) {
        let mean = WideOf::<T, N>::from(self.shift.to_f64()) + self.rest;
        let deviations: f64 = (mean * self.inverse_deviation).into();
        if deviations.abs() < FEW { (T::Compute::default(), mean) } else { (self.shift, self.rest) }
    }
}

/// Normalises one group; whether it could.
#[inline(always)]
pub(super) fn group<T: Lane<N>, I: Isa, const N: usize>(
    index: usize,
    x: &[T],
    y: &mut [T],
    parameters: &Parameters<'_>,
) -> bool {
    let Some(normaliser) = Normaliser::<T, N>::of::<I>(x, parameters) else { return false };
    let spatial = parameters.spatial;
    let first = index % parameters.groups * parameters.channels;
    if spatial < SMALL {
        let range = first * spatial..(first + parameters.channels) * spatial;
        spread::<T, I, N>(x, y, &normaliser, &parameters.gamma[range.clone()], &parameters.beta[range]);
        return true;
    }
    let (origin, distance) = normaliser.origin();
    let origin = Of::<T, I, N>::splat(origin);
    for channel in 0..parameters.channels {
        let scale = WideOf::<T, N>::from(parameters.gamma[first + channel]) * normaliser.inverse_deviation;
        let shift = WideOf::<T, N>::from(parameters.beta[first + channel]) - distance * scale;
        let range = channel * spatial..(channel + 1) * spatial;
        let affine = [split::<T, I, N>(scale), split::<T, I, N>(shift)];
        write::<T, I, N>(&x[range.clone()], &mut y[range], origin, affine, parameters.streams);
    }
    if parameters.streams {
        I::fence();
    }
    true
}

/// The vector of an element type.
type Of<T, I, const N: usize> = <<T as Lane<N>>::Compute as Compute<N>>::Vector<I>;

/// The nearest number of the dtype that is computed in, and what that leaves, in every lane.
#[inline(always)]
fn split<T: Lane<N>, I: Isa, const N: usize>(value: WideOf<T, N>) -> [Of<T, I, N>; 2] {
    let near = T::Compute::of(value.into());
    let left = value - WideOf::<T, N>::from(near.to_f64());
    [Of::<T, I, N>::splat(near), Of::<T, I, N>::splat(T::Compute::of(left.into()))]
}

/// `(x - origin) * scale + shift`, of which the first is exact and the others are in two parts: little more is
/// rounded than the result.
#[inline(always)]
fn applied<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T; N],
    origin: Of<T, I, N>,
    [[scale, scale_rest], [shift, shift_rest]]: [[Of<T, I, N>; 2]; 2],
) -> [T; N] {
    let d = T::load::<I>(x).sub(origin);
    let near = d.mul_add(scale, shift);
    T::store::<I>(if T::IS_TIGHT { near.add(d.mul_add(scale_rest, shift_rest)) } else { near })
}

/// One channel, of at least one vector.
#[inline(always)]
fn write<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    y: &mut [T],
    origin: Of<T, I, N>,
    affine: [[Of<T, I, N>; 2]; 2],
    streams: bool,
) {
    // What lies between the ends is aligned where it is streamed.
    let ahead = if streams { y.as_ptr().align_offset(size_of::<[T; N]>()).min(N) } else { 0 };
    if let (true, Some(x), Some(y)) = (ahead > 0, x.first_chunk::<N>(), y.first_chunk_mut::<N>()) {
        *y = applied::<T, I, N>(x, origin, affine);
    }
    let (x_vectors, y_vectors) = (x[ahead..].as_chunks::<N>().0, y[ahead..].as_chunks_mut::<N>().0);
    if streams {
        for (x, y) in x_vectors.iter().zip(y_vectors) {
            I::stream(applied::<T, I, N>(x, origin, affine), y);
        }
    } else {
        for (x, y) in x_vectors.iter().zip(y_vectors) {
            *y = applied::<T, I, N>(x, origin, affine);
        }
    }
    // What is left is the end of a vector that begins before it.
    if let (Some(x), Some(y)) = (x.last_chunk::<N>(), y.last_chunk_mut::<N>()) {
        *y = applied::<T, I, N>(x, origin, affine);
    }
}

/// A whole group, with a gamma and a beta for each element.
#[inline(always)]
fn spread<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    y: &mut [T],
    normaliser: &Normaliser<T, N>,
    gamma: &[f64],
    beta: &[f64],
) {
    let inverse = normaliser.inverse_deviation;
    let (origin, distance) = normaliser.origin();
    let origin = Of::<T, I, N>::splat(origin);
    let (x_vectors, x_rest) = x.as_chunks::<N>();
    let (y_vectors, y_rest) = y.as_chunks_mut::<N>();
    let (gamma_vectors, gamma_rest) = gamma.as_chunks::<N>();
    let (beta_vectors, beta_rest) = beta.as_chunks::<N>();
    for (at, (x, y)) in x_vectors.iter().zip(y_vectors).enumerate() {
        let affine = T::Compute::affine::<I>(&gamma_vectors[at], &beta_vectors[at], inverse, distance);
        *y = applied::<T, I, N>(x, origin, affine);
    }
    if !x_rest.is_empty() {
        let affine = T::Compute::affine::<I>(&padded(gamma_rest, 0.0), &padded(beta_rest, 0.0), inverse, distance);
        let values = applied::<T, I, N>(&padded(x_rest, x_rest[0]), origin, affine);
        y_rest.copy_from_slice(&values[..y_rest.len()]);
    }
}
