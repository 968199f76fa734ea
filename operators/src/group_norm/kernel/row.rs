//! What becomes of a row of elements: from some arrays into another, or over itself.
//!
//! Elements are taken in pairs of vectors where that is faster, and what is left in single ones, the last of which
//! begins within the one before it. A long row is taken so that most vectors are lines; from its end to its beginning
//! where it would otherwise seem to read what it has just written.

use std::mem::MaybeUninit;

use super::lanes::{In, Lane, Of, padded};
use super::memory::{LINE, STRETCH, joined, look_up, room_at, values_at};
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

/// How a row is written.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Past the caches.
    pub streams: bool,
    /// So many elements ahead the inputs are fetched; 0 where they are not.
    pub ahead: usize,
}

/// Writes a row of as many elements as each of the inputs has.
#[inline(always)]
pub(super) fn write<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    elementwise: impl Elementwise<T, I, N, A>,
    how: How,
) {
    let length = out.len();
    let inputs = inputs.map(|input| &input[..length]);
    if length < N {
        let values = inputs.map(|input| padded(input, T::rounded(0.0)));
        out.write_copy_of_slice(&elementwise.of_vector(0, values.each_ref())[..length]);
        return;
    }
    if length < MANY * N && !how.streams && how.ahead == 0 {
        short::<T, I, N, A>(inputs, out, elementwise);
        return;
    }
    let end = out.as_ptr_range().end;
    if how.streams && !end.addr().is_multiple_of(LINE) {
        // A line that is written in part is read first.
        I::prefetch(end);
    }
    let mut done = begun::<T, I, N, A>(inputs, out, elementwise, how);
    if takes_pairs::<T, N>(how.streams) {
        done = blocks::<[[T; N]; 2], T, I, N, A>(inputs, out, done, elementwise, how);
    }
    done = blocks::<[T; N], T, I, N, A>(inputs, out, done, elementwise, how);
    let rest = length - done;
    if rest > 0 {
        let end = length - N;
        // SAFETY: the row has as many elements as a vector, here and below.
        let values = inputs.map(|input| unsafe { values_at(input, end) });
        // Each of the two computes its values for itself: they stay in a register.
        if how.streams {
            // A line that is written past the caches and again through them costs more than many others.
            let values = elementwise.of_vector(end, values);
            out[done..].write_copy_of_slice(&values[N - rest..]);
        } else {
            unsafe { room_at(out, end) }.write(elementwise.of_vector(end, values));
        }
    }
}

/// Writes a row of a few vectors: what is asked of a long one would take as long as these.
#[inline(always)]
fn short<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    elementwise: impl Elementwise<T, I, N, A>,
) {
    let length = out.len();
    let mut done = 0;
    if T::IS_PAIRED {
        while done + 2 * N <= length {
            // SAFETY: so many elements are in the row, here and below.
            unsafe { block::<[[T; N]; 2], T, I, N, A>(inputs, out, done, elementwise) };
            done += 2 * N;
        }
    }
    while done + N <= length {
        unsafe { block::<[T; N], T, I, N, A>(inputs, out, done, elementwise) };
        done += N;
    }
    if done < length {
        unsafe { block::<[T; N], T, I, N, A>(inputs, out, length - N, elementwise) };
    }
}

/// Writes the block from an element on.
///
/// # Safety
///
/// The block does not reach beyond the last element.
#[inline(always)]
unsafe fn block<B: Block<T, N>, T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    at: usize,
    elementwise: impl Elementwise<T, I, N, A>,
) {
    // SAFETY: as the caller says; each input has as many elements as there are places.
    let (values, place) = unsafe { (inputs.map(|input| values_at::<T, B>(input, at)), room_at::<T, B>(out, at)) };
    place.write(B::of::<I, A>(elementwise, at, values));
}

/// A row of so many vectors is worth a beginning that makes whole lines of those that follow.
const MANY: usize = 8;

/// Writes the beginning of a row that is no shorter than a vector, where that makes whole lines of what follows; so many
/// elements are done then.
#[inline(always)]
fn begun<T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    elementwise: impl Elementwise<T, I, N, A>,
    how: How,
) -> usize {
    let length = out.len();
    if how.streams && length >= 2 * N {
        // SAFETY: the row has as many elements as a pair.
        let values = inputs.map(|input| unsafe { values_at(input, 0) });
        let values = elementwise.of_pair(0, values);
        let values = values.as_flattened();
        let count = out.as_ptr().align_offset(LINE).min(values.len());
        out[..count].write_copy_of_slice(&values[..count]);
        return count;
    }
    if how.streams || size_of::<[T; N]>() < LINE || length < MANY * N {
        return 0;
    }
    // A line that is written in two parts costs more than one that is read so, but less than two.
    let start = if A == 1 { out.as_ptr().cast() } else { inputs[0].as_ptr() };
    let count = start.align_offset(LINE);
    if count == 0 || count > N {
        return 0;
    }
    // SAFETY: the row has as many elements as a vector, here and below.
    let values = inputs.map(|input| unsafe { values_at(input, 0) });
    unsafe { room_at(out, 0) }.write(elementwise.of_vector(0, values));
    count
}

/// Whether elements are taken in pairs of vectors first.
#[inline(always)]
fn takes_pairs<T: Lane<N>, const N: usize>(streams: bool) -> bool {
    // Half a line that is written past the caches costs more than all of it.
    T::IS_PAIRED || streams && size_of::<[T; N]>() < LINE
}

/// Some elements that are taken at once.
trait Block<T: Lane<N>, const N: usize>: Copy {
    /// What becomes of them.
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self;

    /// As many as there are among some elements.
    fn among(values: &[T]) -> &[Self];

    /// The places of as many.
    fn rooms(values: &mut [MaybeUninit<T>]) -> &mut [MaybeUninit<Self>];
}

impl<T: Lane<N>, const N: usize> Block<T, N> for [T; N] {
    #[inline(always)]
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self {
        elementwise.of_vector(at, values)
    }

    #[inline(always)]
    fn among(values: &[T]) -> &[Self] {
        values.as_chunks().0
    }

    #[inline(always)]
    fn rooms(values: &mut [MaybeUninit<T>]) -> &mut [MaybeUninit<Self>] {
        // SAFETY: these are arrays of places for such elements.
        unsafe { joined(values.as_chunks_mut::<N>().0) }
    }
}

impl<T: Lane<N>, const N: usize> Block<T, N> for [[T; N]; 2] {
    #[inline(always)]
    fn of<I: Isa, const A: usize>(elementwise: impl Elementwise<T, I, N, A>, at: usize, values: [&Self; A]) -> Self {
        elementwise.of_pair(at, values)
    }

    #[inline(always)]
    fn among(values: &[T]) -> &[Self] {
        values.as_chunks::<N>().0.as_chunks().0
    }

    #[inline(always)]
    fn rooms(values: &mut [MaybeUninit<T>]) -> &mut [MaybeUninit<Self>] {
        // SAFETY: as above.
        unsafe { joined(values.as_chunks_mut::<N>().0.as_chunks_mut::<2>().0) }
    }
}

/// Writes as many blocks as there are from element `done` on; so many elements are done then.
#[inline(always)]
fn blocks<B: Block<T, N>, T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[T]; A],
    out: &mut [MaybeUninit<T>],
    done: usize,
    elementwise: impl Elementwise<T, I, N, A>,
    How { streams, ahead }: How,
) -> usize {
    let follows = A == 1 && size_of::<[T; N]>() >= LINE && seems_to_follow(inputs[0], out);
    let rooms = B::rooms(&mut out[done..]);
    let inputs = inputs.map(|input| &B::among(&input[done..])[..rooms.len()]);
    let count = rooms.len() * of_block::<B, T>();
    // A branch less in each loop.
    if streams && size_of::<B>() >= LINE {
        stretches::<true, B, T, I, N, A>(inputs, rooms, done, elementwise, ahead);
    } else if ahead > 0 {
        stretches::<false, B, T, I, N, A>(inputs, rooms, done, elementwise, ahead);
    } else if follows {
        some_blocks::<false, false, true, B, T, I, N, A>(inputs, rooms, done, elementwise, 0);
    } else {
        some_blocks::<false, false, false, B, T, I, N, A>(inputs, rooms, done, elementwise, 0);
    }
    done + count
}

/// Elements of a block.
#[inline(always)]
const fn of_block<B, T>() -> usize {
    size_of::<B>() / size_of::<T>()
}

/// Whether what is read next seems to be what was just written: a processor compares the lower twelve bits of the two
/// addresses first, and where they are the same, it waits. With two inputs, or elements of 16 bits, nothing was won by it.
#[inline(always)]
fn seems_to_follow<T>(input: &[T], out: &[MaybeUninit<T>]) -> bool {
    let ahead = out.as_ptr().addr().wrapping_sub(input.as_ptr().addr()) % 4096;
    (LINE..=8 * LINE).contains(&ahead)
}

/// Writes blocks that are fetched or written past the caches, some of them after the other: the pages of what comes later
/// are looked up in between.
#[inline(always)]
fn stretches<const STREAMS: bool, B: Block<T, N>, T: Lane<N>, I: Isa, const N: usize, const A: usize>(
    inputs: [&[B]; A],
    rooms: &mut [MaybeUninit<B>],
    done: usize,
    elementwise: impl Elementwise<T, I, N, A>,
    ahead: usize,
) {
    let stretch = STRETCH / size_of::<B>();
    for (at, rooms) in rooms.chunks_mut(stretch).enumerate() {
        let first = at * stretch;
        let inputs = inputs.map(|input| &input[first..][..rooms.len()]);
        look_up::<I, _>(rooms.as_ptr(), rooms.len());
        for input in inputs {
            look_up::<I, _>(input.as_ptr().wrapping_byte_add(ahead * size_of::<T>()), input.len());
        }
        let done = done + first * of_block::<B, T>();
        some_blocks::<STREAMS, true, false, B, T, I, N, A>(inputs, rooms, done, elementwise, ahead);
    }
}

/// Writes blocks.
#[inline(always)]
fn some_blocks<
    const STREAMS: bool,
    const FETCHES: bool,
    const REVERSES: bool,
    B: Block<T, N>,
    T: Lane<N>,
    I: Isa,
    const N: usize,
    const A: usize,
>(
    inputs: [&[B]; A],
    rooms: &mut [MaybeUninit<B>],
    done: usize,
    elementwise: impl Elementwise<T, I, N, A>,
    ahead: usize,
) {
    let count = rooms.len();
    for turn in 0..count {
        let block = if REVERSES { count - 1 - turn } else { turn };
        // SAFETY: each input has as many blocks as there are rooms; looked up here, it would be so at every turn.
        let (values, place) =
            unsafe { (inputs.map(|input| input.get_unchecked(block)), rooms.get_unchecked_mut(block)) };
        if FETCHES {
            fetch::<I, B, T, A>(values, ahead);
        }
        let values = B::of::<I, A>(elementwise, done + block * of_block::<B, T>(), values);
        if STREAMS {
            I::stream(values, place);
        } else {
            place.write(values);
        }
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
fn fetch<I: Isa, B, T, const A: usize>(blocks: [&B; A], ahead: usize) {
    for block in blocks {
        let next = (&raw const *block).cast::<T>().wrapping_add(ahead);
        for line in 0..size_of::<B>().div_ceil(LINE) {
            I::prefetch(next.wrapping_byte_add(line * LINE));
        }
    }
}
