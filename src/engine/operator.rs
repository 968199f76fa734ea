//! An operator of a user's own: what it takes to be asked everything that the specs ask.

use std::error::Error;

use super::{Engine, Question};
use crate::binding::{Binding, Refusal, TorchCore};
use crate::call::{Answer, Outcome, Rejection, Wanted};
use crate::python::Exception;
use crate::tensor::Tensor;

/// A GroupNorm of your own. Give it to [`crate::conformance::main`], or wrap it into [`Own`] for a suite.
///
/// It is held to PyTorch's functional core, `torch.nn.functional.group_norm`: (N, C, *) of any rank from 2 on, gamma
/// and beta in the dtype of x, eps in f64. An operator that is held to anything else implements [`Engine`].
pub trait Operator: Send + Sync {
    /// The name in reports.
    fn name(&self) -> &str;

    /// Answers one call: y, and of the gradients those that are wanted, all in the dtype of x.
    ///
    /// It is asked from several threads at once, and has to give the same bits whenever it is asked the same.
    ///
    /// # Errors
    /// Any error is the operator's refusal of the call, and right where the call has no meaning: groups that do not
    /// divide the channels, parameters of another length. [`Declined::NotAsked`] is of what it has no types for. A
    /// panic is never right.
    fn call(&self, call: &TypedCall<'_>) -> Result<Answer, Declined>;
}

/// A call as a typed signature takes it. Nothing in it was judged: sizes may not fit together.
#[derive(Clone, Debug)]
pub struct TypedCall<'a> {
    /// The input, (N, C, *), in any layout.
    pub x: &'a Tensor,
    /// Number of groups.
    pub num_groups: usize,
    /// Number of channels, as the constructor is told.
    pub num_channels: usize,
    /// What is added to the variance.
    pub eps: f64,
    /// Scale of each channel, (num_channels,) and in the dtype of x; none where the module is not affine.
    pub gamma: Option<Tensor>,
    /// Shift of each channel, likewise.
    pub beta: Option<Tensor>,
    /// Gradient of the loss in y, in the shape and dtype of x; none where no gradient is wanted.
    pub dy: Option<&'a Tensor>,
    /// Which gradients are wanted.
    pub wanted: Wanted,
}

/// Why there is no answer. `?` makes a rejection of any error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The operator refuses the call: what it says.
    Rejected(String),
    /// The operator has no way to be asked, for want of a dtype or a gradient: why.
    NotAsked(String),
}

impl<E: Error> From<E> for Declined {
    fn from(error: E) -> Self {
        Declined::Rejected(error.to_string())
    }
}

/// An [`Operator`] as an engine.
#[derive(Clone, Copy, Debug)]
pub struct Own<O>(pub O);

impl<O: Operator> Engine for Own<O> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn binding(&self) -> &dyn Binding {
        &TorchCore
    }

    fn is_module(&self) -> bool {
        false
    }

    fn is_held_to_binding(&self) -> bool {
        true
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let call = question.call;
        let typed = match TorchCore::unchecked(call) {
            Ok(typed) => typed,
            Err(Refusal::Inexpressible(why)) => return Outcome::NotAsked(why),
            Err(Refusal::Rejected(rejection)) => return Outcome::NotAsked(rejection.message),
        };
        let [Ok(num_groups), Ok(num_channels)] = [typed.num_groups, typed.num_channels].map(usize::try_from) else {
            return Outcome::NotAsked("a number below zero has no type here".to_owned());
        };
        let call = TypedCall {
            x: &call.input.1,
            num_groups,
            num_channels,
            eps: typed.eps,
            gamma: typed.parameters.weight,
            beta: typed.parameters.bias,
            dy: call.backward.as_ref().map(|backward| &backward.dy),
            wanted: call.backward.as_ref().map_or(Wanted::NONE, |backward| backward.wanted),
        };
        match self.0.call(&call) {
            Ok(answer) => Outcome::Answered(answer),
            // An error of Rust has no class of Python's.
            Err(Declined::Rejected(text)) => {
                let first = text.lines().next().unwrap_or_default();
                Outcome::Rejected(Rejection::new(Exception::RuntimeError, first))
            }
            Err(Declined::NotAsked(why)) => Outcome::NotAsked(why),
        }
    }
}
