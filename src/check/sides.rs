//! The two sides held to each other: they agree, or differ in exactly the way that the case says.

use super::ask::Arbiter;
use super::{EngineResult, Finding, Suite, Verdict, claim};
use crate::binding::Refusal;
use crate::call::{Answer, Call, Effective, Output};
use crate::compare::{Comparison, Precision, Tolerance, compare_exact};
use crate::mapping::{Case, How, Side, Untranslatable};

/// The name under which the two sides stand in results.
const SIDES: &str = "sides";

impl Suite {
    pub(super) fn hold_sides(
        &self,
        case: &Case,
        target: &Call,
        source: Result<&Call, &Untranslatable>,
        built: Option<&Answer>,
        arbiter: &mut Arbiter,
    ) -> EngineResult {
        let stated = case.differs.as_ref().map(|differs| differs.how);
        let not_asked = |why: String| match stated {
            Some(_) => EngineResult::of(SIDES, vec![Finding::NoDifference(format!("it cannot be shown, as {why}"))]),
            None => EngineResult::new(SIDES, Verdict::NotAsked, Some(why)),
        };
        let source = match source {
            Ok(source) => source,
            Err(why) => return not_asked(why.to_string()),
        };
        let torch = self.binding(Side::Torch).effective(source, built);
        let mindspore = self.binding(Side::Mindspore).effective(target, built);
        let findings = match (torch, mindspore) {
            (Err(Refusal::Inexpressible(why)), _) | (_, Err(Refusal::Inexpressible(why))) => return not_asked(why),
            (Err(Refusal::Rejected(_)), Err(Refusal::Rejected(_))) => {
                no_difference(stated, "both sides reject the call")
            }
            (Err(Refusal::Rejected(rejection)), Ok(_)) => rejects(stated, Side::Torch, rejection),
            (Ok(_), Err(Refusal::Rejected(rejection))) => rejects(stated, Side::Mindspore, rejection),
            (Ok(torch), Ok(mindspore)) => {
                let differences = differences(case, &torch, &mindspore, arbiter);
                match stated {
                    Some(How::Values) if !differences.is_empty() => Vec::new(),
                    Some(How::Rejection) => no_difference(stated, "both sides accept the call"),
                    Some(How::Values) => no_difference(stated, "the numbers agree within the tolerance"),
                    None => {
                        let finding = |(output, comparison)| Finding::SidesDiffer { output, comparison };
                        differences.into_iter().map(finding).collect()
                    }
                }
            }
        };
        EngineResult::of(SIDES, findings)
    }
}

fn no_difference(stated: Option<How>, why: &str) -> Vec<Finding> {
    stated.map(|_| Finding::NoDifference(why.to_owned())).into_iter().collect()
}

fn rejects(stated: Option<How>, side: Side, rejection: crate::call::Rejection) -> Vec<Finding> {
    if stated == Some(How::Rejection) { Vec::new() } else { vec![Finding::SidesReject { side, rejection }] }
}

/// The arrays in which MindSpore's exact answer is beyond the tolerance of PyTorch's.
fn differences(
    case: &Case,
    torch: &Effective,
    mindspore: &Effective,
    arbiter: &mut Arbiter,
) -> Vec<(Output, Comparison)> {
    let (expected, actual) = (arbiter.answer(torch), arbiter.answer(mindspore));
    let mut differences = Vec::new();
    for (output, expected) in expected.iter() {
        let Some(actual) = actual.get(output) else { continue };
        let table = Tolerance::of(Precision::AssertClose, expected.dtype, *output);
        let tolerance = claim::tolerance(case, SIDES, *output, table);
        let comparison = compare_exact(actual, expected, tolerance);
        if comparison.beyond > 0 {
            differences.push((*output, comparison));
        }
    }
    differences
}
