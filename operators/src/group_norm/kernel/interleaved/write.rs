//! What becomes of each element, with numbers of its channel.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::super::Pass;
use super::super::lanes::{In, Lane, Of, padded};
use super::super::memory::places;
use super::super::place::put;
use super::super::vector::{Arithmetic, Isa, Vector};
use super::sums::together;

/// What becomes of the values of an element in `A` inputs, with `P` numbers of its channel.
pub(super) trait Writing<T: Lane<N>, const N: usize, const A: usize, const P: usize>: Sync {
    /// A vector of it.
    fn of<I: Isa>(&self, numbers: [Of<T, I, N>; P], values: [Of<T, I, N>; A]) -> Of<T, I, N>;
}

/// `(x - origin) * scale + shift`, the last two in two parts: see [`Affine`](super::super::forward::Affine).
pub(super) struct Normal;

impl<T: Lane<N>, const N: usize> Writing<T, N, 1, 5> for Normal {
    #[inline(always)]
    fn of<I: Isa>(
        &self,
        [origin, scale, more_scale, shift, more_shift]: [Of<T, I, N>; 5],
        [x]: [Of<T, I, N>; 1],
    ) -> Of<T, I, N> {
        let d = x.sub(origin);
        let near = d.mul_add(scale, shift);
        if T::IS_TIGHT { near.add(d.mul_add(more_scale, more_shift)) } else { near }
    }
}

/// `dy * factor + (x - shift) * slope + level`.
pub(super) struct Gradient;

impl<T: Lane<N>, const N: usize> Writing<T, N, 2, 4> for Gradient {
    #[inline(always)]
    fn of<I: Isa>(&self, [shift, factor, slope, level]: [Of<T, I, N>; 4], [x, dy]: [Of<T, I, N>; 2]) -> Of<T, I, N> {
        dy.mul_add(factor, x.sub(shift).mul_add(slope, level))
    }
}

/// Inputs of the same length, and room for an output: apart or over the input itself.
pub(super) trait Plane<T, const A: usize>: Send {
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
    /// The numbers of each element of a row.
    pub numbers: &'a [Vec<In<T, N>>; C],
    /// Whether the output is written past the caches.
    pub streams: bool,
}

impl<P, W, T, const N: usize, const A: usize, const C: usize> Pass for Write<'_, P, W, T, N, A, C>
where
    P: Plane<T, A>,
    W: Writing<T, N, A, C>,
    T: Lane<N>,
{
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let length = self.plane.inputs()[0].len();
        let numbers = self.numbers.each_ref().map(|numbers| numbers.as_chunks::<N>().0);
        let columns = numbers[0].len();
        let rows = length / (columns * N);
        let together = together(columns * size_of::<[T; N]>(), self.streams);
        for first in (0..rows).step_by(together) {
            for column in 0..columns {
                let numbers = of_column::<T, I, N, C>(&numbers, column);
                for row in first..rows.min(first + together) {
                    self.vector::<I>(row * columns + column, numbers);
                }
            }
        }
        // What is left is less than a row.
        let done = rows * columns;
        let whole = length / N - done;
        for column in 0..whole {
            self.vector::<I>(done + column, of_column::<T, I, N, C>(&numbers, column));
        }
        let rest = (done + whole) * N..length;
        if !rest.is_empty() {
            let numbers = of_column::<T, I, N, C>(&numbers, whole);
            let mut values = [numbers[0]; A];
            for (value, x) in values.iter_mut().zip(self.plane.inputs()) {
                *value = T::load::<I>(&padded(&x[rest.clone()], T::rounded(0.0)));
            }
            let values = T::store::<I>(self.writing.of::<I>(numbers, values));
            self.plane.out()[rest.clone()].write_copy_of_slice(&values[..rest.len()]);
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
    /// Writes a vector.
    #[inline(always)]
    fn vector<I: Isa>(&mut self, at: usize, numbers: [Of<T, I, N>; C]) {
        let mut values = [numbers[0]; A];
        for (value, x) in values.iter_mut().zip(self.plane.inputs()) {
            *value = T::load::<I>(&x.as_chunks::<N>().0[at]);
        }
        let values = T::store::<I>(self.writing.of::<I>(numbers, values));
        let place = &mut self.plane.out().as_chunks_mut::<N>().0[at];
        if self.streams {
            I::stream(values, place);
        } else {
            put(place, values);
        }
    }
}

/// The numbers of a column.
#[inline(always)]
fn of_column<T: Lane<N>, I: Isa, const N: usize, const C: usize>(
    numbers: &[&[[In<T, N>; N]]; C],
    column: usize,
) -> [Of<T, I, N>; C] {
    let mut lanes = [Of::<T, I, N>::load(&numbers[0][column]); C];
    for (lanes, numbers) in lanes.iter_mut().zip(numbers) {
        *lanes = Of::<T, I, N>::load(&numbers[column]);
    }
    lanes
}
