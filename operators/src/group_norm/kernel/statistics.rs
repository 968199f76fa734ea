//! Mean and deviation of a group, from one reading of it.

use super::lanes::{Compute, In, Lane, NumbersOf, Of, WideOf};
use super::numbers::{Numbers, inverse_sqrt};
use super::parameters::Parameters;
use super::vector::{Arithmetic, Isa, Roots, Vector};
use crate::group_norm::wide::Wide;

/// So many terms a lane adds before it is emptied.
pub(super) const RUN: usize = 16;

/// The vectors that are summed side by side.
const SIDE_BY_SIDE: usize = 2;

/// A first guess of the mean is taken of so many vectors, spread evenly.
const SAMPLE: usize = 4;

/// A group of so many vectors gains from sums about 0 what it costs to ask whether they will do.
const MANY: usize = 16;

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
        Self::again::<I>(x, nearer, parameters)
    }

    /// From the sums over a group of `x - shift` and of its square.
    #[inline(always)]
    pub fn judged(
        shift: In<T, N>,
        [sum, squares]: [WideOf<T, N>; 2],
        parameters: &Parameters<'_, T, N>,
    ) -> Outcome<T, N> {
        let sums = [number::<T, N>(sum), number::<T, N>(squares)];
        let [rest, variance, inverse] = solved::<T, f64, N>(sums, parameters).map(Numbers::parts);
        Self::outcome(shift, [rest, variance, inverse], parameters)
    }

    /// From the parts of the mean less the shift, of the variance and of the inverse deviation.
    #[inline(always)]
    fn outcome(
        shift: In<T, N>,
        [rest, variance, inverse]: [[f64; 2]; 3],
        parameters: &Parameters<'_, T, N>,
    ) -> Outcome<T, N> {
        let (near, about, epsilon) = (rest[0], variance[0], parameters.epsilon);
        // Far from the mean, squares are of the distance and not of the deviation.
        if near * near > about && near != 0.0 {
            #[cfg(test)]
            crate::group_norm::tests::more_care();
            return Outcome::Far(In::<T, N>::of(shift.into() + near));
        }
        let is_usual = about.is_finite() && about + epsilon > LEAST && epsilon >= 0.0;
        if !(is_usual && parameters.are_in_range(inverse[0])) {
            return Outcome::Odd;
        }
        let [rest, inverse_deviation] = [WideOf::<T, N>::of_parts(rest), WideOf::<T, N>::of_parts(inverse)];
        Outcome::Near(Self { shift, rest, inverse_deviation })
    }

    /// Of a group whose first guess was too far from its mean, by a nearer one.
    #[inline(always)]
    pub fn again<I: Isa>(x: &[T], nearer: In<T, N>, parameters: &Parameters<'_, T, N>) -> Option<Self> {
        match Self::judged(nearer, moments::<T, I, N>(x, nearer, &mut ()), parameters) {
            Outcome::Near(normaliser) => Some(normaliser),
            Outcome::Far(_) | Outcome::Odd => None,
        }
    }

    #[inline(always)]
    pub fn mean(&self) -> NumbersOf<T, f64, N> {
        NumbersOf::<T, f64, N>::exactly(self.shift.into()).add(number::<T, N>(self.rest))
    }

    /// What the elements of a channel are multiplied by.
    #[inline(always)]
    pub fn factor(&self, gamma: In<T, N>) -> In<T, N> {
        In::<T, N>::of(number::<T, N>(self.inverse_deviation).times(gamma.into()).rounded())
    }

    /// A number from which the distance of no element has to be rounded, and that of the mean: 0 where the mean is
    /// no larger than a few deviations; otherwise near the mean, since what is within a factor of two of each other
    /// has an exact difference.
    #[inline(always)]
    pub fn origin(&self) -> (In<T, N>, NumbersOf<T, f64, N>) {
        let (rest, mean) = (number::<T, N>(self.rest), self.mean());
        let deviations = mean.rounded() * self.inverse_deviation.parts()[0];
        if deviations.abs() < FEW { (In::<T, N>::default(), mean) } else { (self.shift, rest) }
    }
}

/// From the sums over groups: the mean less the shift, the variance and the inverse deviation.
#[inline(always)]
fn solved<T: Lane<N>, V: Roots, const N: usize>(
    [sum, squares]: [NumbersOf<T, V, N>; 2],
    parameters: &Parameters<'_, T, N>,
) -> [NumbersOf<T, V, N>; 3] {
    let [high, low] = parameters.share.parts();
    let share = NumbersOf::<T, V, N>::of([V::splat(high), V::splat(low)]);
    let rest = sum.mul(share);
    let variance = squares.mul(share).sub(rest.mul(rest));
    [rest, variance, inverse_sqrt(variance.add(Numbers::exactly(V::splat(parameters.epsilon))))]
}

/// The groups of a batch.
pub(super) const BATCH: usize = 8;

/// The sums of some small groups, whose roots and divisions are computed side by side.
pub(super) struct Batch<T: Lane<N>, const N: usize> {
    shifts: [In<T, N>; BATCH],
    /// The parts of the sums, group by group.
    sums: [[[f64; BATCH]; 2]; 2],
}

impl<T: Lane<N>, const N: usize> Batch<T, N> {
    /// One without groups.
    #[inline(always)]
    pub fn new() -> Self {
        Self { shifts: [In::<T, N>::default(); BATCH], sums: [[[0.0; BATCH]; 2]; 2] }
    }

    /// Gives a group a place, below [`BATCH`], and guesses its mean.
    #[inline(always)]
    pub fn guess<I: Isa>(&mut self, place: usize, x: &[T]) {
        self.shifts[place] = near_mean::<T, I, N>(x);
    }

    /// Gives a group a place, its mean having been guessed.
    #[inline(always)]
    pub fn place(&mut self, place: usize, shift: In<T, N>) {
        self.shifts[place] = shift;
    }

    /// What was guessed for the group of a place.
    #[inline(always)]
    pub fn shift(&self, place: usize) -> In<T, N> {
        self.shifts[place]
    }

    /// Sums the group of a place.
    #[inline(always)]
    pub fn sum<I: Isa>(&mut self, place: usize, x: &[T]) {
        self.keep(place, moments::<T, I, N>(x, self.shifts[place], &mut ()));
    }

    /// Keeps the sums over the group of a place, of `x - shift` and of its square.
    #[inline(always)]
    pub fn keep(&mut self, place: usize, sums: [WideOf<T, N>; 2]) {
        for (parts, sum) in self.sums.iter_mut().zip(sums) {
            let [high, low] = sum.parts();
            (parts[0][place], parts[1][place]) = (high, low);
        }
    }

    /// What becomes of the sums of so many groups, place by place; where there is no group, something.
    #[inline(always)]
    pub fn solved<I: Isa>(&self, count: usize, parameters: &Parameters<'_, T, N>) -> Solved {
        if count == 1 {
            // A vector of numbers that were just written one by one waits for them, and for all that was written before.
            let sums = self.sums.map(|[high, low]| Numbers::of([high[0], low[0]]));
            return solved::<T, f64, N>(sums, parameters).map(|number| number.parts().map(|part| [part; BATCH]));
        }
        let sums = [
            Numbers::of([I::F64::load(&self.sums[0][0]), I::F64::load(&self.sums[0][1])]),
            Numbers::of([I::F64::load(&self.sums[1][0]), I::F64::load(&self.sums[1][1])]),
        ];
        let [rest, variance, inverse] = solved::<T, I::F64, N>(sums, parameters);
        let [rest, variance, inverse] = [rest.parts(), variance.parts(), inverse.parts()];
        [
            [rest[0].store(), rest[1].store()],
            [variance[0].store(), variance[1].store()],
            [inverse[0].store(), inverse[1].store()],
        ]
    }

    /// That of one place.
    #[inline(always)]
    pub fn outcome(&self, place: usize, solved: &Solved, parameters: &Parameters<'_, T, N>) -> Outcome<T, N> {
        let of_place = |[high, low]: &[[f64; BATCH]; 2]| [high[place], low[place]];
        let [rest, variance, inverse] = solved;
        Normaliser::outcome(self.shifts[place], [of_place(rest), of_place(variance), of_place(inverse)], parameters)
    }
}

/// The parts of the mean less the shift, of the variance and of the inverse deviation, place by place.
type Solved = [[[f64; BATCH]; 2]; 3];

/// A number of twice the precision to compute with.
#[inline(always)]
pub(super) fn number<T: Lane<N>, const N: usize>(number: WideOf<T, N>) -> NumbersOf<T, f64, N> {
    Numbers::of(number.parts())
}

/// A number near the mean: the mean of all of a small group, or of a sample of a large one; 0 where that will do.
#[inline(always)]
pub(super) fn near_mean<T: Lane<N>, I: Isa, const N: usize>(x: &[T]) -> In<T, N> {
    let Some(last) = x.len().checked_sub(N) else {
        let sum: f64 = T::some::<I>(x).sum().into();
        return In::<T, N>::of(sum / x.len() as f64);
    };
    let step = last / (SAMPLE - 1);
    let zero = Of::<T, I, N>::splat(In::<T, N>::default());
    let (mut lanes, mut squares) = (zero, zero);
    let asks = T::IS_SHORT && x.len() >= MANY * N;
    for at in 0..SAMPLE {
        if let Some(values) = x[at * step..].first_chunk::<N>() {
            let values = T::load::<I>(values);
            lanes = lanes.add(values);
            if asks {
                squares = values.mul_add(values, squares);
            }
        }
    }
    let share = 1.0 / (SAMPLE * N) as f64;
    let mean = lanes.sum().into() * share;
    if asks && is_about_zero(mean, squares.sum().into() * share) {
        return In::<T, N>::default();
    }
    In::<T, N>::of(mean)
}

/// Whether 0 is a guess as good as the mean of some numbers, by the mean of their squares.
#[inline(always)]
pub(super) fn is_about_zero(mean: f64, of_squares: f64) -> bool {
    // The mean is less than .7 deviations then, so that of all elements is hardly one.
    3.0 * mean * mean < of_squares && of_squares.is_finite()
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

/// Whether a shift or an origin has to be taken from each element: of elements of 16 bits, it has not where it is 0. Longer
/// ones come no faster than they are computed with.
#[inline(always)]
pub(super) fn shifts<T: Lane<N>, const N: usize>(shift: In<T, N>) -> bool {
    !T::IS_SHORT || shift.into() != 0.0
}

/// `x - shift`, where that shifts.
#[inline(always)]
pub(super) fn distance<const SHIFTS: bool, E, V: Arithmetic<E>>(x: V, shift: V) -> V {
    if SHIFTS { x.sub(shift) } else { x }
}

/// The sums over a group of `x - shift` and of its square.
#[inline(always)]
fn moments<T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    shift: In<T, N>,
    meanwhile: &mut impl Meanwhile,
) -> [WideOf<T, N>; 2] {
    if shifts::<T, N>(shift) {
        moments_by::<true, T, I, N>(x, shift, meanwhile)
    } else {
        moments_by::<false, T, I, N>(x, shift, meanwhile)
    }
}

#[inline(always)]
fn moments_by<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize>(
    x: &[T],
    shift: In<T, N>,
    meanwhile: &mut impl Meanwhile,
) -> [WideOf<T, N>; 2] {
    let mut sums = Moments::<SHIFTS, T, I, N>::new(shift);
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
        sums.add_to(0, sums.distance(T::load::<I>(values)));
    }
    if !rest.is_empty() {
        sums.add_to(1, sums.distance(tail::<T, I, N>(x, rest.len())).last(rest.len()));
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
struct Moments<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> {
    shift: Of<T, I, N>,
    distances: [Of<T, I, N>; SIDE_BY_SIDE],
    squares: [Of<T, I, N>; SIDE_BY_SIDE],
    totals: [<In<T, N> as Compute<N>>::Total<I>; 2],
}

impl<const SHIFTS: bool, T: Lane<N>, I: Isa, const N: usize> Moments<SHIFTS, T, I, N> {
    #[inline(always)]
    fn new(shift: In<T, N>) -> Self {
        let zero = [Of::<T, I, N>::splat(In::<T, N>::default()); SIDE_BY_SIDE];
        let totals = [In::<T, N>::nothing::<I>(); 2];
        Self { shift: Of::<T, I, N>::splat(shift), distances: zero, squares: zero, totals }
    }

    #[inline(always)]
    fn add(&mut self, vectors: &[[T; N]; SIDE_BY_SIDE]) {
        let [a, b] = T::load_pair::<I>(vectors);
        self.add_to(0, self.distance(a));
        self.add_to(1, self.distance(b));
    }

    #[inline(always)]
    fn distance(&self, x: Of<T, I, N>) -> Of<T, I, N> {
        distance::<SHIFTS, _, _>(x, self.shift)
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
