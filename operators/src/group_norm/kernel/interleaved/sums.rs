//! Sums over the elements of each channel, lane by lane.

use bumpalo::Bump;

use super::super::Pass;
use super::super::lanes::{Compute, In, Lane, Of, WideOf};
use super::super::memory::values_at;
use super::super::statistics::{RUN, distance};
use super::super::vector::{Arithmetic, Isa, Vector};
use super::columns::{Columns, Turns};
use crate::group_norm::wide::Wide;

/// What is summed of the values of an element: of `A` inputs `S` sums.
pub(super) trait Summing<T: Lane<N>, const N: usize, const A: usize, const S: usize>: Sync {
    /// With a vector of each input; from the first the shift is taken already.
    fn add<I: Isa>(&self, sums: &mut [Of<T, I, N>; S], values: [Of<T, I, N>; A]);
}

/// `d` and `d * d`.
pub(super) struct Moments;

impl<T: Lane<N>, const N: usize> Summing<T, N, 1, 2> for Moments {
    #[inline(always)]
    fn add<I: Isa>(&self, sums: &mut [Of<T, I, N>; 2], [d]: [Of<T, I, N>; 1]) {
        sums[0] = sums[0].add(d);
        sums[1] = d.mul_add(d, sums[1]);
    }
}

/// `d`, `d * d`, `dy * d` and `dy`.
pub(super) struct Products;

impl<T: Lane<N>, const N: usize> Summing<T, N, 2, 4> for Products {
    #[inline(always)]
    fn add<I: Isa>(&self, sums: &mut [Of<T, I, N>; 4], [d, dy]: [Of<T, I, N>; 2]) {
        sums[0] = sums[0].add(d);
        sums[1] = d.mul_add(d, sums[1]);
        sums[2] = dy.mul_add(d, sums[2]);
        sums[3] = sums[3].add(dy);
    }
}

/// The sums of each channel over a unit.
pub(super) struct Sums<'a, const SHIFTS: bool, T: Lane<N>, K, const N: usize, const A: usize, const S: usize> {
    pub summing: &'a K,
    pub inputs: [&'a [T]; A],
    pub columns: &'a Columns,
    /// The shift of each element of a row.
    pub shifts: &'a [In<T, N>],
    pub turns: Turns,
    /// Of each channel.
    pub sums: &'a mut [[WideOf<T, N>; S]],
    /// For what they are on the way.
    pub room: &'a Bump,
}

impl<const SHIFTS: bool, T, K, const N: usize, const A: usize, const S: usize> Pass for Sums<'_, SHIFTS, T, K, N, A, S>
where
    T: Lane<N>,
    K: Summing<T, N, A, S>,
{
    #[inline(always)]
    fn run<I: Isa>(self) {
        let zero = Of::<T, I, N>::splat(In::<T, N>::default());
        let (size, columns) = (self.columns.row, self.columns.columns.as_slice());
        let totals = self.room.alloc_slice_fill_copy(columns.len(), [In::<T, N>::each_nothing::<I>(); S]);
        let rows = self.columns.rows(self.inputs);
        let pairs = columns.as_chunks::<2>().0;
        let Turns { together, .. } = self.turns;
        let lanes_of = self.room.alloc_slice_fill_copy(pairs.len(), [[zero; S]; 2]);
        for first in (0..rows).step_by(RUN) {
            let end = rows.min(first + RUN);
            for start in (first..end).step_by(together) {
                let rows = start..end.min(start + together);
                for x in self.inputs {
                    self.turns.look_up::<I, _>(x, rows.clone(), size);
                }
                for (turn, (pair, of_pair)) in pairs.iter().zip(&mut *lanes_of).enumerate() {
                    let shift = [
                        Of::<T, I, N>::first_of(&self.shifts[pair[0].start..]),
                        Of::<T, I, N>::first_of(&self.shifts[pair[1].start..]),
                    ];
                    let mut sums = *of_pair;
                    for x in self.inputs {
                        self.turns.fetch::<T, I, N>(x, rows.clone(), size, (turn, pairs.len()));
                    }
                    for row in rows.clone().map(|row| row * size) {
                        let mut values = [[zero; A]; 2];
                        for (input, x) in self.inputs.iter().enumerate() {
                            // SAFETY: `rows` are in this input, and the columns in a row.
                            values[0][input] = T::load::<I>(unsafe { values_at(x, row + pair[0].start) });
                            values[1][input] = T::load::<I>(unsafe { values_at(x, row + pair[1].start) });
                        }
                        for j in 0..2 {
                            values[j][0] = distance::<SHIFTS, _, _>(values[j][0], shift[j]);
                            self.summing.add::<I>(&mut sums[j], values[j]);
                        }
                    }
                    *of_pair = sums;
                }
            }
            for (totals, lanes) in totals.as_chunks_mut::<2>().0.iter_mut().zip(&mut *lanes_of) {
                for j in 0..2 {
                    emptied::<T, I, N, S>(&mut totals[j], lanes[j]);
                    lanes[j] = [zero; S];
                }
            }
        }
        // What is left is less than a row.
        let rest = self.inputs.map(|x| &x[rows * size..]);
        for column in 0..rest[0].len().div_ceil(N) {
            let count = N.min(rest[0].len() - column * N);
            let mut values = [zero; A];
            for (value, x) in values.iter_mut().zip(rest) {
                *value = T::some::<I>(&x[column * N..][..count]);
            }
            values[0] = values[0].sub(Of::<T, I, N>::first_of(&self.shifts[column * N..])).first(count);
            let mut sums = [zero; S];
            self.summing.add::<I>(&mut sums, values);
            emptied::<T, I, N, S>(&mut totals[column], sums);
        }
        let channels = self.sums.len();
        for (column, totals) in columns.iter().zip(totals) {
            if column.covered == N {
                continue;
            }
            let mut lanes = [[WideOf::<T, N>::default(); N]; S];
            for (lanes, &mut each) in lanes.iter_mut().zip(totals) {
                *lanes = In::<T, N>::each_settled::<I>(each);
            }
            let mut channel = (column.start + column.covered) % channels;
            for lane in column.covered..N {
                for (sum, lanes) in self.sums[channel].iter_mut().zip(&lanes) {
                    // Of each channel the first lane is what the sum begins with.
                    let is_first = column.start + lane < channels;
                    *sum = if is_first { lanes[lane] } else { sum.accumulated(lanes[lane]) };
                }
                channel = if channel + 1 == channels { 0 } else { channel + 1 };
            }
        }
    }
}

#[inline(always)]
fn emptied<T: Lane<N>, I: Isa, const N: usize, const S: usize>(
    totals: &mut [<In<T, N> as Compute<N>>::Each<I>; S],
    sums: [Of<T, I, N>; S],
) {
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = In::<T, N>::each_emptied::<I>(*total, sum);
    }
}
