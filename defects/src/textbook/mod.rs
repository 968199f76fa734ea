//! GroupNorm as a textbook has it, in double-double, with one flaw or none.
//!
//! Each flaw is a condition at the one place where it makes a difference; all else is shared by all.

mod affine;
mod answer;
mod backward;
mod forward;
mod groups;
mod memory;
mod reading;
mod refusal;
mod statistics;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use mapcheck::binding::{Binding, Mindspore, Refusal};
use mapcheck::call::{CallHash, Outcome, Rejection};
use mapcheck::compare::Precision;
use mapcheck::engine::{Engine, Question};
use mapcheck::python::Exception;

use crate::Flaw;
use statistics::Statistics;

/// The operator. It is held to what the Rust operator is held to.
#[derive(Default)]
pub struct Textbook {
    flaw: Option<Flaw>,
    past: Mutex<Past>,
}

/// What flaws of state keep of earlier calls.
#[derive(Default)]
struct Past {
    calls: usize,
    seen: HashSet<CallHash>,
    statistics: HashMap<Vec<usize>, Vec<Statistics>>,
    gamma: HashMap<usize, Vec<f64>>,
    gradients: HashMap<usize, [Vec<f64>; 2]>,
}

impl Textbook {
    /// The textbook with one flaw.
    pub fn with(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::default() }
    }
}

impl Engine for Textbook {
    fn name(&self) -> &str {
        "textbook"
    }

    fn binding(&self) -> &dyn Binding {
        &Mindspore::OPERATOR
    }

    fn precision(&self) -> Precision {
        Precision::Ulp
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let flaw = self.flaw;
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.calls += 1;
        if flaw == Some(Flaw::RefusesTheSecondCall) && !past.seen.insert(question.call.hash()) {
            return Outcome::Rejected(Rejection::new(Exception::RuntimeError, "the module was called before"));
        }
        if let Some(rejection) = refusal::of(flaw, question.call) {
            return Outcome::Rejected(rejection);
        }
        let reading = reading::of(flaw, question.call);
        let drawn = affine::drawn(flaw, &reading.call);
        match self.binding().effective(&reading.call, Some(&drawn)) {
            Ok(effective) => Outcome::Answered(answer::of(flaw, &reading, &effective, &mut past)),
            Err(Refusal::Rejected(rejection)) => refusal::told(flaw, rejection),
            Err(Refusal::Inexpressible(why)) => Outcome::NotAsked(why),
        }
    }
}
