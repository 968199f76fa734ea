//! What is summed over a group: in lanes of the dtype that is computed in, for a short run at a time.
//!
//! A lane adds [`RUN`] terms, then all lanes go into a long sum of twice the precision. So no sum is long
//! where precision is short, and the order of all additions is fixed by the length of the group alone.

use super::lanes::{Compute, Lane, SIDE_BY_SIDE};
use super::vector::{Isa, Vector};
use crate::group_norm::wide::Sum;

/// So many terms a lane adds before it is emptied.
const RUN: usize = 16;

/// A first guess of the mean is taken of so many blocks, spread evenly.
const SAMPLE: usize = 8;

/// The vector of an element type.
type Of<T, I, const N: usize> = <<T as Lane<N>>::Compute as Compute<N>>::Vector<I>;
/// What is computed in.
type In<T, const N: usize> = <T as Lane<N>>::Compute;
/// What is summed in.
pub(super) type Wide<T, const N: usize> = <In<T, N> as Compute<N>>::Wide;

/// A number near the mean: the mean of all of a small group, or of a sample of a large one.
#[inline(always)]
pub(super) fn near_mean<T: Lane<N>, I: Isa, const N: usize>(x: &[T]) -> f64 {
    let (vectors, rest) = x.as_chunks::<N>();
    let (blocks, last) = vectors.as_chunks::<SIDE_BY_SIDE>();
    let zero = Of::<T, I, N>::splat(In::<T, N>::default());
    let mut lanes = [zero; SIDE_BY_SIDE];
    let (step, mut count) = (blocks.len().div_ceil(SAMPLE).max(1), 0);
    let mut at = 0;
    while at < blocks.len() {
        for j in 0..SIDE_BY_SIDE {
            lanes[j] = lanes[j].add(T::load::<I>(&blocks[at][j]));
        }
        count += N * SIDE_BY_SIDE;
        at += step;
    }
    if step == 1 {
        for (j, values) in last.iter().enumerate() {
            lanes[j] = lanes[j].add(T::load::<I>(values));
        }
        count += last.len() * N;
        if !rest.is_empty() {
            lanes[3] = lanes[3].add(T::load::<I>(&padded(rest, T::rounded(0.0))));
            count += rest.len();
        }
    }
    let total: f64 = In::<T, N>::total::<I>(lanes).into();
    total / count as f64
}

/// The sums over a group of `x - shift` and of its square.
#[inline(always)]
pub(super) fn moments<T: Lane<N>, I: Isa, const N: usize>(x: &[T], shift: In<T, N>) -> [Wide<T, N>; 2] {
    let (mut sum, mut squares) = (Sum::default(), Sum::default());
    let (vectors, rest) = x.as_chunks::<N>();
    let (blocks, last) = vectors.as_chunks::<SIDE_BY_SIDE>();
    let zero = Of::<T, I, N>::splat(In::<T, N>::default());
    let shifts = Of::<T, I, N>::splat(shift);
    let (mut d_lanes, mut square_lanes) = ([zero; SIDE_BY_SIDE], [zero; SIDE_BY_SIDE]);
    let (runs, few) = blocks.as_chunks::<RUN>();
    for run in runs {
        for block in run {
            for j in 0..SIDE_BY_SIDE {
                let d = T::load::<I>(&block[j]).sub(shifts);
                d_lanes[j] = d_lanes[j].add(d);
                square_lanes[j] = d.mul_add(d, square_lanes[j]);
            }
        }
        sum.push(In::<T, N>::total::<I>(d_lanes));
        squares.push(In::<T, N>::total::<I>(square_lanes));
        (d_lanes, square_lanes) = ([zero; SIDE_BY_SIDE], [zero; SIDE_BY_SIDE]);
    }
    for block in few {
        for j in 0..SIDE_BY_SIDE {
            let d = T::load::<I>(&block[j]).sub(shifts);
            d_lanes[j] = d_lanes[j].add(d);
            square_lanes[j] = d.mul_add(d, square_lanes[j]);
        }
    }
    for (j, values) in last.iter().enumerate() {
        let d = T::load::<I>(values).sub(shifts);
        d_lanes[j] = d_lanes[j].add(d);
        square_lanes[j] = d.mul_add(d, square_lanes[j]);
    }
    if !rest.is_empty() {
        let d = ends::<T, I, N>(rest, shift);
        d_lanes[3] = d_lanes[3].add(d);
        square_lanes[3] = d.mul_add(d, square_lanes[3]);
    }
    sum.push(In::<T, N>::total::<I>(d_lanes));
    squares.push(In::<T, N>::total::<I>(square_lanes));
    [sum.total(), squares.total()]
}

/// The sums over a channel of `dy` and of `dy * (x - shift)`.
#[inline(always)]
pub(super) fn products<T: Lane<N>, I: Isa, const N: usize>(x: &[T], dy: &[T], shift: In<T, N>) -> [Wide<T, N>; 2] {
    let (mut sum, mut products) = (Sum::default(), Sum::default());
    let zero = Of::<T, I, N>::splat(In::<T, N>::default());
    let shifts = Of::<T, I, N>::splat(shift);
    let (x_vectors, x_rest) = x.as_chunks::<N>();
    let (dy_vectors, dy_rest) = dy.as_chunks::<N>();
    let (x_blocks, x_last) = x_vectors.as_chunks::<SIDE_BY_SIDE>();
    let (dy_blocks, dy_last) = dy_vectors.as_chunks::<SIDE_BY_SIDE>();
    let (mut dy_lanes, mut product_lanes) = ([zero; SIDE_BY_SIDE], [zero; SIDE_BY_SIDE]);
    let mut terms = 0;
    for (x, dy) in x_blocks.iter().zip(dy_blocks) {
        if terms == RUN {
            sum.push(In::<T, N>::total::<I>(dy_lanes));
            products.push(In::<T, N>::total::<I>(product_lanes));
            (dy_lanes, product_lanes, terms) = ([zero; SIDE_BY_SIDE], [zero; SIDE_BY_SIDE], 0);
        }
        for j in 0..SIDE_BY_SIDE {
            let (d, dy) = (T::load::<I>(&x[j]).sub(shifts), T::load::<I>(&dy[j]));
            dy_lanes[j] = dy_lanes[j].add(dy);
            product_lanes[j] = dy.mul_add(d, product_lanes[j]);
        }
        terms += 1;
    }
    for (j, (x, dy)) in x_last.iter().zip(dy_last).enumerate() {
        let (d, dy) = (T::load::<I>(x).sub(shifts), T::load::<I>(dy));
        dy_lanes[j] = dy_lanes[j].add(dy);
        product_lanes[j] = dy.mul_add(d, product_lanes[j]);
    }
    if !x_rest.is_empty() {
        let (d, dy) = (ends::<T, I, N>(x_rest, shift), T::load::<I>(&padded(dy_rest, T::rounded(0.0))));
        dy_lanes[3] = dy_lanes[3].add(dy);
        product_lanes[3] = dy.mul_add(d, product_lanes[3]);
    }
    sum.push(In::<T, N>::total::<I>(dy_lanes));
    products.push(In::<T, N>::total::<I>(product_lanes));
    [sum.total(), products.total()]
}

/// The distances of the last few elements; 0 where there is none.
#[inline(always)]
fn ends<T: Lane<N>, I: Isa, const N: usize>(rest: &[T], shift: In<T, N>) -> Of<T, I, N> {
    let values = T::load::<I>(&padded(rest, T::rounded(0.0)));
    let mut shifts = [In::<T, N>::default(); N];
    shifts[..rest.len()].fill(shift);
    values.sub(Of::<T, I, N>::load(&shifts))
}

/// The last few elements, filled up.
#[inline(always)]
pub(super) fn padded<T: Copy, const N: usize>(rest: &[T], filling: T) -> [T; N] {
    let mut values = [filling; N];
    for (value, &element) in values.iter_mut().zip(rest) {
        *value = element;
    }
    values
}
