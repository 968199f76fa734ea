//! The forward pass over groups that lie contiguous, one after the other.

use super::lanes::{Compute, In, Lane, Of, WideOf, padded};
use super::parameters::{Parameters, SMALL};
use super::place::{Elementwise, How, Place, Row};
use super::statistics::{Meanwhile, Normaliser};
use super::vector::{Isa, Vector};

/// Writes group `index` of those of all samples.
#[inline(always)]
pub(super) fn group<T: Lane<N>, I: Isa, const N: usize>(
    index: usize,
    mut place: impl Place<T>,
    normaliser: &Normaliser<T, N>,
    parameters: &Parameters<'_, T, N>,
) {
    let (spatial, group) = (parameters.extents.spatial, parameters.extents.group);
    let first = index % parameters.groups * parameters.channels;
    let how = How { streams: parameters.streams, ahead: parameters.ahead };
    if spatial < SMALL {
        let [gamma, beta] = parameters.of_elements(first);
        place.row(0, group).map::<I, N>(Spread::<T, I, N>::new(normaliser, gamma, beta), how);
    } else {
        for channel in 0..parameters.channels {
            let (gamma, beta) = (parameters.gamma[first + channel], parameters.beta[first + channel]);
            let affine = Affine::<T, I, N>::new(affine(normaliser, gamma, beta));
            place.row(channel * spatial, spatial).map::<I, N>(affine, how);
        }
    }
}

/// A group that is written piece by piece, while the next one is summed: so reading and writing go on side by side, and
/// neither waits for the memory alone.
pub(super) struct Pieces<'a, 'b, P, T: Lane<N>, const N: usize> {
    pub index: usize,
    pub place: P,
    pub normaliser: Normaliser<T, N>,
    pub parameters: &'a Parameters<'b, T, N>,
    /// So many elements are written.
    done: usize,
    /// So many elements come before the first that is aligned to a vector.
    start: usize,
}

impl<'a, 'b, P: Place<T>, T: Lane<N>, const N: usize> Pieces<'a, 'b, P, T, N> {
    pub fn new(index: usize, place: P, normaliser: Normaliser<T, N>, parameters: &'a Parameters<'b, T, N>) -> Self {
        let start = place.before_aligned(size_of::<[T; N]>()).min(N);
        Self { index, place, normaliser, parameters, done: 0, start }
    }

    /// Writes what is left.
    #[inline(always)]
    pub fn finish<I: Isa>(mut self) {
        self.up_to::<I>(self.parameters.extents.group);
    }

    #[inline(always)]
    fn up_to<I: Isa>(&mut self, end: usize) {
        let spatial = self.parameters.extents.spatial;
        let first = self.index % self.parameters.groups * self.parameters.channels;
        let how = How { streams: self.parameters.streams, ahead: 0 };
        while self.done < end {
            let channel = self.done / spatial;
            let count = end.min((channel + 1) * spatial) - self.done;
            let (gamma, beta) = (self.parameters.gamma[first + channel], self.parameters.beta[first + channel]);
            let affine = Affine::<T, I, N>::new(affine(&self.normaliser, gamma, beta));
            self.place.row(self.done, count).map::<I, N>(affine, how);
            self.done += count;
        }
    }
}

impl<P: Place<T>, T: Lane<N>, const N: usize> Meanwhile for Pieces<'_, '_, P, T, N> {
    #[inline(always)]
    fn after<I: Isa>(&mut self, summed: usize) {
        // A piece ends where a vector does: what is written past the caches is written once.
        self.up_to::<I>(summed - N + self.start % N);
    }
}

/// `(x - origin) * scale + shift`, of which the first is exact and the others are in two parts: little more is
/// rounded than the result.
#[derive(Clone, Copy)]
pub(super) struct Affine<T: Lane<N>, I: Isa, const N: usize> {
    origin: Of<T, I, N>,
    scale: [Of<T, I, N>; 2],
    shift: [Of<T, I, N>; 2],
}

impl<T: Lane<N>, I: Isa, const N: usize> Affine<T, I, N> {
    #[inline(always)]
    fn new(numbers: [In<T, N>; 5]) -> Self {
        Self {
            origin: Of::<T, I, N>::splat(numbers[0]),
            scale: [Of::<T, I, N>::splat(numbers[1]), Of::<T, I, N>::splat(numbers[2])],
            shift: [Of::<T, I, N>::splat(numbers[3]), Of::<T, I, N>::splat(numbers[4])],
        }
    }

    #[inline(always)]
    fn of(&self, x: Of<T, I, N>) -> Of<T, I, N> {
        let d = x.sub(self.origin);
        let near = d.mul_add(self.scale[0], self.shift[0]);
        if T::IS_TIGHT { near.add(d.mul_add(self.scale[1], self.shift[1])) } else { near }
    }
}

/// The numbers of a channel: origin, scale and what it leaves, shift and what it leaves.
#[inline(always)]
pub(super) fn affine<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    gamma: In<T, N>,
    beta: In<T, N>,
) -> [In<T, N>; 5] {
    let (origin, distance) = normaliser.origin();
    let scale = WideOf::<T, N>::from(gamma.into()) * normaliser.inverse_deviation;
    let shift = WideOf::<T, N>::from(beta.into()) - distance * scale;
    let (scale, shift) = (split::<T, N>(scale), split::<T, N>(shift));
    [origin, scale[0], scale[1], shift[0], shift[1]]
}

/// The nearest number of the dtype that is computed in, and what that leaves.
#[inline(always)]
fn split<T: Lane<N>, const N: usize>(value: WideOf<T, N>) -> [In<T, N>; 2] {
    let near = In::<T, N>::of(value.into());
    let left = value - WideOf::<T, N>::from(near.into());
    [near, In::<T, N>::of(left.into())]
}

impl<T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N> for Affine<T, I, N> {
    #[inline(always)]
    fn applied(&self, _: usize, x: &[T; N]) -> [T; N] {
        T::store::<I>(self.of(T::load::<I>(x)))
    }
}

/// `gamma * x_hat + beta`, with a gamma and a beta for each element.
#[derive(Clone, Copy)]
struct Spread<'a, T: Lane<N>, I: Isa, const N: usize> {
    x_hat: Affine<T, I, N>,
    gamma: &'a [In<T, N>],
    beta: &'a [In<T, N>],
}

impl<'a, T: Lane<N>, I: Isa, const N: usize> Spread<'a, T, I, N> {
    #[inline(always)]
    fn new(normaliser: &Normaliser<T, N>, gamma: &'a [In<T, N>], beta: &'a [In<T, N>]) -> Self {
        Self { x_hat: Affine::new(affine(normaliser, In::<T, N>::of(1.0), In::<T, N>::default())), gamma, beta }
    }
}

impl<T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N> for Spread<'_, T, I, N> {
    #[inline(always)]
    fn applied(&self, at: usize, x: &[T; N]) -> [T; N] {
        let (gamma, beta) = (vector(&self.gamma[at..]), vector(&self.beta[at..]));
        let x_hat = self.x_hat.of(T::load::<I>(x));
        T::store::<I>(Of::<T, I, N>::load(&gamma).mul_add(x_hat, Of::<T, I, N>::load(&beta)))
    }
}

/// The first values; fewer, at the end of a small group, are filled up.
#[inline(always)]
pub(super) fn vector<C: Compute<N>, const N: usize>(values: &[C]) -> [C; N] {
    match values.first_chunk::<N>() {
        Some(values) => *values,
        None => padded(values, C::default()),
    }
}
