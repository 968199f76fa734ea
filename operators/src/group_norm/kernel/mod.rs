//! The passes over the elements, in one page.
//!
//! # What is read and written
//!
//! A group is read twice and written once. The first time, two sums are taken of the distances `d` from a number near
//! the mean, a sample of the group having said where that is: of `d` and of its square (`statistics`). By that no digits
//! are lost however large the mean is, and mean and variance need one reading instead of two. Where the guess was more
//! than a deviation off, the sums are taken once more. Elements of 16 bits are summed about 0 where the sample says that
//! this will do: then nothing has to be taken from each. The second time, y is written as one scale and shift of each
//! channel (`forward`, `place`, `row`). The backward pass reads x and dy for four sums, of `d`, `d * d`, `dy * d` and
//! `dy`, and both once more to write dx, which is linear in them (`backward`; channels of few elements: `small`).
//!
//! Contiguous groups are taken one by one, so that the second reading finds what fits there in the second cache; small
//! ones in batches, so that none waits for its own root and divisions (`grouped`, `batches`); large ones from memory piece
//! by piece, each while the next one is summed (`grouped`, `backward`, `far`). Where the channels are
//! interleaved (`interleaved`) the same is done for a sample as a whole: the sums go down its rows lane by lane, and the
//! numbers of a channel stand in rows of their own. Where axes of space lie in another order nothing changes, as neither
//! mean nor variance depends on it. Any other strides are made contiguous first, by the callers.
//!
//! # How accurate
//!
//! Lanes add a few terms ([`statistics::RUN`]; 32 in the backward pass) in the dtype that is computed in (f32 for f16,
//! bf16 and f32; f64 for f64) and are then emptied into a sum of twice the precision. Scale and shift are of twice the
//! precision too (`numbers`), each as two numbers, and are applied to the exact distance from an origin (`forward`):
//! little more is rounded than the result. What the lanes cannot hold on the way (squares beyond the range of f32, a
//! variance of nearly nothing beside a tiny epsilon, numbers that are none) is left to the careful computation in twice
//! the precision, group by group.
//!
//! # The same bits everywhere
//!
//! The text of a pass is compiled once for each instruction set (`vector`; `portable`, `avx2`, `avx512`, the last also
//! with AVX512_BF16), all of whose operations give the same bits; `path` chooses at run time. The portable one knows no way
//! past the caches, so that nothing is far to it ([`Pass::IS_FAR`]). Two vectors of bf16 are
//! taken together, the elements in even places and those in odd ones: so a shift and a mask make f32 of them
//! (`lanes`). The order of all additions follows from the shape
//! and from the order in which the elements lie. Threads share out whole groups, whole samples or units of a size of
//! their own, whose sums are added in their order; so are the samples' shares in the gradients of gamma and beta.
//!
//! # Where arrays lie
//!
//! A vector of f32 or f64 that begins where a line of the caches does is one line, any other lies across two. The channels
//! of a group lie one after the other, and are written as one run of vectors that are lines: where two channels meet, a
//! vector has lanes of both (`row`). What goes past the caches is written a whole line at once, also there (`far`). Samples
//! whose channels are interleaved are begun so that vectors are lines, too (`interleaved`). And a processor compares the
//! lower twelve bits of the addresses that it reads with those that it is still writing, and waits where they are the
//! same: so a long row is written from its end where y comes just after x in these bits (`row`), and the loops that write have
//! a function of their own, to find registers for what they would otherwise read from the stack (`grouped`).
//!
//! Where a page of 4 KiB lies in the memory, a processor has to look up, and what it fetches ahead by itself ends where a
//! page does. So the pages of all that is read and written from memory are looked up some pages ahead, by fetching a line
//! of each (`memory`, `far`, `forward`, `backward`, `interleaved::columns`).
//!
//! # Threads
//!
//! rayon does the forking: the program that calls has its pool already, and a second one would take its cores; nor is
//! another faster (`docs/forks.md` has the measurement). What a fork costs in a pool that is awake is less than half of a
//! pass over 128 KiB, so that two threads are faster from [`Sizes::shared`] on, whatever the dtype: f16 and bf16 take as
//! long as f32 of as many elements. Below that one thread does it all. A pool that has gone to sleep takes longer to wake.
//!
//! # Thresholds
//!
//! | what | why |
//! |---|---|
//! | [`parameters::SMALL`] | below 16 elements a channel, a loop over each channel would be mostly its ends: gamma and beta are spread out over the elements, in f64 for f32 and f64, so that nothing has to be widened |
//! | `grouped::FEW` | of 16 vectors, a sum would wait for the guess of the mean: that of all groups of a batch is guessed first |
//! | `statistics::MANY` | from 16 vectors on it pays to ask whether elements of 16 bits can be summed about 0 |
//! | `interleaved::channels::MANY` | from four groups on, what is computed in twice the precision of f64 is computed side by side |
//! | [`Sizes::batched`] | up to eight groups of 16 KiB together, and what is written of one, are held in the first cache: they are a batch |
//! | `row::MANY`, `interleaved::LONG` | rows of eight vectors in all, and a sample of 16 KiB, pay for a beginning that makes lines of the vectors that follow |
//! | `forward::FEW` | the scale and shift of up to three channels are sooner computed one by one than a vector at a time |
//! | `interleaved::columns::FEW_ROWS` | what is done once for each column of a row that two vectors divide pays from 32 such rows on; where there are fewer, a row is one place in space |
//! | [`Sizes::streamed`] | from 8 MiB on, y is not in a cache any more when it is read, and is written past them: otherwise its old content is read first |
//! | `memory::AHEAD` | a page is looked up while some before it are read: as long as that takes |
//! | [`Sizes::held`] | of groups up to 128 KiB (backward x and dy together), the whole next one is fetched while one is written; larger ones are written piece by piece while the next one is summed |
//! | `far::PIECE`, `far::FETCHED` | a piece of 2 KiB is long beside its beginning, and the 4 KiB that come after what is summed are fetched while it is written: so the memory is read without a pause, and what was fetched is in the first cache still |
//! | [`Sizes::fetched`] | an input from 8 MiB on comes from memory, and its pages are more than the processor knows the places of |
//! | `interleaved::columns::Turns` | of rows that come from memory fewer are taken together, so that they come nearly as they lie; of 16 bits more, as they take more to compute than to fetch |
//! | `totals::SHARES_BYTES` | what a few samples add to the gradients of gamma and beta is held in the first cache until it is added up; threads, and interleaved channels, leave it to the end |
//! | `interleaved::UNIT`, `UNITS` | 64 Ki elements, or a 32nd of a larger sample: what is added up for each channel of a unit is little beside them, and two threads find enough units |
//!
//! They were set on two cores with caches of 32 or 48 KiB, 1 MiB and 32 MiB. `docs/thresholds.md` has what both ways come to
//! on either side of those in [`Sizes`], by `cargo xtask bench thresholds`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backward;
mod batches;
mod far;
mod forward;
mod grouped;
mod interleaved;
mod lanes;
mod memory;
mod numbers;
mod parameters;
mod path;
mod place;
mod portable;
mod row;
mod sizes;
mod small;
mod statistics;
mod totals;
mod vector;

#[cfg(test)]
mod tests;

use std::any::TypeId;
use std::mem::MaybeUninit;

pub(super) use batches::Shares;
use half::{bf16, f16};
use memory::{places, written};
pub(super) use parameters::Casts;
use parameters::Parameters;
use path::Path;
use sizes::Sizes;
pub use sizes::thresholds;
use totals::{Totals, samples_at_once};
use vector::Isa;

use super::GroupNorm;
use super::layout::Order;
use super::shape::Extents;
use crate::tensor::{DType, Element};

/// What is asked of the passes, and how it is done: no bit of a result depends on the latter.
#[derive(Clone, Copy)]
struct Task<'a> {
    norm: &'a GroupNorm,
    extents: Extents,
    order: Order,
    path: Path,
    sizes: Sizes,
}

impl<'a> Task<'a> {
    /// One that is done as fast as this machine can.
    fn new(norm: &'a GroupNorm, extents: Extents, order: Order) -> Self {
        Self { norm, extents, order, path: path::choice(), sizes: sizes::choice() }
    }
}

/// Calls the passes over one dtype.
macro_rules! of_dtype {
    ($element:ty => $pass:ident($($argument:expr),*)) => {
        match <$element>::DTYPE {
            DType::F16 => <f16 as Passes>::$pass($($argument),*),
            DType::BF16 => <bf16 as Passes>::$pass($($argument),*),
            DType::F32 => <f32 as Passes>::$pass($($argument),*),
            DType::F64 => <f64 as Passes>::$pass($($argument),*),
        }
    };
}

/// Normalises the elements of an array in the order of memory, into a new array of the same order.
pub(super) fn forward<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &[T]) -> Vec<T> {
    written(x.len(), |y| forward_by(Task::new(norm, extents, order), x, y))
}

/// The same into an array that is there.
pub(super) fn forward_into<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &[T], y: &mut [T]) {
    forward_by(Task::new(norm, extents, order), x, places(y));
}

/// The same over the array itself.
pub(super) fn forward_within<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &mut [T]) {
    forward_within_by(Task::new(norm, extents, order), x);
}

fn forward_by<T: Element>(task: Task<'_>, x: &[T], y: &mut [MaybeUninit<T>]) {
    of_dtype!(T => forward(task, same(x), same_mut(y)))
}

fn forward_within_by<T: Element>(task: Task<'_>, x: &mut [T]) {
    of_dtype!(T => forward_within(task, same_mut(x)))
}

/// What the backward pass gives: the gradient of x where it is wanted, and those of gamma and beta.
pub(super) type Differentiated<T> = (Option<Vec<T>>, [Vec<f64>; 2]);

/// The gradients of an array in the order of memory, that of the output lying in the same order.
pub(super) fn backward<T: Element>(
    norm: &GroupNorm,
    extents: Extents,
    order: Order,
    inputs: [&[T]; 2],
    wants_dx: bool,
) -> Differentiated<T> {
    let task = Task::new(norm, extents, order);
    if !wants_dx {
        return (None, backward_by(task, inputs, None));
    }
    let mut of_parameters = Default::default();
    let dx = written(inputs[0].len(), |dx| of_parameters = backward_by(task, inputs, Some(dx)));
    (Some(dx), of_parameters)
}

fn backward_by<T: Element>(task: Task<'_>, [x, dy]: [&[T]; 2], dx: Option<&mut [MaybeUninit<T>]>) -> [Vec<f64>; 2] {
    of_dtype!(T => backward(task, [same(x), same(dy)], dx.map(same_mut)))
}

/// The passes over arrays of one dtype. Nothing here is generic: so they are compiled with this crate, and not with
/// each that calls them.
trait Passes: Element {
    fn forward(task: Task<'_>, x: &[Self], y: &mut [MaybeUninit<Self>]);

    fn forward_within(task: Task<'_>, x: &mut [Self]);

    fn backward(task: Task<'_>, inputs: [&[Self]; 2], dx: Option<&mut [MaybeUninit<Self>]>) -> [Vec<f64>; 2];
}

macro_rules! passes {
    ($($element:ty, $lanes:literal;)*) => {$(
        impl Passes for $element {
            #[inline(never)]
            fn forward(task: Task<'_>, x: &[Self], y: &mut [MaybeUninit<Self>]) {
                let parameters = Parameters::<Self, $lanes>::new(&task, x.len());
                match task.order {
                    Order::Grouped => grouped::forward(task.path, &parameters, x, y),
                    Order::Interleaved => interleaved::forward(task.path, &parameters, x, y),
                }
            }

            #[inline(never)]
            fn forward_within(task: Task<'_>, x: &mut [Self]) {
                let parameters = Parameters::<Self, $lanes>::new(&task, x.len());
                match task.order {
                    Order::Grouped => grouped::forward_within(task.path, &parameters, x),
                    Order::Interleaved => interleaved::forward_within(task.path, &parameters, x),
                }
            }

            #[inline(never)]
            fn backward(
                task: Task<'_>,
                inputs: [&[Self]; 2],
                dx: Option<&mut [MaybeUninit<Self>]>,
            ) -> [Vec<f64>; 2] {
                let Task { norm, order, path, .. } = task;
                let parameters = Parameters::<Self, $lanes>::new(&task, inputs[0].len());
                let (size, channels) = (parameters.sample(), norm.num_channels);
                let samples = samples_at_once(&parameters, order);
                // Each part sets its own anew.
                let mut shares = vec![0.0; 2 * samples.min(inputs[0].len() / size) * channels];
                let mut totals = [Totals::new(norm), Totals::new(norm)];
                let parts = inputs[0].chunks(samples * size).zip(inputs[1].chunks(samples * size));
                let mut rooms = dx.map(|dx| dx.chunks_mut(samples * size));
                for (x, dy) in parts {
                    let room = rooms.as_mut().and_then(Iterator::next);
                    let count = x.len() / size * channels;
                    let [hats, dys]: Shares<'_> = shares[..2 * count].split_at_mut(count).into();
                    match order {
                        Order::Grouped => grouped::backward(path, &parameters, [x, dy], room, [&mut *hats, &mut *dys]),
                        Order::Interleaved => {
                            interleaved::backward(path, &parameters, [x, dy], room, [&mut *hats, &mut *dys]);
                        }
                    }
                    totals.iter_mut().zip([hats, dys]).for_each(|(totals, shares)| totals.add(path, shares));
                }
                totals.map(Totals::sums)
            }
        }
    )*};
}

passes! {
    f16, 16;
    bf16, 16;
    f32, 16;
    f64, 8;
}

/// What is done to elements, compiled once for each instruction set.
trait Pass {
    /// Whether it rounds to bf16: then an instruction set that does so by itself is another one.
    const IS_OF_BF16: bool = false;
    /// Whether it is for what comes from memory or is written past the caches: of that, [`Parameters`] knows nothing where a
    /// path does not reach so far.
    const IS_FAR: bool = false;

    /// Does it.
    fn run<I: Isa>(self);
}

/// Does it by a path. What is compiled for an instruction set is in the file of that: so two cores build two of them.
#[inline(always)]
fn on<P: Pass>(path: Path, pass: P) {
    // Handed on where it is: of a copy, a processor would read at once what it is still writing part by part, and wait.
    let mut pass = Some(pass);
    let pass = &mut pass;
    match path {
        Path::Portable if P::IS_FAR => unreachable!("nothing is far where nothing is fetched"),
        Path::Portable => portable::run(pass),
        // SAFETY: `path` has found that the machine has these, here and below.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { avx2::run(pass) },
        #[cfg(target_arch = "x86_64")]
        Path::Avx512Bf16 if P::IS_OF_BF16 => unsafe { avx512::run_of_bf16(pass) },
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 | Path::Avx512Bf16 => unsafe { avx512::run(pass) },
    }
}

/// A slice by the name that its element type has here.
fn same<T: 'static, U: 'static>(slice: &[T]) -> &[U] {
    assert!(TypeId::of::<T>() == TypeId::of::<U>(), "there is one type for each dtype");
    // SAFETY: both are the same type.
    unsafe { std::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) }
}

fn same_mut<T: 'static, U: 'static>(slice: &mut [T]) -> &mut [U] {
    assert!(TypeId::of::<T>() == TypeId::of::<U>(), "there is one type for each dtype");
    // SAFETY: both are the same type, and the slice is handed on.
    unsafe { std::slice::from_raw_parts_mut(slice.as_mut_ptr().cast(), slice.len()) }
}
