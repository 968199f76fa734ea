//! Mean and deviation of a group, from one reading of it.

use super::lanes::{Compute, In, Lane, Of, WideOf, padded};
use super::parameters::Parameters;
use super::vector::{Isa, Vector};
use crate::group_norm::wide::Wide;

/// So many terms a lane adds before it is emptied.
pub(super) const RUN: usize = 16;

/// The vectors that are summed side by side.
const SIDE_BY_SIDE: usize = 2;

/// A first guess of the mean is taken of so many vectors, spread evenly.
const SAMPLE: usize = 4;

/// So many deviations are few.
const FEW: f64 = 4.0;

/// Variances about which nothing is lost: far from where squares leave the range of f32.
const LEAST: f64 = 1e-24;

/// What normalises a group: the mean is `shift + rest`.
#[derive(Clone, Copy)]
pub(super) struct Normaliser<T: Lane<N>, const N: usize> {
    pub shift: In<T, N>,
    pub rest: WideOf<T, N>,
    pub inverse_deviation: WideOf<T, N>,
}

/// What the sums of a group make of a guess of its mean.
pub(super) enum Outcome<T: Lane<N>, const N: usize> {
    /// It was near enough.
    Near(Normaliser<T, N>),
    /// The sums have to be taken again, from here.
    Far(In<T, N>),
    /// The group needs more care than is taken here.
    Odd,
}

impl<T: Lane<N>, const N: usize> Normaliser<T, N> {
    /// That of a group; `None` where it needs more care than is taken here. Something else is done on the way.
    #[inline(always)]
    pub fn of<I: Isa>(x: &[T], parameters: &Parameters<'_, T, N>, meanwhile: &mut impl Meanwhile) -> Option<Self> {
        let shift = near_mean::<T, I, N>(x);
        let nearer = match Self::judged(shift, moments::<T, I, N>(x, shift, meanwhile), parameters) {
            Outcome::Near(normaliser) => return Some(normaliser),
            Outcome::Far(nearer) => nearer,
            Outcome::Odd => return None,
        };
        match Self::judged(nearer, moments::<T, I, N>(x, nearer, &mut ()), parameters) {
            Outcome::Near(normaliser) => Some(normaliser),
            Outcome::Far(_) | Outcome::Odd => None,
        }
    }

    /// From the sums over a group of `x - shift` and of its square.
    #[inline(always)]
    pub fn judged(
        shift: In<T, N>,
        [sum, squares]: [WideOf<T, N>; 2],
        parameters: &Parameters<'_, T, N>,
    ) -> Outcome<T, N> {
        let rest = sum * parameters.share;
        let variance = squares * parameters.share - rest * rest;
        let (near, about): (f64, f64) = (rest.into(), variance.into());
        // Far from the mean, squares are of the distance and not of the deviation.
        if near * near > about && near != 0.0 {
            return Outcome::Far(In::<T, N>::of(shift.into() + near));
        }
        Self::usual(shift, rest, variance, parameters).map_or(Outcome::Odd, Outcome::Near)
    }

    #[inline(always)]
    fn usual(
        shift: In<T, N>,
        rest: WideOf<T, N>,
        variance: WideOf<T, N>,
        parameters: &Parameters<'_, T, N>,
    ) -> Option<Self> {
        let (about, epsilon): (f64, f64) = (variance.into(), parameters.epsilon);
        let is_usual = about.is_finite() && about + epsilon > LEAST && epsilon >= 0.0;
        let inverse_deviation = (variance + epsilon.into()).inverse_sqrt();
        let in_range = parameters.are_in_range(inverse_deviation.into());
        (is_usual && in_range).then_some(Self { shift, rest, inverse_deviation })
    }

    /// As [`of`](Self::of), for sums of so few terms that each of them has to be nearly exact.
    #[inline(always)]
    pub fn precisely<I: Isa>(x: &[T], parameters: &Parameters<'_, T, N>) -> Option<Self> {
        let from = In::<T, N>::of(x[0].to_f64());
        let (vectors, rest) = x.as_chunks::<N>();
        // What is filled up with the number from which distances are taken adds nothing.
        let ending = padded(rest, x[0]);
        let mut total = In::<T, N>::nothing::<I>();
        for values in vectors {
            total = In::<T, N>::distanced::<I>(total, T::load::<I>(values), from);
        }
        if !rest.is_empty() {
            total = In::<T, N>::distanced::<I>(total, T::load::<I>(&ending), from);
        }
        let distance = In::<T, N>::settled::<I>(total) * parameters.share;
        let (about, from): (f64, f64) = (distance.into(), from.into());
        let shift = In::<T, N>::of(from + about);
        let rest_of_mean = WideOf::<T, N>::from(from) - WideOf::<T, N>::from(shift.into()) + distance;

        let mean = [I::F64::splat(shift.into()), I::F64::splat(rest_of_mean.into())];
        let mut squares = [I::F64::splat(0.0); 2];
        for values in vectors {
            let parts = In::<T, N>::parts::<I>(T::load::<I>(values));
            for j in 0..In::<T, N>::PARTS {
                let d = parts[j].sub(mean[0]).sub(mean[1]);
                squares[j] = d.mul_add(d, squares[j]);
            }
        }
        if !rest.is_empty() {
            let parts = In::<T, N>::parts::<I>(T::load::<I>(&ending));
            for j in 0..In::<T, N>::PARTS {
                let mut d = parts[j].sub(mean[0]).sub(mean[1]).store();
                d[(rest.len() - (8 * j).min(rest.len())).min(8)..].fill(0.0);
                let d = I::F64::load(&d);
                squares[j] = d.mul_add(d, squares[j]);
            }
        }
        let variance = WideOf::<T, N>::from(squares[0].add(squares[1]).sum()) * parameters.share;
        Self::usual(shift, rest_of_mean, variance, parameters)
    }

    /// A number from which the distance of no element has to be rounded, and that of the mean: 0 where the mean is
    /// no larger than a few deviations; otherwise near the mean, since what is within a factor of two of each other
    /// has an exact difference.
    #[inline(always)]
    pub fn origin(&self) -> (In<T, N>, WideOf<T, N>) {
        let mean = WideOf::<T, N>::from(self.shift.into()) + self.rest;
        let deviations: f64 = (mean * self.inverse_deviation).into();
        if deviations.abs() < FEW { (In::<T, N>::default(), mean) } else { (self.shift, self.rest) }
    }
}

/// A number near the mean: the mean of all of a small group, or of a sample of a large one.
#[inline(always)]
pub(super) fn near_mean<T: Lane<N>, I: Isa, const N: usize>(x: &[T]) -> In<T, N> {
    let Some(last) = x.len().checked_sub(N) else {
        let sum: f64 = T::load::<I>(&padded(x, T::rounded(0.0))).sum().into();
        return In::<T, N>::of(sum / x.len() as f64);
    };
    let step = last / (SAMPLE - 1);
    let mut lanes = Of::<T, I, N>::splat(In::<T, N>::default());
    for at in 0..SAMPLE {
        if let Some(values) = x[at * step..].first_chunk::<N>() {
            lanes = lanes.add(T::load::<I>(values));
        }
    }
    let sum: f64 = lanes.sum().into();
    In::<T, N>::of(sum * (1.0 / (SAMPLE * N) as f64))
}

/// What is done while a group is summed.
pub(super) trait Meanwhile {
    /// A part of it, so many elements having been summed.
    fn after<I: Isa>(&mut self, summed: usize);
}

impl Meanwhile for () {
    #[inline(always)]
    fn after<I: Isa>(&mut self, _: usize) {}
}

/// The sums over a group of `x - shift` and of its square.
#[inline(always)]
fn moments<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    shift: In<T, N>,
    meanwhile: &mut impl Meanwhile,
) -> [WideOf<T, N>; 2] {
    let mut sums = Moments::<T, I, N>::new(shift);
    let (vectors, rest) = x.as_chunks::<N>();
    let (pairs, last) = vectors.as_chunks::<SIDE_BY_SIDE>();
    let (runs, few) = pairs.as_chunks::<RUN>();
    for (at, run) in runs.iter().enumerate() {
        for pair in run {
            sums.add(pair);
        }
        sums.empty();
        meanwhile.after::<I>((at + 1) * RUN * SIDE_BY_SIDE * N);
    }
    for pair in few {
        sums.add(pair);
    }
    if let Some(values) = last.first() {
        sums.add_to(0, T::load::<I>(values).sub(sums.shift));
    }
    if !rest.is_empty() {
        sums.add_to(1, tail::<T, I, N>(x, rest.len()).sub(sums.shift).last(rest.len()));
    }
    sums.empty();
    [In::<T, N>::settled::<I>(sums.totals[0]), In::<T, N>::settled::<I>(sums.totals[1])]
}

/// The last elements of a slice at the end of a vector; what the lanes before them hold is of no account.
#[inline(always)]
pub(super) fn tail<T: Lane<N>, I: Isa, const N: usize>(x: &[T], count: usize) -> Of<T, I, N> {
    if let Some(values) = x.last_chunk::<N>() {
        return T::load::<I>(values);
    }
    let mut values = [T::rounded(0.0); N];
    values[N - count..].copy_from_slice(&x[x.len() - count..]);
    T::load::<I>(&values)
}

/// Sums on their way: short ones in lanes, which are emptied into long ones.
struct Moments<T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    distances: [Of<T, I, N>; SIDE_BY_SIDE],
    squares: [Of<T, I, N>; SIDE_BY_SIDE],
    totals: [<In<T, N> as Compute<N>>::Total<I>; 2],
}

impl<T: Lane<N>, I: Isa, const N: usize> Moments<T, I, N> {
    #[inline(always)]
    fn new(shift: In<T, N>) -> Self {
        let zero = [Of::<T, I, N>::splat(In::<T, N>::default()); SIDE_BY_SIDE];
        let totals = [In::<T, N>::nothing::<I>(); 2];
        Self { shift: Of::<T, I, N>::splat(shift), distances: zero, squares: zero, totals }
    }

    #[inline(always)]
    fn add(&mut self, vectors: &[[T; N]; SIDE_BY_SIDE]) {
        for (j, values) in vectors.iter().enumerate() {
            self.add_to(j, T::load::<I>(values).sub(self.shift));
        }
    }

    #[inline(always)]
    fn add_to(&mut self, j: usize, d: Of<T, I, N>) {
        self.distances[j] = self.distances[j].add(d);
        self.squares[j] = d.mul_add(d, self.squares[j]);
    }

    #[inline(always)]
    fn empty(&mut self) {
        let zero = [Of::<T, I, N>::splat(In::<T, N>::default()); SIDE_BY_SIDE];
        for (total, lanes) in self.totals.iter_mut().zip([&mut self.distances, &mut self.squares]) {
            *total = In::<T, N>::emptied::<I>(*total, lanes[0].add(lanes[1]));
            *lanes = zero;
        }
    }
}
