//! Where a pass over a group reads and writes: from one array into another, or in place.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::far::{self, Progress};
use super::lanes::Lane;
use super::row::{self, How, Rows};
use super::vector::Isa;

/// A group's input, and room for its output.
pub(super) trait Place<T: Copy> {
    /// Whether rows are written otherwise where they come from memory or go past the caches.
    const IS_FAR_APART: bool;

    /// The input.
    fn x(&self) -> &[T];

    /// Writes all of the output.
    fn write(&mut self, values: &[T]);

    /// Writes what becomes of some elements, which are rows of `spatial`.
    fn write_rows<const FAR: bool, I: Isa, const N: usize>(
        &mut self,
        range: Range<usize>,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
    ) where
        T: Lane<N>;

    /// Writes what is left of what becomes of the elements up to one, as [`far::write_until`] does.
    fn write_until<I: Isa, const N: usize>(
        &mut self,
        until: usize,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
        progress: &mut Progress,
    ) where
        T: Lane<N>;
}

/// One array into another.
pub(super) struct Apart<'a, T> {
    pub x: &'a [T],
    pub y: &'a mut [MaybeUninit<T>],
}

impl<T: Copy> Place<T> for Apart<'_, T> {
    const IS_FAR_APART: bool = true;

    #[inline(always)]
    fn x(&self) -> &[T] {
        self.x
    }

    fn write(&mut self, values: &[T]) {
        self.y.write_copy_of_slice(values);
    }

    #[inline(always)]
    fn write_rows<const FAR: bool, I: Isa, const N: usize>(
        &mut self,
        range: Range<usize>,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
    ) where
        T: Lane<N>,
    {
        row::write::<FAR, T, I, N, 1>([&self.x[range.clone()]], &mut self.y[range], spatial, rows, how);
    }

    #[inline(always)]
    fn write_until<I: Isa, const N: usize>(
        &mut self,
        until: usize,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
        progress: &mut Progress,
    ) where
        T: Lane<N>,
    {
        far::write_until::<T, I, N, 1>([self.x], self.y, spatial, rows, how, until, progress);
    }
}

/// An array over itself.
pub(super) struct Within<'a, T>(pub &'a mut [T]);

impl<T: Copy> Place<T> for Within<'_, T> {
    const IS_FAR_APART: bool = false;

    #[inline(always)]
    fn x(&self) -> &[T] {
        self.0
    }

    fn write(&mut self, values: &[T]) {
        self.0.copy_from_slice(values);
    }

    #[inline(always)]
    fn write_rows<const FAR: bool, I: Isa, const N: usize>(
        &mut self,
        range: Range<usize>,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
    ) where
        T: Lane<N>,
    {
        for (at, row) in self.0[range].chunks_exact_mut(spatial).enumerate() {
            row::write_within::<T, I, N>(row, rows.row(at), how);
        }
    }

    #[inline(always)]
    fn write_until<I: Isa, const N: usize>(
        &mut self,
        until: usize,
        spatial: usize,
        rows: impl Rows<T, I, N, 1>,
        how: How,
        progress: &mut Progress,
    ) where
        T: Lane<N>,
    {
        while progress.done < until {
            let at = progress.done / spatial;
            let end = until.min((at + 1) * spatial);
            row::write_within::<T, I, N>(&mut self.0[progress.done..end], rows.row(at), how);
            progress.done = end;
        }
    }
}
