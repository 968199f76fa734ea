//! The passes over the elements, in one page.
//!
//! # What is read and written
//!
//! A group is read twice and written once. The first time, two sums are taken of the distances `d` from a number near
//! the mean, a sample of the group having said where that is: of `d` and of its square (`statistics`). By that no digits
//! are lost however large the mean is, and mean and variance need one reading instead of two. Where the guess was more
//! than a deviation off, the sums are taken once more. The second time, y is written as one scale and shift of each
//! channel (`forward`, `place`). The backward pass reads x and dy for four sums, of `d`, `d * d`, `dy * d` and `dy`, and
//! both once more to write dx, which is linear in them (`backward`; channels of few elements: `small`).
//!
//! Contiguous groups are taken one by one, so that the second reading finds what fits there in the second cache. Where
//! the channels are interleaved (`interleaved`) the same is done for a sample as a whole: the sums go down its rows lane
//! by lane, and the numbers of a channel stand in rows of their own. Where axes of space lie in another order nothing
//! changes, as neither mean nor variance depends on it. Any other strides are made contiguous first, by the callers.
//!
//! # How accurate
//!
//! Lanes add a few terms ([`statistics::RUN`]; 32 in the backward pass) in the dtype that is computed in (f32 for f16,
//! bf16 and f32; f64 for f64) and are then emptied into a sum of twice the precision. Scale and shift are of twice the
//! precision too, each as two numbers, and are applied to the exact distance from an origin (`forward`): little more is
//! rounded than the result. What the lanes cannot hold on the way (squares beyond the range of f32, a variance of nearly
//! nothing beside a tiny epsilon, numbers that are none) is left to the careful computation in twice the precision, group
//! by group.
//!
//! # The same bits everywhere
//!
//! The text of a pass is compiled once for each instruction set (`vector`; `portable`, `avx2`, `avx512`), all of
//! whose operations give the same bits; `path` chooses at run time. The order of all additions follows from the shape
//! and from the order in which the elements lie. Threads share out whole groups, whole samples or units of a size of
//! their own, whose sums are added in their order; so are the samples' shares in the gradients of gamma and beta.
//!
//! # Threads
//!
//! rayon does the forking: the program that calls has its pool already, and a second one would take its cores. What a
//! fork costs in a pool that is awake is less than half of a pass over 128 KiB, so that two threads are faster from
//! [`MANY_BYTES`] on. Below that one thread does it all. A pool that has gone to sleep takes longer to wake.
//!
//! # Thresholds
//!
//! | what | why |
//! |---|---|
//! | [`parameters::SMALL`] | below 16 elements a channel, a loop over each channel would be mostly its ends: gamma and beta are spread out over the elements |
//! | [`SMALL_BYTES`] | groups up to 4 KiB are written after the sums of the next are taken, so that its square root and division wait for nobody; of larger ones the first cache holds no two |
//! | [`parameters::STREAMED_BYTES`] | from 8 MiB on, y is not in a cache any more when it is read, and is written past them: otherwise its old content is read first |
//! | [`parameters::HELD_BYTES`] | a group up to 512 KiB is held in the second cache; while it is written, the next one is fetched. A larger one is written piece by piece while the next one is summed |
//! | [`parameters::MEMORY_BYTES`] | from 32 MiB on, rows of interleaved channels are read as they lie, and not column by column: so they are fetched ahead |
//! | `interleaved::UNIT` | 64 Ki elements: what is added up for each channel of a unit is little beside them, and two threads find enough units |
//!
//! They were set on two cores with caches of 32 KiB, 1 MiB and 32 MiB; `cargo xtask bench operator` shows what they
//! come to.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backward;
mod forward;
mod interleaved;
mod lanes;
mod memory;
mod parameters;
mod path;
mod place;
mod portable;
mod small;
mod statistics;
mod vector;

#[cfg(test)]
mod tests;

use std::any::TypeId;
use std::mem::MaybeUninit;

use half::{bf16, f16};
use rayon::prelude::*;

pub(super) use backward::Share;
use backward::Summed;
use forward::Pieces;
use lanes::{Lane, WideOf};
use memory::{places, written};
use parameters::Parameters;
use path::Path;
use place::{Apart, Place, Within};
use statistics::Normaliser;
use vector::Isa;

use super::GroupNorm;
use super::layout::Order;
use super::shape::Extents;
use super::wide::Sum;
use crate::tensor::{DType, Element};

/// Below so many bytes one thread does it all.
const MANY_BYTES: usize = 96 << 10;

/// Two groups of so many bytes, and what is written of one, are held in the first cache.
const SMALL_BYTES: usize = 4 << 10;

/// Runs one expression with `$t` as the type of the elements and `$n` as how many fill a vector.
macro_rules! of_lanes {
    ($element:ty, $t:ident, $n:ident => $body:expr) => {
        match <$element>::DTYPE {
            DType::F16 => of_lanes!(@ f16, 16, $t, $n => $body),
            DType::BF16 => of_lanes!(@ bf16, 16, $t, $n => $body),
            DType::F32 => of_lanes!(@ f32, 16, $t, $n => $body),
            DType::F64 => of_lanes!(@ f64, 8, $t, $n => $body),
        }
    };
    (@ $type:ty, $lanes:literal, $t:ident, $n:ident => $body:expr) => {{
        type $t = $type;
        const $n: usize = $lanes;
        $body
    }};
}

/// Normalises the elements of an array in the order of memory, into a new array of the same order.
pub(super) fn forward<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &[T]) -> Vec<T> {
    written(x.len(), |y| forward_by(path::choice(), norm, extents, order, x, y))
}

/// The same into an array that is there.
pub(super) fn forward_into<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &[T], y: &mut [T]) {
    forward_by(path::choice(), norm, extents, order, x, places(y));
}

/// The same over the array itself.
pub(super) fn forward_within<T: Element>(norm: &GroupNorm, extents: Extents, order: Order, x: &mut [T]) {
    forward_within_by(path::choice(), norm, extents, order, x);
}

fn forward_by<T: Element>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    order: Order,
    x: &[T],
    y: &mut [MaybeUninit<T>],
) {
    of_lanes!(T, U, N => {
        let (x, y) = (same::<T, U>(x), same_mut::<MaybeUninit<T>, MaybeUninit<U>>(y));
        let parameters = Parameters::<U, N>::new(norm, extents, x.len());
        if order == Order::Interleaved {
            return interleaved::forward(path, &parameters, x, y);
        }
        let size = extents.group;
        let run = |first: usize, x: &[U], y: &mut [MaybeUninit<U>]| {
            let groups = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
            on(path, Forward { first, places: groups.map(|(x, y)| Apart { x, y }), parameters: &parameters });
        };
        match shares(x.len() / size, size_of_val(x)) {
            None => run(0, x, y),
            Some(groups) => {
                let shares = x.par_chunks(groups * size).zip(y.par_chunks_mut(groups * size));
                shares.enumerate().for_each(|(at, (x, y))| run(at * groups, x, y));
            }
        }
    });
}

fn forward_within_by<T: Element>(path: Path, norm: &GroupNorm, extents: Extents, order: Order, x: &mut [T]) {
    of_lanes!(T, U, N => {
        let x = same_mut::<T, U>(x);
        let parameters = Parameters::<U, N>::new(norm, extents, x.len());
        if order == Order::Interleaved {
            return interleaved::forward_within(path, &parameters, x);
        }
        let size = extents.group;
        let run = |first: usize, x: &mut [U]| {
            on(path, Forward { first, places: x.chunks_exact_mut(size).map(Within), parameters: &parameters });
        };
        match shares(x.len() / size, size_of_val(x)) {
            None => run(0, x),
            Some(groups) => x.par_chunks_mut(groups * size).enumerate().for_each(|(at, x)| run(at * groups, x)),
        }
    });
}

/// The forward pass over some groups.
struct Forward<'a, P, T: Lane<N>, const N: usize> {
    first: usize,
    places: P,
    parameters: &'a Parameters<'a, T, N>,
}

impl<T: Lane<N>, P: Iterator<Item: Place<T>>, const N: usize> Pass for Forward<'_, P, T, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        if self.parameters.pieces {
            return self.in_pieces::<I>();
        }
        // A small group is written after the sums of the next one are taken: the one does not wait for the other.
        let is_small = size_of::<T>() * self.parameters.extents.group <= SMALL_BYTES;
        let mut summed = None;
        for (index, mut place) in (self.first..).zip(self.places) {
            let normaliser = Normaliser::<T, N>::of::<I>(place.x(), self.parameters, &mut ());
            if let Some((index, place, normaliser)) = summed.take() {
                forward::group::<T, I, N>(index, place, &normaliser, self.parameters);
            }
            match normaliser {
                Some(normaliser) if is_small => summed = Some((index, place, normaliser)),
                Some(normaliser) => forward::group::<T, I, N>(index, place, &normaliser, self.parameters),
                None => carefully(index, &mut place, self.parameters),
            }
        }
        if let Some((index, place, normaliser)) = summed {
            forward::group::<T, I, N>(index, place, &normaliser, self.parameters);
        }
        if self.parameters.streams {
            I::fence();
        }
    }
}

impl<T: Lane<N>, P: Iterator<Item: Place<T>>, const N: usize> Forward<'_, P, T, N> {
    /// Each group is written while the next one is summed.
    #[inline(always)]
    fn in_pieces<I: Isa>(self) {
        let mut last: Option<Pieces<'_, '_, P::Item, T, N>> = None;
        for (index, mut place) in (self.first..).zip(self.places) {
            let normaliser = match last.take() {
                None => Normaliser::<T, N>::of::<I>(place.x(), self.parameters, &mut ()),
                Some(mut pieces) => {
                    let normaliser = Normaliser::<T, N>::of::<I>(place.x(), self.parameters, &mut pieces);
                    pieces.finish::<I>();
                    normaliser
                }
            };
            match normaliser {
                Some(normaliser) => last = Some(Pieces::new(index, place, normaliser, self.parameters)),
                None => carefully(index, &mut place, self.parameters),
            }
        }
        if let Some(last) = last {
            last.finish::<I>();
        }
        I::fence();
    }
}

/// A group that needs more care than a pass takes.
#[cold]
#[inline(never)]
fn carefully<T: Lane<N>, const N: usize>(index: usize, place: &mut impl Place<T>, parameters: &Parameters<'_, T, N>) {
    let Parameters { norm, extents, gamma, beta, .. } = parameters;
    let values = norm.normalised_carefully(index, *extents, [gamma, beta], place.x());
    place.write(&values);
}

/// How many groups each thread takes; `None` where one thread does it all.
fn shares(groups: usize, bytes: usize) -> Option<usize> {
    let threads = rayon::current_num_threads().min(groups);
    (threads > 1 && bytes >= MANY_BYTES).then(|| groups.div_ceil(threads))
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
    let path = path::choice();
    if !wants_dx {
        return (None, backward_by(path, norm, extents, order, inputs, None));
    }
    let mut of_parameters = Default::default();
    let dx = written(inputs[0].len(), |dx| {
        of_parameters = backward_by(path, norm, extents, order, inputs, Some(dx));
    });
    (Some(dx), of_parameters)
}

fn backward_by<T: Element>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    order: Order,
    inputs: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
) -> [Vec<f64>; 2] {
    of_lanes!(T, U, N => {
        let dx = dx.map(same_mut::<MaybeUninit<T>, MaybeUninit<U>>);
        backward_of::<U, N>(path, norm, extents, order, inputs.map(same::<T, U>), dx)
    })
}

fn backward_of<T: Lane<N>, const N: usize>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    order: Order,
    [x, dy]: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
) -> [Vec<f64>; 2] {
    let parameters = Parameters::<T, N>::new(norm, extents, x.len());
    let (size, channels) = (extents.group, parameters.channels);
    let mut of_channels = vec![Share::<WideOf<T, N>>::default(); x.len() / extents.spatial];
    match shares(x.len() / size, size_of_val(x)) {
        _ if order == Order::Interleaved => {
            interleaved::backward(path, &parameters, [x, dy], dx, &mut of_channels);
        }
        None => on(path, Backward { first: 0, x, dy, dx, shares: &mut of_channels, parameters: &parameters }),
        Some(groups) => {
            let inputs = x.par_chunks(groups * size).zip(dy.par_chunks(groups * size));
            let mut of_threads =
                of_channels.chunks_mut(groups * channels).map(|shares| (None, shares)).collect::<Vec<_>>();
            let parts = dx.into_iter().flat_map(|dx| dx.chunks_mut(groups * size));
            of_threads.iter_mut().zip(parts).for_each(|((dx, _), part)| *dx = Some(part));
            inputs.zip(of_threads).enumerate().for_each(|(at, ((x, dy), (dx, shares)))| {
                on(path, Backward { first: at * groups, x, dy, dx, shares, parameters: &parameters });
            });
        }
    }
    // Sample after sample, so that neither threads nor batches show.
    let mut sums = vec![[Sum::<WideOf<T, N>>::default(); 2]; norm.num_channels];
    for sample in of_channels.chunks_exact(norm.num_channels) {
        for (sums, share) in sums.iter_mut().zip(sample) {
            sums[0].push(share[0]);
            sums[1].push(share[1]);
        }
    }
    [0, 1].map(|which| sums.iter().map(|sums| sums[which].total().into()).collect())
}

/// The backward pass over some groups.
struct Backward<'a, T: Lane<N>, const N: usize> {
    first: usize,
    x: &'a [T],
    dy: &'a [T],
    dx: Option<&'a mut [MaybeUninit<T>]>,
    shares: &'a mut [Share<WideOf<T, N>>],
    parameters: &'a Parameters<'a, T, N>,
}

impl<T: Lane<N>, const N: usize> Pass for Backward<'_, T, N> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { first, x, dy, mut dx, shares, parameters } = self;
        let size = parameters.extents.group;
        let groups = x.chunks_exact(size).zip(dy.chunks_exact(size)).zip(shares.chunks_exact_mut(parameters.channels));
        for (at, ((x, dy), shares)) in groups.enumerate() {
            let dx = dx.as_deref_mut().map(|dx| &mut dx[at * size..][..size]);
            match (Summed::<T, N>::of::<I>(first + at, [x, dy], shares, parameters), dx) {
                (Some(summed), Some(dx)) => summed.write::<I>(first + at, [x, dy], dx, parameters),
                (Some(_), None) => {}
                (None, dx) => differentiate_carefully(first + at, [x, dy], dx, shares, parameters),
            }
        }
        if parameters.streams {
            I::fence();
        }
    }
}

/// A group that needs more care than a pass takes.
#[cold]
#[inline(never)]
fn differentiate_carefully<T: Lane<N>, const N: usize>(
    index: usize,
    inputs: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
    shares: &mut [Share<WideOf<T, N>>],
    parameters: &Parameters<'_, T, N>,
) {
    let Parameters { norm, extents, gamma, .. } = parameters;
    let values = norm.differentiated_carefully(index, *extents, gamma, inputs, shares);
    if let Some(dx) = dx {
        dx.write_copy_of_slice(&values);
    }
}

/// What is done to elements, compiled once for each instruction set.
trait Pass {
    /// Does it.
    fn run<I: Isa>(self);
}

fn on(path: Path, pass: impl Pass) {
    match path {
        Path::Portable => pass.run::<portable::Portable>(),
        // SAFETY: `path` has found that the machine has these, here and below.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { on_avx2(pass) },
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { on_avx512(pass) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn on_avx2(pass: impl Pass) {
    pass.run::<avx2::Avx2>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
fn on_avx512(pass: impl Pass) {
    pass.run::<avx512::Avx512>();
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
