//! The passes over inputs whose channels are interleaved (channels last): at each place in space the elements of all
//! channels lie side by side.
//!
//! A sample is then one run of elements in which the channels come again and again. It is taken in rows (`columns`)
//! each lane of which is of one channel: sums are taken lane by lane down the rows (`sums`), and what the elements of a
//! column are scaled and shifted by is read once for many rows (`write`).
//!
//! The rows of a sample are cut into units. The sums of the units are added in their order, whoever took
//! them: threads share out samples or, where there are few samples, units.

mod channels;
mod columns;
mod sums;
mod write;

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::backward::Shares;
use super::lanes::{Compute, In, Lane, WideOf};
use super::memory::LINE;
use super::on;
use super::parameters::Parameters;
use super::path::Path;
use crate::group_norm::wide::Sum;
use channels::{Judged, Normalisers};
use columns::{Columns, Turns};
use sums::{Moments, Products, Summing, Sums};
use write::{Apart, Gradient, Normal, Plane, Within, Write, Writing};

/// At least about so many elements are a unit.
const UNIT: usize = 64 << 10;

/// About so many units are a large sample.
const UNITS: usize = 32;

/// The mean of a group is first guessed from at least so many elements, at places spread evenly.
const LOOKED_AT: usize = 32;

/// Normalises samples.
pub(super) fn forward<T: Lane<N>, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    x: &[T],
    y: &mut [MaybeUninit<T>],
) {
    let size = parameters.sample();
    let samples = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
    let samples = samples.map(|(x, out)| Apart { inputs: [x], out }).collect();
    each(path, parameters, samples, |how, mut plane| how.forward(&mut plane));
}

/// The same over the input itself.
pub(super) fn forward_within<T: Lane<N>, const N: usize>(path: Path, parameters: &Parameters<'_, T, N>, x: &mut [T]) {
    let samples = x.chunks_exact_mut(parameters.sample()).map(Within).collect();
    each(path, parameters, samples, |how, mut plane| how.forward(&mut plane));
}

/// The gradients: that of x, where there is room for it, and what each channel of each sample adds to the others.
pub(super) fn backward<T: Lane<N>, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    [x, dy]: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
    of_channels: Shares<'_>,
) {
    let size = parameters.sample();
    let mut rooms = dx.map(|dx| dx.chunks_exact_mut(size));
    let inputs = x.chunks_exact(size).zip(dy.chunks_exact(size));
    let [hats, dys] = of_channels.map(|shares| shares.chunks_exact_mut(parameters.norm.num_channels));
    let samples = inputs.zip(hats.zip(dys)).map(|((x, dy), (hats, dys))| {
        let room = rooms.as_mut().and_then(Iterator::next);
        ([x, dy], room, [hats, dys])
    });
    let samples = samples.collect();
    each(path, parameters, samples, |how, (inputs, dx, shares)| how.backward(inputs, dx, shares));
}

/// Does the same with each sample.
fn each<T: Lane<N>, S: Send, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    samples: Vec<S>,
    run: impl Fn(&Interleaved<'_, '_, T, N>, S) + Sync,
) {
    let (count, threads) = (samples.len(), parameters.threads());
    let is_shared = threads > 1;
    if is_shared && (count.is_multiple_of(threads) || count > 4 * threads) {
        let how = Interleaved::new(path, parameters, false);
        samples.into_par_iter().for_each(|sample| run(&how, sample));
    } else {
        let how = Interleaved::new(path, parameters, is_shared);
        samples.into_iter().for_each(|sample| run(&how, sample));
    }
}

/// How the samples of an input are taken.
struct Interleaved<'a, 'b, T: Lane<N>, const N: usize> {
    path: Path,
    parameters: &'a Parameters<'b, T, N>,
    channels: usize,
    columns: Columns,
    /// Elements of a unit; rows divide it.
    unit: usize,
    /// Whether threads share out the units of a sample.
    is_shared: bool,
}

/// A group that needs more care than a pass takes, and its results.
type Odd<T> = (usize, Vec<T>);

impl<'a, 'b, T: Lane<N>, const N: usize> Interleaved<'a, 'b, T, N> {
    fn new(path: Path, parameters: &'a Parameters<'b, T, N>, is_shared: bool) -> Self {
        let channels = parameters.norm.num_channels;
        let columns = Columns::new(channels, parameters.sample(), N);
        let unit = UNIT.max(parameters.sample() / UNITS);
        let unit = (unit / columns.row).max(1) * columns.row;
        Self { path, parameters, channels, columns, unit, is_shared }
    }

    fn forward(&self, plane: &mut impl Plane<T, 1>) {
        let (normalisers, _) = self.summed(&Moments, plane.inputs());
        let Parameters { norm, extents, gamma, beta, .. } = self.parameters;
        let mut numbers = self.nothing::<5>();
        let numbers_of = channels::of(&mut numbers, self.channels);
        on(
            self.path,
            channels::Forward { normalisers: &normalisers, numbers: numbers_of, parameters: self.parameters },
        );
        let mut odd = Vec::new();
        for (group, _) in normalisers.iter().enumerate().filter(|(_, normaliser)| normaliser.is_none()) {
            let x = self.gathered(group, plane.inputs()[0]);
            odd.push((group, norm.normalised_carefully(group, *extents, [gamma, beta], &x)));
        }
        self.write(&Normal, &numbers, plane);
        self.scatter(odd, plane.out());
    }

    fn backward(&self, inputs: [&[T]; 2], dx: Option<&mut [MaybeUninit<T>]>, shares: Shares<'_>) {
        let (mut normalisers, sums) = self.summed(&Products, inputs);
        let [hats, dys] = shares;
        for ((hats, dys), sums) in hats.iter_mut().zip(&mut *dys).zip(&sums) {
            (*hats, *dys) = (sums[2].into(), sums[3].into());
        }
        let Parameters { norm, extents, gamma, .. } = self.parameters;
        let mut numbers = self.nothing::<4>();
        on(
            self.path,
            channels::Backward {
                normalisers: &mut normalisers,
                shares: [&mut *hats, &mut *dys],
                numbers: channels::of(&mut numbers, self.channels),
                parameters: self.parameters,
            },
        );
        let mut odd = Vec::new();
        for (group, _) in normalisers.iter().enumerate().filter(|(_, normaliser)| normaliser.is_none()) {
            let [x, dy] = inputs.map(|values| self.gathered(group, values));
            let shares = [&mut hats[self.of_group(group)], &mut dys[self.of_group(group)]];
            odd.push((group, norm.differentiated_carefully(group, *extents, gamma, [&x, &dy], shares)));
        }
        if let Some(out) = dx {
            self.write(&Gradient, &numbers, &mut Apart { inputs, out: &mut *out });
            self.scatter(odd, out);
        }
    }

    /// What normalises each group, where that can be said; and the sums of each channel.
    fn summed<K, const A: usize, const S: usize>(
        &self,
        summing: &K,
        inputs: [&[T]; A],
    ) -> (Normalisers<T, N>, Vec<[WideOf<T, N>; S]>)
    where
        K: Summing<T, N, A, S>,
    {
        let mut shifts = self.guesses(inputs[0]);
        let (normalisers, sums, is_far) = self.judged(summing, inputs, &mut shifts);
        if !is_far {
            return (normalisers, sums);
        }
        let (normalisers, sums, _) = self.judged(summing, inputs, &mut shifts);
        (normalisers, sums)
    }

    /// The same by some guesses of the means, and whether one was too far: it is nearer then.
    fn judged<K, const A: usize, const S: usize>(
        &self,
        summing: &K,
        inputs: [&[T]; A],
        shifts: &mut [In<T, N>],
    ) -> (Normalisers<T, N>, Vec<[WideOf<T, N>; S]>, bool)
    where
        K: Summing<T, N, A, S>,
    {
        let sums = self.sums(summing, inputs, shifts);
        let (mut normalisers, mut is_far) = (Vec::with_capacity(shifts.len()), false);
        let (of_groups, is_one_far) = (&mut normalisers, &mut is_far);
        let judged =
            Judged { sums: &sums, shifts, normalisers: of_groups, is_far: is_one_far, parameters: self.parameters };
        on(self.path, judged);
        (normalisers, sums, is_far)
    }

    /// A number near the mean of each group.
    fn guesses(&self, x: &[T]) -> Vec<In<T, N>> {
        let spatial = self.parameters.extents.spatial;
        let places = LOOKED_AT.div_ceil(self.parameters.channels).clamp(4, LOOKED_AT).min(spatial);
        let step = (spatial - 1) / (places - 1).max(1) * self.channels;
        let share = 1.0 / (places * self.parameters.channels) as f64;
        let mean = |group| {
            let channels = self.of_group(group);
            let looked_at = (0..places).flat_map(|place| &x[place * step..][channels.clone()]);
            In::<T, N>::of(looked_at.map(|value| value.to_f64()).sum::<f64>() * share)
        };
        (0..self.parameters.groups).map(mean).collect()
    }

    /// The sums of each channel, of elements less the shift of their group.
    fn sums<K, const A: usize, const S: usize>(
        &self,
        summing: &K,
        inputs: [&[T]; A],
        shifts: &[In<T, N>],
    ) -> Vec<[WideOf<T, N>; S]>
    where
        K: Summing<T, N, A, S>,
    {
        let of_channels: Vec<_> =
            (0..self.channels).map(|channel| shifts[channel / self.parameters.channels]).collect();
        let shifts = self.row(&of_channels, 0);
        let (length, turns) = (inputs[0].len(), self.turns::<A>());
        let nothing = || vec![[WideOf::<T, N>::default(); S]; self.channels];
        let of_unit = |first: usize, sums: &mut [[WideOf<T, N>; S]]| {
            let inputs = inputs.map(|x| &x[first..length.min(first + self.unit)]);
            on(self.path, Sums { summing, inputs, columns: &self.columns, shifts: &shifts, turns, sums });
        };
        if length <= self.unit {
            let mut sums = nothing();
            of_unit(0, &mut sums);
            return sums;
        }
        let units = (0..length.div_ceil(self.unit)).map(|unit| unit * self.unit);
        let mut totals = vec![[Sum::<WideOf<T, N>>::default(); S]; self.channels];
        let mut add = |sums: &[[WideOf<T, N>; S]]| {
            for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                total.push(*sum);
            }
        };
        if self.is_shared {
            let of_unit = |first| {
                let mut sums = nothing();
                of_unit(first, &mut sums);
                sums
            };
            let of_units: Vec<_> = units.collect::<Vec<_>>().into_par_iter().map(of_unit).collect();
            of_units.iter().for_each(|sums| add(sums));
        } else {
            let mut sums = nothing();
            for first in units {
                sums.fill([WideOf::<T, N>::default(); S]);
                of_unit(first, &mut sums);
                add(&sums);
            }
        }
        totals.into_iter().map(|totals| totals.map(Sum::total)).collect()
    }

    /// Writes a sample, each element with the numbers of its channel.
    fn write<W, P, const A: usize, const C: usize>(&self, writing: &W, numbers: &[In<T, N>], plane: &mut P)
    where
        W: Writing<T, N, A, C>,
        P: Plane<T, A>,
    {
        let (streams, turns) = (self.parameters.streams, self.turns::<A>());
        let length = plane.out().len();
        // What is written past the caches is whole lines.
        let start = if streams { plane.out().as_ptr().align_offset(LINE).min(length) } else { 0 };
        let columns = &self.columns;
        if start > 0 {
            let numbers = self.row(numbers, 0);
            on(
                self.path,
                Write { writing, plane: plane.part(0..start), columns, numbers: &numbers, turns, streams: false },
            );
        }
        let numbers = self.row(numbers, start);
        let mut rest = plane.part(start..length);
        let write = |plane| on(self.path, Write { writing, plane, columns, numbers: &numbers, turns, streams });
        if self.is_shared {
            rest.parts(self.unit).into_par_iter().for_each(write);
        } else {
            rest.parts(length).into_iter().for_each(write);
        }
    }

    fn turns<const A: usize>(&self) -> Turns {
        Turns::new::<A>(self.columns.row * size_of::<T>(), self.parameters.bytes, self.parameters.sizes)
    }

    /// Some numbers of all channels, one kind after the other, again and again along a row whose first element is the
    /// element `first` of a sample.
    fn row<'n>(&self, numbers: &'n [In<T, N>], first: usize) -> Cow<'n, [In<T, N>]> {
        let (row, first) = (self.columns.row, first % self.channels);
        if row == self.channels && first == 0 {
            return Cow::Borrowed(numbers);
        }
        let mut rows = Vec::with_capacity(numbers.len() / self.channels * row);
        for numbers in numbers.chunks_exact(self.channels) {
            let start = rows.len();
            rows.extend_from_slice(&numbers[first..]);
            rows.extend_from_slice(&numbers[..first]);
            // What is there already is doubled.
            while rows.len() - start < row {
                let there = rows.len() - start;
                rows.extend_from_within(start..start + there.min(row - there));
            }
        }
        Cow::Owned(rows)
    }

    /// `C` numbers of every channel that are still to be set, one kind after the other.
    fn nothing<const C: usize>(&self) -> Vec<In<T, N>> {
        vec![In::<T, N>::default(); C * self.channels]
    }

    /// The channels of a group.
    fn of_group(&self, group: usize) -> Range<usize> {
        group * self.parameters.channels..(group + 1) * self.parameters.channels
    }

    /// Where the elements of a group are in a sample, channel after channel.
    fn places(&self, group: usize) -> impl Iterator<Item = usize> {
        let (channels, spatial) = (self.channels, self.parameters.extents.spatial);
        self.of_group(group).flat_map(move |channel| (0..spatial).map(move |place| place * channels + channel))
    }

    fn gathered(&self, group: usize, values: &[T]) -> Vec<T> {
        self.places(group).map(|at| values[at]).collect()
    }

    fn scatter(&self, odd: Vec<Odd<T>>, out: &mut [MaybeUninit<T>]) {
        for (group, values) in odd {
            for (at, value) in self.places(group).zip(values) {
                out[at].write(value);
            }
        }
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
