//! Who can answer a call: the trait, and one file an engine.

mod golden;
#[cfg(feature = "libtorch")]
mod libtorch;
mod operator;
mod rust;

pub use golden::Golden;
#[cfg(feature = "libtorch")]
pub use libtorch::Libtorch;
pub use operator::{Declined, Operator, Own, TypedCall};
pub use rust::Rust;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::binding::Binding;
use crate::call::{Call, Outcome};
use crate::compare::Precision;
use crate::signature::Signature;

/// A call with the name of the check that asks it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The row: `eps`.
    pub row: &'a str,
    /// The check within the mapping: `eps/inside_the_square_root/f32`.
    pub check: &'a str,
    /// The call, as this engine's side writes it.
    pub call: &'a Call,
}

/// Anything that answers a call. For an operator of your own, [`Operator`] asks for less.
///
/// An engine is asked from several threads at once, and its answer may depend on nothing but the question.
pub trait Engine: Send + Sync {
    /// The name in reports and specs; a version comes last: `torch-2.13.0`.
    fn name(&self) -> &str;

    /// The reading of calls that the engine is held to.
    fn binding(&self) -> &dyn Binding;

    /// How close its numbers have to be.
    fn precision(&self) -> Precision {
        Precision::AssertClose
    }

    /// Whether it is the API itself, with its constructor and its defaults; libtorch is only the core within.
    fn is_module(&self) -> bool {
        true
    }

    /// Whether what it has to refuse follows from its [`binding`](Self::binding) alone: specs, which say by name who
    /// refuses a call, do not know it.
    fn is_held_to_binding(&self) -> bool {
        false
    }

    /// Whether its answers are recorded ones of a framework version.
    fn is_recorded(&self) -> bool {
        false
    }

    /// The signature that the framework gave of itself.
    fn signature(&self) -> Option<&Signature> {
        None
    }

    /// The recorded engine whose answers it has to give again, to a unit in the last place.
    fn reproduces(&self) -> Option<&str> {
        None
    }

    /// Answers a call: with arrays, or as it refuses.
    fn answer(&self, question: Question<'_>) -> Outcome;
}

/// Asks an engine. One that panics is broken, and takes nothing else with it.
pub fn ask(engine: &dyn Engine, question: Question<'_>) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| engine.answer(question))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
        Outcome::Broken(text.lines().next().unwrap_or_default().to_owned())
    })
}

/// Whether `named` in a spec means the engine `name`: all of it, or the part before a version.
pub fn is_meant(named: &str, name: &str) -> bool {
    name.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
