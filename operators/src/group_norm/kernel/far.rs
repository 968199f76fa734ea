//! Rows that come from memory or are written past the caches.
//!
//! What is written past the caches is written a line at once, also where rows meet; what comes later is fetched on the way.

use std::mem::MaybeUninit;

use super::lanes::Lane;
use super::memory::{LINE, STRETCH, look_up, room_at, values_at};
use super::row::{Block, Elementwise, How, Rows, block, fetch, of_block};
use super::vector::Isa;

/// Writes rows of `spatial` elements, in all at least as many as in a vector.
#[inline(always)]
pub(super) fn write<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    spatial: usize,
    rows: impl Rows<T, I, N, A>,
    how: How,
) {
    let until = out.len();
    write_until(inputs, out, spatial, rows, how, until, &mut Progress::default());
}

/// How far rows are written.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    /// So many elements are written.
    pub done: usize,
    /// So many have had the pages looked up that come so far after them.
    looked: usize,
}

/// So many bytes of an input or a little more are a piece of a group that is written while the next one is summed.
const PIECE: usize = 2 << 10;

/// So many bytes ahead of what is summed the next group is fetched while a piece is written: so the memory is read without a
/// pause.
const FETCHED: usize = 2 * PIECE;

impl Progress {
    /// Whether what is left of the elements up to one is a piece.
    #[inline(always)]
    pub fn is_a_piece_before<T>(&self, until: usize) -> bool {
        until >= self.done + PIECE / size_of::<T>()
    }
}

/// How far ahead of a group of so many elements the next one is fetched, which is summed as far as that is written.
#[inline(always)]
pub(super) fn ahead_of_next<T>(group: usize) -> usize {
    group + FETCHED / size_of::<T>()
}

/// Writes what is left of the elements up to one; less than a block is left to the next time, but at the end of them all.
#[inline(always)]
pub(super) fn write_until<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    spatial: usize,
    rows: impl Rows<T, I, N, A>,
    how: How,
    until: usize,
    progress: &mut Progress,
) {
    let (length, Progress { done, looked }) = (out.len(), *progress);
    if done == length {
        return;
    }
    assert!(length >= N && until <= length, "there is a vector, and nothing is written beyond the last element");
    let inputs = inputs.map(|input| &input[..length]);
    let at = done / spatial;
    let mut writing = Writing { inputs, out, spatial, row: rows.row(at), rows, at, done, looked, how };
    if done == 0 {
        writing.begin();
    }
    // Half a line that is written past the caches costs more than all of it.
    let takes_pairs = T::IS_PAIRED || how.streams && size_of::<[T; N]>() < LINE;
    if takes_pairs {
        writing.blocks::<[[T; N]; 2]>(until);
    }
    if until == length || !takes_pairs {
        writing.blocks::<[T; N]>(until);
    }
    if until == length {
        writing.end();
    }
    *progress = Progress { done: writing.done, looked: writing.looked };
}

/// Rows on their way.
struct Writing<'a, R: Rows<T, I, N, A>, T: Lane<N>, I: Isa, const N: usize, const A: usize> {
    inputs: [&'a [T]; A],
    out: &'a mut [MaybeUninit<T>],
    spatial: usize,
    rows: R,
    /// The row that comes next, and what becomes of its elements.
    at: usize,
    row: R::Row,
    /// So many elements are written.
    done: usize,
    /// So many have had the pages looked up that come so far after them.
    looked: usize,
    how: How,
}

impl<R: Rows<T, I, N, A>, T: Lane<N>, I: Isa, const N: usize, const A: usize> Writing<'_, R, T, I, N, A> {
    /// Writes the beginning, where that makes whole lines of what follows.
    #[inline(always)]
    fn begin(&mut self) {
        let length = self.out.len();
        let end = self.out.as_ptr_range().end;
        if self.how.streams && !end.addr().is_multiple_of(LINE) {
            // A line that is written in part is read first.
            I::prefetch(end);
        }
        if self.how.streams && length >= 2 * N {
            let values = [self.vector(0), self.vector(N)];
            let values = values.as_flattened();
            let count = self.out.as_ptr().align_offset(LINE).min(values.len() - 1);
            self.out[..count].write_copy_of_slice(&values[..count]);
            (self.done, self.at) = (count, count / self.spatial);
            self.row = self.rows.row(self.at);
        }
    }

    /// Writes as many blocks as there are up to an element.
    #[inline(always)]
    fn blocks<B: Across<T, N>>(&mut self, until: usize) {
        let size = of_block::<B, T>();
        loop {
            let end = until.min((self.at + 1) * self.spatial);
            self.within::<B>(end, until);
            if self.done == end && end < until {
                self.at += 1;
                self.row = self.rows.row(self.at);
            } else if self.done + size <= until {
                self.across::<B>();
            } else {
                break;
            }
        }
    }

    /// Writes the blocks that lie in a row, which ends there.
    #[inline(always)]
    fn within<B: Block<T, N>>(&mut self, end: usize, until: usize) {
        let (size, ahead) = (of_block::<B, T>(), self.how.ahead);
        let count = end.saturating_sub(self.done) / size;
        for first in (0..count).step_by(STRETCH / size_of::<B>()) {
            let count = (count - first).min(STRETCH / size_of::<B>());
            self.look_up(until);
            // SAFETY: so many blocks are in the row.
            unsafe {
                // A branch less in each loop.
                if self.how.streams && size_of::<B>() >= LINE {
                    blocks::<true, true, B, T, I, N, A>(self.inputs, self.out, self.done, count, self.row, ahead);
                } else {
                    blocks::<false, true, B, T, I, N, A>(self.inputs, self.out, self.done, count, self.row, ahead);
                }
            }
            self.done += count * size;
        }
    }

    /// Looks up the pages of what comes later, where that has not been done.
    #[inline(always)]
    fn look_up(&mut self, until: usize) {
        let to = until.min(self.done + STRETCH / size_of::<T>());
        if self.looked >= to || self.done < self.looked && to < until {
            return;
        }
        let count = to - self.looked;
        look_up::<I, _>(self.out.as_ptr().wrapping_add(self.looked), count);
        for input in self.inputs {
            look_up::<I, _>(input.as_ptr().wrapping_add(self.looked + self.how.ahead), count);
        }
        self.looked += count;
    }

    /// Writes a block that lies in more than one row.
    #[inline(always)]
    fn across<B: Across<T, N>>(&mut self) {
        let at = self.done;
        let values = B::across(self, at);
        // SAFETY: a block ends where the elements do, or before.
        let place = unsafe { room_at(self.out, at) };
        if self.how.streams && size_of::<B>() >= LINE {
            I::stream(values, place);
        } else {
            place.write(values);
        }
        self.done += of_block::<B, T>();
    }

    /// The vector from an element of the next row on, which may reach into the one after it.
    #[inline(always)]
    fn vector(&mut self, at: usize) -> [T; N] {
        let end = (self.at + 1) * self.spatial;
        assert!(at + N <= self.out.len(), "a vector ends where the elements do, or before");
        // SAFETY: each input has as many elements as there are places.
        let values = self.inputs.map(|input| unsafe { values_at(input, at) });
        if self.how.ahead > 0 {
            fetch::<I, [T; N], T, A>(values, self.how.ahead);
        }
        let row = self.row;
        if at + N < end || end >= self.out.len() {
            return row.of_vector(at, values);
        }
        self.at += 1;
        self.row = self.rows.row(self.at);
        self.rows.joined(row, end - at, self.row).of_vector(at, values)
    }

    /// Writes what is less than a vector.
    #[inline(always)]
    fn end(&mut self) {
        let (length, done) = (self.out.len(), self.done);
        if done == length {
            return;
        }
        let end = length - N;
        self.done = length;
        if self.how.streams {
            // SAFETY: there are as many elements as in a vector, here and below.
            let values = self.inputs.map(|input| unsafe { values_at(input, end) });
            // A line that is written past the caches and again through them costs more than many others.
            let values = self.row.of_vector(end, values);
            self.out[done..].write_copy_of_slice(&values[N - (length - done)..]);
        } else {
            unsafe { block::<false, false, [T; N], T, I, N, A>(self.inputs, self.out, end, self.row, 0) };
        }
    }
}

/// Blocks that reach from a row into others.
trait Across<T: Lane<N>, const N: usize>: Block<T, N> {
    /// What becomes of that from an element of the next row on.
    fn across<R: Rows<T, I, N, A>, I: Isa, const A: usize>(rows: &mut Writing<'_, R, T, I, N, A>, at: usize) -> Self;
}

impl<T: Lane<N>, const N: usize> Across<T, N> for [T; N] {
    #[inline(always)]
    fn across<R: Rows<T, I, N, A>, I: Isa, const A: usize>(rows: &mut Writing<'_, R, T, I, N, A>, at: usize) -> Self {
        rows.vector(at)
    }
}

impl<T: Lane<N>, const N: usize> Across<T, N> for [[T; N]; 2] {
    #[inline(always)]
    fn across<R: Rows<T, I, N, A>, I: Isa, const A: usize>(rows: &mut Writing<'_, R, T, I, N, A>, at: usize) -> Self {
        [rows.vector(at), rows.vector(at + N)]
    }
}

/// Writes the blocks from an element on.
///
/// # Safety
///
/// So many blocks are there.
#[inline(always)]
unsafe fn blocks<
    const STREAMS: bool,
    const FETCHES: bool,
    B: Block<T, N>,
    T: Lane<N>,
    I: Isa,
    const N: usize,
    const A: usize,
>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    first: usize,
    count: usize,
    elementwise: impl Elementwise<T, I, N, A>,
    ahead: usize,
) {
    for turn in 0..count {
        let at = first + of_block::<B, T>() * turn;
        // SAFETY: as the caller says.
        unsafe { block::<STREAMS, FETCHES, B, T, I, N, A>(inputs, out, at, elementwise, ahead) };
    }
}
