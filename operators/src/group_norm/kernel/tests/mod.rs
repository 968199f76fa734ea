//! Held to each other and to the careful computation.

mod bits;
mod values;

use crate::group_norm::GroupNorm;
use crate::group_norm::layout::Order;
use crate::random::Generator;
use crate::tensor::{DType, Element};

/// Samples, groups, channels of a group, spatial size.
const SHAPES: [[usize; 4]; 15] = [
    [1, 2, 1, 16],
    [2, 3, 2, 35],
    [3, 1, 64, 1],
    [2, 4, 3, 7],
    [2, 2, 3, 17],
    [2, 5, 3, 81],
    [1, 1, 2, 513],
    [2, 1, 2, 1025],
    [1, 2, 4, 900],
    [1, 1, 3, 2051],
    // More groups than a batch; channels that no whole vectors hold, of few places.
    [5, 7, 2, 3],
    [2, 8, 5, 19],
    [3, 3, 11, 10],
    [2, 17, 1, 9],
    // More channels in a group than a vector has lanes.
    [1, 2, 19, 17],
];

const ORDERS: [Order; 2] = [Order::Grouped, Order::Interleaved];

impl Order {
    /// The element of a sample, channel and place.
    fn at(self, n: usize, c: usize, s: usize, [channels, spatial]: [usize; 2]) -> usize {
        match self {
            Order::Grouped => (n * channels + c) * spatial + s,
            Order::Interleaved => (n * spatial + s) * channels + c,
        }
    }
}

/// What is left of a buffer around the output.
const CANARY: f64 = 77.0;
const MARGIN: usize = 64;

pub(in super::super) fn drawn<T: Element>(count: usize, seed: u64, offset: f64) -> Vec<T> {
    let mut generator = Generator::new(seed);
    (0..count).map(|_| T::rounded(offset + generator.normal())).collect()
}

fn norm(groups: usize, channels: usize) -> GroupNorm {
    let gamma: Vec<f64> = (0..groups * channels).map(|c| 1.5 - 0.25 * c as f64).collect();
    let gamma = crate::tensor::Tensor::from_f64(DType::F32, &[gamma.len()], &gamma).unwrap();
    GroupNorm::builder(groups as i64, (groups * channels) as i64).gamma_init(&gamma).beta_init(-0.75).build().unwrap()
}
