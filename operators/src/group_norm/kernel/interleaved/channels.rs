//! From the sums of each channel of a sample to what its elements are scaled and shifted by.

use std::ops::Range;

use super::super::Pass;
use super::super::backward::{is_safe, line, projected};
use super::super::batches::Shares;
use super::super::forward::Affines;
use super::super::lanes::{Compute, In, Lane, NumbersOf, Of, WideOf};
use super::super::numbers::Numbers;
use super::super::parameters::Parameters;
use super::super::statistics::{BATCH, Batch, Normaliser, Outcome, is_about_zero};
use super::super::vector::{Arithmetic, Isa, Vector};
use crate::group_norm::wide::{Sum, Wide};

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
        let parameters = self.parameters;
        let groups = self.shifts.chunks_mut(BATCH).zip(self.normalisers.chunks_mut(BATCH));
        let mut batch = Batch::<T, N>::new();
        for ((shifts, places), sums) in groups.zip(self.sums.chunks(BATCH * parameters.channels)) {
            for (at, (shift, sums)) in shifts.iter().zip(sums.chunks_exact(parameters.channels)).enumerate() {
                let mut of_group = [Sum::default(); 2];
                for sums in sums {
                    of_group[0].push(sums[0]);
                    of_group[1].push(sums[1]);
                }
                batch.place(at, *shift);
                batch.keep(at, [of_group[0].total(), of_group[1].total()]);
            }
            let solved = batch.solved::<I>(shifts.len(), parameters);
            for (at, (shift, place)) in shifts.iter_mut().zip(places).enumerate() {
                *place = match batch.outcome(at, &solved, parameters) {
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
    fn run<I: Isa>(mut self) {
        let channels = self.parameters.channels;
        for first in (0..self.normalisers.len()).step_by(BATCH) {
            let end = self.normalisers.len().min(first + BATCH);
            let many = &self.normalisers[first..end];
            // What is soon computed one by one is not worth being gathered.
            if In::<T, N>::PARTS == 1 && many.len() >= MANY && many.iter().all(Option::is_some) {
                let of_batch = first * channels..end * channels;
                let [hats, dys] = &mut self.shares;
                let shares = [&mut hats[of_batch.clone()], &mut dys[of_batch.clone()]];
                let lines = lines::<T, I, N>(many, shares, &self.parameters.gamma[of_batch], self.parameters);
                for (group, line) in (first..end).zip(lines) {
                    self.set(group, line);
                }
            } else {
                for group in first..end {
                    self.set_alone(group);
                }
            }
        }
    }
}

impl<T: Lane<N>, const N: usize> Backward<'_, '_, T, N> {
    #[inline(always)]
    fn set_alone(&mut self, group: usize) {
        let Some(normaliser) = self.normalisers[group] else { return };
        let range = self.range(group);
        let [hats, dys] = &mut self.shares;
        let shares = [&mut hats[range.clone()], &mut dys[range.clone()]];
        let means = projected(&normaliser, shares, &self.parameters.gamma[range], self.parameters);
        self.set(group, means.and_then(|means| line(&normaliser, means)));
    }

    /// Gives the channels of a group their numbers, the slope and the level of dx being known.
    #[inline(always)]
    fn set(&mut self, group: usize, line: Option<[In<T, N>; 2]>) {
        let Some(normaliser) = self.normalisers[group] else { return };
        let range = self.range(group);
        let gamma = &self.parameters.gamma[range.clone()];
        let is_faint = self.parameters.is_faint(gamma, normaliser.inverse_deviation.into());
        let Some([slope, level]) = line.filter(|_| !self.parameters.are_wider && !is_faint) else {
            self.normalisers[group] = None;
            return;
        };
        let [shifts, factors, slopes, levels] = &mut self.numbers;
        shifts[range.clone()].fill(normaliser.shift);
        slopes[range.clone()].fill(slope);
        levels[range.clone()].fill(level);
        for (factor, &gamma) in factors[range].iter_mut().zip(gamma) {
            *factor = normaliser.factor(gamma);
        }
    }

    /// The channels of a group.
    #[inline(always)]
    fn range(&self, group: usize) -> Range<usize> {
        group * self.parameters.channels..(group + 1) * self.parameters.channels
    }
}

/// So many groups are sooner projected side by side than one after the other.
const MANY: usize = 4;

/// Makes of the sums of `dy * d` and `dy` of each channel of a batch those of `dy * x_hat` and `dy`; the slope and the level
/// of dx of each group, none of which is odd; `None` where one needs more care than is taken here.
#[inline(always)]
fn lines<T: Lane<N>, I: Isa, const N: usize>(
    normalisers: &[Option<Normaliser<T, N>>],
    [hats, dys]: Shares<'_>,
    gamma: &[In<T, N>],
    parameters: &Parameters<'_, T, N>,
) -> [Option<[In<T, N>; 2]>; BATCH] {
    let channels = parameters.channels;
    let (mut rests, mut inverses) = ([[0.0; BATCH]; 2], [[0.0; BATCH]; 2]);
    let mut are_safe = [true; BATCH];
    for (at, normaliser) in normalisers.iter().flatten().enumerate() {
        let range = at * channels..(at + 1) * channels;
        are_safe[at] = are_safe_all::<In<T, N>, N>(&hats[range.clone()]) & are_safe_all::<In<T, N>, N>(&dys[range]);
        for part in 0..2 {
            rests[part][at] = normaliser.rest.parts()[part];
            inverses[part][at] = normaliser.inverse_deviation.parts()[part];
        }
    }
    let [rest, inverse] = [of_groups::<T, I, N>(&rests), of_groups::<T, I, N>(&inverses)];
    let zero = NumbersOf::<T, I::F64, N>::exactly(I::F64::splat(0.0));
    let (mut sum, mut sum_hat) = (zero, zero);
    for channel in 0..channels {
        let mut lanes = [[0.0; BATCH]; 3];
        for (at, place) in (channel..hats.len()).step_by(channels).enumerate() {
            (lanes[0][at], lanes[1][at], lanes[2][at]) = (hats[place], dys[place], gamma[place].into());
        }
        let [products, dy, gamma] = [I::F64::load(&lanes[0]), I::F64::load(&lanes[1]), I::F64::load(&lanes[2])];
        let exact = NumbersOf::<T, I::F64, N>::exactly(products);
        let of_hats = exact.sub(rest.times(dy)).mul(inverse);
        sum = sum.accumulated(NumbersOf::<T, I::F64, N>::exactly(dy).times(gamma));
        sum_hat = sum_hat.accumulated(of_hats.times(gamma));
        for (place, hat) in (channel..hats.len()).step_by(channels).zip(of_hats.rounded().store()) {
            hats[place] = hat;
        }
    }
    let [high, low] = parameters.share.parts();
    let share = NumbersOf::<T, I::F64, N>::of([I::F64::splat(high), I::F64::splat(low)]);
    let (mean, mean_hat) = (sum.settled().mul(share), sum_hat.settled().mul(share));
    let falling = inverse.mul(inverse).mul(mean_hat);
    let level = rest.mul(falling).sub(inverse.mul(mean));
    let (falling, level) = (falling.rounded().store(), level.rounded().store());
    let mut lines = [None; BATCH];
    for (at, place) in lines.iter_mut().enumerate().take(normalisers.len()) {
        let numbers = [In::<T, N>::of(-falling[at]), In::<T, N>::of(level[at])];
        let are_finite = numbers.iter().all(|&number| Into::<f64>::into(number).is_finite());
        *place = (are_safe[at] && are_finite).then_some(numbers);
    }
    lines
}

/// Numbers of groups, of twice the precision, lane by lane.
#[inline(always)]
fn of_groups<T: Lane<N>, I: Isa, const N: usize>(parts: &[[f64; BATCH]; 2]) -> NumbersOf<T, I::F64, N> {
    Numbers::of([I::F64::load(&parts[0]), I::F64::load(&parts[1])])
}

/// Whether all of some sums came about far from the ends of the range of what is computed in.
#[inline(always)]
fn are_safe_all<C: Compute<N>, const N: usize>(sums: &[f64]) -> bool {
    sums.iter().fold(true, |are_safe, &sum| are_safe & is_safe::<C, N>(sum))
}
