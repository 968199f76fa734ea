//! A call by keyword, its effective form, and what comes back.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::group_norm::Wanted;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// One call of a module by keyword: construct, fill parameters, forward, and perhaps backward.
#[derive(Clone, Debug)]
pub struct Call {
    /// Keywords of the constructor, in the order in which they are written.
    pub arguments: Vec<(String, Value)>,
    /// Parameters that are overwritten after construction (`net.weight`), as a user would.
    pub fill: Vec<(String, Value)>,
    /// Keyword of the forward call and the input.
    pub input: (String, Tensor),
    /// What is asked of the backward pass.
    pub backward: Option<Backward>,
}

impl Call {
    /// A constructor's keyword.
    pub fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The hash of the call as it is sent: every keyword, value, layout and input bit.
    pub fn hash(&self) -> CallHash {
        let mut hasher = blake3::Hasher::new();
        for (part, pairs) in [("arguments", &self.arguments), ("fill", &self.fill)] {
            hasher.update(part.as_bytes());
            // The order of keywords means nothing in Python.
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by_key(|(name, _)| name.as_str());
            for (name, value) in pairs {
                hasher.update(name.as_bytes());
                value.hash_into(&mut hasher);
            }
        }
        hasher.update(b"input").update(self.input.0.as_bytes());
        self.input.1.hash_into(&mut hasher);
        if let Some(backward) = &self.backward {
            let Wanted { x, gamma, beta } = backward.wanted;
            hasher.update(b"backward").update(&[x, gamma, beta].map(u8::from));
            backward.dy.hash_into(&mut hasher);
        }
        CallHash(hasher.finalize().to_hex()[..16].to_owned())
    }
}

/// The first 64 bits of a call's hash, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallHash(pub String);

/// The gradient of the output, and which gradients are wanted.
#[derive(Clone, Debug)]
pub struct Backward {
    /// Gradient of the loss in y; shape and dtype of x.
    pub dy: Tensor,
    /// For what gradients are asked.
    pub wanted: Wanted,
}

/// An array of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// The result of the forward pass.
    Y,
    /// Gradient in x.
    Dx,
    /// Gradient in gamma (`weight`).
    Dgamma,
    /// Gradient in beta (`bias`).
    Dbeta,
    /// gamma as built.
    Gamma,
    /// beta as built.
    Beta,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Output::Y => "y",
            Output::Dx => "dx",
            Output::Dgamma => "dgamma",
            Output::Dbeta => "dbeta",
            Output::Gamma => "gamma",
            Output::Beta => "beta",
        })
    }
}

/// The call as one API means it: what there is to compute, with nothing left to interpret.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The input, (N, C, *).
    pub x: Tensor,
    /// Number of groups; divides C.
    pub num_groups: usize,
    /// Scale of each channel, as it enters the computation.
    pub gamma: Vec<f64>,
    /// Shift of each channel, as it enters the computation.
    pub beta: Vec<f64>,
    /// What is added to the variance, as this API holds it.
    pub eps: f64,
    /// Gradient of the loss in y, and which gradients the answer has.
    pub backward: Option<(Tensor, Wanted)>,
    /// The dtypes of the answer; that of dx is always that of x.
    pub dtypes: DTypes,
}

impl Effective {
    /// The number of groups of all samples together; 0 where there is no element, however many were asked for.
    pub fn groups(&self) -> usize {
        if self.x.is_empty() { 0 } else { self.num_groups * self.x.shape()[0] }
    }
}

/// The dtypes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DTypes {
    /// Of y.
    pub y: DType,
    /// Of gamma, and so of its gradient.
    pub gamma: DType,
    /// Of beta, and so of its gradient.
    pub beta: DType,
}

impl DTypes {
    /// The same for all.
    pub fn all(dtype: DType) -> Self {
        Self { y: dtype, gamma: dtype, beta: dtype }
    }
}

/// One array of an answer: all of it, or the elements that a golden file keeps of a large one.
#[derive(Clone, Debug)]
pub struct Array {
    /// The shape of the whole.
    pub shape: Vec<usize>,
    /// The elements: all, in the shape of the whole, or the kept ones, in one dimension.
    pub values: Tensor,
    /// Flat indices of the kept elements, ascending; `None` where all are there.
    pub kept: Option<Vec<usize>>,
}

impl From<Tensor> for Array {
    fn from(values: Tensor) -> Self {
        Self { shape: values.shape().to_vec(), values, kept: None }
    }
}

/// What an engine computed.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Output, gradients, parameters as built; those that there are.
    pub arrays: BTreeMap<Output, Array>,
    /// What `print` of y shows, where the engine was asked to print it.
    pub printed: Option<String>,
}

impl Answer {
    /// An answer with y alone.
    pub fn new(y: Tensor) -> Self {
        Self::default().with(Output::Y, y)
    }

    /// The answer with one more array.
    #[must_use]
    pub fn with(mut self, output: Output, array: Tensor) -> Self {
        self.arrays.insert(output, array.into());
        self
    }

    /// One array of the answer.
    pub fn get(&self, output: Output) -> Option<&Array> {
        self.arrays.get(&output)
    }
}

/// A refusal: the class that is raised and the first line of its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Class of the exception.
    pub class: Exception,
    /// First line of the message.
    pub message: String,
}

impl Rejection {
    /// A rejection with its message.
    pub fn new(class: Exception, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

/// What comes back when an engine is asked.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The call was accepted.
    Answered(Answer),
    /// The call was refused.
    Rejected(Rejection),
    /// The engine has no way to express the call; why.
    NotAsked(String),
    /// A stored answer is there, but of another call; what to do.
    Stale(String),
    /// No answer is there; what to do.
    Absent(String),
    /// The engine broke down; what it said last. That is never the rejection of a call.
    Broken(String),
}

impl Outcome {
    /// The answer, where the call was accepted.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Outcome::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}
