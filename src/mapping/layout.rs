//! How a tensor lies in memory.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tensor::contiguous_strides;

/// How a tensor lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Last dimension fastest.
    #[default]
    Contiguous,
    /// Channels (dimension 1) fastest, the others in order.
    ChannelsLast,
    /// First dimension fastest; of a vector, a column of a matrix.
    Transposed,
    /// Every second element of a longer last dimension; what lies between is NaN.
    Stepped,
    /// One sample, repeated over the first dimension without being stored again.
    Expanded,
}

impl Layout {
    /// The name used in specs and check names.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Contiguous => "contiguous",
            Layout::ChannelsLast => "channels_last",
            Layout::Transposed => "transposed",
            Layout::Stepped => "stepped",
            Layout::Expanded => "expanded",
        }
    }

    /// Length of the storage, strides and offset for a shape.
    pub(super) fn place(self, shape: &[usize]) -> (usize, Vec<usize>, usize) {
        let count: usize = shape.iter().product();
        let in_order = |order: &[usize]| {
            let permuted: Vec<usize> = order.iter().map(|&d| shape[d]).collect();
            let mut strides = vec![0; shape.len()];
            for (stride, &d) in contiguous_strides(&permuted).into_iter().zip(order) {
                strides[d] = stride;
            }
            strides
        };
        let rank = shape.len();
        match self {
            Layout::ChannelsLast if rank > 2 => {
                let order: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
                (count, in_order(&order), 0)
            }
            Layout::Transposed if rank == 1 => (count * 3 + 1, vec![3], 1),
            Layout::Transposed => (count, in_order(&(0..rank).rev().collect::<Vec<_>>()), 0),
            Layout::Stepped if rank > 0 => {
                (2 * count + 1, contiguous_strides(shape).into_iter().map(|s| 2 * s).collect(), 1)
            }
            Layout::Expanded if rank > 0 => {
                let mut strides = contiguous_strides(shape);
                strides[0] = 0;
                (shape[1..].iter().product::<usize>().min(count), strides, 0)
            }
            Layout::Contiguous | Layout::ChannelsLast | Layout::Stepped | Layout::Expanded => {
                (count, contiguous_strides(shape), 0)
            }
        }
    }
}
