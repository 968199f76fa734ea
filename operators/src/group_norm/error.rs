//! What GroupNorm refuses, each with the class of exception that MindSpore raises for it.

use thiserror::Error;

use super::initializer::ACCEPTED_NAMES;
use crate::python::{Exception, Value};

/// Why a GroupNorm was not built, or did not compute.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument without a default was not given.
    #[error("GroupNorm: missing required argument '{name}'")]
    MissingArgument {
        /// The argument.
        name: &'static str,
    },
    /// A keyword that GroupNorm does not have.
    #[error("GroupNorm: got an unexpected keyword argument '{name}'")]
    UnexpectedArgument {
        /// The keyword.
        name: String,
    },
    /// A keyword was given twice.
    #[error("GroupNorm: got multiple values for argument '{name}'")]
    RepeatedArgument {
        /// The keyword.
        name: &'static str,
    },
    /// A value of a type that the argument does not take.
    #[error("GroupNorm: '{name}' must be of type {allowed}, but got type '{given}'")]
    Type {
        /// The argument.
        name: &'static str,
        /// The types it takes.
        allowed: &'static str,
        /// The name of the type that was given.
        given: &'static str,
    },
    /// A bool where an int is expected; Python would take it for 0 or 1.
    #[error("GroupNorm: '{name}' must be an 'int' greater than 0, but got '{}' of type 'bool'", Value::Bool(*.given))]
    BoolCount {
        /// The argument.
        name: &'static str,
        /// Its value.
        given: bool,
    },
    /// Zero, or a negative number, of groups or channels.
    #[error("GroupNorm: '{name}' must be an 'int' greater than 0, but got '{given}'")]
    NotPositive {
        /// The argument.
        name: &'static str,
        /// Its value.
        given: i64,
    },
    /// The channels cannot be divided into that many groups.
    #[error(
        "GroupNorm: 'num_channels' must be divisible by 'num_groups', but got 'num_channels': {num_channels}, 'num_groups': {num_groups}"
    )]
    NotDivisible {
        /// The groups.
        num_groups: usize,
        /// The channels.
        num_channels: usize,
    },
    /// So many channels that there is no memory for their parameters.
    #[error("GroupNorm: no memory for the parameters of 'num_channels': {num_channels}")]
    Memory {
        /// The channels.
        num_channels: usize,
    },
    /// An initialiser of an unknown name.
    #[error(
        "GroupNorm: '{name}' must be a Tensor, a number or one of {ACCEPTED_NAMES:?}, but there is no initializer '{given}'"
    )]
    UnknownInitializer {
        /// `gamma_init` or `beta_init`.
        name: &'static str,
        /// The name of the initialiser.
        given: String,
    },
    /// An initialiser that exists, but not for one dimension.
    #[error(
        "GroupNorm: '{name}' cannot be '{given}': its 'fan_in' and 'fan_out' need 2 dimensions or more, and the parameter has 1; \
         use a Tensor, a number or one of {ACCEPTED_NAMES:?}"
    )]
    NoFan {
        /// `gamma_init` or `beta_init`.
        name: &'static str,
        /// The name of the initialiser.
        given: String,
    },
    /// `dtype` is `None`, but a parameter has to be made.
    #[error("GroupNorm: 'dtype' must be a dtype where a parameter is made from a number or a name, but got None")]
    NoDType,
    /// A tensor of one shape where another is needed: a parameter, `y` or `dy`.
    #[error("GroupNorm: the shape of {name} must be {expected:?}, but got {given:?}")]
    Shape {
        /// What the tensor is for.
        name: &'static str,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape it has.
        given: Vec<usize>,
    },
    /// An input of too few or too many dimensions.
    #[error("GroupNorm: x must have 2 to 8 dimensions, but got {given}")]
    Rank {
        /// The number of its dimensions.
        given: usize,
    },
    /// An input of another number of channels.
    #[error("GroupNorm: dimension 1 of x must be 'num_channels': {num_channels}, but got {given}")]
    Channels {
        /// The channels that the parameters are for.
        num_channels: usize,
        /// The channels of the input.
        given: usize,
    },
    /// A channel without elements has no mean.
    #[error("GroupNorm: x must have no dimension of length 0 beside the first, but its shape is {shape:?}")]
    NoElements {
        /// The shape of the input.
        shape: Vec<usize>,
    },
    /// Gradients of parameters that are not trained.
    #[error("GroupNorm: with affine=False gamma and beta are frozen, so only the gradient of x can be asked for")]
    Frozen,
}

impl Error {
    /// The class of the exception that MindSpore raises.
    pub fn class(&self) -> Exception {
        match self {
            Error::MissingArgument { .. }
            | Error::UnexpectedArgument { .. }
            | Error::RepeatedArgument { .. }
            | Error::Type { .. }
            | Error::BoolCount { .. } => Exception::TypeError,
            Error::NotPositive { .. }
            | Error::NotDivisible { .. }
            | Error::UnknownInitializer { .. }
            | Error::NoFan { .. }
            | Error::NoDType
            | Error::Shape { .. }
            | Error::Channels { .. } => Exception::ValueError,
            Error::Memory { .. } | Error::Rank { .. } | Error::NoElements { .. } | Error::Frozen => {
                Exception::RuntimeError
            }
        }
    }
}
