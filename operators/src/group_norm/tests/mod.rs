//! What GroupNorm accepts, refuses and computes.

mod gradients;
mod layouts;
mod parameters;
mod refusals;
mod values;

use std::cell::Cell;

use ndarray::{Array, Array4, Dimension};

use super::GroupNorm;
use crate::random::Generator;
use crate::tensor::{DType, Element, Tensor};

thread_local! {
    static CARE: Cell<usize> = const { Cell::new(0) };
}

/// Told by whatever takes more care of a group than a usual one needs: answers are as good then, but late.
pub(super) fn more_care() {
    CARE.set(CARE.get() + 1);
}

/// How often more care was taken on this thread since the last time.
pub(super) fn care_taken() -> usize {
    CARE.take()
}

/// Channel offset 2c and scale 1 + 0.3c, sample offset -3n: no group, channel or sample is like another.
fn ramp<T: Element>(shape: [usize; 4], seed: u64) -> Array4<T> {
    let mut generator = Generator::new(seed);
    Array4::from_shape_fn(shape, |(n, c, _, _)| {
        let (n, c) = (n as f64, c as f64);
        T::rounded(2.0 * c + (1.0 + 0.3 * c) * generator.normal() - 3.0 * n)
    })
}

/// A parameter or the values of one.
fn tensor(values: &[f64]) -> Tensor {
    Tensor::from_f64(DType::F64, &[values.len()], values).unwrap()
}

/// Six channels, gamma 1 to 6 and beta -2 to 3.
fn six(num_groups: i64) -> GroupNorm {
    let gamma = tensor(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let beta = tensor(&[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    GroupNorm::builder(num_groups, 6).gamma_init(gamma).beta_init(beta).build().unwrap()
}

/// The same values, the axes lying in this order, the slowest first.
fn lying<T: Element>(x: &Array4<T>, order: [usize; 4]) -> Array4<T> {
    let mut back = [0; 4];
    order.iter().enumerate().for_each(|(at, &axis)| back[axis] = at);
    x.view().permuted_axes(order).as_standard_layout().into_owned().permuted_axes(back)
}

/// The same values, channels last.
fn channels_last<T: Element>(x: &Array4<T>) -> Array4<T> {
    lying(x, [0, 2, 3, 1])
}

fn bits<T: Element, D: Dimension>(array: &Array<T, D>) -> Vec<u64> {
    array.iter().map(|v| v.bits()).collect()
}
