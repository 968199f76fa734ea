//! What a pass needs to know beside its elements.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::lanes::{Compute, In, Lane, WideOf};
use super::memory::Lines;
use super::sizes::Sizes;
use super::statistics::BATCH;
use super::{Task, same};
use crate::group_norm::GroupNorm;
use crate::group_norm::shape::Extents;
use crate::tensor::{DType, Element, Strided, Tensor};

/// Below this spatial size, gamma and beta are spread out over the elements.
pub(super) const SMALL: usize = 16;

pub(super) struct Parameters<'a, T: Lane<N>, const N: usize> {
    pub norm: &'a GroupNorm,
    pub extents: Extents,
    /// Channels of a group.
    pub channels: usize,
    /// Groups of a sample.
    pub groups: usize,
    pub epsilon: f64,
    /// One over the number of elements of a group.
    pub share: WideOf<T, N>,
    /// Of all channels.
    pub gamma: &'a [In<T, N>],
    pub beta: &'a [In<T, N>],
    /// Gamma for each element of a sample, where the spatial size is small; and beta, but for dtypes that are tight.
    spread: [Cow<'a, [In<T, N>]>; 2],
    /// For those, the two in f64.
    wide: [Cow<'a, Lines>; 2],
    pub sizes: Sizes,
    /// Whether one thread does it all.
    is_little: bool,
    /// Whether the output is written past the caches.
    pub streams: bool,
    /// Whether an input comes from memory, and not from a cache.
    pub from_memory: bool,
    /// How far ahead of what is written the next group is fetched, in elements; 0 where it is not.
    pub ahead: usize,
    /// Whether the gradients of gamma and beta are of more digits than what is computed in.
    pub are_wider: bool,
    /// The largest magnitude of gamma and beta; an infinity where one of them is no number.
    largest: f64,
    /// The least magnitude of gamma, or of beta where that is larger, over all channels whose gamma is not 0.
    least: f64,
    /// The least magnitude of gamma where it is not 0, before it was rounded to the dtype of the input.
    faintest: f64,
}

impl<'a, T: Lane<N>, const N: usize> Parameters<'a, T, N> {
    /// For `count` elements.
    pub fn new(task: &Task<'a>, count: usize) -> Self {
        let Task { norm, extents, sizes, path, .. } = *task;
        let [gamma, beta] = values::<T, N>(norm);
        let (mut spread, mut wide) = (Default::default(), Default::default());
        if extents.spatial < SMALL {
            let beta = if T::IS_TIGHT { &[][..] } else { beta };
            spread = [gamma, beta].map(|values| spread_out(values, extents.spatial));
        }
        if extents.spatial < SMALL && T::IS_TIGHT {
            wide = wide_of(norm, [gamma, beta], extents.spatial);
        }
        let bytes = count * size_of::<T>();
        let from_memory = path.reaches_far() && bytes >= sizes.fetched;
        let are_wider = In::<T, N>::DTYPE != DType::F64
            && [&norm.gamma, &norm.beta].iter().any(|parameter| parameter.dtype() == DType::F64);
        Self {
            norm,
            extents,
            channels: norm.num_channels / norm.num_groups,
            groups: norm.num_groups,
            epsilon: norm.eps,
            share: WideOf::<T, N>::from(1.0) / extents.group as f64,
            gamma,
            beta,
            spread,
            wide,
            sizes,
            is_little: count * size_of::<In<T, N>>() < sizes.shared,
            streams: path.reaches_far() && bytes >= sizes.streamed,
            from_memory,
            ahead: if from_memory { extents.group } else { 0 },
            are_wider,
            largest: T::rounded(norm.largest).to_f64(),
            least: norm.least,
            faintest: norm.faintest,
        }
    }

    /// The number of elements of a sample.
    pub fn sample(&self) -> usize {
        self.extents.group * self.groups
    }

    /// The first channel of the group after that which begins with one; after the last of a sample comes the first.
    #[inline(always)]
    pub fn after(&self, first: usize) -> usize {
        let next = first + self.channels;
        if next == self.norm.num_channels { 0 } else { next }
    }

    /// Whether what is written is fetched or goes past the caches.
    pub fn is_far(&self) -> bool {
        self.streams || self.ahead > 0
    }

    /// Whether a group is written piece by piece while the next one is summed, so many inputs being read.
    pub fn in_pieces(&self, inputs: usize) -> bool {
        let Extents { spatial, group } = self.extents;
        self.from_memory && spatial >= SMALL && inputs * size_of::<T>() * group > self.sizes.held
    }

    /// How many groups are a batch, as many inputs being read of each.
    pub fn at_once(&self, inputs: usize) -> usize {
        (self.sizes.batched / (inputs * size_of::<T>() * self.extents.group)).clamp(1, BATCH)
    }

    /// How many threads share out an input. Where it is one, the pool is not asked.
    pub fn threads(&self) -> usize {
        if self.is_little { 1 } else { rayon::current_num_threads() }
    }

    /// Gamma for each element of a group that begins with channel `first`; the spatial size is small.
    #[inline(always)]
    pub fn gamma_of_elements(&self, first: usize) -> &[In<T, N>] {
        &self.spread[0][self.elements(first)]
    }

    /// Beta, but for dtypes that are tight.
    #[inline(always)]
    pub fn beta_of_elements(&self, first: usize) -> &[In<T, N>] {
        &self.spread[1][self.elements(first)]
    }

    /// The two in f64, for dtypes that are tight.
    #[inline(always)]
    pub fn wide_of_elements(&self, first: usize) -> [&[f64]; 2] {
        [&self.wide[0][self.elements(first)], &self.wide[1][self.elements(first)]]
    }

    /// Those of the group that begins with channel `first`, in their sample.
    #[inline(always)]
    fn elements(&self, first: usize) -> Range<usize> {
        let start = first * self.extents.spatial;
        start..start + self.extents.group
    }

    /// Whether gradients of the usual size leave the range of what is computed in, as gamma of a group is all but 0.
    #[inline(always)]
    pub fn is_faint(&self, gamma: &[In<T, N>], inverse_deviation: f64) -> bool {
        let edge = 1.0 / In::<T, N>::SAFE;
        // Where rounding leaves something of a number, it leaves half of it.
        if self.faintest * inverse_deviation >= edge + edge {
            return false;
        }
        let largest = gamma.iter().map(|&gamma| Into::<f64>::into(gamma).abs()).fold(0.0, f64::max);
        largest != 0.0 && largest * inverse_deviation < edge
    }

    /// Whether nothing that is made of gamma and beta leaves the range of what is computed in.
    #[inline(always)]
    pub fn are_in_range(&self, inverse_deviation: f64) -> bool {
        let safe = In::<T, N>::SAFE;
        self.largest * inverse_deviation < safe && self.least * inverse_deviation > 1.0 / safe
    }
}

/// Gamma and beta cast to the dtypes of inputs, as what is computed with in the passes: once, by who needs it first.
#[derive(Clone, Debug, Default)]
pub(in crate::group_norm) struct Casts {
    pub(super) f16: OnceLock<[Vec<f32>; 2]>,
    pub(super) bf16: OnceLock<[Vec<f32>; 2]>,
    pub(super) f32: OnceLock<[Vec<f32>; 2]>,
    pub(super) f64: OnceLock<[Vec<f64>; 2]>,
    /// In f64, those that were cast to f32, and those that were cast to f64.
    wide: [OnceLock<[Lines; 2]>; 2],
}

/// The values of gamma and beta in the dtype of the input.
fn values<T: Lane<N>, const N: usize>(norm: &GroupNorm) -> [&[In<T, N>]; 2] {
    let parameters = [&norm.gamma, &norm.beta];
    if T::DTYPE == In::<T, N>::DTYPE
        && let [Some(gamma), Some(beta)] = parameters.map(|parameter| T::strided(parameter).and_then(Strided::as_slice))
    {
        return [gamma, beta].map(same::<T, In<T, N>>);
    }
    let cast = |parameter: &Tensor| -> Vec<In<T, N>> {
        parameter.to_f64().into_iter().map(|value| In::<T, N>::of(T::rounded(value).to_f64())).collect()
    };
    let [gamma, beta] = T::casts(&norm.casts).get_or_init(|| parameters.map(cast));
    [gamma, beta]
}

/// A value for each element of a sample.
fn spread_out<C: Copy + Default>(values: &[C], times: usize) -> Cow<'_, [C]> {
    if times == 1 {
        return Cow::Borrowed(values);
    }
    let mut spread = vec![C::default(); values.len() * times];
    for (spread, &value) in spread.chunks_exact_mut(times).zip(values) {
        spread.fill(value);
    }
    Cow::Owned(spread)
}

/// The same of gamma and beta in f64.
fn wide_of<'a, C: Element + Into<f64>>(norm: &'a GroupNorm, values: [&[C]; 2], times: usize) -> [Cow<'a, Lines>; 2] {
    let spread = |values: &[C]| {
        let mut spread = Lines::new(values.len() * times);
        for (spread, &value) in spread.chunks_exact_mut(times).zip(values) {
            spread.fill(value.into());
        }
        spread
    };
    if times > 1 {
        return values.map(|values| Cow::Owned(spread(values)));
    }
    let kept = &norm.casts.wide[usize::from(C::DTYPE == DType::F64)];
    kept.get_or_init(|| values.map(spread)).each_ref().map(Cow::Borrowed)
}
