//! The gradients of gamma and beta: over all samples, of what each adds to them.

use super::lanes::Lane;
use super::numbers::two_sum;
use super::parameters::Parameters;
use super::path::Path;
use super::vector::{Arithmetic, Isa, Vector};
use super::{Pass, on};
use crate::group_norm::GroupNorm;
use crate::group_norm::layout::Order;
use crate::tensor::DType;

/// So many bytes of what samples add to the gradients of gamma and beta are held in the first cache.
const SHARES_BYTES: usize = 8 << 10;

/// How many samples are differentiated before what they add to the gradients of gamma and beta is added up.
pub(super) fn samples_at_once<T: Lane<N>, const N: usize>(parameters: &Parameters<'_, T, N>, order: Order) -> usize {
    // Threads, and who prepares much for each sample, have them all.
    if parameters.threads() > 1 || order == Order::Interleaved {
        return usize::MAX / parameters.sample();
    }
    (SHARES_BYTES / (2 * size_of::<f64>() * parameters.norm.num_channels)).max(1)
}

/// A gradient of gamma or beta: what each sample adds to it, sample after sample, so that neither threads nor batches
/// show.
pub(super) struct Totals {
    sums: Vec<f64>,
    /// What each addition left out; nothing where that does not count.
    left: Vec<f64>,
}

impl Totals {
    /// 0 of each channel.
    pub fn new(norm: &GroupNorm) -> Self {
        let is_exact = [&norm.gamma, &norm.beta].iter().any(|parameter| parameter.dtype() == DType::F64);
        let left = if is_exact { vec![0.0; norm.num_channels] } else { Vec::new() };
        Self { sums: vec![0.0; norm.num_channels], left }
    }

    /// With the shares of all channels of some samples.
    pub fn add(&mut self, path: Path, shares: &[f64]) {
        on(path, Adding { shares, totals: self });
    }

    /// What each channel came to.
    pub fn sums(mut self) -> Vec<f64> {
        for (sum, left) in self.sums.iter_mut().zip(self.left) {
            // Where the sum is no number, neither is what was left out.
            *sum = if sum.is_finite() { *sum + left } else { *sum };
        }
        self.sums
    }
}

struct Adding<'a> {
    shares: &'a [f64],
    totals: &'a mut Totals,
}

impl Pass for Adding<'_> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Totals { sums, left } = self.totals;
        let channels = sums.len();
        // Side by side, so that no sum waits for the one before it.
        let many = channels / 32 * 32;
        for at in (0..many).step_by(32) {
            added::<I, 4>(self.shares, channels, at, sums, left);
        }
        for at in (many..channels).step_by(8) {
            added::<I, 1>(self.shares, channels, at, sums, left);
        }
    }
}

/// Adds the shares of `8 * C` channels from one on, or of those that there are.
#[inline(always)]
fn added<I: Isa, const C: usize>(shares: &[f64], channels: usize, first: usize, sums: &mut [f64], left: &mut [f64]) {
    let is_exact = !left.is_empty();
    let mut sum = some::<I, C>(&sums[first..]);
    let mut rest = if is_exact { some::<I, C>(&left[first..]) } else { [I::F64::splat(0.0); C] };
    for sample in shares.chunks_exact(channels) {
        let shares = some::<I, C>(&sample[first..]);
        for j in 0..C {
            if is_exact {
                let [more, dropped] = two_sum(sum[j], shares[j]);
                (sum[j], rest[j]) = (more, rest[j].add(dropped));
            } else {
                sum[j] = sum[j].add(shares[j]);
            }
        }
    }
    keep::<I, C>(sum, &mut sums[first..]);
    if is_exact {
        keep::<I, C>(rest, &mut left[first..]);
    }
}

/// `C` vectors, or what there is of one.
#[inline(always)]
fn some<I: Isa, const C: usize>(values: &[f64]) -> [I::F64; C] {
    let mut vectors = [I::F64::splat(0.0); C];
    let (chunks, rest) = values.as_chunks::<8>();
    match chunks.first_chunk::<C>() {
        Some(chunks) => {
            for j in 0..C {
                vectors[j] = I::F64::load(&chunks[j]);
            }
        }
        None => vectors[0] = I::F64::some(rest),
    }
    vectors
}

/// The same back.
#[inline(always)]
fn keep<I: Isa, const C: usize>(vectors: [I::F64; C], places: &mut [f64]) {
    let (chunks, rest) = places.as_chunks_mut::<8>();
    match chunks.first_chunk_mut::<C>() {
        Some(chunks) => {
            for j in 0..C {
                chunks[j] = vectors[j].store();
            }
        }
        None => rest.iter_mut().zip(vectors[0].store()).for_each(|(place, value)| *place = value),
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;
    use crate::group_norm::GroupNorm;
    use crate::group_norm::kernel::path::Path;
    use crate::group_norm::kernel::tests::drawn;
    use crate::group_norm::wide::{Pair, Sum, Wide};
    use crate::tensor::DType;

    /// Of channels that no vector holds, one, and several; what additions leave out counts where a parameter is of f64.
    #[test]
    fn shares_come_to_the_same_however_many_samples_are_added_at_once() {
        for (channels, dtype) in [3, 8, 11, 32, 77].into_iter().flat_map(|c| [(c, DType::F32), (c, DType::F64)]) {
            let norm = GroupNorm::builder(1, channels as i64).dtype(dtype).build().unwrap();
            let large =
                |values: Vec<f64>| values.into_iter().enumerate().map(|(i, v)| if i % 5 == 0 { 1e12 * v } else { v });
            let shares: Vec<f64> = large(drawn::<f64>(9 * channels, 3, 0.0)).collect();
            let sums = |path, at_once: usize| {
                let mut totals = Totals::new(&norm);
                shares.chunks(at_once * channels).for_each(|shares| totals.add(path, shares));
                totals.sums()
            };
            for (path, at_once) in Path::all().into_iter().flat_map(|path| [1, 2, 9].map(|at_once| (path, at_once))) {
                let ours = sums(path, at_once);
                assert_eq!(ours, sums(Path::Portable, 9), "{path:?}, {channels}, {dtype:?}, {at_once}");
                for (channel, ours) in ours.into_iter().enumerate() {
                    let of_channel = || shares.iter().skip(channel).step_by(channels).copied();
                    let plain = of_channel().fold(0.0, |sum, share| sum + share);
                    let exact = of_channel().map(Pair::from).collect::<Sum<Pair>>().total();
                    let expected = if dtype == DType::F64 { exact.parts()[0] } else { plain };
                    assert_eq!(ours, expected, "{channels}, {dtype:?}, {channel}");
                }
            }
        }
    }
}
