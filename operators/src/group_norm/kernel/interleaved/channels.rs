//! From the sums of each channel of a sample to what its elements are scaled and shifted by.

use super::super::Pass;
use super::super::backward::{Shares, line, projected};
use super::super::forward::Affines;
use super::super::lanes::{Compute, In, Lane, Of, WideOf};
use super::super::parameters::Parameters;
use super::super::statistics::{Normaliser, Outcome, is_about_zero};
use super::super::vector::{Arithmetic, Isa, Vector};
use crate::group_norm::wide::Sum;

/// The mean of a group is first guessed from at least so many elements, at places spread evenly.
const LOOKED_AT: usize = 32;

/// A number near the mean of each group; 0 where that will do.
pub(super) struct Guesses<'a, 'b, T: Lane<N>, const N: usize> {
    pub x: &'a [T],
    /// Of what was looked at of each channel: to be set, as those of the groups are.
    pub sums: &'a mut [In<T, N>],
    /// The same of squares.
    pub squares: &'a mut [In<T, N>],
    pub guesses: &'a mut [In<T, N>],
    pub parameters: &'a Parameters<'b, T, N>,
}

impl<T: Lane<N>, const N: usize> Pass for Guesses<'_, '_, T, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { x, sums, squares, guesses, parameters } = self;
        let (spatial, channels) = (parameters.extents.spatial, parameters.channels);
        let places = LOOKED_AT.div_ceil(channels).clamp(4, LOOKED_AT).min(spatial);
        let step = (spatial - 1) / (places - 1).max(1) * sums.len();
        for (chunk, (sums, squares)) in sums.chunks_mut(N).zip(squares.chunks_mut(N)).enumerate() {
            let mut lanes = [Of::<T, I, N>::splat(In::<T, N>::default()); 2];
            for place in 0..places {
                // What comes after the last channel is of no account.
                let values = &x[place * step + chunk * N..];
                let values = match values.first_chunk() {
                    Some(values) => T::load::<I>(values),
                    None => T::some::<I>(values),
                };
                lanes = [lanes[0].add(values), values.mul_add(values, lanes[1])];
            }
            sums.copy_from_slice(&lanes[0].store()[..sums.len()]);
            squares.copy_from_slice(&lanes[1].store()[..squares.len()]);
        }
        let share = 1.0 / (places * channels) as f64;
        let of_groups = sums.chunks_exact(channels).zip(squares.chunks_exact(channels));
        for (guess, (sums, squares)) in guesses.iter_mut().zip(of_groups) {
            let mean = sum(sums) * share;
            let is_about_zero = T::IS_SHORT && is_about_zero(mean, sum(squares) * share);
            *guess = if is_about_zero { In::<T, N>::default() } else { In::<T, N>::of(mean) };
        }
    }
}

/// That of a few numbers.
#[inline(always)]
fn sum<C: Copy + Into<f64>>(numbers: &[C]) -> f64 {
    numbers.iter().map(|&number| Into::<f64>::into(number)).sum()
}

/// What the sums over each group make of a guess of its mean.
pub(super) struct Judged<'a, 'b, T: Lane<N>, const N: usize, const S: usize> {
    /// Of each channel, the first two of distances and squares.
    pub sums: &'a [[WideOf<T, N>; S]],
    /// Of each group; a nearer one, where it was too far.
    pub shifts: &'a mut [In<T, N>],
    pub normalisers: &'a mut [Option<Normaliser<T, N>>],
    /// Whether a guess was too far.
    pub is_far: &'a mut bool,
    pub parameters: &'a Parameters<'b, T, N>,
}

impl<T: Lane<N>, const N: usize, const S: usize> Pass for Judged<'_, '_, T, N, S> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let groups = self.shifts.iter_mut().zip(self.normalisers);
        for ((shift, place), sums) in groups.zip(self.sums.chunks_exact(self.parameters.channels)) {
            let mut of_group = [Sum::default(); 2];
            for sums in sums {
                of_group[0].push(sums[0]);
                of_group[1].push(sums[1]);
            }
            let of_group = [of_group[0].total(), of_group[1].total()];
            *place = match Normaliser::judged(*shift, of_group, self.parameters) {
                Outcome::Near(normaliser) => Some(normaliser),
                Outcome::Far(nearer) => {
                    (*self.is_far, *shift) = (true, nearer);
                    None
                }
                Outcome::Odd => None,
            };
        }
    }
}

/// The parts of some numbers of all channels, one kind after the other.
pub(super) fn of<E, const C: usize>(numbers: &mut [E], channels: usize) -> [&mut [E]; C] {
    let mut parts = numbers.chunks_exact_mut(channels);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The numbers of each channel in the forward pass: origin, scale and what it leaves, shift and what it leaves.
pub(super) struct Forward<'a, 'b, T: Lane<N>, const N: usize> {
    pub normalisers: &'a [Option<Normaliser<T, N>>],
    pub numbers: [&'a mut [In<T, N>]; 5],
    pub parameters: &'a Parameters<'b, T, N>,
}

impl<T: Lane<N>, const N: usize> Pass for Forward<'_, '_, T, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let channels = self.parameters.channels;
        let [origin, scale, more_scale, shift, more_shift] = self.numbers;
        for (group, normaliser) in self.normalisers.iter().enumerate() {
            let Some(normaliser) = normaliser else { continue };
            for first in (0..channels).step_by(N) {
                let count = N.min(channels - first);
                let first = group * channels + first;
                let affines = Affines::<T, N>::new::<I>(normaliser, self.parameters, first);
                origin[first..first + count].fill(affines.origin);
                scale[first..first + count].copy_from_slice(&affines.scale[0][..count]);
                more_scale[first..first + count].copy_from_slice(&affines.scale[1][..count]);
                shift[first..first + count].copy_from_slice(&affines.shift[0][..count]);
                more_shift[first..first + count].copy_from_slice(&affines.shift[1][..count]);
            }
        }
    }
}

/// The numbers of each channel in the backward pass: shift, factor, slope and level.
pub(super) struct Backward<'a, 'b, T: Lane<N>, const N: usize> {
    /// Those that need more care are taken out.
    pub normalisers: &'a mut [Option<Normaliser<T, N>>],
    /// Of each channel the sums of `dy * d` and `dy`; then those of `dy * x_hat` and `dy`.
    pub shares: Shares<'a>,
    pub numbers: [&'a mut [In<T, N>]; 4],
    pub parameters: &'a Parameters<'b, T, N>,
}

impl<T: Lane<N>, const N: usize> Pass for Backward<'_, '_, T, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let channels = self.parameters.channels;
        let [hats, dys] = self.shares;
        let shares = hats.chunks_exact_mut(channels).zip(dys.chunks_exact_mut(channels));
        let [shifts, factors, slopes, levels] = self.numbers;
        for (group, (place, (hats, dys))) in self.normalisers.iter_mut().zip(shares).enumerate() {
            let Some(normaliser) = *place else { continue };
            let range = group * channels..(group + 1) * channels;
            let gamma = &self.parameters.gamma[range.clone()];
            let means = projected(&normaliser, [hats, dys], gamma, self.parameters);
            let line = means.and_then(|means| line(&normaliser, means));
            let is_faint = self.parameters.is_faint(gamma, normaliser.inverse_deviation.into());
            let Some([slope, level]) = line.filter(|_| !self.parameters.are_wider && !is_faint) else {
                *place = None;
                continue;
            };
            shifts[range.clone()].fill(normaliser.shift);
            slopes[range.clone()].fill(slope);
            levels[range.clone()].fill(level);
            for (factor, &gamma) in factors[range].iter_mut().zip(gamma) {
                *factor = normaliser.factor(gamma);
            }
        }
    }
}
