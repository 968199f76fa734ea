//! What an API makes of a call: its effective form, or a rejection.
//!
//! A binding is the knowledge of one API that the checks are held to; it answers nothing itself.
//! The [`arbiter`](crate::exact) computes what it says there is to compute.

mod mindspore;
#[cfg(test)]
mod tests;
mod torch;
mod torch_core;

use std::fmt;

pub use mindspore::Mindspore;
pub use torch::Torch;
pub use torch_core::TorchCore;
#[cfg(feature = "libtorch")]
pub(crate) use torch_core::Typed;

use crate::call::{Answer, Array, Call, Effective, Output, Rejection};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};
use crate::version::Version;

/// One API's reading of calls.
pub trait Binding: Send + Sync {
    /// The side that the API is.
    fn side(&self) -> Side;

    /// What there is to compute. `built` is the answer of the engine that drew random parameters.
    fn effective(&self, call: &Call, built: Option<&Answer>) -> Result<Effective, Refusal>;
}

/// What is known of a framework version, named as engines are: `torch-1.8.1`. A version that was never
/// measured is read as the last one before it, until its own answers say otherwise.
pub fn of(engine: &str) -> &'static dyn Binding {
    let Some((framework, version)) = Version::of_engine(engine) else { return &TorchCore };
    match framework {
        "torch" if version < Version::of("2.13") => &Torch::FIRST,
        "torch" => &Torch::CURRENT,
        "mindspore" if version < Version::of("2.7") => &Mindspore::FIRST,
        "mindspore" => &Mindspore::CURRENT,
        _ => &TorchCore,
    }
}

/// What is known of the newest version of a side.
pub fn newest(side: Side) -> &'static dyn Binding {
    match side {
        Side::Torch => &Torch::CURRENT,
        Side::Mindspore => &Mindspore::CURRENT,
    }
}

/// Whether there is knowledge of two APIs, by their full names; calls of others cannot be checked.
pub fn is_known(source: &str, target: &str) -> bool {
    (source, target) == ("torch.nn.GroupNorm", "mindspore.nn.GroupNorm")
}

/// Why a call has no effective form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The API raises.
    Rejected(Rejection),
    /// What speaks for the API here has no way to say it: why.
    Inexpressible(String),
}

impl Refusal {
    fn new(class: Exception, message: impl Into<String>) -> Self {
        Refusal::Rejected(Rejection::new(class, message))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Rejected(rejection) => rejection.fmt(f),
            Refusal::Inexpressible(why) => f.write_str(why),
        }
    }
}

/// The argument of a keyword, or the TypeError that Python raises where it is missing.
fn required<'a>(call: &'a Call, name: &str) -> Result<&'a Value, Refusal> {
    let missing = || Refusal::new(Exception::TypeError, format!("missing 1 required argument: '{name}'"));
    call.argument(name).ok_or_else(missing)
}

/// Parameters of more channels than any check has are not made: there may be no memory for them.
fn affordable(channels: usize) -> Result<usize, Refusal> {
    const MOST_CHANNELS: usize = 1 << 24;
    if channels > MOST_CHANNELS {
        return Err(Refusal::Inexpressible(format!("{channels} channels are more than {MOST_CHANNELS}")));
    }
    Ok(channels)
}

/// Refuses keywords that the API does not have.
fn only(call: &Call, constructor: &[&str], forward: &str) -> Result<(), Refusal> {
    let unknown =
        |name: &str| Refusal::new(Exception::TypeError, format!("got an unexpected keyword argument '{name}'"));
    match call.arguments.iter().find(|(name, _)| !constructor.contains(&name.as_str())) {
        Some((name, _)) => Err(unknown(name)),
        None if call.input.0 != forward => Err(unknown(&call.input.0)),
        None => Ok(()),
    }
}

/// A parameter's values as they are used, rounded to a dtype.
fn held(values: &Tensor, dtype: DType) -> Vec<f64> {
    values.to_f64().into_iter().map(|v| dtype.round(v)).collect()
}

/// A random parameter as built.
fn drawn(built: Option<&Answer>, output: Output) -> Option<&Tensor> {
    let whole = |array: &&Array| array.kept.is_none();
    built.and_then(|answer| answer.get(output)).filter(whole).map(|array| &array.values)
}
