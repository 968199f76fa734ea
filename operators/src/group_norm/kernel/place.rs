//! Where a pass reads and writes: from one array into another, or in place.

use std::mem::MaybeUninit;

use super::lanes::{Lane, padded};
use super::vector::Isa;

/// What becomes of the elements of a row, a vector at a time.
pub(super) trait Elementwise<T: Lane<N>, I: Isa, const N: usize>: Copy {
    /// That of the elements from `at` on.
    fn applied(&self, at: usize, x: &[T; N]) -> [T; N];
}

/// A group's input, and room for its output.
pub(super) trait Place<T: Copy> {
    /// The input.
    fn x(&self) -> &[T];

    /// So many elements come before the first place of the output that is aligned to so many bytes.
    fn before_aligned(&self, bytes: usize) -> usize;

    /// Writes all that is left of the output.
    fn write(&mut self, values: &[T]);

    /// The part of a row.
    fn row(&mut self, first: usize, count: usize) -> impl Row<T>;
}

/// A row of elements that is written once.
pub(super) trait Row<T: Copy> {
    /// Writes what becomes of it.
    fn map<I: Isa, const N: usize>(self, elementwise: impl Elementwise<T, I, N>, how: How)
    where
        T: Lane<N>;
}

/// How an output is written.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Past the caches.
    pub streams: bool,
    /// So many elements ahead the input is fetched; 0 where it is not.
    pub ahead: usize,
}

/// One array into another.
pub(super) struct Apart<'a, T> {
    pub x: &'a [T],
    pub y: &'a mut [MaybeUninit<T>],
}

impl<T: Copy> Place<T> for Apart<'_, T> {
    #[inline(always)]
    fn x(&self) -> &[T] {
        self.x
    }

    fn before_aligned(&self, bytes: usize) -> usize {
        self.y.as_ptr().align_offset(bytes)
    }

    fn write(&mut self, values: &[T]) {
        self.y.write_copy_of_slice(values);
    }

    #[inline(always)]
    fn row(&mut self, first: usize, count: usize) -> impl Row<T> {
        Apart { x: &self.x[first..first + count], y: &mut self.y[first..first + count] }
    }
}

impl<T: Copy> Row<T> for Apart<'_, T> {
    #[inline(always)]
    fn map<I: Isa, const N: usize>(self, elementwise: impl Elementwise<T, I, N>, how: How)
    where
        T: Lane<N>,
    {
        let Self { x, y } = self;
        let Some(end) = x.len().checked_sub(N) else {
            let values = elementwise.applied(0, &padded(x, T::rounded(0.0)));
            y.write_copy_of_slice(&values[..x.len()]);
            return;
        };
        let mut start = 0;
        if how.streams {
            // What lies between the ends is aligned.
            start = y.as_ptr().align_offset(size_of::<[T; N]>()).min(N);
            if let Some(x) = x.first_chunk::<N>() {
                y[..start].write_copy_of_slice(&elementwise.applied(0, x)[..start]);
            }
        }
        let (x_vectors, y_vectors) = (x[start..].as_chunks::<N>().0, y[start..].as_chunks_mut::<N>().0);
        let vectors = x_vectors.iter().zip(y_vectors).enumerate();
        if how.streams {
            for (at, (x, y)) in vectors {
                I::prefetch(x.as_ptr().wrapping_add(how.ahead));
                let values = elementwise.applied(start + at * N, x);
                I::stream(values, y);
            }
        } else if how.ahead > 0 {
            for (at, (x, y)) in vectors {
                I::prefetch(x.as_ptr().wrapping_add(how.ahead));
                put(y, elementwise.applied(start + at * N, x));
            }
        } else {
            for (at, (x, y)) in vectors {
                put(y, elementwise.applied(start + at * N, x));
            }
        }
        let rest = (x.len() - start) % N;
        if rest == 0 {
            return;
        }
        // What is left is the end of a vector that begins before it.
        if let (Some(x), Some(y)) = (x.last_chunk::<N>(), y.last_chunk_mut::<N>()) {
            // One of the two computes its values for itself: they stay in a register.
            if how.streams {
                // A line that is written past the caches and again through them costs more than many others.
                y[N - rest..].write_copy_of_slice(&elementwise.applied(end, x)[N - rest..]);
            } else {
                put(y, elementwise.applied(end, x));
            }
        }
    }
}

/// Gives a place its values.
#[inline(always)]
pub(super) fn put<T: Copy, const N: usize>(place: &mut [MaybeUninit<T>; N], values: [T; N]) {
    // SAFETY: a place that may be without a value has the size and alignment of one with a value.
    unsafe { place.as_mut_ptr().cast::<[T; N]>().write_unaligned(values) }
}

/// An array over itself.
pub(super) struct Within<'a, T>(pub &'a mut [T]);

impl<T: Copy> Place<T> for Within<'_, T> {
    #[inline(always)]
    fn x(&self) -> &[T] {
        self.0
    }

    fn before_aligned(&self, bytes: usize) -> usize {
        self.0.as_ptr().align_offset(bytes)
    }

    fn write(&mut self, values: &[T]) {
        self.0.copy_from_slice(values);
    }

    #[inline(always)]
    fn row(&mut self, first: usize, count: usize) -> impl Row<T> {
        Within(&mut self.0[first..first + count])
    }
}

impl<T: Copy> Row<T> for Within<'_, T> {
    #[inline(always)]
    fn map<I: Isa, const N: usize>(self, elementwise: impl Elementwise<T, I, N>, how: How)
    where
        T: Lane<N>,
    {
        let values = self.0;
        let Some(end) = values.len().checked_sub(N) else {
            let count = values.len();
            let results = elementwise.applied(0, &padded(values, T::rounded(0.0)));
            values.copy_from_slice(&results[..count]);
            return;
        };
        // The end of a vector that begins before it is computed before that beginning is written over.
        let ending = match values.last_chunk::<N>() {
            Some(x) => elementwise.applied(end, x),
            None => return,
        };
        for (at, values) in values.as_chunks_mut::<N>().0.iter_mut().enumerate() {
            if how.ahead > 0 {
                I::prefetch(values.as_ptr().wrapping_add(how.ahead));
            }
            *values = elementwise.applied(at * N, values);
        }
        if let Some(place) = values.last_chunk_mut::<N>() {
            *place = ending;
        }
    }
}
