//! The backward pass over groups whose channels have few elements.
//!
//! Sums of few terms are as exact as each of them, so that they are taken in f64 whatever the elements are; and gamma
//! is spread out over the elements, since a loop over each channel would be mostly its ends.

use std::mem::MaybeUninit;

use super::backward::Share;
use super::forward::vector;
use super::lanes::{Compute, In, Lane, Of, WideOf, padded};
use super::parameters::Parameters;
use super::place::put;
use super::statistics::Normaliser;
use super::vector::{Isa, Vector};

/// For channels of few elements, in f64 throughout: of each channel the sums of `dy * x_hat` and `dy`,
/// and of all of them the means of `g = gamma * dy` and of `g * x_hat`.
#[inline(always)]
pub(super) fn summed<T: Lane<N>, I: Isa, const N: usize>(
    [x, dy]: [&[T]; 2],
    normaliser: &Normaliser<T, N>,
    shares: &mut [Share<WideOf<T, N>>],
    parameters: &Parameters<'_, T, N>,
    first: usize,
) -> [WideOf<T, N>; 2] {
    let spatial = parameters.extents.spatial;
    let [gamma, _] = parameters.of_elements(first);
    let (shift, rest) = (I::F64::splat(normaliser.shift.into()), I::F64::splat(normaliser.rest.into()));
    let inverse = I::F64::splat(normaliser.inverse_deviation.into());
    let (mut of_g, mut of_hats) = ([I::F64::splat(0.0); 2], [I::F64::splat(0.0); 2]);
    let (mut channel, mut sums, mut count) = (0, [0.0; 2], 0);
    for at in (0..x.len()).step_by(N) {
        let x = In::<T, N>::parts::<I>(T::load::<I>(&from::<T, N>(&x[at..])));
        let dy = In::<T, N>::parts::<I>(T::load::<I>(&from::<T, N>(&dy[at..])));
        let gamma = In::<T, N>::parts::<I>(Of::<T, I, N>::load(&vector(&gamma[at..])));
        for j in 0..In::<T, N>::PARTS {
            let hat = x[j].sub(shift).sub(rest).mul(inverse);
            let product = dy[j].mul(hat);
            of_g[j] = gamma[j].mul_add(dy[j], of_g[j]);
            of_hats[j] = gamma[j].mul_add(product, of_hats[j]);
            let terms = product.store().into_iter().zip(dy[j].store());
            if spatial == 1 {
                let shares = shares.iter_mut().skip(at + 8 * j);
                terms.zip(shares).for_each(|((product, dy), share)| *share = [product.into(), dy.into()]);
                continue;
            }
            for (product, dy) in terms {
                sums = [sums[0] + product, sums[1] + dy];
                count += 1;
                if count == spatial
                    && let Some(share) = shares.get_mut(channel)
                {
                    *share = [sums[0].into(), sums[1].into()];
                    (channel, sums, count) = (channel + 1, [0.0; 2], 0);
                }
            }
        }
    }
    let (of_g, of_hats): (f64, f64) = (of_g[0].add(of_g[1]).sum(), of_hats[0].add(of_hats[1]).sum());
    [WideOf::<T, N>::from(of_g) * parameters.share, WideOf::<T, N>::from(of_hats) * parameters.share]
}

/// Writes dx of a group, with a gamma for each element:
/// `(dy * gamma + (x - shift) * slope + level) / deviation`.
#[inline(always)]
pub(super) fn write<T: Lane<N>, I: Isa, const N: usize>(
    [x, dy]: [&[T]; 2],
    dx: &mut [MaybeUninit<T>],
    normaliser: &Normaliser<T, N>,
    [mean, mean_hat]: [WideOf<T, N>; 2],
    gamma: &[In<T, N>],
) {
    let (rest, inverse) = (normaliser.rest, normaliser.inverse_deviation);
    let slope = WideOf::<T, N>::from(0.0) - inverse * mean_hat;
    let level = WideOf::<T, N>::from(0.0) - mean - rest * slope;
    let scaled = Scaled::<T, I, N> {
        shift: Of::<T, I, N>::splat(normaliser.shift),
        factor: Of::<T, I, N>::splat(In::<T, N>::of(inverse.into())),
        slope: Of::<T, I, N>::splat(In::<T, N>::of(slope.into())),
        level: Of::<T, I, N>::splat(In::<T, N>::of(level.into())),
    };
    for (at, dx) in dx.chunks_mut(N).enumerate() {
        let (x, dy) = (from::<T, N>(&x[at * N..]), from::<T, N>(&dy[at * N..]));
        let values = scaled.applied(&x, &dy, &vector(&gamma[at * N..]));
        match dx.first_chunk_mut::<N>() {
            Some(dx) => put(dx, values),
            None => _ = dx.write_copy_of_slice(&values[..dx.len()]),
        }
    }
}

struct Scaled<T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    factor: Of<T, I, N>,
    slope: Of<T, I, N>,
    level: Of<T, I, N>,
}

impl<T: Lane<N>, I: Isa, const N: usize> Scaled<T, I, N> {
    #[inline(always)]
    fn applied(&self, x: &[T; N], dy: &[T; N], gamma: &[In<T, N>; N]) -> [T; N] {
        let rest = T::load::<I>(x).sub(self.shift).mul_add(self.slope, self.level);
        T::store::<I>(T::load::<I>(dy).mul_add(Of::<T, I, N>::load(gamma), rest).mul(self.factor))
    }
}

/// The first elements; fewer, at the end of a small group, are filled up with 0.
#[inline(always)]
fn from<T: Lane<N>, const N: usize>(values: &[T]) -> [T; N] {
    values.first_chunk::<N>().copied().unwrap_or_else(|| padded(values, T::rounded(0.0)))
}
