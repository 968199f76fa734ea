//! What becomes of each element, with numbers of its channel.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::super::Pass;
use super::super::lanes::{In, Lane, Of};
use super::super::memory::{LINE, places, room_at, values_at};
use super::super::statistics::distance;
use super::super::vector::{Arithmetic, Isa, Vector};
use super::columns::{Column, Columns, Turns};
use crate::tensor::DType;

/// What becomes of the values of an element in `A` inputs, with `P` numbers of its channel.
pub(super) trait Writing<T: Lane<N>, const N: usize, const A: usize, const P: usize>: Sync {
    /// A vector of it.
    fn of<I: Isa>(&self, numbers: [Of<T, I, N>; P], values: [Of<T, I, N>; A]) -> Of<T, I, N>;
}

/// `(x - origin) * scale + shift`, the last two in two parts: see [`Affine`](super::super::forward::Affine).
pub(super) struct Normal<const SHIFTS: bool>;

impl<const SHIFTS: bool, T: Lane<N>, const N: usize> Writing<T, N, 1, 5> for Normal<SHIFTS> {
    #[inline(always)]
    fn of<I: Isa>(
        &self,
        [origin, scale, more_scale, shift, more_shift]: [Of<T, I, N>; 5],
        [x]: [Of<T, I, N>; 1],
    ) -> Of<T, I, N> {
        let d = distance::<SHIFTS, _, _>(x, origin);
        let near = d.mul_add(scale, shift);
        if T::IS_TIGHT { near.add(d.mul_add(more_scale, more_shift)) } else { near }
    }
}

/// `dy * factor + (x - shift) * slope + level`.
pub(super) struct Gradient<const SHIFTS: bool>;

impl<const SHIFTS: bool, T: Lane<N>, const N: usize> Writing<T, N, 2, 4> for Gradient<SHIFTS> {
    #[inline(always)]
    fn of<I: Isa>(&self, [shift, factor, slope, level]: [Of<T, I, N>; 4], [x, dy]: [Of<T, I, N>; 2]) -> Of<T, I, N> {
        dy.mul_add(factor, distance::<SHIFTS, _, _>(x, shift).mul_add(slope, level))
    }
}

/// Inputs of the same length, and room for an output: apart or over the input itself.
pub(super) trait Plane<T, const A: usize>: Send {
    /// Whether the output takes the place of an input.
    const IS_WITHIN: bool;

    /// The inputs.
    fn inputs(&self) -> [&[T]; A];

    /// The room.
    fn out(&mut self) -> &mut [MaybeUninit<T>];

    /// A part.
    fn part(&mut self, range: Range<usize>) -> impl Plane<T, A>;

    /// All parts of a size.
    fn parts(&mut self, size: usize) -> Vec<impl Plane<T, A>>;
}

/// Some arrays into another.
pub(super) struct Apart<'a, T, const A: usize> {
    pub inputs: [&'a [T]; A],
    pub out: &'a mut [MaybeUninit<T>],
}

impl<T: Send + Sync, const A: usize> Plane<T, A> for Apart<'_, T, A> {
    const IS_WITHIN: bool = false;

    #[inline(always)]
    fn inputs(&self) -> [&[T]; A] {
        self.inputs
    }

    #[inline(always)]
    fn out(&mut self) -> &mut [MaybeUninit<T>] {
        self.out
    }

    fn part(&mut self, range: Range<usize>) -> impl Plane<T, A> {
        Apart { inputs: self.inputs.map(|x| &x[range.clone()]), out: &mut self.out[range] }
    }

    fn parts(&mut self, size: usize) -> Vec<impl Plane<T, A>> {
        let parts = self.out.chunks_mut(size).enumerate();
        parts.map(|(at, out)| Apart { inputs: self.inputs.map(|x| &x[at * size..][..out.len()]), out }).collect()
    }
}

/// An array over itself.
pub(super) struct Within<'a, T>(pub &'a mut [T]);

impl<T: Copy + Send> Plane<T, 1> for Within<'_, T> {
    const IS_WITHIN: bool = true;

    #[inline(always)]
    fn inputs(&self) -> [&[T]; 1] {
        [self.0]
    }

    #[inline(always)]
    fn out(&mut self) -> &mut [MaybeUninit<T>] {
        places(self.0)
    }

    fn part(&mut self, range: Range<usize>) -> impl Plane<T, 1> {
        Within(&mut self.0[range])
    }

    fn parts(&mut self, size: usize) -> Vec<impl Plane<T, 1>> {
        self.0.chunks_mut(size).map(Within).collect()
    }
}

/// Writes a unit.
pub(super) struct Write<'a, P, W, T: Lane<N>, const N: usize, const A: usize, const C: usize> {
    pub writing: &'a W,
    pub plane: P,
    pub columns: &'a Columns,
    /// `C` numbers of each element of a row, one kind after the other.
    pub numbers: &'a [In<T, N>],
    pub turns: Turns,
    /// Whether the output is written past the caches.
    pub streams: bool,
}

impl<P, W, T, const N: usize, const A: usize, const C: usize> Pass for Write<'_, P, W, T, N, A, C>
where
    P: Plane<T, A>,
    W: Writing<T, N, A, C>,
    T: Lane<N>,
{
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);

    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let length = self.plane.inputs()[0].len();
        let (size, columns) = (self.columns.row, self.columns.columns.as_slice());
        assert_eq!(self.plane.out().len(), length, "an output has a place for each element");
        let rows = self.columns.rows(self.plane.inputs());
        let Turns { together, .. } = self.turns;
        for first in (0..rows).step_by(together) {
            let rows = first..rows.min(first + together);
            for x in self.plane.inputs() {
                self.turns.look_up::<I, _>(x, rows.clone(), size);
            }
            if self.streams {
                self.turns.look_up::<I, _>(self.plane.out(), rows.clone(), size);
            }
            // Both halves of a line are written together.
            if size_of::<[T; N]>() < LINE {
                let pairs = columns.as_chunks::<2>().0;
                for (turn, pair) in pairs.iter().enumerate() {
                    self.fetch::<I>(rows.clone(), (turn, pairs.len()));
                    self.rows_by::<I, 2>(rows.clone(), *pair);
                }
            } else {
                for (turn, column) in columns.iter().enumerate() {
                    self.fetch::<I>(rows.clone(), (turn, columns.len()));
                    self.rows_by::<I, 1>(rows.clone(), [*column]);
                }
            }
        }
        // What is left is less than a row.
        let done = rows * size;
        let left = length - done;
        for &Column { start, covered } in columns {
            if start + covered >= left {
                break;
            }
            let numbers = self.of_column::<I>(start);
            if start + N <= left {
                // SAFETY: so many elements are left.
                unsafe { self.vector::<false, I>(done + start, covered, numbers) };
                continue;
            }
            let mut values = [numbers[0]; A];
            for (value, x) in values.iter_mut().zip(self.plane.inputs()) {
                *value = T::some::<I>(&x[done + start..length]);
            }
            let values = T::store::<I>(self.writing.of::<I>(numbers, values));
            self.plane.out()[done + start + covered..length].write_copy_of_slice(&values[covered..left - start]);
        }
        if self.streams {
            I::fence();
        }
    }
}

impl<P, W, T, const N: usize, const A: usize, const C: usize> Write<'_, P, W, T, N, A, C>
where
    P: Plane<T, A>,
    W: Writing<T, N, A, C>,
    T: Lane<N>,
{
    /// Fetches a part of what follows some rows.
    #[inline(always)]
    fn fetch<I: Isa>(&self, rows: Range<usize>, turn: (usize, usize)) {
        for x in self.plane.inputs() {
            self.turns.fetch::<T, I, N>(x, rows.clone(), self.columns.row, turn);
        }
    }

    /// Writes columns that are side by side.
    #[inline(always)]
    fn rows_by<I: Isa, const K: usize>(&mut self, rows: Range<usize>, columns: [Column; K]) {
        // A branch less in the loop.
        if const { I::PATH.reaches_far() } && self.streams {
            self.rows::<true, I, K>(rows, columns);
        } else {
            self.rows::<false, I, K>(rows, columns);
        }
    }

    #[inline(always)]
    fn rows<const STREAMS: bool, I: Isa, const K: usize>(&mut self, rows: Range<usize>, columns: [Column; K]) {
        let size = self.columns.row;
        let mut of_columns = [self.of_column::<I>(columns[0].start); K];
        for k in 1..K {
            of_columns[k] = self.of_column::<I>(columns[k].start);
        }
        for row in rows.map(|row| row * size) {
            for k in 0..K {
                let Column { start, covered } = columns[k];
                if covered < N {
                    // SAFETY: the row is in all arrays, and the column in a row.
                    unsafe { self.vector::<STREAMS, I>(row + start, covered, of_columns[k]) };
                }
            }
        }
    }

    /// Writes the vector from an element on, of which the first lanes are written already.
    ///
    /// # Safety
    ///
    /// The vector ends where the inputs and the output do, or before.
    #[inline(always)]
    unsafe fn vector<const STREAMS: bool, I: Isa>(&mut self, at: usize, covered: usize, numbers: [Of<T, I, N>; C]) {
        let mut values = [numbers[0]; A];
        for (value, x) in values.iter_mut().zip(self.plane.inputs()) {
            // SAFETY: whoever calls this has found so many elements from there on, here and below.
            *value = T::load::<I>(unsafe { values_at(x, at) });
        }
        let values = T::store::<I>(self.writing.of::<I>(numbers, values));
        if P::IS_WITHIN && covered > 0 {
            // What these lanes have read is an output already.
            self.plane.out()[at + covered..at + N].write_copy_of_slice(&values[covered..]);
            return;
        }
        let place = unsafe { room_at(self.plane.out(), at) };
        if STREAMS {
            I::stream(values, place);
        } else {
            place.write(values);
        }
    }

    /// The numbers of the lanes from an element of a row on.
    #[inline(always)]
    fn of_column<I: Isa>(&self, start: usize) -> [Of<T, I, N>; C] {
        let row = self.columns.row;
        let mut lanes = [Of::<T, I, N>::splat(In::<T, N>::default()); C];
        for (kind, lanes) in lanes.iter_mut().enumerate() {
            *lanes = Of::<T, I, N>::first_of(&self.numbers[kind * row + start..]);
        }
        lanes
    }
}
