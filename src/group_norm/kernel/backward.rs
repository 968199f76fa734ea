//! The backward pass over groups that lie contiguous, one after the other.
//!
//! With `d = x - shift`, of which the statistics know everything, the gradient of x is linear in dy and d:
//! `dx = dy * p + d * q + r`, `p` for each channel, `q` and `r` for each group. So x and dy are read twice, the
//! first time for their sums, and dx is written once.

use std::mem::MaybeUninit;

use super::lanes::{Compute, In, Lane, Of, WideOf};
use super::parameters::{Parameters, SMALL};
use super::place::put;
use super::small;
use super::statistics::{Normaliser, Outcome, near_mean, tail};
use super::vector::{Isa, Vector};
use crate::group_norm::wide::Sum;

/// What one channel of one sample adds to the gradients of gamma and beta.
pub(in crate::group_norm) type Share<W> = [W; 2];

/// So many terms a lane adds before it is emptied.
const RUN: usize = 32;

/// What dx is made of, once the sums of a group are known.
pub(super) struct Summed<T: Lane<N>, const N: usize> {
    normaliser: Normaliser<T, N>,
    /// Of `g = gamma * dy` and of `g * x_hat`.
    means: [WideOf<T, N>; 2],
    /// The slope and the level of dx over `x - shift`.
    line: [In<T, N>; 2],
}

impl<T: Lane<N>, const N: usize> Summed<T, N> {
    /// The sums of group `index` of those of all samples, and what its channels add to the gradients of gamma and
    /// beta; `None` where the group needs more care than is taken here.
    #[inline(always)]
    pub fn of<I: Isa>(
        index: usize,
        [x, dy]: [&[T]; 2],
        shares: &mut [Share<WideOf<T, N>>],
        parameters: &Parameters<'_, T, N>,
    ) -> Option<Self> {
        if x.len() == 1 {
            // Its gradient is 0, and not what rounding leaves of it.
            return None;
        }
        let first = index % parameters.groups * parameters.channels;
        let (normaliser, means) = if parameters.extents.spatial < SMALL {
            let normaliser = Normaliser::<T, N>::precisely::<I>(x, parameters)?;
            (normaliser, small::summed::<T, I, N>([x, dy], &normaliser, shares, parameters, first))
        } else {
            let gamma = &parameters.gamma[first..first + parameters.channels];
            let normaliser = summed::<T, I, N>(x, dy, shares, parameters)?;
            (normaliser, projected(&normaliser, shares, gamma, parameters)?)
        };
        Some(Self { normaliser, means, line: line(&normaliser, means)? })
    }

    /// Writes dx of that group.
    #[inline(always)]
    pub fn write<I: Isa>(
        &self,
        index: usize,
        [x, dy]: [&[T]; 2],
        dx: &mut [MaybeUninit<T>],
        parameters: &Parameters<'_, T, N>,
    ) {
        let spatial = parameters.extents.spatial;
        let first = index % parameters.groups * parameters.channels;
        if spatial < SMALL {
            small::write::<T, I, N>([x, dy], dx, &self.normaliser, self.means, parameters.of_elements(first)[0]);
            return;
        }
        let shift = Of::<T, I, N>::splat(self.normaliser.shift);
        let (slope, level) = (Of::<T, I, N>::splat(self.line[0]), Of::<T, I, N>::splat(self.line[1]));
        for channel in 0..parameters.channels {
            let gamma = WideOf::<T, N>::from(parameters.gamma[first + channel].into());
            let factor = In::<T, N>::of((gamma * self.normaliser.inverse_deviation).into());
            let linear = Linear::<T, I, N> { shift, factor: Of::<T, I, N>::splat(factor), slope, level };
            let range = channel * spatial..(channel + 1) * spatial;
            linear.row(&x[range.clone()], &dy[range.clone()], &mut dx[range], parameters);
        }
    }
}

/// Makes of each channel's sums of `dy * (x - shift)` and `dy` those of `dy * x_hat` and `dy`, and of all of them the
/// means of `g = gamma * dy` and of `g * x_hat`; `None` where a sum came about near the ends of a range.
#[inline(always)]
pub(super) fn projected<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    shares: &mut [Share<WideOf<T, N>>],
    gamma: &[In<T, N>],
    parameters: &Parameters<'_, T, N>,
) -> Option<[WideOf<T, N>; 2]> {
    let (mut sum, mut sum_hat) = (Sum::default(), Sum::default());
    for (share, &gamma) in shares.iter_mut().zip(gamma) {
        let [of_products, of_dy] = *share;
        if !is_safe::<In<T, N>, N>(of_dy.into()) || !is_safe::<In<T, N>, N>(of_products.into()) {
            return None;
        }
        let of_hats = (of_products - normaliser.rest * of_dy) * normaliser.inverse_deviation;
        let gamma = WideOf::<T, N>::from(gamma.into());
        sum.push(gamma * of_dy);
        sum_hat.push(gamma * of_hats);
        *share = [of_hats, of_dy];
    }
    Some([sum.total() * parameters.share, sum_hat.total() * parameters.share])
}

/// The slope and the level of dx over `x - shift`, from the means of `g` and of `g * x_hat`; `None` where they leave the
/// range of what is computed in.
#[inline(always)]
pub(super) fn line<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    [mean, mean_hat]: [WideOf<T, N>; 2],
) -> Option<[In<T, N>; 2]> {
    let inverse = normaliser.inverse_deviation;
    let slope = WideOf::<T, N>::from(0.0) - inverse * inverse * mean_hat;
    let level = WideOf::<T, N>::from(0.0) - inverse * mean - normaliser.rest * slope;
    let line = [slope, level].map(|number| In::<T, N>::of(number.into()));
    let are_finite = line.iter().all(|&number| Into::<f64>::into(number).is_finite());
    are_finite.then_some(line)
}

/// Whether a sum came about far from the ends of the range of what is computed in; 0 is no end.
#[inline(always)]
fn is_safe<C: Compute<N>, const N: usize>(sum: f64) -> bool {
    sum == 0.0 || (1.0 / C::SAFE..C::SAFE).contains(&sum.abs())
}

/// The statistics of a group, and for each channel the sums of `dy * (x - shift)` and of `dy`, from one reading.
#[inline(always)]
fn summed<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    dy: &[T],
    shares: &mut [Share<WideOf<T, N>>],
    parameters: &Parameters<'_, T, N>,
) -> Option<Normaliser<T, N>> {
    let spatial = parameters.extents.spatial;
    let mut shift = near_mean::<T, I, N>(x);
    for _ in 0..2 {
        let mut sums = Products::<T, I, N>::new(shift);
        for ((share, x), dy) in shares.iter_mut().zip(x.chunks_exact(spatial)).zip(dy.chunks_exact(spatial)) {
            *share = sums.channel(x, dy);
        }
        let [distances, squares] = sums.totals;
        let sums = [In::<T, N>::settled::<I>(distances), In::<T, N>::settled::<I>(squares)];
        match Normaliser::judged(shift, sums, parameters) {
            Outcome::Near(normaliser) => return Some(normaliser),
            Outcome::Far(nearer) => shift = nearer,
            Outcome::Odd => return None,
        }
    }
    None
}

/// Sums on their way: short ones in lanes, which are emptied into long ones.
struct Products<T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    /// Of `d`, `d * d`, `dy * d` and `dy`.
    lanes: [Of<T, I, N>; 4],
    /// Of `d` and `d * d`, over all channels.
    totals: [<In<T, N> as Compute<N>>::Total<I>; 2],
}

impl<T: Lane<N>, I: Isa, const N: usize> Products<T, I, N> {
    #[inline(always)]
    fn new(shift: In<T, N>) -> Self {
        let zero = Of::<T, I, N>::splat(In::<T, N>::default());
        Self { shift: Of::<T, I, N>::splat(shift), lanes: [zero; 4], totals: [In::<T, N>::nothing::<I>(); 2] }
    }

    /// Those of a channel.
    #[inline(always)]
    fn channel(&mut self, x: &[T], dy: &[T]) -> Share<WideOf<T, N>> {
        let mut of_channel = [In::<T, N>::nothing::<I>(); 2];
        let ((x_vectors, rest), (dy_vectors, _)) = (x.as_chunks::<N>(), dy.as_chunks::<N>());
        let ((x_runs, x_few), (dy_runs, dy_few)) = (x_vectors.as_chunks::<RUN>(), dy_vectors.as_chunks::<RUN>());
        for (x, dy) in x_runs.iter().zip(dy_runs) {
            for (x, dy) in x.iter().zip(dy) {
                self.add(T::load::<I>(x).sub(self.shift), T::load::<I>(dy));
            }
            self.empty(&mut of_channel);
        }
        for (x, dy) in x_few.iter().zip(dy_few) {
            self.add(T::load::<I>(x).sub(self.shift), T::load::<I>(dy));
        }
        if !rest.is_empty() {
            let d = tail::<T, I, N>(x, rest.len()).sub(self.shift).last(rest.len());
            self.add(d, tail::<T, I, N>(dy, rest.len()).last(rest.len()));
        }
        self.empty(&mut of_channel);
        [In::<T, N>::settled::<I>(of_channel[0]), In::<T, N>::settled::<I>(of_channel[1])]
    }

    #[inline(always)]
    fn add(&mut self, d: Of<T, I, N>, dy: Of<T, I, N>) {
        self.lanes[0] = self.lanes[0].add(d);
        self.lanes[1] = d.mul_add(d, self.lanes[1]);
        self.lanes[2] = dy.mul_add(d, self.lanes[2]);
        self.lanes[3] = self.lanes[3].add(dy);
    }

    #[inline(always)]
    fn empty(&mut self, of_channel: &mut [<In<T, N> as Compute<N>>::Total<I>; 2]) {
        self.totals[0] = In::<T, N>::emptied::<I>(self.totals[0], self.lanes[0]);
        self.totals[1] = In::<T, N>::emptied::<I>(self.totals[1], self.lanes[1]);
        of_channel[0] = In::<T, N>::emptied::<I>(of_channel[0], self.lanes[2]);
        of_channel[1] = In::<T, N>::emptied::<I>(of_channel[1], self.lanes[3]);
        self.lanes = [Of::<T, I, N>::splat(In::<T, N>::default()); 4];
    }
}

/// `dx = dy * factor + (x - shift) * slope + level`.
struct Linear<T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    factor: Of<T, I, N>,
    slope: Of<T, I, N>,
    level: Of<T, I, N>,
}

impl<T: Lane<N>, I: Isa, const N: usize> Linear<T, I, N> {
    #[inline(always)]
    fn applied(&self, x: &[T; N], dy: &[T; N]) -> [T; N] {
        let rest = T::load::<I>(x).sub(self.shift).mul_add(self.slope, self.level);
        T::store::<I>(T::load::<I>(dy).mul_add(self.factor, rest))
    }

    /// One channel, of at least one vector.
    #[inline(always)]
    fn row(&self, x: &[T], dy: &[T], dx: &mut [MaybeUninit<T>], parameters: &Parameters<'_, T, N>) {
        let start = if parameters.streams { dx.as_ptr().align_offset(size_of::<[T; N]>()).min(N) } else { 0 };
        if let (true, Some(x), Some(dy), Some(dx)) =
            (start > 0, x.first_chunk::<N>(), dy.first_chunk::<N>(), dx.first_chunk_mut::<N>())
        {
            put(dx, self.applied(x, dy));
        }
        let inputs = x[start..].as_chunks::<N>().0.iter().zip(dy[start..].as_chunks::<N>().0);
        let vectors = inputs.zip(dx[start..].as_chunks_mut::<N>().0);
        if parameters.streams {
            for ((x, dy), dx) in vectors {
                I::prefetch(x.as_ptr().wrapping_add(parameters.ahead));
                I::prefetch(dy.as_ptr().wrapping_add(parameters.ahead));
                I::stream(self.applied(x, dy), dx);
            }
        } else if parameters.ahead > 0 {
            for ((x, dy), dx) in vectors {
                I::prefetch(x.as_ptr().wrapping_add(parameters.ahead));
                I::prefetch(dy.as_ptr().wrapping_add(parameters.ahead));
                put(dx, self.applied(x, dy));
            }
        } else {
            for ((x, dy), dx) in vectors {
                put(dx, self.applied(x, dy));
            }
        }
        if (x.len() - start).is_multiple_of(N) {
            return;
        }
        // What is left is the end of a vector that begins before it.
        if let (Some(x), Some(dy), Some(dx)) = (x.last_chunk::<N>(), dy.last_chunk::<N>(), dx.last_chunk_mut::<N>()) {
            put(dx, self.applied(x, dy));
        }
    }
}
