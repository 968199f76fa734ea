//! The backward pass over groups that lie contiguous, in batches: all of a batch are summed before the first is written, so
//! that none waits for its own root and divisions. A large group is a batch of its own.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use super::lanes::{In, Lane, WideOf};
use super::parameters::Parameters;
use super::statistics::{BATCH, Batch, Normaliser, Outcome};
use super::vector::Isa;
use super::{Pass, on};
use crate::tensor::DType;

/// What each channel of some samples adds to the gradients of gamma and of beta.
pub(in crate::group_norm) type Shares<'a> = [&'a mut [f64]; 2];

/// Some groups, and what is read and written of them.
pub(super) struct Groups<'a, T: Lane<N>, const N: usize> {
    /// Where the first is among those of all samples.
    pub first: usize,
    pub x: &'a [T],
    pub dy: &'a [T],
    pub dx: Option<&'a mut [MaybeUninit<T>]>,
    pub shares: Shares<'a>,
    pub parameters: &'a Parameters<'a, T, N>,
}

/// One of them.
pub(super) struct Group<'a, T: Lane<N>, const N: usize> {
    /// x and dy.
    pub inputs: [&'a [T]; 2],
    /// Its first channel.
    pub first: usize,
    pub parameters: &'a Parameters<'a, T, N>,
}

/// How a group is summed and written, by how many elements its channels have.
pub(super) trait Channels<T: Lane<N>, const N: usize> {
    /// What is summed beside the moments.
    type Sums: Copy + Default;
    /// See [`Pass::IS_FAR`].
    const IS_FAR: bool = false;

    /// The sums of `x - shift`, of its square and of what else; those of each channel are its shares, of `dy * (x - shift)`
    /// and of `dy`.
    fn sums<I: Isa>(group: &Group<'_, T, N>, shift: In<T, N>, shares: Shares<'_>) -> ([WideOf<T, N>; 2], Self::Sums);

    /// Writes dx where it is wanted, and makes of the shares those in the gradients of gamma and beta; whether that was
    /// done, or more care has to be taken.
    fn write<I: Isa>(
        group: &Group<'_, T, N>,
        normaliser: &Normaliser<T, N>,
        sums: Self::Sums,
        shares: Shares<'_>,
        dx: Option<&mut [MaybeUninit<T>]>,
    ) -> bool;
}

/// The pass over some groups.
pub(super) struct Backward<'a, C, T: Lane<N>, const N: usize> {
    groups: Groups<'a, T, N>,
    channels: PhantomData<C>,
}

impl<'a, C, T: Lane<N>, const N: usize> Backward<'a, C, T, N> {
    pub fn new(groups: Groups<'a, T, N>) -> Self {
        Self { groups, channels: PhantomData }
    }
}

impl<C: Channels<T, N>, T: Lane<N>, const N: usize> Pass for Backward<'_, C, T, N> {
    const IS_OF_BF16: bool = matches!(T::DTYPE, DType::BF16);
    const IS_FAR: bool = C::IS_FAR;

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Groups { first, x, dy, mut dx, shares: [hats, dys], parameters } = self.groups;
        let (channels, size) = (parameters.channels, parameters.extents.group);
        let count = x.len() / size;
        let at_once = parameters.at_once(2);
        // The gradient of one element is 0, and not what rounding leaves of it.
        let takes_care = size == 1 || parameters.are_wider;
        let (mut batch, mut sums) = (Batch::<T, N>::new(), [C::Sums::default(); BATCH]);
        let (mut next, mut first_channels) = (first % parameters.groups * channels, [0; BATCH]);
        for start in (0..count).step_by(at_once) {
            let end = count.min(start + at_once);
            for at in start..end {
                batch.guess::<I>(at - start, &x[at * size..][..size]);
                first_channels[at - start] = next;
                next = parameters.after(next);
            }
            for at in start..end {
                let inputs = [&x[at * size..][..size], &dy[at * size..][..size]];
                let group = Group { inputs, first: first_channels[at - start], parameters };
                let shares = [&mut hats[at * channels..][..channels], &mut dys[at * channels..][..channels]];
                let (moments, more) = C::sums::<I>(&group, batch.shift(at - start), shares);
                batch.keep(at - start, moments);
                sums[at - start] = more;
            }
            let solved = batch.solved::<I>(end - start, parameters);
            for at in start..end {
                let inputs = [&x[at * size..][..size], &dy[at * size..][..size]];
                let group = Group { inputs, first: first_channels[at - start], parameters };
                let [hats, dys] = [&mut hats[at * channels..][..channels], &mut dys[at * channels..][..channels]];
                let mut dx = dx.as_mut().map(|dx| &mut dx[at * size..][..size]);
                let outcome = if takes_care { Outcome::Odd } else { batch.outcome(at - start, &solved, parameters) };
                let found = match outcome {
                    Outcome::Near(normaliser) => Some((normaliser, sums[at - start])),
                    Outcome::Far(nearer) => {
                        let mut found = None;
                        let shares = [&mut *hats, &mut *dys];
                        on(I::PATH, Again::<C, T, N> { group: &group, shift: nearer, shares, found: &mut found });
                        found
                    }
                    Outcome::Odd => None,
                };
                let is_done = match found {
                    Some((normaliser, sums)) => {
                        C::write::<I>(&group, &normaliser, sums, [&mut *hats, &mut *dys], dx.as_deref_mut())
                    }
                    None => false,
                };
                if !is_done {
                    differentiated_carefully(first + at, inputs, dx, [hats, dys], parameters);
                }
            }
        }
        if parameters.streams {
            I::fence();
        }
    }
}

/// A group whose first guess was too far from its mean is summed again, by a nearer one. As that is rare, it is a pass of
/// its own.
struct Again<'a, 'b, C: Channels<T, N>, T: Lane<N>, const N: usize> {
    group: &'a Group<'b, T, N>,
    shift: In<T, N>,
    shares: Shares<'a>,
    found: &'a mut Option<(Normaliser<T, N>, C::Sums)>,
}

impl<C: Channels<T, N>, T: Lane<N>, const N: usize> Pass for Again<'_, '_, C, T, N> {
    const IS_FAR: bool = C::IS_FAR;

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (moments, sums) = C::sums::<I>(self.group, self.shift, self.shares);
        if let Outcome::Near(normaliser) = Normaliser::judged(self.shift, moments, self.group.parameters) {
            *self.found = Some((normaliser, sums));
        }
    }
}

/// Differentiates group `index` of those of all samples, which needs more care than a pass takes.
#[cold]
#[inline(never)]
pub(super) fn differentiated_carefully<T: Lane<N>, const N: usize>(
    index: usize,
    inputs: [&[T]; 2],
    dx: Option<&mut [MaybeUninit<T>]>,
    shares: Shares<'_>,
    Parameters { norm, extents, gamma, .. }: &Parameters<'_, T, N>,
) {
    let values = norm.differentiated_carefully(index, *extents, gamma, inputs, shares);
    if let Some(dx) = dx {
        dx.write_copy_of_slice(&values);
    }
}
