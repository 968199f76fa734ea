//! Where a pass over a group reads and writes: from one array into another, or in place.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::lanes::Lane;
use super::row::{self, How, Rows};
use super::vector::Isa;

/// A group's input, and room for its output.
pub(super) trait Place<T: Copy> {
    /// The input.
    fn x(&self) -> &[T];

    /// So many elements come before the first place of the output that is aligned to so many bytes.
    fn before_aligned(&self, bytes: usize) -> usize;

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
}
