//! One engine held to another, where both are live.

use super::{EngineResult, Finding, Suite, Verdict};
use crate::binding::Refusal;
use crate::call::{Answer, Call, Outcome};
use crate::compare::{Precision, Tolerance, compare, compare_exact};
use crate::engine::{self, Engine, Question};
use crate::exact::{self, Expected};
use crate::mapping::{Case, Side, Unrealizable};

/// What is said of two engines that mean different things by a call.
pub const RECORDED: &str = "the two read the call differently, and that is recorded";

impl Suite {
    /// What an engine answers otherwise than another, beyond what PyTorch allows for its own.
    ///
    /// # Errors
    /// The case has a tensor that cannot be made.
    pub fn ask_beside(
        &self,
        case: &Case,
        engine: &dyn Engine,
        reference: &dyn Engine,
    ) -> Result<EngineResult, Unrealizable> {
        let target = self.mapping().target_call(case, case.dtype(), case.layout())?;
        let not_asked = |why: &str| EngineResult::new(engine.name(), Verdict::NotAsked, Some(why.to_owned()));
        let of_side = |engine: &dyn Engine| match engine.binding().side() {
            Side::Mindspore => Some(target.clone()),
            Side::Torch => self.mapping().source_call(&target, None).ok(),
        };
        let (Some(call), Some(other)) = (of_side(engine), of_side(reference)) else {
            return Ok(not_asked("there is no such call"));
        };
        let ask = |engine: &dyn Engine, call: &Call| engine::ask(engine, Question { row: "", check: &case.name, call });
        // What both make of the call, by what is known of them.
        let read = |engine: &dyn Engine, call: &Call| match engine.binding().effective(call, None) {
            Ok(effective) => Some(Ok(exact::answer(&effective))),
            Err(Refusal::Rejected(rejection)) => Some(Err(rejection)),
            Err(Refusal::Inexpressible(_)) => None,
        };
        let expected = match (read(engine, &call), read(reference, &other)) {
            (Some(Ok(mine)), Some(Ok(theirs))) => {
                let differs = |(output, theirs): (_, &Expected)| {
                    let Some(mine) = mine.get(output) else { return true };
                    let tolerance = Tolerance::of(Precision::AssertClose, theirs.through, *output);
                    mine.dtype != theirs.dtype || compare_exact(mine, theirs, tolerance).beyond > 0
                };
                if theirs.iter().any(differs) {
                    return Ok(not_asked(RECORDED));
                }
                theirs
            }
            (Some(Err(_)), Some(Err(_))) => Default::default(),
            (Some(_), Some(_)) => return Ok(not_asked(RECORDED)),
            _ => return Ok(not_asked("one of the two cannot express the call")),
        };
        let findings = match (ask(engine, &call), ask(reference, &other)) {
            (Outcome::Broken(text), _) => vec![Finding::Broken(text)],
            (Outcome::Answered(mine), Outcome::Answered(theirs)) => differences(&mine, &theirs, &expected),
            (Outcome::Rejected(rejection), Outcome::Answered(_)) => vec![Finding::Rejected { rejection, key: None }],
            (Outcome::Answered(_), Outcome::Rejected(rejection)) => vec![Finding::KnownToReject(rejection)],
            (Outcome::Rejected(_), Outcome::Rejected(_)) => Vec::new(),
            _ => return Ok(not_asked("one of the two was not asked")),
        };
        Ok(EngineResult::of(engine.name(), findings))
    }
}

/// Each array held to that of the other, in the units that `exact` gives.
fn differences(
    mine: &Answer,
    theirs: &Answer,
    expected: &std::collections::BTreeMap<crate::call::Output, Expected>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (&output, exact) in expected {
        let Some(theirs) = theirs.get(output).filter(|array| array.shape == exact.shape) else { continue };
        let Some(mine) = mine.get(output) else {
            findings.push(Finding::Missing(output));
            continue;
        };
        let values = theirs.values.to_f64().into_iter().map(Into::into).collect();
        let held_to = Expected { dtype: theirs.values.dtype(), values, ..exact.clone() };
        let tolerance = Tolerance::of(Precision::AssertClose, exact.through, output);
        match compare(mine, &held_to, tolerance) {
            Ok(comparison) if comparison.beyond > 0 => {
                findings.push(Finding::Beyond { output, tolerance, comparison });
            }
            Ok(_) => {}
            Err(unlike) => findings.push(Finding::Unlike { output, unlike }),
        }
    }
    findings
}
