//! The columns of vectors that a sample is taken in.

use std::ops::Range;

use super::super::lanes::Lane;
use super::super::memory::{LINE, look_up};
use super::super::statistics::RUN;
use super::super::vector::Isa;
use super::greatest_common_divisor;

/// A sample that has fewer rows of whole vectors than this is taken place by place.
const FEW_ROWS: usize = 32;

/// Rows of a length, and where the vectors of each begin.
///
/// Rows are of a length that both the number of channels and two vectors divide, so that each lane of a column is of
/// one channel and every number of channels is taken in whole vectors. Where a sample has few such rows, a row is one
/// place in space instead, whose last vector begins within the one before it: its first lanes are taken twice.
pub(super) struct Columns {
    /// Elements of a row.
    pub row: usize,
    /// An even number of them, in order.
    pub columns: Vec<Column>,
}

/// A vector of each row.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Its first element in the row.
    pub start: usize,
    /// So many of its first lanes belong to columns before it.
    pub covered: usize,
}

impl Columns {
    /// For samples of `length` elements of so many channels, in vectors of `lanes`.
    pub fn new(channels: usize, length: usize, lanes: usize) -> Self {
        let pair = 2 * lanes;
        let row = channels / greatest_common_divisor(channels, pair) * pair;
        if row > 2 * channels && channels >= lanes && length < FEW_ROWS * row {
            let count = channels.div_ceil(lanes).next_multiple_of(2);
            let starts = (0..count).map(|column| (column * lanes).min(channels - lanes));
            return Self { row: channels, columns: covering(starts, lanes) };
        }
        // Of a sample that is shorter, there is no more than a part of the first row.
        let row = row.min(length.next_multiple_of(pair));
        Self { row, columns: covering((0..row).step_by(lanes), lanes) }
    }

    /// How many whole rows there are in each of some arrays of the same length.
    pub fn rows<T, const A: usize>(&self, arrays: [&[T]; A]) -> usize {
        let length = arrays[0].len();
        assert!(arrays.iter().all(|array| array.len() == length), "each element has a place in every array");
        length / self.row
    }
}

/// Columns that begin there; the last of them ends with the row.
fn covering(starts: impl Iterator<Item = usize>, lanes: usize) -> Vec<Column> {
    let mut end = 0;
    let column = |start: usize| {
        let covered = usize::saturating_sub(end, start);
        end = start + lanes;
        Column { start, covered }
    };
    starts.map(column).collect()
}

/// The turns in which vectors are taken: some rows together, pair of columns after pair of columns, so that what belongs
/// to a column is read once for all of them. What comes from memory is fetched meanwhile, in the order in which it lies.
#[derive(Clone, Copy)]
pub(super) struct Turns {
    /// So many rows are taken together.
    pub together: usize,
    /// Whether they come from memory: then the next ones, or the pages they lie on, are fetched meanwhile.
    from_memory: bool,
}

impl Turns {
    /// For rows of so many bytes in each of `A` inputs, that come from memory or do not.
    pub fn new<T: Lane<N>, const N: usize, const A: usize>(row: usize, from_memory: bool) -> Self {
        // What is taken together and as much that is fetched meanwhile is held in the first cache; of fewer rows than the
        // least, what belongs to a column is more than its elements.
        let (bytes, least, most) = match (A, T::IS_SHORT) {
            _ if !from_memory => (8 << 10, 4, RUN),
            (1, true) => (16 << 10, 4, 8),
            (1, false) => (8 << 10, 4, 4),
            (_, true) => (8 << 10, 4, 8),
            (_, false) => (4 << 10, 2, 4),
        };
        Self { together: (bytes / row).clamp(least, most), from_memory }
    }

    /// Looks up the pages that some rows of an input or an output that comes later lie on.
    #[inline(always)]
    pub fn look_up<I: Isa, T>(&self, values: &[T], rows: Range<usize>, length: usize) {
        if self.from_memory {
            look_up::<I, _>(values[rows.start * length..].as_ptr(), rows.len() * length);
        }
    }

    /// Fetches a part of the rows that follow some, in the order in which they lie: the part of one of so many `turns`.
    #[inline(always)]
    pub fn fetch<T: Lane<N>, I: Isa, const N: usize>(
        &self,
        values: &[T],
        rows: Range<usize>,
        length: usize,
        (turn, turns): (usize, usize),
    ) {
        if !self.from_memory {
            return;
        }
        let next = values.as_ptr().wrapping_add(rows.end * length).cast::<u8>();
        let lines = (rows.len() * length * size_of::<T>()).div_ceil(LINE);
        for line in turn * lines / turns..(turn + 1) * lines / turns {
            I::prefetch(next.wrapping_add(line * LINE));
        }
    }
}
