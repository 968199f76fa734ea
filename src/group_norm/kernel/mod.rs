//! The passes over the elements.
//!
//! **What is read and written.** A group is read twice and written once. The first time, two sums are taken of the
//! distances `d` from a number near the mean, a sample of the group having said where that is: of `d` and of its
//! square. By that no digits are lost however large the mean is, and mean and variance need one reading instead
//! of two. Where the guess was more than half a deviation off, the sums are taken once more. The second time, the
//! group is in the cache if it fits there, and y is written as one scale and shift of each channel. The backward
//! pass reads x for those sums, then x and dy for theirs, and x and dy once more to write dx.
//!
//! **How accurate.** Lanes add 16 terms (`sums`) in the dtype that is computed in (f32 for f16, bf16 and f32; f64 for
//! f64) and are then emptied into a sum of twice the precision. Scale and shift are of twice the precision too,
//! each as two numbers, and are applied to the exact distance from an origin (`forward`): little more is rounded than
//! the result. What the lanes cannot hold on the way (squares beyond the range of f32, a variance of nearly
//! nothing beside a tiny epsilon, numbers that are none) is left to the careful computation in twice the precision,
//! group by group.
//!
//! **The same bits everywhere.** The text of a pass is compiled once for each instruction set (`vector`), all of whose
//! operations give the same bits; `path` is chosen at run time. The order of all additions follows from
//! the length of a group alone. Threads share out whole groups, and the shares of samples in the gradients of
//! gamma and beta are added in the order of the samples.
//!
//! **Thresholds.** Below 16 elements a channel ([`SMALL`]) gamma and beta are spread out over the elements, since a
//! loop over each channel would be mostly its ends; the backward pass is then the careful one, since a sum of few
//! terms needs each of them to be nearly exact. Below
//! [`MANY_BYTES`] one thread does it all: it is done before another is awake. From [`STREAMED_BYTES`] on, y is written past the caches.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod backward;
mod forward;
mod lanes;
mod path;
mod sums;
mod vector;

#[cfg(test)]
mod tests;

use std::any::TypeId;

use half::{bf16, f16};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
pub(super) use backward::Share;
use forward::{Parameters, SMALL};
use lanes::Lane;
use path::Path;
use sums::Wide;
use vector::Portable;

use super::GroupNorm;
use super::shape::Extents;
use super::wide::Sum;
use crate::tensor::{DType, Element, Tensor};

/// Below so many bytes one thread does it all.
const MANY_BYTES: usize = 256 << 10;

/// From so many bytes on, an output is not in the cache any more when it is read.
const STREAMED_BYTES: usize = 32 << 20;

/// Normalises groups that lie contiguous one after the other.
pub(super) fn forward<T: Element>(norm: &GroupNorm, extents: Extents, x: &[T], y: &mut [T]) {
    forward_by(path::choice(), norm, extents, x, y);
}

fn forward_by<T: Element>(path: Path, norm: &GroupNorm, extents: Extents, x: &[T], y: &mut [T]) {
    match T::DTYPE {
        DType::F16 => forward_of::<T, f16, 8>(path, norm, extents, x, y),
        DType::BF16 => forward_of::<T, bf16, 8>(path, norm, extents, x, y),
        DType::F32 => forward_of::<T, f32, 8>(path, norm, extents, x, y),
        DType::F64 => forward_of::<T, f64, 4>(path, norm, extents, x, y),
    }
}

fn forward_of<T: Element, U: Lane<N>, const N: usize>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    x: &[T],
    y: &mut [T],
) {
    let (x, y) = (same::<T, U>(x), same_mut::<T, U>(y));
    let of_channels = [&norm.gamma, &norm.beta].map(|parameter| values(parameter, U::DTYPE));
    let of_elements = spread_out(&of_channels, extents);
    let [gamma, beta] = of_elements.as_ref().unwrap_or(&of_channels);
    let parameters = Parameters::of(norm, extents, gamma, beta, size_of_val(x));
    let run = |first: usize, x: &[U], y: &mut [U]| {
        let groups = x.chunks_exact(extents.group).zip(y.chunks_exact_mut(extents.group));
        for (index, (x, y)) in (first..).zip(groups) {
            if !forward_on::<U, N>(path, index, x, y, &parameters) {
                norm.normalise_carefully(index, extents, &of_channels, x, y);
            }
        }
    };
    match shares(x.len() / extents.group, size_of_val(x)) {
        None => run(0, x, y),
        Some(groups) => {
            let shares = x.par_chunks(groups * extents.group).zip(y.par_chunks_mut(groups * extents.group));
            shares.enumerate().for_each(|(at, (x, y))| run(at * groups, x, y));
        }
    }
}

/// How many groups each thread takes; `None` where one thread does it all.
fn shares(groups: usize, bytes: usize) -> Option<usize> {
    let threads = rayon::current_num_threads().min(groups);
    (threads > 1 && bytes >= MANY_BYTES).then(|| groups.div_ceil(threads))
}

/// Writes the gradient of x where it is wanted, and gives those of gamma and beta.
pub(super) fn backward<T: Element>(
    norm: &GroupNorm,
    extents: Extents,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
) -> [Vec<f64>; 2] {
    backward_by(path::choice(), norm, extents, x, dy, dx)
}

fn backward_by<T: Element>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
) -> [Vec<f64>; 2] {
    match T::DTYPE {
        DType::F16 => backward_of::<T, f16, 8>(path, norm, extents, x, dy, dx),
        DType::BF16 => backward_of::<T, bf16, 8>(path, norm, extents, x, dy, dx),
        DType::F32 => backward_of::<T, f32, 8>(path, norm, extents, x, dy, dx),
        DType::F64 => backward_of::<T, f64, 4>(path, norm, extents, x, dy, dx),
    }
}

fn backward_of<T: Element, U: Lane<N>, const N: usize>(
    path: Path,
    norm: &GroupNorm,
    extents: Extents,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
) -> [Vec<f64>; 2] {
    let (x, dy, dx) = (same::<T, U>(x), same::<T, U>(dy), dx.map(same_mut::<T, U>));
    let gamma = values(&norm.gamma, U::DTYPE);
    let parameters = Parameters::of(norm, extents, &gamma, &[], size_of_val(x));
    let (size, channels) = (extents.group, parameters.channels);
    let mut of_channels = vec![Share::<Wide<U, N>>::default(); x.len() / extents.spatial];
    let run = |first: usize, x: &[U], dy: &[U], mut dx: Option<&mut [U]>, of_channels: &mut [Share<Wide<U, N>>]| {
        let groups = x.chunks_exact(size).zip(dy.chunks_exact(size)).zip(of_channels.chunks_exact_mut(channels));
        for (at, ((x, dy), shares)) in groups.enumerate() {
            let mut dx = dx.as_deref_mut().map(|dx| &mut dx[at * size..][..size]);
            if !backward_on::<U, N>(path, first + at, x, dy, dx.as_deref_mut(), shares, &parameters) {
                norm.differentiate_carefully(first + at, extents, &gamma, [x, dy], dx, shares);
            }
        }
    };
    match shares(x.len() / size, size_of_val(x)) {
        None => run(0, x, dy, dx, &mut of_channels),
        Some(groups) => {
            let inputs = x.par_chunks(groups * size).zip(dy.par_chunks(groups * size));
            let mut of_threads =
                of_channels.chunks_mut(groups * channels).map(|shares| (None, shares)).collect::<Vec<_>>();
            let parts = dx.into_iter().flat_map(|dx| dx.chunks_mut(groups * size));
            of_threads.iter_mut().zip(parts).for_each(|((dx, _), part)| *dx = Some(part));
            inputs.zip(of_threads).enumerate().for_each(|(at, ((x, dy), (dx, of_channels)))| {
                run(at * groups, x, dy, dx, of_channels);
            });
        }
    }
    // Sample after sample, so that neither threads nor batches show.
    let mut sums = vec![[Sum::<Wide<U, N>>::default(); 2]; norm.num_channels];
    for sample in of_channels.chunks_exact(norm.num_channels) {
        for (sums, share) in sums.iter_mut().zip(sample) {
            sums[0].push(share[0]);
            sums[1].push(share[1]);
        }
    }
    [0, 1].map(|which| sums.iter().map(|sums| sums[which].total().into()).collect())
}

/// The values of a parameter in the dtype of the input.
fn values(parameter: &Tensor, dtype: DType) -> Vec<f64> {
    let mut values = parameter.to_f64();
    if parameter.dtype() != dtype {
        values.iter_mut().for_each(|value| *value = dtype.round(*value));
    }
    values
}

/// The values for each element of a sample, where the spatial size is small and not 1.
fn spread_out(of_channels: &[Vec<f64>; 2], extents: Extents) -> Option<[Vec<f64>; 2]> {
    let times = extents.spatial;
    let spread = |values: &Vec<f64>| values.iter().flat_map(|&value| std::iter::repeat_n(value, times)).collect();
    (2..SMALL).contains(&times).then(|| of_channels.each_ref().map(spread))
}

impl<'a> Parameters<'a> {
    fn of(norm: &GroupNorm, extents: Extents, gamma: &'a [f64], beta: &'a [f64], bytes: usize) -> Self {
        let streams = bytes >= STREAMED_BYTES;
        let (channels, groups) = (norm.num_channels / norm.num_groups, norm.num_groups);
        let numbers = gamma.iter().chain(beta).map(|v| if v.is_finite() { v.abs() } else { f64::INFINITY });
        let largest = numbers.fold(0.0, f64::max);
        Self { spatial: extents.spatial, channels, groups, epsilon: norm.eps, gamma, beta, streams, largest }
    }
}

fn forward_on<T: Lane<N>, const N: usize>(
    path: Path,
    index: usize,
    x: &[T],
    y: &mut [T],
    parameters: &Parameters<'_>,
) -> bool {
    match path {
        Path::Portable => forward::group::<T, Portable, N>(index, x, y, parameters),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `path::best` has found that the machine has these.
        Path::Avx2 => unsafe { forward_avx2::<T, N>(index, x, y, parameters) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn forward_avx2<T: Lane<N>, const N: usize>(index: usize, x: &[T], y: &mut [T], parameters: &Parameters<'_>) -> bool {
    forward::group::<T, Avx2, N>(index, x, y, parameters)
}

fn backward_on<T: Lane<N>, const N: usize>(
    path: Path,
    index: usize,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
    shares: &mut [Share<Wide<T, N>>],
    parameters: &Parameters<'_>,
) -> bool {
    match path {
        Path::Portable => backward::group::<T, Portable, N>(index, x, dy, dx, shares, parameters),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `path::best` has found that the machine has these.
        Path::Avx2 => unsafe { backward_avx2::<T, N>(index, x, dy, dx, shares, parameters) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn backward_avx2<T: Lane<N>, const N: usize>(
    index: usize,
    x: &[T],
    dy: &[T],
    dx: Option<&mut [T]>,
    shares: &mut [Share<Wide<T, N>>],
    parameters: &Parameters<'_>,
) -> bool {
    backward::group::<T, Avx2, N>(index, x, dy, dx, shares, parameters)
}

/// A slice by the name that its element type has here.
fn same<T: Element, U: Element>(slice: &[T]) -> &[U] {
    assert!(TypeId::of::<T>() == TypeId::of::<U>(), "there is one type for each dtype");
    // SAFETY: both are the same type.
    unsafe { std::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) }
}

fn same_mut<T: Element, U: Element>(slice: &mut [T]) -> &mut [U] {
    assert!(TypeId::of::<T>() == TypeId::of::<U>(), "there is one type for each dtype");
    // SAFETY: both are the same type, and the slice is handed on.
    unsafe { std::slice::from_raw_parts_mut(slice.as_mut_ptr().cast(), slice.len()) }
}
