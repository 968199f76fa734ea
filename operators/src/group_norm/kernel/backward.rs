//! The backward pass over channels of a vector and more that lie contiguous.
//!
//! With `d = x - shift`, of which the statistics know everything, the gradient of x is linear in dy and d:
//! `dx = dy * p + d * q + r`, `p` for each channel, `q` and `r` for each group. So x and dy are read twice, the
//! first time for their sums, and dx is written once.

use std::mem::MaybeUninit;

use super::batches::{Channels, Group, Groups, Shares, differentiated_carefully};
use super::far::{self, Progress, ahead_of_next};
use super::lanes::{Compute, In, Lane, NumbersOf, Of, WideOf};
use super::memory::look_up;
use super::numbers::Numbers;
use super::parameters::Parameters;
use super::row::{self, Elementwise, How, Rows};
use super::statistics::{Meanwhile, Normaliser, Outcome, distance, near_mean, number, shifts, tail};
use super::vector::{Arithmetic, Isa, Vector};
use super::{Pass, on};
use crate::group_norm::wide::{Sum, Wide};
use crate::tensor::DType;

/// So many terms a lane adds before it is emptied.
const RUN: usize = 32;

/// The pass over groups each of which is written piece by piece, while the next one is summed: so reading and writing go on
/// side by side.
pub(super) struct InPieces<'a, T: Lane<N>, const N: usize>(pub Groups<'a, T, N>);

impl<T: Lane<N>, const N: usize> Pass for InPieces<'_, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = true;

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Groups { first, x, dy, dx, shares: [hats, dys], parameters } = self.0;
        let Some(dx) = dx else { return };
        let (channels, group) = (parameters.channels, parameters.extents.group);
        let mut channel = first % parameters.groups * channels;
        let mut last: Option<Pieces<'_, '_, T, N>> = None;
        for (at, dx) in dx.chunks_exact_mut(group).enumerate() {
            let inputs = [&x[at * group..][..group], &dy[at * group..][..group]];
            let [hats, dys] = [&mut hats[at * channels..][..channels], &mut dys[at * channels..][..channels]];
            let shares = [&mut *hats, &mut *dys];
            let summed = match &mut last {
                None => Summed::of::<I>(inputs, shares, parameters, channel, &mut ()),
                Some(last) => Summed::of::<I>(inputs, shares, parameters, channel, last),
            };
            if let Some(last) = last.take() {
                last.finish::<I>();
            }
            last = match summed {
                Some(summed) => {
                    Some(Pieces { summed, inputs, dx, parameters, first: channel, progress: Progress::default() })
                }
                None => {
                    differentiated_carefully(first + at, inputs, Some(dx), [hats, dys], parameters);
                    None
                }
            };
            channel = parameters.after(channel);
        }
        if let Some(last) = last {
            last.finish::<I>();
        }
        I::fence();
    }
}

/// Channels of a vector and more, from memory or past the caches where they are `FAR`.
pub(super) struct Long<const FAR: bool>;

impl<const FAR: bool, T: Lane<N>, const N: usize> Channels<T, N> for Long<FAR> {
    type Sums = ();
    const IS_FAR: bool = FAR;

    #[inline(always)]
    fn sums<I: Isa>(group: &Group<'_, T, N>, shift: In<T, N>, shares: Shares<'_>) -> ([WideOf<T, N>; 2], ()) {
        let moments = if shifts::<T, N>(shift) {
            summed::<true, T, I, N>(shift, group.inputs, shares, group.parameters, &mut ())
        } else {
            summed::<false, T, I, N>(shift, group.inputs, shares, group.parameters, &mut ())
        };
        (moments, ())
    }

    #[inline(always)]
    fn write<I: Isa>(
        &Group { inputs, first, parameters }: &Group<'_, T, N>,
        normaliser: &Normaliser<T, N>,
        (): (),
        shares: Shares<'_>,
        dx: Option<&mut [MaybeUninit<T>]>,
    ) -> bool {
        let Some(summed) = Summed::new(*normaliser, shares, parameters, first) else { return false };
        if let Some(dx) = dx {
            summed.write::<FAR, I>(inputs, dx, parameters, first);
        }
        true
    }
}

/// What dx is made of, once the sums of a group are known.
struct Summed<T: Lane<N>, const N: usize> {
    normaliser: Normaliser<T, N>,
    /// The slope and the level of dx over `x - shift`.
    line: [In<T, N>; 2],
}

impl<T: Lane<N>, const N: usize> Summed<T, N> {
    /// The sums of a group that begins with channel `first`, and what its channels add to the gradients of gamma and
    /// beta; `None` where the group needs more care than is taken here.
    #[inline(always)]
    fn of<I: Isa>(
        inputs: [&[T]; 2],
        [hats, dys]: Shares<'_>,
        parameters: &Parameters<'_, T, N>,
        first: usize,
        meanwhile: &mut impl Meanwhile,
    ) -> Option<Self> {
        let mut shift = near_mean::<T, I, N>(inputs[0]);
        for _ in 0..2 {
            let shares = [&mut *hats, &mut *dys];
            let moments = if shifts::<T, N>(shift) {
                summed::<true, T, I, N>(shift, inputs, shares, parameters, meanwhile)
            } else {
                summed::<false, T, I, N>(shift, inputs, shares, parameters, meanwhile)
            };
            match Normaliser::judged(shift, moments, parameters) {
                Outcome::Near(normaliser) => return Self::new(normaliser, [hats, dys], parameters, first),
                Outcome::Far(nearer) => shift = nearer,
                Outcome::Odd => return None,
            }
        }
        None
    }

    #[inline(always)]
    fn new(
        normaliser: Normaliser<T, N>,
        shares: Shares<'_>,
        parameters: &Parameters<'_, T, N>,
        first: usize,
    ) -> Option<Self> {
        let gamma = &parameters.gamma[first..first + parameters.channels];
        let means = projected(&normaliser, shares, gamma, parameters)?;
        if parameters.is_faint(gamma, normaliser.inverse_deviation.into()) {
            return None;
        }
        Some(Self { normaliser, line: line(&normaliser, means)? })
    }

    /// What becomes of the elements of its channels, the first of which is `first` of all.
    #[inline(always)]
    fn rows<'a, const SHIFTS: bool, I: Isa>(
        &'a self,
        parameters: &'a Parameters<'_, T, N>,
        first: usize,
    ) -> OfChannels<'a, SHIFTS, T, I, N> {
        let gamma = &parameters.gamma[first..first + parameters.channels];
        let (slope, level) = (Of::<T, I, N>::splat(self.line[0]), Of::<T, I, N>::splat(self.line[1]));
        OfChannels {
            normaliser: &self.normaliser,
            gamma,
            shift: Of::<T, I, N>::splat(self.normaliser.shift),
            slope,
            level,
        }
    }

    /// Writes dx of that group.
    #[inline(always)]
    fn write<const FAR: bool, I: Isa>(
        &self,
        inputs: [&[T]; 2],
        dx: &mut [MaybeUninit<T>],
        parameters: &Parameters<'_, T, N>,
        first: usize,
    ) {
        let spatial = parameters.extents.spatial;
        let how = How { streams: parameters.streams, ahead: parameters.ahead };
        if shifts::<T, N>(self.normaliser.shift) {
            row::write::<FAR, T, I, N, 2>(inputs, dx, spatial, self.rows::<true, I>(parameters, first), how);
        } else {
            row::write::<FAR, T, I, N, 2>(inputs, dx, spatial, self.rows::<false, I>(parameters, first), how);
        }
    }
}

/// A group that is written piece by piece, while the next one is summed.
struct Pieces<'a, 'b, T: Lane<N>, const N: usize> {
    summed: Summed<T, N>,
    inputs: [&'a [T]; 2],
    dx: &'a mut [MaybeUninit<T>],
    parameters: &'a Parameters<'b, T, N>,
    /// Its first channel.
    first: usize,
    progress: Progress,
}

impl<T: Lane<N>, const N: usize> Pieces<'_, '_, T, N> {
    /// Writes what is left.
    #[inline(always)]
    fn finish<I: Isa>(mut self) {
        let end = self.dx.len();
        on(I::PATH, Piece { pieces: &mut self, end, ahead: 0 });
    }
}

impl<T: Lane<N>, const N: usize> Meanwhile for Pieces<'_, '_, T, N> {
    #[inline(always)]
    fn after<I: Isa>(&mut self, summed: usize) {
        if self.progress.is_a_piece_before::<T>(summed) {
            let ahead = ahead_of_next::<T>(self.dx.len());
            on(I::PATH, Piece { pieces: self, end: summed, ahead });
        }
    }
}

/// What is left of it up to an element. It is a pass of its own, so that the sums it is written beside keep their registers.
struct Piece<'p, 'a, 'b, T: Lane<N>, const N: usize> {
    pieces: &'p mut Pieces<'a, 'b, T, N>,
    end: usize,
    /// So many elements ahead the inputs are fetched.
    ahead: usize,
}

impl<T: Lane<N>, const N: usize> Pass for Piece<'_, '_, '_, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = true;

    #[inline(always)]
    fn run<I: Isa>(self) {
        if shifts::<T, N>(self.pieces.summed.normaliser.shift) {
            self.write::<true, I>();
        } else {
            self.write::<false, I>();
        }
    }
}

impl<T: Lane<N>, const N: usize> Piece<'_, '_, '_, T, N> {
    #[inline(always)]
    fn write<const SHIFTS: bool, I: Isa>(self) {
        let Pieces { summed, inputs, dx, parameters, first, progress } = self.pieces;
        let rows = summed.rows::<SHIFTS, I>(parameters, *first);
        let how = How { streams: parameters.streams, ahead: self.ahead };
        far::write_until::<T, I, N, 2>(*inputs, dx, parameters.extents.spatial, rows, how, self.end, progress);
    }
}

/// Makes of each channel's sums of `dy * (x - shift)` and `dy` those of `dy * x_hat` and `dy`, and of all of them the
/// means of `g = gamma * dy` and of `g * x_hat`; `None` where a sum came about near the ends of a range.
#[inline(always)]
pub(super) fn projected<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    [of_hats, of_dy]: Shares<'_>,
    gamma: &[In<T, N>],
    parameters: &Parameters<'_, T, N>,
) -> Option<[WideOf<T, N>; 2]> {
    let [rest, inverse] = [number::<T, N>(normaliser.rest), number::<T, N>(normaliser.inverse_deviation)];
    let (mut sum, mut sum_hat) = (Sum::default(), Sum::default());
    let mut are_safe = true;
    for ((of_hats, &mut of_dy), &gamma) in of_hats.iter_mut().zip(of_dy).zip(gamma) {
        are_safe &= is_safe::<In<T, N>, N>(of_dy) & is_safe::<In<T, N>, N>(*of_hats);
        let [products, dy] = [NumbersOf::<T, f64, N>::exactly(*of_hats), Numbers::exactly(of_dy)];
        let hats = products.sub(rest.times(of_dy)).mul(inverse);
        sum.push(wide::<T, N>(dy.times(gamma.into())));
        sum_hat.push(wide::<T, N>(hats.times(gamma.into())));
        *of_hats = hats.rounded();
    }
    let share = number::<T, N>(parameters.share);
    let means = [number::<T, N>(sum.total()).mul(share), number::<T, N>(sum_hat.total()).mul(share)];
    are_safe.then(|| [wide::<T, N>(means[0]), wide::<T, N>(means[1])])
}

#[inline(always)]
fn wide<T: Lane<N>, const N: usize>(number: NumbersOf<T, f64, N>) -> WideOf<T, N> {
    WideOf::<T, N>::of_parts(number.parts())
}

/// The slope and the level of dx over `x - shift`, from the means of `g` and of `g * x_hat`; `None` where they leave the
/// range of what is computed in.
#[inline(always)]
pub(super) fn line<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    [mean, mean_hat]: [WideOf<T, N>; 2],
) -> Option<[In<T, N>; 2]> {
    let [rest, inverse] = [number::<T, N>(normaliser.rest), number::<T, N>(normaliser.inverse_deviation)];
    let [mean, mean_hat] = [number::<T, N>(mean), number::<T, N>(mean_hat)];
    let falling = inverse.mul(inverse).mul(mean_hat);
    let level = rest.mul(falling).sub(inverse.mul(mean));
    let [slope, level] = [In::<T, N>::of(-falling.rounded()), In::<T, N>::of(level.rounded())];
    let are_finite = Into::<f64>::into(slope).is_finite() && Into::<f64>::into(level).is_finite();
    are_finite.then_some([slope, level])
}

/// Whether a sum came about far from the ends of the range of what is computed in; 0 is no end.
#[inline(always)]
pub(super) fn is_safe<C: Compute<N>, const N: usize>(sum: f64) -> bool {
    // Without a branch.
    (sum == 0.0) | ((sum.abs() >= 1.0 / C::SAFE) & (sum.abs() < C::SAFE))
}

/// The sums over a group of `x - shift` and of its square, and for each channel those of `dy * (x - shift)` and of `dy`.
#[inline(always)]
fn summed<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize>(
    shift: In<T, N>,
    [x, dy]: [&[T]; 2],
    [of_products, of_dy]: Shares<'_>,
    parameters: &Parameters<'_, T, N>,
    meanwhile: &mut impl Meanwhile,
) -> [WideOf<T, N>; 2] {
    let spatial = parameters.extents.spatial;
    let mut sums = Products::<SHIFTS, T, I, N>::new(shift);
    let shares = of_products.iter_mut().zip(of_dy);
    let mut done = 0;
    for (shares, (x, dy)) in shares.zip(x.chunks_exact(spatial).zip(dy.chunks_exact(spatial))) {
        if parameters.from_memory {
            look_up::<I, _>(x.as_ptr(), spatial);
            look_up::<I, _>(dy.as_ptr(), spatial);
        }
        [*shares.0, *shares.1] = sums.channel(x, dy, done, meanwhile);
        done += spatial;
        meanwhile.after::<I>(done);
    }
    sums.empty();
    let [distances, squares] = sums.totals;
    [In::<T, N>::settled::<I>(distances), In::<T, N>::settled::<I>(squares)]
}

/// Sums on their way: short ones in lanes, which are emptied into long ones.
struct Products<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    /// Of `d`, `d * d`, `dy * d` and `dy`.
    lanes: [Of<T, I, N>; 4],
    /// So many terms each of the first two lanes holds.
    held: usize,
    /// Of `d` and `d * d`, over all channels.
    totals: [<In<T, N> as Compute<N>>::Total<I>; 2],
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Products<SHIFTS, T, I, N> {
    #[inline(always)]
    fn new(shift: In<T, N>) -> Self {
        let zero = Of::<T, I, N>::splat(In::<T, N>::default());
        let totals = [In::<T, N>::nothing::<I>(); 2];
        Self { shift: Of::<T, I, N>::splat(shift), lanes: [zero; 4], held: 0, totals }
    }

    /// Those of a channel, before which so many elements were summed.
    #[inline(always)]
    fn channel(&mut self, x: &[T], dy: &[T], before: usize, meanwhile: &mut impl Meanwhile) -> [f64; 2] {
        let mut of_channel = [In::<T, N>::nothing::<I>(); 2];
        let ((x_vectors, rest), (dy_vectors, _)) = (x.as_chunks::<N>(), dy.as_chunks::<N>());
        let ((x_runs, x_few), (dy_runs, dy_few)) = (x_vectors.as_chunks::<RUN>(), dy_vectors.as_chunks::<RUN>());
        for (at, (x, dy)) in x_runs.iter().zip(dy_runs).enumerate() {
            for (x, dy) in x.as_chunks::<4>().0.iter().zip(dy.as_chunks::<4>().0) {
                self.add_four(x, dy);
            }
            self.empty();
            self.empty_into(&mut of_channel);
            meanwhile.after::<I>(before + (at + 1) * RUN * N);
        }
        if self.held + x_few.len() >= RUN {
            self.empty();
        }
        self.held += x_few.len() + 1;
        let ((x_fours, x_few), (dy_fours, dy_few)) = (x_few.as_chunks::<4>(), dy_few.as_chunks::<4>());
        for (x, dy) in x_fours.iter().zip(dy_fours) {
            self.add_four(x, dy);
        }
        for (x, dy) in x_few.iter().zip(dy_few) {
            self.add(self.distance(T::load::<I>(x)), T::load::<I>(dy));
        }
        if !rest.is_empty() {
            let d = self.distance(tail::<T, I, N>(x, rest.len())).last(rest.len());
            self.add(d, tail::<T, I, N>(dy, rest.len()).last(rest.len()));
        }
        self.empty_into(&mut of_channel);
        [In::<T, N>::settled::<I>(of_channel[0]).into(), In::<T, N>::settled::<I>(of_channel[1]).into()]
    }

    #[inline(always)]
    fn add(&mut self, d: Of<T, I, N>, dy: Of<T, I, N>) {
        self.lanes[0] = self.lanes[0].add(d);
        self.lanes[1] = d.mul_add(d, self.lanes[1]);
        self.lanes[2] = dy.mul_add(d, self.lanes[2]);
        self.lanes[3] = self.lanes[3].add(dy);
    }

    #[inline(always)]
    fn distance(&self, x: Of<T, I, N>) -> Of<T, I, N> {
        distance::<SHIFTS, _, _>(x, self.shift)
    }

    /// Four vectors, which are added to each other first: so sums of equal terms lose next to nothing.
    #[inline(always)]
    fn add_four(&mut self, x: &[[T; N]; 4], dy: &[[T; N]; 4]) {
        let dys = four::<T, I, N>(dy);
        let [a, b, c, d] = four::<T, I, N>(x);
        let d = [self.distance(a), self.distance(b), self.distance(c), self.distance(d)];
        self.lanes[0] = self.lanes[0].add(d[0].add(d[1]).add(d[2].add(d[3])));
        self.lanes[1] = self.lanes[1].add(products(d, d));
        self.lanes[2] = self.lanes[2].add(products(dys, d));
        self.lanes[3] = self.lanes[3].add(dys[0].add(dys[1]).add(dys[2].add(dys[3])));
    }

    /// What is summed over all channels.
    #[inline(always)]
    fn empty(&mut self) {
        self.totals[0] = In::<T, N>::emptied::<I>(self.totals[0], self.lanes[0]);
        self.totals[1] = In::<T, N>::emptied::<I>(self.totals[1], self.lanes[1]);
        (self.lanes[0], self.lanes[1], self.held) = (self.zero(), self.zero(), 0);
    }

    /// What is summed over one channel.
    #[inline(always)]
    fn empty_into(&mut self, of_channel: &mut [<In<T, N> as Compute<N>>::Total<I>; 2]) {
        of_channel[0] = In::<T, N>::emptied::<I>(of_channel[0], self.lanes[2]);
        of_channel[1] = In::<T, N>::emptied::<I>(of_channel[1], self.lanes[3]);
        (self.lanes[2], self.lanes[3]) = (self.zero(), self.zero());
    }

    #[inline(always)]
    fn zero(&self) -> Of<T, I, N> {
        Of::<T, I, N>::splat(In::<T, N>::default())
    }
}

/// Two pairs of vectors.
#[inline(always)]
fn four<T: Lane<N>, I: Isa, const N: usize>(values: &[[T; N]; 4]) -> [Of<T, I, N>; 4] {
    let pairs = values.as_chunks().0;
    let ([a, b], [c, d]) = (T::load_pair::<I>(&pairs[0]), T::load_pair::<I>(&pairs[1]));
    [a, b, c, d]
}

/// The sum of the products of four vectors and four others.
#[inline(always)]
fn products<E, V: Arithmetic<E>>(a: [V; 4], b: [V; 4]) -> V {
    let lower = a[1].mul_add(b[1], a[0].mul(b[0]));
    lower.add(a[3].mul_add(b[3], a[2].mul(b[2])))
}

/// `dx = dy * factor + (x - shift) * slope + level`.
#[derive(Clone, Copy)]
struct Linear<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    factor: Of<T, I, N>,
    slope: Of<T, I, N>,
    level: Of<T, I, N>,
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N, 2> for Linear<SHIFTS, T, I, N> {
    const IS_UNIFORM: bool = true;

    #[inline(always)]
    fn of(&self, _: usize, [x, dy]: [Of<T, I, N>; 2]) -> Of<T, I, N> {
        let d = distance::<SHIFTS, _, _>(x, self.shift);
        dy.mul_add(self.factor, d.mul_add(self.slope, self.level))
    }
}

/// What becomes of the channels that these are the gammas of.
struct OfChannels<'a, const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    normaliser: &'a Normaliser<T, N>,
    gamma: &'a [In<T, N>],
    shift: Of<T, I, N>,
    slope: Of<T, I, N>,
    level: Of<T, I, N>,
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Rows<T, I, N, 2> for OfChannels<'_, SHIFTS, T, I, N> {
    type Row = Linear<SHIFTS, T, I, N>;

    #[inline(always)]
    fn row(&self, row: usize) -> Self::Row {
        let factor = Of::<T, I, N>::splat(self.normaliser.factor(self.gamma[row]));
        Linear { shift: self.shift, factor, slope: self.slope, level: self.level }
    }

    #[inline(always)]
    fn joined(&self, row: Self::Row, count: usize, then: Self::Row) -> Self::Row {
        Linear { factor: row.factor.up_to(count, then.factor), ..row }
    }
}
