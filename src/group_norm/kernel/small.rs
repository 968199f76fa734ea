//! The backward pass over groups whose channels have few elements.
//!
//! Sums of few terms are as exact as each of them, so that they are taken in f64 whatever the elements are; and gamma
//! is spread out over the elements, since a loop over each channel would be mostly its ends.

use std::mem::MaybeUninit;

use super::backward::Shares;
use super::forward::vector;
use super::lanes::{Compute, In, Lane, Of, WideOf, padded};
use super::numbers::Numbers;
use super::parameters::Parameters;
use super::place::put;
use super::statistics::{Normaliser, Outcome, near_mean, number};
use super::vector::{Arithmetic, Isa, Vector};

/// The statistics of a group, for each channel the sums of `dy * x_hat` and `dy`, and of all of them the means of
/// `g = gamma * dy` and of `g * x_hat`; `None` where the group needs more care than is taken here.
#[inline(always)]
#[allow(clippy::type_complexity, reason = "a normaliser and two means")]
pub(super) fn summed<T: Lane<N>, I: Isa, const N: usize>(
    [x, dy]: [&[T]; 2],
    [of_hats, of_dy]: Shares<'_, WideOf<T, N>>,
    parameters: &Parameters<'_, T, N>,
    first: usize,
) -> Option<(Normaliser<T, N>, [WideOf<T, N>; 2])> {
    let [gamma, _] = parameters.of_elements(first);
    let mut shift = near_mean::<T, I, N>(x);
    for _ in 0..2 {
        let sums = sums::<T, I, N>([x, dy], gamma, shift, [of_hats, of_dy], parameters.extents.spatial);
        let normaliser = match Normaliser::judged(shift, sums.moments, parameters) {
            Outcome::Near(normaliser) => normaliser,
            Outcome::Far(nearer) => {
                shift = nearer;
                continue;
            }
            Outcome::Odd => return None,
        };
        let (rest, inverse) = (normaliser.rest.into(), normaliser.inverse_deviation.into());
        let hats = |products: f64, dy: f64| f64::mul_add(-rest, dy, products) * inverse;
        for (of_hats, &mut of_dy) in of_hats.iter_mut().zip(&mut *of_dy) {
            *of_hats = hats((*of_hats).into(), of_dy.into()).into();
        }
        let mean_hat = hats(sums.of_products, sums.of_g);
        let share: f64 = parameters.share.into();
        return Some((normaliser, [(sums.of_g * share).into(), (mean_hat * share).into()]));
    }
    None
}

/// Sums over a group.
struct Sums<W> {
    /// Of `d = x - shift` and of its square.
    moments: [W; 2],
    /// Of `g = gamma * dy`.
    of_g: f64,
    /// Of `g * d`.
    of_products: f64,
}

/// Those of a group, and for each channel those of `dy * d` and `dy`.
#[inline(always)]
fn sums<T: Lane<N>, I: Isa, const N: usize>(
    [x, dy]: [&[T]; 2],
    gamma: &[In<T, N>],
    shift: In<T, N>,
    [of_products, of_dy]: [&mut [WideOf<T, N>]; 2],
    spatial: usize,
) -> Sums<WideOf<T, N>> {
    let zero = I::F64::splat(0.0);
    let shift = I::F64::splat(shift.into());
    let mut distances = In::<T, N>::nothing::<I>();
    let (mut squares, mut of_g, mut of_group) = ([zero; 2], [zero; 2], [zero; 2]);
    let (mut channel, mut sums, mut count) = (0, [0.0; 2], 0);
    for at in (0..x.len()).step_by(N) {
        let mut d = In::<T, N>::parts::<I>(T::load::<I>(&from::<T, N>(&x[at..])));
        let dy = In::<T, N>::parts::<I>(T::load::<I>(&from::<T, N>(&dy[at..])));
        let gamma = In::<T, N>::parts::<I>(Of::<T, I, N>::load(&vector(&gamma[at..])));
        for j in 0..In::<T, N>::PARTS {
            d[j] = first::<I>(d[j].sub(shift), x.len() - at - (8 * j).min(x.len() - at));
            let product = dy[j].mul(d[j]);
            squares[j] = d[j].mul_add(d[j], squares[j]);
            of_g[j] = gamma[j].mul_add(dy[j], of_g[j]);
            of_group[j] = gamma[j].mul_add(product, of_group[j]);
            let (products, dys) = (product.store(), dy[j].store());
            if spatial == 1 {
                let start = (at + 8 * j).min(x.len());
                let end = x.len().min(start + 8);
                for (share, &product) in of_products[start..end].iter_mut().zip(&products) {
                    *share = product.into();
                }
                for (share, &dy) in of_dy[start..end].iter_mut().zip(&dys) {
                    *share = dy.into();
                }
                continue;
            }
            for k in 0..8 {
                sums = [sums[0] + products[k], sums[1] + dys[k]];
                count += 1;
                if count == spatial && channel < of_dy.len() {
                    (of_products[channel], of_dy[channel]) = (sums[0].into(), sums[1].into());
                    (channel, sums, count) = (channel + 1, [0.0; 2], 0);
                }
            }
        }
        distances = In::<T, N>::accumulated::<I>(distances, d);
    }
    Sums {
        moments: [In::<T, N>::settled::<I>(distances), WideOf::<T, N>::from(squares[0].add(squares[1]).sum())],
        of_g: of_g[0].add(of_g[1]).sum(),
        of_products: of_group[0].add(of_group[1]).sum(),
    }
}

/// The first `count` lanes, 0 in the others.
#[inline(always)]
fn first<I: Isa>(lanes: I::F64, count: usize) -> I::F64 {
    if count >= 8 {
        return lanes;
    }
    let mut values = lanes.store();
    values[count..].fill(0.0);
    I::F64::load(&values)
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
    let [rest, inverse] = [number::<T, N>(normaliser.rest), number::<T, N>(normaliser.inverse_deviation)];
    let falling = inverse.mul(number::<T, N>(mean_hat));
    let level = rest.mul(falling).sub(number::<T, N>(mean));
    let scaled = Scaled::<T, I, N> {
        shift: Of::<T, I, N>::splat(normaliser.shift),
        factor: Of::<T, I, N>::splat(In::<T, N>::of(inverse.rounded())),
        slope: Of::<T, I, N>::splat(In::<T, N>::of(-falling.rounded())),
        level: Of::<T, I, N>::splat(In::<T, N>::of(level.rounded())),
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
