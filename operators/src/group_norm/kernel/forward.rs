//! The forward pass over groups that lie contiguous, one after the other.

use super::far::{Progress, ahead_of_next};
use super::lanes::{Compute, In, Lane, NumbersOf, Of};
use super::memory::look_up;
use super::numbers::Numbers;
use super::parameters::{Parameters, SMALL};
use super::place::Place;
use super::row::{Elementwise, How, Rows, Single};
use super::statistics::{Meanwhile, Normaliser, distance, number, shifts};
use super::vector::{Arithmetic, Isa, Vector};
use super::{Pass, on};
use crate::tensor::DType;

/// The numbers of up to so many channels are sooner computed one by one than a vector at a time.
const FEW: usize = 3;

/// Writes group `index` of those of all samples.
#[inline(always)]
pub(super) fn group<const FAR: bool, T: Lane<N>, I: Isa, const N: usize>(
    index: usize,
    place: impl Place<T>,
    normaliser: &Normaliser<T, N>,
    parameters: &Parameters<'_, T, N>,
) {
    if shifts::<T, N>(normaliser.origin().0) {
        group_by::<FAR, true, T, I, N>(index, place, normaliser, parameters);
    } else {
        group_by::<FAR, false, T, I, N>(index, place, normaliser, parameters);
    }
}

#[inline(always)]
fn group_by<const FAR: bool, const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize>(
    index: usize,
    mut place: impl Place<T>,
    normaliser: &Normaliser<T, N>,
    parameters: &Parameters<'_, T, N>,
) {
    let (spatial, group) = (parameters.extents.spatial, parameters.extents.group);
    let first = index % parameters.groups * parameters.channels;
    let how = How { streams: parameters.streams, ahead: parameters.ahead };
    if spatial < SMALL {
        if T::IS_TIGHT {
            let spread = WideSpread::<T, I, N>::new(normaliser, parameters.wide_of_elements(first));
            place.write_rows::<FAR, I, N>(0..group, group, Single(spread), how);
        } else {
            let spread = Spread::<SHIFTS, T, I, N>::new(
                normaliser,
                [parameters.gamma_of_elements(first), parameters.beta_of_elements(first)],
            );
            place.write_rows::<FAR, I, N>(0..group, group, Single(spread), how);
        }
        return;
    }
    for some in (0..parameters.channels).step_by(N) {
        let affines = if parameters.channels <= FEW {
            Affines::<T, N>::few(normaliser, parameters, first)
        } else {
            Affines::<T, N>::new::<I>(normaliser, parameters, first + some)
        };
        let range = some * spatial..parameters.channels.min(some + N) * spatial;
        place.write_rows::<FAR, I, N>(range, spatial, OfChannels::<SHIFTS, T, N>(&affines), how);
    }
}

/// A group that is written piece by piece, while the next one is summed: so reading and writing go on side by side, and
/// neither waits for the memory alone.
pub(super) struct Pieces<'a, 'b, P, T: Lane<N>, const N: usize> {
    pub index: usize,
    pub place: P,
    pub normaliser: Normaliser<T, N>,
    pub parameters: &'a Parameters<'b, T, N>,
    progress: Progress,
}

impl<'a, 'b, P: Place<T>, T: Lane<N>, const N: usize> Pieces<'a, 'b, P, T, N> {
    pub fn new(index: usize, place: P, normaliser: Normaliser<T, N>, parameters: &'a Parameters<'b, T, N>) -> Self {
        Self { index, place, normaliser, parameters, progress: Progress::default() }
    }

    /// Writes what is left.
    #[inline(always)]
    pub fn finish<I: Isa>(mut self) {
        let end = self.parameters.extents.group;
        on(I::PATH, Piece { pieces: &mut self, end, ahead: 0 });
    }
}

impl<P: Place<T>, T: Lane<N>, const N: usize> Meanwhile for Pieces<'_, '_, P, T, N> {
    #[inline(always)]
    fn after<I: Isa>(&mut self, summed: usize) {
        if self.progress.is_a_piece_before::<T>(summed) {
            let ahead = ahead_of_next::<T>(self.parameters.extents.group);
            on(I::PATH, Piece { pieces: self, end: summed, ahead });
        }
    }
}

/// What is left of a group up to an element. It is a pass of its own, so that the sums it is written beside keep their
/// registers.
struct Piece<'p, 'a, 'b, P, T: Lane<N>, const N: usize> {
    pieces: &'p mut Pieces<'a, 'b, P, T, N>,
    end: usize,
    /// So many elements ahead the input is fetched.
    ahead: usize,
}

impl<P: Place<T>, T: Lane<N>, const N: usize> Pass for Piece<'_, '_, '_, P, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = true;

    #[inline(always)]
    fn run<I: Isa>(self) {
        if shifts::<T, N>(self.pieces.normaliser.origin().0) {
            self.write::<true, I>();
        } else {
            self.write::<false, I>();
        }
    }
}

impl<P: Place<T>, T: Lane<N>, const N: usize> Piece<'_, '_, '_, P, T, N> {
    #[inline(always)]
    fn write<const SHIFTS: bool, I: Isa>(self) {
        let Pieces { index, place, normaliser, parameters, progress } = self.pieces;
        let first = *index % parameters.groups * parameters.channels;
        let rows = EachChannel::<SHIFTS, T, N> { normaliser, parameters, first };
        let how = How { streams: parameters.streams, ahead: self.ahead };
        place.write_until::<I, N>(self.end, parameters.extents.spatial, rows, how, progress);
    }
}

/// The pages that come after what is summed of a group are looked up meanwhile.
pub(super) struct LookUp<'x, T> {
    x: &'x [T],
    /// So many elements have had those pages looked up that come so far after them.
    done: usize,
}

impl<'x, T> LookUp<'x, T> {
    pub fn new(x: &'x [T]) -> Self {
        Self { x, done: 0 }
    }
}

impl<T> Meanwhile for LookUp<'_, T> {
    #[inline(always)]
    fn after<I: Isa>(&mut self, summed: usize) {
        let x = &self.x[self.done..summed];
        look_up::<I, _>(x.as_ptr(), x.len());
        self.done = summed;
    }
}

/// `(x - origin) * scale + shift`, of which the first is exact and the others are in two parts: little more is
/// rounded than the result.
#[derive(Clone, Copy)]
pub(super) struct Affine<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    origin: Of<T, I, N>,
    scale: [Of<T, I, N>; 2],
    shift: [Of<T, I, N>; 2],
}

/// The scale and shift of one channel, of all.
#[inline(always)]
fn of_channel<T: Lane<N>, const N: usize>(
    normaliser: &Normaliser<T, N>,
    parameters: &Parameters<'_, T, N>,
    channel: usize,
) -> [[In<T, N>; 2]; 2] {
    let (_, distance) = normaliser.origin();
    let scale = number::<T, N>(normaliser.inverse_deviation).times(parameters.gamma[channel].into());
    let shift = NumbersOf::<T, f64, N>::exactly(parameters.beta[channel].into()).sub(distance.mul(scale));
    [In::<T, N>::halves(scale), In::<T, N>::halves(shift)]
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Affine<SHIFTS, T, I, N> {
    /// That of one channel, of all.
    #[inline(always)]
    fn of_channel(normaliser: &Normaliser<T, N>, parameters: &Parameters<'_, T, N>, channel: usize) -> Self {
        let (origin, _) = normaliser.origin();
        let [scale, shift] = of_channel(normaliser, parameters, channel);
        Self {
            origin: Of::<T, I, N>::splat(origin),
            scale: [Of::<T, I, N>::splat(scale[0]), Of::<T, I, N>::splat(scale[1])],
            shift: [Of::<T, I, N>::splat(shift[0]), Of::<T, I, N>::splat(shift[1])],
        }
    }

    /// The first `count` lanes, and after them those of another channel of the group.
    #[inline(always)]
    fn up_to(self, count: usize, then: Self) -> Self {
        Self {
            scale: [self.scale[0].up_to(count, then.scale[0]), self.scale[1].up_to(count, then.scale[1])],
            shift: [self.shift[0].up_to(count, then.shift[0]), self.shift[1].up_to(count, then.shift[1])],
            ..self
        }
    }
}

/// Those of `N` channels of a group.
pub(super) struct Affines<T: Lane<N>, const N: usize> {
    pub origin: In<T, N>,
    pub scale: [[In<T, N>; N]; 2],
    pub shift: [[In<T, N>; N]; 2],
}

impl<T: Lane<N>, const N: usize> Affines<T, N> {
    /// From channel `first` of all on; what is beyond the channels of the group is of no account.
    #[inline(always)]
    pub fn new<I: Isa>(normaliser: &Normaliser<T, N>, parameters: &Parameters<'_, T, N>, first: usize) -> Self {
        let [gamma, beta] = [&parameters.gamma[first..], &parameters.beta[first..]];
        Self::with::<I>(normaliser, Of::<T, I, N>::some(gamma), Of::<T, I, N>::some(beta))
    }

    /// Of the few channels of a group, the first of which is `first` of all.
    #[inline(always)]
    fn few(normaliser: &Normaliser<T, N>, parameters: &Parameters<'_, T, N>, first: usize) -> Self {
        let nothing = [[In::<T, N>::default(); N]; 2];
        let mut affines = Self { origin: normaliser.origin().0, scale: nothing, shift: nothing };
        for channel in 0..parameters.channels.min(FEW) {
            let [scale, shift] = of_channel(normaliser, parameters, first + channel);
            for j in 0..2 {
                (affines.scale[j][channel], affines.shift[j][channel]) = (scale[j], shift[j]);
            }
        }
        affines
    }

    #[inline(always)]
    fn with<I: Isa>(normaliser: &Normaliser<T, N>, gamma: Of<T, I, N>, beta: Of<T, I, N>) -> Self {
        let (origin, distance) = normaliser.origin();
        let inverse = spread::<T, I, N>(number::<T, N>(normaliser.inverse_deviation));
        let distance = spread::<T, I, N>(distance);
        let gamma = In::<T, N>::parts::<I>(gamma);
        let beta = In::<T, N>::parts::<I>(beta);
        let (mut scale, mut shift) = ([inverse; 2], [inverse; 2]);
        for j in 0..In::<T, N>::PARTS {
            scale[j] = inverse.times(gamma[j]);
            shift[j] = NumbersOf::<T, I::F64, N>::exactly(beta[j]).sub(distance.mul(scale[j]));
        }
        let (scale, shift) = (In::<T, N>::split::<I>(scale), In::<T, N>::split::<I>(shift));
        Self { origin, scale: [scale[0].store(), scale[1].store()], shift: [shift[0].store(), shift[1].store()] }
    }

    /// Those of one of the channels, in every lane.
    #[inline(always)]
    fn of<const SHIFTS: bool, I: Isa>(&self, channel: usize) -> Affine<SHIFTS, T, I, N> {
        let [scale, shift] = [&self.scale, &self.shift];
        Affine {
            origin: Of::<T, I, N>::splat(self.origin),
            scale: [Of::<T, I, N>::splat(scale[0][channel]), Of::<T, I, N>::splat(scale[1][channel])],
            shift: [Of::<T, I, N>::splat(shift[0][channel]), Of::<T, I, N>::splat(shift[1][channel])],
        }
    }
}

/// What becomes of the channels whose scales and shifts these are.
struct OfChannels<'a, const SHIFTS: bool, T: Lane<N>, const N: usize>(&'a Affines<T, N>);

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Rows<T, I, N, 1> for OfChannels<'_, SHIFTS, T, N> {
    type Row = Affine<SHIFTS, T, I, N>;

    #[inline(always)]
    fn row(&self, row: usize) -> Self::Row {
        self.0.of(row)
    }

    #[inline(always)]
    fn joined(&self, row: Self::Row, count: usize, then: Self::Row) -> Self::Row {
        row.up_to(count, then)
    }
}

/// The channels of a group, the numbers of each computed when it comes.
struct EachChannel<'a, 'b, const SHIFTS: bool, T: Lane<N>, const N: usize> {
    normaliser: &'a Normaliser<T, N>,
    parameters: &'a Parameters<'b, T, N>,
    /// The first of them.
    first: usize,
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Rows<T, I, N, 1> for EachChannel<'_, '_, SHIFTS, T, N> {
    type Row = Affine<SHIFTS, T, I, N>;

    #[inline(always)]
    fn row(&self, row: usize) -> Self::Row {
        Affine::of_channel(self.normaliser, self.parameters, self.first + row)
    }

    #[inline(always)]
    fn joined(&self, row: Self::Row, count: usize, then: Self::Row) -> Self::Row {
        row.up_to(count, then)
    }
}

/// The same number in every lane.
#[inline(always)]
fn spread<T: Lane<N>, I: Isa, const N: usize>(number: NumbersOf<T, f64, N>) -> NumbersOf<T, I::F64, N> {
    let [high, low] = number.parts();
    Numbers::of([I::F64::splat(high), I::F64::splat(low)])
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N, 1> for Affine<SHIFTS, T, I, N> {
    const IS_UNIFORM: bool = true;

    #[inline(always)]
    fn of(&self, _: usize, [x]: [Of<T, I, N>; 1]) -> Of<T, I, N> {
        let d = distance::<SHIFTS, _, _>(x, self.origin);
        let near = d.mul_add(self.scale[0], self.shift[0]);
        if T::IS_TIGHT { near.add(d.mul_add(self.scale[1], self.shift[1])) } else { near }
    }
}

/// `gamma * x_hat + beta`, with a gamma and a beta for each element.
#[derive(Clone, Copy)]
struct Spread<'a, const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    x_hat: Affine<SHIFTS, T, I, N>,
    gamma: &'a [In<T, N>],
    beta: &'a [In<T, N>],
}

impl<'a, const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Spread<'a, SHIFTS, T, I, N> {
    #[inline(always)]
    fn new(normaliser: &Normaliser<T, N>, [gamma, beta]: [&'a [In<T, N>]; 2]) -> Self {
        let [one, zero] = [1.0, 0.0].map(In::<T, N>::of);
        let (one, zero) = (Of::<T, I, N>::splat(one), Of::<T, I, N>::splat(zero));
        Self { x_hat: Affines::with::<I>(normaliser, one, zero).of::<SHIFTS, I>(0), gamma, beta }
    }
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N, 1> for Spread<'_, SHIFTS, T, I, N> {
    const IS_UNIFORM: bool = false;

    #[inline(always)]
    fn of(&self, at: usize, [x]: [Of<T, I, N>; 1]) -> Of<T, I, N> {
        let [gamma, beta] = [Of::<T, I, N>::some(&self.gamma[at..]), Of::<T, I, N>::some(&self.beta[at..])];
        gamma.mul_add(self.x_hat.of(at, [x]), beta)
    }
}

/// The same in f64: rounded once, x_hat would be off by as much as gamma makes of it.
#[derive(Clone, Copy)]
struct WideSpread<'a, T: Lane<N>, I: Isa, const N: usize> {
    mean: NumbersOf<T, I::F64, N>,
    inverse_deviation: NumbersOf<T, I::F64, N>,
    gamma: &'a [f64],
    beta: &'a [f64],
}

impl<'a, T: Lane<N>, I: Isa, const N: usize> WideSpread<'a, T, I, N> {
    #[inline(always)]
    fn new(normaliser: &Normaliser<T, N>, [gamma, beta]: [&'a [f64]; 2]) -> Self {
        let inverse_deviation = spread::<T, I, N>(number::<T, N>(normaliser.inverse_deviation));
        Self { mean: spread::<T, I, N>(normaliser.mean()), inverse_deviation, gamma, beta }
    }

    /// Part of a vector, by the gamma and the beta of its elements.
    #[inline(always)]
    fn part(&self, x: I::F64, gamma: I::F64, beta: I::F64) -> NumbersOf<T, I::F64, N> {
        Numbers::exactly(NumbersOf::<T, I::F64, N>::normalised(x, self.mean, self.inverse_deviation, gamma, beta))
    }
}

impl<T: Lane<N>, I: Isa, const N: usize> Elementwise<T, I, N, 1> for WideSpread<'_, T, I, N> {
    const IS_UNIFORM: bool = false;

    #[inline(always)]
    fn of(&self, at: usize, [x]: [Of<T, I, N>; 1]) -> Of<T, I, N> {
        let x = In::<T, N>::parts::<I>(x);
        let [gamma, beta] = [parts_at::<I, N>(self.gamma, at), parts_at::<I, N>(self.beta, at)];
        let mut y = [self.part(x[0], gamma[0], beta[0]); 2];
        if In::<T, N>::PARTS == 2 {
            y[1] = self.part(x[1], gamma[1], beta[1]);
        }
        In::<T, N>::split::<I>(y)[0]
    }
}

/// The numbers of a vector of elements, from one on; 0 beyond the last.
#[inline(always)]
fn parts_at<I: Isa, const N: usize>(values: &[f64], at: usize) -> [I::F64; 2] {
    let values = &values[at..];
    let Some(all) = values.first_chunk::<N>() else {
        return [I::F64::some(values), I::F64::some(&values[values.len().min(8)..])];
    };
    let (eights, _) = all.as_chunks::<8>();
    [I::F64::load(&eights[0]), I::F64::load(&eights[eights.len() - 1])]
}
