//! The passes over groups that lie contiguous: which thread takes which of them.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::backward::{self, Long};
use super::batches::{Backward, Groups, Shares};
use super::forward::{self, LookUp, Pieces};
use super::lanes::Lane;
use super::parameters::{Parameters, SMALL};
use super::path::Path;
use super::place::{Apart, Place, Within};
use super::small::Few;
use super::statistics::{BATCH, Batch, Normaliser, Outcome};
use super::vector::Isa;
use super::{Pass, on};
use crate::tensor::DType;

/// A group of fewer vectors is summed in less time than its mean is guessed in.
const FEW: usize = 16;

/// Normalises all groups.
pub(super) fn forward<T: Lane<N>, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    x: &[T],
    y: &mut [MaybeUninit<T>],
) {
    let size = parameters.extents.group;
    let run = |first: usize, x: &[T], y: &mut [MaybeUninit<T>]| {
        let groups = x.chunks_exact(size).zip(y.chunks_exact_mut(size));
        normalise(path, Forward { first, places: groups.map(|(x, y)| Apart { x, y }), parameters });
    };
    match shares(parameters, x.len() / size) {
        None => run(0, x, y),
        Some(groups) => {
            let shares = x.par_chunks(groups * size).zip(y.par_chunks_mut(groups * size));
            shares.enumerate().for_each(|(at, (x, y))| run(at * groups, x, y));
        }
    }
}

/// The same over the input itself.
pub(super) fn forward_within<T: Lane<N>, const N: usize>(path: Path, parameters: &Parameters<'_, T, N>, x: &mut [T]) {
    let size = parameters.extents.group;
    let run = |first: usize, x: &mut [T]| {
        normalise(path, Forward { first, places: x.chunks_exact_mut(size).map(Within), parameters });
    };
    match shares(parameters, x.len() / size) {
        None => run(0, x),
        Some(groups) => x.par_chunks_mut(groups * size).enumerate().for_each(|(at, x)| run(at * groups, x)),
    }
}

/// The gradients: that of x, where there is room for it, and what each channel of each sample adds to the others.
pub(super) fn backward<T: Lane<N>, const N: usize>(
    path: Path,
    parameters: &Parameters<'_, T, N>,
    [x, dy]: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
    of_channels: Shares<'_>,
) {
    let (size, channels) = (parameters.extents.group, parameters.channels);
    match shares(parameters, x.len() / size) {
        None => differentiate(path, Groups { first: 0, x, dy, dx, shares: of_channels, parameters }),
        Some(groups) => {
            let inputs = x.par_chunks(groups * size).zip(dy.par_chunks(groups * size));
            let [hats, dys] = of_channels.map(|shares| shares.chunks_mut(groups * channels));
            let mut of_threads = hats.zip(dys).map(|(hats, dys)| (None, [hats, dys])).collect::<Vec<_>>();
            let parts = dx.into_iter().flat_map(|dx| dx.chunks_mut(groups * size));
            of_threads.iter_mut().zip(parts).for_each(|((dx, _), part)| *dx = Some(part));
            inputs.zip(of_threads).enumerate().for_each(|(at, ((x, dy), (dx, shares)))| {
                differentiate(path, Groups { first: at * groups, x, dy, dx, shares, parameters });
            });
        }
    }
}

/// Some groups to normalise.
struct Forward<'a, P, T: Lane<N>, const N: usize> {
    first: usize,
    places: P,
    parameters: &'a Parameters<'a, T, N>,
}

/// Normalises them.
fn normalise<T: Lane<N>, P: Iterator<Item: Place<T>>, const N: usize>(path: Path, groups: Forward<'_, P, T, N>) {
    if groups.parameters.in_pieces(1) { on(path, InPieces(groups)) } else { on(path, InBatches(groups)) }
}

/// The forward pass in batches, all groups of which are summed before the first is written: none waits for the root and the
/// divisions of its own.
struct InBatches<'a, P, T: Lane<N>, const N: usize>(Forward<'a, P, T, N>);

impl<T: Lane<N>, P: Iterator<Item: Place<T>>, const N: usize> Pass for InBatches<'_, P, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Forward { mut first, mut places, parameters } = self.0;
        let mut batch = Batch::<T, N>::new();
        let size = parameters.at_once(1);
        // The sum of a few vectors would wait for the guess.
        let guesses_first = parameters.extents.group < FEW * N;
        loop {
            let mut summed = [const { None }; BATCH];
            let mut count = 0;
            while count < size
                && let Some(place) = places.next()
            {
                batch.guess::<I>(count, place.x());
                if !guesses_first {
                    batch.sum::<I>(count, place.x());
                }
                summed[count] = Some(place);
                count += 1;
            }
            if count == 0 {
                break;
            }
            if guesses_first {
                for (at, place) in summed.iter().flatten().enumerate() {
                    batch.sum::<I>(at, place.x());
                }
            }
            let (batch, summed) = (&batch, &mut summed);
            if P::Item::IS_FAR_APART && parameters.is_far() {
                on(I::PATH, Written::<true, _, T, N> { first, batch, summed, count, parameters });
            } else {
                on(I::PATH, Written::<false, _, T, N> { first, batch, summed, count, parameters });
            }
            if count < size {
                break;
            }
            first += size;
        }
        if parameters.streams {
            I::fence();
        }
    }
}

/// The same, each group being written while the next one is summed.
struct InPieces<'a, P, T: Lane<N>, const N: usize>(Forward<'a, P, T, N>);

impl<T: Lane<N>, P: Iterator<Item: Place<T>>, const N: usize> Pass for InPieces<'_, P, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = true;

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Forward { first, places, parameters } = self.0;
        let mut last: Option<Pieces<'_, '_, P::Item, T, N>> = None;
        for (index, mut place) in (first..).zip(places) {
            let x = place.x();
            let normaliser = match &mut last {
                None => Normaliser::<T, N>::of::<I>(x, parameters, &mut LookUp::new(x)),
                Some(last) => Normaliser::<T, N>::of::<I>(x, parameters, last),
            };
            if let Some(last) = last.take() {
                last.finish::<I>();
            }
            match normaliser {
                Some(normaliser) => last = Some(Pieces::new(index, place, normaliser, parameters)),
                None => carefully(index, &mut place, parameters),
            }
        }
        if let Some(last) = last {
            last.finish::<I>();
        }
        I::fence();
    }
}

/// A batch that is summed, to be written.
///
/// It is a pass of its own, so that its loops find registers: what they kept on the stack they would wait for. A processor
/// compares the lower twelve bits of an address first, and those that y is being written to are soon all there are.
struct Written<'a, const FAR: bool, P, T: Lane<N>, const N: usize> {
    first: usize,
    batch: &'a Batch<T, N>,
    summed: &'a mut [Option<P>; BATCH],
    count: usize,
    parameters: &'a Parameters<'a, T, N>,
}

impl<const FAR: bool, T: Lane<N>, P: Place<T>, const N: usize> Pass for Written<'_, FAR, P, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = FAR;

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { first, batch, summed, count, parameters } = self;
        let solved = batch.solved::<I>(count, parameters);
        for (at, place) in summed.iter_mut().enumerate() {
            let Some(mut place) = place.take() else { break };
            let normaliser = match batch.outcome(at, &solved, parameters) {
                Outcome::Near(normaliser) => Some(normaliser),
                Outcome::Far(nearer) => Normaliser::again::<I>(place.x(), nearer, parameters),
                Outcome::Odd => None,
            };
            match normaliser {
                Some(normaliser) => forward::group::<FAR, T, I, N>(first + at, place, &normaliser, parameters),
                None => carefully(first + at, &mut place, parameters),
            }
        }
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

/// How many of so many groups each thread takes; `None` where one thread does it all.
fn shares<T: Lane<N>, const N: usize>(parameters: &Parameters<'_, T, N>, groups: usize) -> Option<usize> {
    let threads = parameters.threads().min(groups);
    (threads > 1).then(|| groups.div_ceil(threads))
}

/// Differentiates some groups, by the pass that is made for how many elements the channels have.
fn differentiate<T: Lane<N>, const N: usize>(path: Path, groups: Groups<'_, T, N>) {
    if groups.parameters.extents.spatial < SMALL {
        on(path, Backward::<Few, T, N>::new(groups));
    } else if groups.parameters.in_pieces(2) && !groups.parameters.are_wider && groups.dx.is_some() {
        on(path, backward::InPieces(groups));
    } else if groups.parameters.is_far() {
        on(path, Backward::<Long<true>, T, N>::new(groups));
    } else {
        on(path, Backward::<Long<false>, T, N>::new(groups));
    }
}
