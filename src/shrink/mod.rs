//! The smallest call that fails as a given one does: what one wants to look at.
//!
//! Shape, values, parameters, gradients, dtype and layouts are made smaller, one at a time, for as long as the same
//! engine fails for the same [`Reason`]. proptest does the reducing, on a tree that starts at the given call.

mod reason;
mod simpler;
mod size;
mod tree;

use std::cell::Cell;
use std::fmt;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

pub use reason::Reason;

use crate::check::{Check, EngineResult, Finding, Kind, SIDES, Suite, Verdict};
use crate::mapping::Case;
use tree::Tree;

/// The smallest call that was found.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// Why it fails.
    pub reason: Reason,
    /// The call, at one dtype and layout; it claims nothing of anybody.
    pub case: Case,
    /// What is amiss with the answer to it.
    pub finding: Finding,
    /// How many calls were tried.
    pub tried: usize,
}

/// Why a check has no smallest call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Irreducible {
    /// It does not fail.
    Holds,
    /// It asks about a row as such, with no case.
    NoCase,
    /// It fails on recorded answers alone, of this engine.
    Recorded(String),
    /// What fails is a claim of the spec: what is found.
    Claim(String),
}

impl fmt::Display for Irreducible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Irreducible::Holds => f.write_str("the check holds: there is nothing to make smaller"),
            Irreducible::NoCase => f.write_str("the check is about the row as such, and has no call to make smaller"),
            Irreducible::Recorded(engine) => write!(
                f,
                "only recorded answers fail: {engine} would have to be asked anew for every smaller call, which nothing here can do"
            ),
            Irreducible::Claim(finding) => write!(
                f,
                "what fails is what the case claims, and not an answer, so that a smaller call would say nothing: {finding}"
            ),
        }
    }
}

impl Suite {
    /// The smallest call that fails as a check does: on the subject, on another live engine, or between the sides.
    ///
    /// # Errors
    /// There is no such call: [`Irreducible`] says why.
    pub fn smallest(&self, check: &Check) -> Result<Smallest, Irreducible> {
        let Kind::Case { dtype, layout, .. } = check.kind else { return Err(Irreducible::NoCase) };
        let mut case = self.case(check).ok_or(Irreducible::NoCase)?.alone(dtype, layout);
        // Beside the case that it comes from.
        case.name.push_str("_smallest");
        let result = self.run_check(check, |_| true);
        let mut first = None;
        for asked in result.engines.iter().chain(&result.sides).filter(|asked| asked.verdict == Verdict::Refuted) {
            if self.engines().any(|engine| engine.name() == asked.engine && engine.is_recorded()) {
                first.get_or_insert(Irreducible::Recorded(asked.engine.clone()));
                continue;
            }
            let mut reasons = asked.findings.iter().filter_map(|finding| Reason::of(&asked.engine, finding));
            let judge = |case: &Case| self.ask_alone(case, |name| name == asked.engine).unwrap_or_default();
            if let Some(smallest) = reasons.find_map(|reason| self.smaller(&case, &reason, &judge)) {
                return Ok(smallest);
            }
            let finding = asked.findings.first().map(Finding::to_string).unwrap_or_default();
            first.get_or_insert(Irreducible::Claim(finding));
        }
        Err(first.unwrap_or(Irreducible::Holds))
    }

    /// The smallest call that fails for a reason, from a call on; `None` where that does not. `judge` says what is
    /// amiss with a call.
    pub fn smaller(
        &self,
        case: &Case,
        reason: &Reason,
        judge: &dyn Fn(&Case) -> Vec<EngineResult>,
    ) -> Option<Smallest> {
        let failing = |case: &Case| judge(case).iter().find_map(|result| reason.found(result)).cloned();
        failing(case)?;
        // The tree itself ends the search; the runner draws nothing.
        let config =
            Config { failure_persistence: None, max_shrink_iters: u32::MAX, max_shrink_time: 0, ..Config::default() };
        let tried = Cell::new(0usize);
        let mut runner = TestRunner::new(config);
        let outcome = runner.run_one(Tree::new(case.clone()), |case| {
            tried.set(tried.get() + 1);
            match failing(&case) {
                Some(_) => Err(TestCaseError::fail("")),
                None => Ok(()),
            }
        });
        let Err(TestError::Fail(_, case)) = outcome else { return None };
        let finding = failing(&case)?;
        Some(Smallest { reason: reason.clone(), case, finding, tried: tried.into_inner() })
    }

    /// A smallest call as an item of `cases`, with what is known of everyone else claimed.
    pub fn paste(&self, smallest: &Smallest) -> String {
        self.stated(&smallest.case, smallest.reason.engine != SIDES).to_yaml()
    }
}
