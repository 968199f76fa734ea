//! What becomes of rows of elements that lie one after the other: from some arrays into another, or over themselves.
//!
//! Elements are taken in pairs of vectors where that is faster, and what is left in single ones, the last of which
//! begins within the one before it. Rows are taken so that most vectors are lines, and where two meet, a vector has lanes of
//! both; long ones from their end to their beginning where they would otherwise seem to read what they have just written.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::far;
use super::lanes::{In, Lane, Of, padded};
use super::memory::{LINE, room_at, values_at};
use super::vector::{Arithmetic, Isa};

/// What becomes of the elements of `A` arrays that have the same place.
pub(super) trait Elementwise<T: Lane<N>, I: Isa, const N: usize, const A: usize>: Copy {
    /// Whether it is the same at every place.
    const IS_UNIFORM: bool;

    /// That of a vector of them, from place `at` on.
    fn of(&self, at: usize, values: [Of<T, I, N>; A]) -> Of<T, I, N>;

    /// The same of elements.
    #[inline(always)]
    fn of_vector(&self, at: usize, values: [&[T; N]; A]) -> [T; N] {
        let mut vectors = [Of::<T, I, N>::splat(In::<T, N>::default()); A];
        for a in 0..A {
            vectors[a] = T::load::<I>(values[a]);
        }
        T::store::<I>(self.of(at, vectors))
    }

    /// That of two vectors of elements.
    #[inline(always)]
    fn of_pair(&self, at: usize, values: [&[[T; N]; 2]; A]) -> [[T; N]; 2] {
        if !Self::IS_UNIFORM {
            let [lower, upper] = [values.map(|values| &values[0]), values.map(|values| &values[1])];
            return [self.of_vector(at, lower), self.of_vector(at + N, upper)];
        }
        let mut vectors = [[Of::<T, I, N>::splat(In::<T, N>::default()); A]; 2];
        for a in 0..A {
            [vectors[0][a], vectors[1][a]] = T::load_pair::<I>(values[a]);
        }
        T::store_pair::<I>([self.of(at, vectors[0]), self.of(at, vectors[1])])
    }
}

/// What becomes of the elements of rows, none of which is shorter than a vector where there are several.
pub(super) trait Rows<T: Lane<N>, I: Isa, const N: usize, const A: usize> {
    /// What becomes of those of one.
    type Row: Elementwise<T, I, N, A>;

    fn row(&self, row: usize) -> Self::Row;

    /// The first `count` lanes by one row, and those after them by another.
    fn joined(&self, row: Self::Row, count: usize, then: Self::Row) -> Self::Row;
}

/// One row.
pub(super) struct Single<E>(pub E);

impl<E: Elementwise<T, I, N, A>, T: Lane<N>, I: Isa, const N: usize, const A: usize> Rows<T, I, N, A> for Single<E> {
    type Row = E;

    #[inline(always)]
    fn row(&self, _: usize) -> E {
        self.0
    }

    #[inline(always)]
    fn joined(&self, row: E, _: usize, _: E) -> E {
        row
    }
}

/// How rows are written.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Past the caches.
    pub streams: bool,
    /// So many elements ahead the inputs are fetched; 0 where they are not.
    pub ahead: usize,
}

/// Writes rows of `spatial` elements, as many in all as each of the inputs has.
#[inline(always)]
pub(super) fn write<const FAR: bool, T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    spatial: usize,
    rows: impl Rows<T, I, N, A>,
    how: How,
) {
    let length = out.len();
    let inputs = inputs.map(|input| &input[..length]);
    if length < N {
        let values = inputs.map(|input| padded(input, T::rounded(0.0)));
        out.write_copy_of_slice(&rows.row(0).of_vector(0, values.each_ref())[..length]);
        return;
    }
    assert!(spatial == length || spatial >= N, "of several rows, none is shorter than a vector");
    if FAR {
        far::write(inputs, out, spatial, rows, how);
    } else {
        in_cache(inputs, out, spatial, rows);
    }
}

/// Of so many vectors, a row is worth a look at where it lies, and some rows are worth a beginning that makes whole lines of
/// the vectors that follow.
const MANY: usize = 8;

/// Writes rows of at least a vector through the caches.
#[inline(always)]
fn in_cache<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    spatial: usize,
    rows: impl Rows<T, I, N, A>,
) {
    let length = out.len();
    let follows = A == 1 && size_of::<[T; N]>() >= LINE && spatial >= MANY * N && seems_to_follow(inputs[0], out);
    let mut row = rows.row(0);
    let mut done = 0;
    if size_of::<[T; N]>() >= LINE && length >= MANY * N {
        // A line that is written in two parts costs more than one that is read so, but less than two.
        let start = if A == 1 { out.as_ptr().cast() } else { inputs[0].as_ptr() };
        let count = start.align_offset(LINE);
        if (1..N).contains(&count) {
            // SAFETY: the first row is as long as a vector.
            unsafe { block::<false, false, [T; N], T, I, N, A>(inputs, out, 0, row, 0) };
            done = count;
        }
    }
    for at in 1..length / spatial {
        let end = at * spatial;
        // SAFETY: the row ends where the elements do, or before, here and below.
        done = unsafe { within(inputs, out, done..end, row, follows) };
        let next = rows.row(at);
        if done < end {
            // SAFETY: what does not lie in this row lies in the next, which is as long as a vector.
            unsafe {
                block::<false, false, [T; N], T, I, N, A>(inputs, out, done, rows.joined(row, end - done, next), 0)
            };
            done += N;
        }
        row = next;
    }
    done = unsafe { within(inputs, out, done..length, row, follows) };
    if done < length {
        unsafe { block::<false, false, [T; N], T, I, N, A>(inputs, out, length - N, row, 0) };
    }
}

/// Writes as many vectors as lie in a part of a row; so many elements are done then.
///
/// # Safety
///
/// The part does not reach beyond the last element.
#[inline(always)]
unsafe fn within<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    part: Range<usize>,
    elementwise: impl Elementwise<T, I, N, A>,
    follows: bool,
) -> usize {
    let mut done = part.start;
    // SAFETY: as the caller says.
    unsafe {
        if T::IS_PAIRED {
            while done + 2 * N <= part.end {
                block::<false, false, [[T; N]; 2], T, I, N, A>(inputs, out, done, elementwise, 0);
                done += 2 * N;
            }
        }
        if follows && done < part.end {
            let count = (part.end - done) / N;
            for at in (0..count).rev() {
                block::<false, false, [T; N], T, I, N, A>(inputs, out, done + at * N, elementwise, 0);
            }
            return done + count * N;
        }
        while done + N <= part.end {
            block::<false, false, [T; N], T, I, N, A>(inputs, out, done, elementwise, 0);
            done += N;
        }
    }
    done
}

/// Some elements that are taken at once.
pub(super) trait Block<T: Lane<N>, const N: usize>: Copy {
    /// What becomes of them.
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self;
}

impl<T: Lane<N>, const N: usize> Block<T, N> for [T; N] {
    #[inline(always)]
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self {
        elementwise.of_vector(at, values)
    }
}

impl<T: Lane<N>, const N: usize> Block<T, N> for [[T; N]; 2] {
    #[inline(always)]
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self {
        elementwise.of_pair(at, values)
    }
}

/// Elements of a block.
#[inline(always)]
pub(super) const fn of_block<B, T>() -> usize {
    size_of::<B>() / size_of::<T>()
}

/// Whether what is read next seems to be what was just written: a processor compares the lower twelve bits of the two
/// addresses first, and where they are the same, it waits. With two inputs, or elements of 16 bits, nothing was won by it.
#[inline(always)]
fn seems_to_follow<T>(input: &[T], out: &[MaybeUninit<T>]) -> bool {
    let ahead = out.as_ptr().addr().wrapping_sub(input.as_ptr().addr()) % 4096;
    (LINE..=8 * LINE).contains(&ahead)
}

/// Writes the block from an element on.
///
/// # Safety
///
/// The block does not reach beyond the last element.
#[inline(always)]
pub(super) unsafe fn block<
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
    at: usize,
    elementwise: impl Elementwise<T, I, N, A>,
    ahead: usize,
) {
    // SAFETY: as the caller says; each input has as many elements as there are places.
    let (values, place) = unsafe { (inputs.map(|input| values_at::<T, B>(input, at)), room_at::<T, B>(out, at)) };
    if FETCHES {
        fetch::<I, B, T, A>(values, ahead);
    }
    let values = B::of::<I, A>(elementwise, at, values);
    if STREAMS {
        I::stream(values, place);
    } else {
        place.write(values);
    }
}

/// Writes a row over itself.
#[inline(always)]
pub(super) fn write_within<T: Lane<N>, I: Isa, const N: usize>(
    row: &mut [T],
    elementwise: impl Elementwise<T, I, N, 1>,
    how: How,
) {
    let Some(end) = row.len().checked_sub(N) else {
        let values = elementwise.of_vector(0, [&padded(row, T::rounded(0.0))]);
        row.copy_from_slice(&values[..row.len()]);
        return;
    };
    // The end of a vector that begins before it is computed before that beginning is written over.
    let ending = match row.last_chunk::<N>() {
        Some(values) => elementwise.of_vector(end, [values]),
        None => return,
    };
    let (vectors, _) = row.as_chunks_mut::<N>();
    let (pairs, vectors) = if T::IS_PAIRED { vectors.as_chunks_mut::<2>() } else { (&mut [][..], vectors) };
    let mut done = 0;
    for values in pairs {
        if how.ahead > 0 {
            fetch::<I, _, T, 1>([values], how.ahead);
        }
        *values = elementwise.of_pair(done, [values]);
        done += 2 * N;
    }
    for values in vectors {
        if how.ahead > 0 {
            fetch::<I, _, T, 1>([values], how.ahead);
        }
        *values = elementwise.of_vector(done, [values]);
        done += N;
    }
    if let Some(place) = row.last_chunk_mut::<N>() {
        *place = ending;
    }
}

/// Fetches the blocks that begin so many elements after some.
#[inline(always)]
pub(super) fn fetch<I: Isa, B, T, const A: usize>(blocks: [&B; A], ahead: usize) {
    for block in blocks {
        let next = (&raw const *block).cast::<T>().wrapping_add(ahead);
        for line in 0..size_of::<B>().div_ceil(LINE) {
            I::prefetch(next.wrapping_byte_add(line * LINE));
        }
    }
}
