//! GroupNorm in Rust, as `mindspore.nn.GroupNorm` behaves: what it accepts, what it refuses and with
//! which class of exception, and what it computes.
//!
//! Wu and He, "Group Normalization" (2018): the channels of a sample are divided into groups; each
//! group is normalised by its own mean and (biased) variance, then each channel is scaled and shifted:
//!
//! ```text
//! x_hat = (x - mean) / sqrt(variance + epsilon)        y = gamma * x_hat + beta
//! ```
//!
//! The reference is MindSpore 2.7.0 and 2.10.0 on CPU. Three differences are wanted: epsilon stays f64
//! (MindSpore narrows it to f32), bf16 works like the other dtypes, and random initialisers take a seed.
//! Neither a large mean nor a large group costs accuracy, and the bits of an answer are the same on every
//! machine, on any number of threads, and for a sample alone or in a batch.
//!
//! ```
//! use mapcheck_operators::group_norm::GroupNorm;
//! use ndarray::array;
//!
//! let norm = GroupNorm::builder(1, 2).eps(0.0).gamma_init(2).beta_init(0.5).build()?;
//! let x = array![[[1.0f32, 2.0], [3.0, 4.0]]]; // one sample, two channels of two elements
//! let y = norm.forward(x.view())?;
//! let deviation = 1.25f32.sqrt(); // of the one group, whose mean is 2.5
//! assert!((y[[0, 0, 0]] - (2.0 * -1.5 / deviation + 0.5)).abs() < 1e-6);
//! # Ok::<(), mapcheck_operators::group_norm::Error>(())
//! ```
//!
//! Behind an FFI the arguments arrive by keyword and untyped; types are then checked as MindSpore does:
//!
//! ```
//! use mapcheck_operators::group_norm::GroupNorm;
//! use mapcheck_operators::python::{Exception, Value};
//!
//! let count = |n| Value::Int(n);
//! let norm = GroupNorm::from_keywords([("num_groups", count(3)), ("num_channels", count(6)), ("eps", Value::Float(0.1))])?;
//! assert_eq!(norm.eps(), 0.1);
//!
//! let error = GroupNorm::from_keywords([("num_groups", count(3)), ("num_channels", count(6)), ("eps", count(1))]).unwrap_err();
//! assert_eq!(error.class(), Exception::TypeError);
//! assert_eq!(error.to_string(), "GroupNorm: 'eps' must be of type 'float', but got type 'int'");
//! # Ok::<(), mapcheck_operators::group_norm::Error>(())
//! ```

mod backward;
mod builder;
mod error;
mod forward;
mod initializer;
mod kernel;
mod keywords;
mod layout;
mod moments;
mod shape;
mod wide;

#[cfg(test)]
mod tests;

pub use backward::{Gradients, Wanted};
pub use builder::Builder;
pub use error::Error;
pub use initializer::Initializer;
pub use kernel::thresholds;

use crate::tensor::Tensor;

/// A GroupNorm with its parameters.
///
/// `gamma` and `beta` always exist and are always applied; [`affine`](Builder::affine) says only
/// whether they may be trained, as in MindSpore.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    num_groups: usize,
    num_channels: usize,
    eps: f64,
    affine: bool,
    gamma: Tensor,
    beta: Tensor,
    /// The largest magnitude of both; an infinity where one of them is no number.
    largest: f64,
    /// The least magnitude of gamma, or of beta where that is larger, over all channels whose gamma is not 0.
    least: f64,
    /// The least magnitude of gamma where it is not 0.
    faintest: f64,
    casts: kernel::Casts,
}

impl GroupNorm {
    /// How many groups the channels are divided into; a divisor of [`num_channels`](Self::num_channels).
    pub fn num_groups(&self) -> usize {
        self.num_groups
    }

    /// The length of dimension 1 of every input.
    pub fn num_channels(&self) -> usize {
        self.num_channels
    }

    /// Epsilon, what is added to the variance, in the unit of the variance.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Whether `gamma` and `beta` may be trained: whether [`backward`](Self::backward) gives their gradients.
    pub fn affine(&self) -> bool {
        self.affine
    }

    /// The scale of each channel, shape `(num_channels,)`, as it was built: not yet cast to an input's dtype.
    pub fn gamma(&self) -> &Tensor {
        &self.gamma
    }

    /// The shift of each channel, shape `(num_channels,)`, as it was built: not yet cast to an input's dtype.
    pub fn beta(&self) -> &Tensor {
        &self.beta
    }
}
