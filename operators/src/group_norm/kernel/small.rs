//! The backward pass over channels of few elements that lie contiguous.
//!
//! Sums are taken in f64, those of elements of 16 bits by way of f32 lanes that are emptied after a few terms; and gamma is
//! spread out over the elements, since a loop over each channel would be mostly its ends.

use std::mem::MaybeUninit;

use super::backward::line;
use super::batches::{Channels, Group, Shares};
use super::lanes::{Compute, In, Lane, Of, WideOf, padded};
use super::numbers::{Numbers, two_sum};
use super::parameters::Parameters;
use super::statistics::{Normaliser, RUN, number};
use super::vector::{Arithmetic, Isa, Vector};
use crate::group_norm::wide::Wide;

/// Channels of less than a vector.
pub(super) struct Few;

impl<T: Lane<N>, const N: usize> Channels<T, N> for Few {
    /// Of `g = gamma * dy` and of `g * d`.
    type Sums = [f64; 2];

    #[inline(always)]
    fn sums<I: Isa>(
        &Group { inputs, first, parameters }: &Group<'_, T, N>,
        shift: In<T, N>,
        shares: Shares<'_>,
    ) -> ([WideOf<T, N>; 2], [f64; 2]) {
        sums::<T, I, N>(inputs, Gamma::new(parameters, first), shift, shares, parameters.extents.spatial)
    }

    #[inline(always)]
    fn write<I: Isa>(
        &Group { inputs, first, parameters }: &Group<'_, T, N>,
        normaliser: &Normaliser<T, N>,
        of_g: [f64; 2],
        shares: Shares<'_>,
        dx: Option<&mut [MaybeUninit<T>]>,
    ) -> bool {
        let means = projected(normaliser, of_g, shares, parameters);
        let gamma = &parameters.gamma[first..][..parameters.channels];
        let is_faint = parameters.is_faint(gamma, normaliser.inverse_deviation.into());
        if is_faint || line(normaliser, means).is_none() {
            return false;
        }
        if let Some(dx) = dx {
            write::<T, I, N>(inputs, dx, normaliser, means, parameters.gamma_of_elements(first));
        }
        true
    }
}

/// Makes of each channel's sums of `dy * d` and `dy` those of `dy * x_hat` and `dy`; the means of `g = gamma * dy` and of
/// `g * x_hat`.
#[inline(always)]
fn projected<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    [of_g, of_products]: [f64; 2],
    [of_hats, of_dy]: Shares<'_>,
    parameters: &Parameters<'_, T, N>,
) -> [WideOf<T, N>; 2] {
    let (rest, inverse): (f64, f64) = (normaliser.rest.into(), normaliser.inverse_deviation.into());
    let hats = |products: f64, dy: f64| f64::mul_add(-rest, dy, products) * inverse;
    for (of_hats, &mut of_dy) in of_hats.iter_mut().zip(of_dy) {
        *of_hats = hats(*of_hats, of_dy);
    }
    let share: f64 = parameters.share.into();
    [(of_g * share).into(), (hats(of_products, of_g) * share).into()]
}

/// Gamma for each element of a group: in f64, where sums are taken in it.
struct Gamma<'a, T: Lane<N>, const N: usize> {
    values: &'a [In<T, N>],
    wide: &'a [f64],
}

impl<'a, T: Lane<N>, const N: usize> Gamma<'a, T, N> {
    #[inline(always)]
    fn new(parameters: &'a Parameters<'_, T, N>, first: usize) -> Self {
        if T::IS_SHORT {
            Self { values: parameters.gamma_of_elements(first), wide: &[] }
        } else {
            Self { values: &[], wide: parameters.wide_of_elements(first)[0] }
        }
    }
}

/// The sums of a group, and for each channel those of `dy * d` and `dy`.
#[inline(always)]
fn sums<T: Lane<N>, I: Isa, const N: usize>(
    [x, dy]: [&[T]; 2],
    gamma: Gamma<'_, T, N>,
    shift: In<T, N>,
    shares: Shares<'_>,
    spatial: usize,
) -> ([WideOf<T, N>; 2], [f64; 2]) {
    let mut summing = Summing::<T, I, N>::new(shift, gamma);
    let ((x_vectors, x_rest), (dy_vectors, dy_rest)) = (x.as_chunks::<N>(), dy.as_chunks::<N>());
    let vectors = x_vectors.iter().zip(dy_vectors);
    let zero = T::rounded(0.0);
    if spatial == 1 {
        let [(hats, hats_rest), (dys, dys_rest)] = shares.map(|shares| shares.as_chunks_mut::<N>());
        for ((x, dy), (hats, dys)) in vectors.zip(hats.iter_mut().zip(dys)) {
            let of_vector = summing.add([x, dy], N);
            keep::<T, I, N>(hats, of_vector[0]);
            keep::<T, I, N>(dys, of_vector[1]);
        }
        if !x_rest.is_empty() {
            let of_vector = summing.add([&padded(x_rest, zero), &padded(dy_rest, zero)], x_rest.len());
            let mut places = [[0.0; N]; 2];
            keep::<T, I, N>(&mut places[0], of_vector[0]);
            keep::<T, I, N>(&mut places[1], of_vector[1]);
            hats_rest.copy_from_slice(&places[0][..x_rest.len()]);
            dys_rest.copy_from_slice(&places[1][..x_rest.len()]);
        }
        return summing.sums();
    }
    let mut channels = InOrder::new(shares, spatial);
    for (x, dy) in vectors {
        channels.push::<T, I, N>(summing.add([x, dy], N));
    }
    if !x_rest.is_empty() {
        channels.push::<T, I, N>(summing.add([&padded(x_rest, zero), &padded(dy_rest, zero)], x_rest.len()));
    }
    summing.sums()
}

/// What the elements of a vector add to the sums of their channels: their `dy * d`, and their `dy`.
type OfVector<I> = [[<I as Isa>::F64; 2]; 2];

/// Sums on their way.
struct Summing<'a, T: Lane<N>, I: Isa, const N: usize> {
    gamma: Gamma<'a, T, N>,
    /// So many elements are summed.
    done: usize,
    shift: I::F64,
    near: In<T, N>,
    distances: <In<T, N> as Compute<N>>::Total<I>,
    /// Of what is left out of the distances of f64: few terms do not make up for it.
    left: I::F64,
    /// Of `d * d`, `g` and `g * d`.
    lanes: [[I::F64; 2]; 3],
    /// The same, and before them that of `d`, where what is computed in is precise enough.
    short: [Of<T, I, N>; 4],
    /// So many terms each of these holds.
    held: usize,
}

impl<'a, T: Lane<N>, I: Isa, const N: usize> Summing<'a, T, I, N> {
    #[inline(always)]
    fn new(shift: In<T, N>, gamma: Gamma<'a, T, N>) -> Self {
        Self {
            gamma,
            done: 0,
            shift: I::F64::splat(shift.into()),
            near: shift,
            distances: In::<T, N>::nothing::<I>(),
            left: I::F64::splat(0.0),
            lanes: [[I::F64::splat(0.0); 2]; 3],
            short: [Of::<T, I, N>::splat(In::<T, N>::default()); 4],
            held: 0,
        }
    }

    /// A vector, of which `count` elements belong to the group.
    #[inline(always)]
    fn add(&mut self, [x, dy]: [&[T; N]; 2], count: usize) -> OfVector<I> {
        let at = self.done;
        self.done += count;
        if T::IS_SHORT {
            return self.add_short(at, [x, dy], count);
        }
        let x = In::<T, N>::parts::<I>(T::load::<I>(x));
        let dy = In::<T, N>::parts::<I>(T::load::<I>(dy));
        let (mut d, mut products) = ([x[0]; 2], [x[0]; 2]);
        [d[0], products[0]] = self.part::<0>(at, x[0], dy[0], count);
        if In::<T, N>::PARTS == 2 {
            [d[1], products[1]] = self.part::<1>(at + 8, x[1], dy[1], count.saturating_sub(8));
        }
        self.distances = In::<T, N>::accumulated::<I>(self.distances, d);
        [products, dy]
    }

    #[inline(always)]
    fn add_short(&mut self, at: usize, [x, dy]: [&[T; N]; 2], count: usize) -> OfVector<I> {
        let (gamma, dy) = (Of::<T, I, N>::first_of(&self.gamma.values[at..]), T::load::<I>(dy));
        let d = T::load::<I>(x).sub(Of::<T, I, N>::splat(self.near));
        let d = if count < N { d.first(count) } else { d };
        let product = dy.mul(d);
        self.short[0] = self.short[0].add(d);
        self.short[1] = d.mul_add(d, self.short[1]);
        self.short[2] = gamma.mul_add(dy, self.short[2]);
        self.short[3] = gamma.mul_add(product, self.short[3]);
        self.held += 1;
        if self.held == RUN {
            self.empty();
        }
        [In::<T, N>::parts::<I>(product), In::<T, N>::parts::<I>(dy)]
    }

    #[inline(always)]
    fn empty(&mut self) {
        self.distances = In::<T, N>::emptied::<I>(self.distances, self.short[0]);
        for (lanes, &short) in self.lanes.iter_mut().zip(&self.short[1..]) {
            let parts = In::<T, N>::parts::<I>(short);
            *lanes = [lanes[0].add(parts[0]), lanes[1].add(parts[1])];
        }
        (self.short, self.held) = ([Of::<T, I, N>::splat(In::<T, N>::default()); 4], 0);
    }

    /// Its part `J`, of which `count` elements belong to the group; their distances, and those times dy.
    #[inline(always)]
    fn part<const J: usize>(&mut self, at: usize, x: I::F64, dy: I::F64, count: usize) -> [I::F64; 2] {
        let gamma = I::F64::first_of(&self.gamma.wide[at.min(self.gamma.wide.len())..]);
        let mut d = x.sub(self.shift);
        if In::<T, N>::PARTS == 1 {
            let [distance, left] = two_sum(x, I::F64::splat(0.0).sub(self.shift));
            // Nothing is left of the lanes that are filled up with 0.
            self.left = self.left.add(left);
            d = distance;
        }
        let d = if count < 8 { d.first(count) } else { d };
        let product = dy.mul(d);
        self.lanes[0][J] = d.mul_add(d, self.lanes[0][J]);
        self.lanes[1][J] = gamma.mul_add(dy, self.lanes[1][J]);
        self.lanes[2][J] = gamma.mul_add(product, self.lanes[2][J]);
        [d, product]
    }

    /// The sums of `d` and of its square, and those of `g` and of `g * d`.
    #[inline(always)]
    fn sums(mut self) -> ([WideOf<T, N>; 2], [f64; 2]) {
        if T::IS_SHORT {
            self.empty();
        }
        let [squares, of_g, of_products] = self.lanes;
        let squares = squares[0].add(squares[1]).sum();
        let [distances, left] = In::<T, N>::settled::<I>(self.distances).parts();
        let moments = [WideOf::<T, N>::of_parts([distances, left + self.left.sum()]), squares.into()];
        (moments, [of_g[0].add(of_g[1]).sum(), of_products[0].add(of_products[1]).sum()])
    }
}

/// Gives the numbers of a vector their places.
#[inline(always)]
fn keep<T: Lane<N>, I: Isa, const N: usize>(places: &mut [f64; N], parts: [I::F64; 2]) {
    for (places, part) in places.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
        *places = part.store();
    }
}

/// The sums of channels of a few elements each, in their order.
struct InOrder<'a> {
    shares: Shares<'a>,
    spatial: usize,
    /// The channel that is summed, what it comes to so far, and of how many elements.
    channel: usize,
    of_channel: [f64; 2],
    count: usize,
}

impl<'a> InOrder<'a> {
    fn new(shares: Shares<'a>, spatial: usize) -> Self {
        Self { shares, spatial, channel: 0, of_channel: [0.0; 2], count: 0 }
    }

    /// With what the elements of a vector add; what is beyond the last channel is of no account.
    #[inline(always)]
    fn push<T: Lane<N>, I: Isa, const N: usize>(&mut self, [products, dys]: OfVector<I>) {
        for part in 0..In::<T, N>::PARTS {
            for (product, dy) in products[part].store().into_iter().zip(dys[part].store()) {
                self.of_channel = [self.of_channel[0] + product, self.of_channel[1] + dy];
                self.count += 1;
                if self.count == self.spatial && self.channel < self.shares[0].len() {
                    self.shares[0][self.channel] = self.of_channel[0];
                    self.shares[1][self.channel] = self.of_channel[1];
                    (self.channel, self.of_channel, self.count) = (self.channel + 1, [0.0; 2], 0);
                }
            }
        }
    }
}

/// Writes dx of a group, with a gamma for each element:
/// `(dy * gamma + (x - shift) * slope + level) / deviation`.
#[inline(always)]
fn write<T: Lane<N>, I: Isa, const N: usize>(
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
    let (places, place) = dx.as_chunks_mut::<N>();
    let (xs, dys, gammas) = (x.as_chunks::<N>(), dy.as_chunks::<N>(), gamma.as_chunks::<N>());
    for (place, (x, (dy, gamma))) in places.iter_mut().zip(xs.0.iter().zip(dys.0.iter().zip(gammas.0))) {
        *place = scaled.applied(x, dy, gamma).map(MaybeUninit::new);
    }
    if !place.is_empty() {
        let zero = T::rounded(0.0);
        let (x, dy, gamma) = (padded(xs.1, zero), padded(dys.1, zero), padded(gammas.1, In::<T, N>::default()));
        place.write_copy_of_slice(&scaled.applied(&x, &dy, &gamma)[..place.len()]);
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
