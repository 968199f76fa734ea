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

use std::mem::MaybeUninit;
use std::ops::Range;

use bumpalo::Bump;
use rayon::prelude::*;

use super::batches::Shares;
use super::lanes::{In, Lane, WideOf};
use super::memory::LINE;
use super::on;
use super::parameters::Parameters;
use super::path::Path;
use super::statistics::{Normaliser, shifts};
use crate::group_norm::wide::Sum;
use channels::{Guesses, Judged};
use columns::{Columns, Turns};
use sums::{Moments, Products, Summing, Sums};
use write::{Apart, Gradient, Normal, Plane, Within, Write, Writing};

/// At least about so many elements are a unit.
const UNIT: usize = 64 << 10;

/// About so many units are a large sample.
const UNITS: usize = 32;

/// A sample of so many bytes is worth a beginning that makes whole lines of what follows.
const LONG: usize = 16 << 10;

/// About so many bytes for each element of a row hold all that is known of a sample on the way.
const ROOM: usize = 256;

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
    each(path, parameters, samples, |how, mut plane, room| how.forward(&mut plane, room));
}

/// The same over the input itself.
pub(super) fn forward_within<T: Lane<N>, const N: usize>(path: Path, parameters: &Parameters<'_, T, N>, x: &mut [T]) {
    let samples = x.chunks_exact_mut(parameters.sample()).map(Within).collect();
    each(path, parameters, samples, |how, mut plane, room| how.forward(&mut plane, room));
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
    each(path, parameters, samples, |how, (inputs, dx, shares), room| how.backward(inputs, dx, shares, room));
}

/// Does the same with each sample.
fn each<T: Lane<N>, S: Send, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    samples: Vec<S>,
    run: impl Fn(&Interleaved<'_, '_, T, N>, S, &Bump) + Sync,
) {
    let (count, threads) = (samples.len(), parameters.threads());
    let is_shared = threads > 1;
    if is_shared && (count.is_multiple_of(threads) || count > 4 * threads) {
        let how = Interleaved::new(path, parameters, false);
        samples.into_par_iter().for_each_init(|| how.room(), |room, sample| how.in_room(room, sample, &run));
    } else {
        let how = Interleaved::new(path, parameters, is_shared);
        let mut room = how.room();
        samples.into_iter().for_each(|sample| how.in_room(&mut room, sample, &run));
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

/// What normalises each group, `None` where it needs more care than a pass takes; and the sums of each channel.
type Judgement<'r, T, const N: usize, const S: usize> = (&'r mut [Option<Normaliser<T, N>>], &'r [[WideOf<T, N>; S]]);

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

    /// Memory for what is known of a sample on the way: it is used again for the next one.
    fn room(&self) -> Bump {
        Bump::with_capacity(ROOM * self.columns.row)
    }

    /// Does something with a sample.
    fn in_room<S>(&self, room: &mut Bump, sample: S, run: &impl Fn(&Self, S, &Bump)) {
        run(self, sample, room);
        room.reset();
    }

    fn forward(&self, plane: &mut impl Plane<T, 1>, room: &Bump) {
        let (normalisers, _) = self.summed(&Moments, plane.inputs(), room);
        let Parameters { norm, extents, gamma, beta, .. } = self.parameters;
        let numbers = self.nothing::<5>(room);
        let numbers_of = channels::of(&mut *numbers, self.channels);
        on(self.path, channels::Forward { normalisers, numbers: numbers_of, parameters: self.parameters });
        let mut odd = Vec::new();
        for (group, _) in normalisers.iter().enumerate().filter(|(_, normaliser)| normaliser.is_none()) {
            let x = self.gathered(group, plane.inputs()[0]);
            odd.push((group, norm.normalised_carefully(group, *extents, [gamma, beta], &x)));
        }
        if self.shifts(numbers) {
            self.write(&Normal::<true>, numbers, plane, room);
        } else {
            self.write(&Normal::<false>, numbers, plane, room);
        }
        self.scatter(odd, plane.out());
    }

    fn backward(&self, inputs: [&[T]; 2], dx: Option<&mut [MaybeUninit<T>]>, shares: Shares<'_>, room: &Bump) {
        let (normalisers, sums) = self.summed(&Products, inputs, room);
        let [hats, dys] = shares;
        for ((hats, dys), sums) in hats.iter_mut().zip(&mut *dys).zip(sums) {
            (*hats, *dys) = (sums[2].into(), sums[3].into());
        }
        let Parameters { norm, extents, gamma, .. } = self.parameters;
        let numbers = self.nothing::<4>(room);
        on(
            self.path,
            channels::Backward {
                normalisers: &mut *normalisers,
                shares: [&mut *hats, &mut *dys],
                numbers: channels::of(&mut *numbers, self.channels),
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
            let mut plane = Apart { inputs, out: &mut *out };
            if self.shifts(numbers) {
                self.write(&Gradient::<true>, numbers, &mut plane, room);
            } else {
                self.write(&Gradient::<false>, numbers, &mut plane, room);
            }
            self.scatter(odd, out);
        }
    }

    /// What normalises each group, where that can be said; and the sums of each channel.
    fn summed<'r, K, const A: usize, const S: usize>(
        &self,
        summing: &K,
        inputs: [&[T]; A],
        room: &'r Bump,
    ) -> Judgement<'r, T, N, S>
    where
        K: Summing<T, N, A, S>,
    {
        let shifts = self.guesses(inputs[0], room);
        let normalisers = room.alloc_slice_fill_copy(shifts.len(), None);
        let mut sums = self.sums(summing, inputs, shifts, room);
        let mut is_far = false;
        let parameters = self.parameters;
        on(self.path, Judged { sums, shifts, normalisers, is_far: &mut is_far, parameters });
        if is_far {
            sums = self.sums(summing, inputs, shifts, room);
            on(self.path, Judged { sums, shifts, normalisers, is_far: &mut is_far, parameters });
        }
        (normalisers, sums)
    }

    /// A number near the mean of each group.
    fn guesses<'r>(&self, x: &[T], room: &'r Bump) -> &'r mut [In<T, N>] {
        let guesses = room.alloc_slice_fill_copy(self.parameters.groups, In::<T, N>::default());
        let (sums, squares) = (self.nothing::<1>(room), self.nothing::<1>(room));
        on(self.path, Guesses { x, sums, squares, guesses: &mut *guesses, parameters: self.parameters });
        guesses
    }

    /// The sums of each channel, of elements less the shift of their group.
    fn sums<'r, K, const A: usize, const S: usize>(
        &self,
        summing: &K,
        inputs: [&[T]; A],
        shifts: &[In<T, N>],
        room: &'r Bump,
    ) -> &'r [[WideOf<T, N>; S]]
    where
        K: Summing<T, N, A, S>,
    {
        let of_channels = self.nothing::<1>(room);
        for (of_group, shift) in of_channels.chunks_exact_mut(self.parameters.channels).zip(shifts) {
            of_group.fill(*shift);
        }
        let is_shifted = self.shifts(of_channels);
        let shifts = self.row(of_channels, 0, room);
        let (length, turns) = (inputs[0].len(), self.turns::<A>());
        let nothing = [WideOf::<T, N>::default(); S];
        let of_unit = |first: usize, sums: &mut [[WideOf<T, N>; S]], room: &Bump| {
            let inputs = inputs.map(|x| &x[first..length.min(first + self.unit)]);
            let columns = &self.columns;
            if is_shifted {
                on(self.path, Sums::<true, _, _, _, _, _> { summing, inputs, columns, shifts, turns, sums, room });
            } else {
                on(self.path, Sums::<false, _, _, _, _, _> { summing, inputs, columns, shifts, turns, sums, room });
            }
        };
        let sums = room.alloc_slice_fill_copy(self.channels, nothing);
        if length <= self.unit {
            of_unit(0, sums, room);
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
            let of_unit = |room: &mut Bump, first| {
                let mut sums = vec![nothing; self.channels];
                of_unit(first, &mut sums, room);
                room.reset();
                sums
            };
            let units = units.collect::<Vec<_>>().into_par_iter();
            let of_units: Vec<_> = units.map_init(|| self.room(), of_unit).collect();
            of_units.iter().for_each(|sums| add(sums));
        } else {
            // What is known of a unit is not kept with what is known of the sample.
            let mut room = self.room();
            for first in units {
                sums.fill(nothing);
                of_unit(first, sums, &room);
                room.reset();
                add(sums);
            }
        }
        sums.iter_mut().zip(totals).for_each(|(sums, totals)| *sums = totals.map(Sum::total));
        sums
    }

    /// Whether the first of some numbers of each channel has to be taken from its elements.
    fn shifts(&self, numbers: &[In<T, N>]) -> bool {
        !T::IS_SHORT || numbers[..self.channels].iter().any(|&number| shifts::<T, N>(number))
    }

    /// Writes a sample, each element with the numbers of its channel.
    fn write<W, P, const A: usize, const C: usize>(&self, writing: &W, numbers: &[In<T, N>], plane: &mut P, room: &Bump)
    where
        W: Writing<T, N, A, C>,
        P: Plane<T, A>,
    {
        let (streams, turns) = (self.parameters.streams, self.turns::<A>());
        let length = plane.out().len();
        // What is written past the caches is whole lines; through them, lines are faster than what lies across two.
        let is_long = size_of::<[T; N]>() >= LINE && size_of_val(plane.out()) >= LONG;
        let start = if streams || is_long { plane.out().as_ptr().align_offset(LINE).min(length) } else { 0 };
        let columns = &self.columns;
        if start > 0 {
            let numbers = self.row(numbers, 0, room);
            on(self.path, Write { writing, plane: plane.part(0..start), columns, numbers, turns, streams: false });
        }
        let numbers = self.row(numbers, start, room);
        let mut rest = plane.part(start..length);
        if self.is_shared {
            let parts = rest.parts(self.unit).into_par_iter();
            parts.for_each(|plane| on(self.path, Write { writing, plane, columns, numbers, turns, streams }));
        } else {
            on(self.path, Write { writing, plane: rest, columns, numbers, turns, streams });
        }
    }

    fn turns<const A: usize>(&self) -> Turns {
        Turns::new::<T, N, A>(self.columns.row * size_of::<T>(), self.parameters.from_memory)
    }

    /// Some numbers of all channels, one kind after the other, again and again along a row whose first element is the
    /// element `first` of a sample.
    fn row<'r>(&self, numbers: &'r [In<T, N>], first: usize, room: &'r Bump) -> &'r [In<T, N>] {
        let (row, channels, first) = (self.columns.row, self.channels, first % self.channels);
        if row == channels && first == 0 {
            return numbers;
        }
        let rows = room.alloc_slice_fill_copy(numbers.len() / channels * row, In::<T, N>::default());
        for (along, numbers) in rows.chunks_exact_mut(row).zip(numbers.chunks_exact(channels)) {
            along[..channels - first].copy_from_slice(&numbers[first..]);
            along[channels - first..channels].copy_from_slice(&numbers[..first]);
            // What is there already is doubled.
            let mut there = channels;
            while there < row {
                let more = there.min(row - there);
                along.copy_within(..more, there);
                there += more;
            }
        }
        rows
    }

    /// `C` numbers of every channel that are still to be set, one kind after the other.
    fn nothing<'r, const C: usize>(&self, room: &'r Bump) -> &'r mut [In<T, N>] {
        room.alloc_slice_fill_copy(C * self.channels, In::<T, N>::default())
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
