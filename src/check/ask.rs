//! One case, asked of every engine.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::built::{as_built, moments};
use super::{Check, CheckResult, EngineResult, Finding, Suite, Verdict, claim, invariant};
use crate::binding::Refusal;
use crate::call::{Answer, Call, Effective, Outcome, Output};
use crate::compare::{Tolerance, compare};
use crate::engine::{self, Engine, Question};
use crate::exact::{self, Expected};
use crate::mapping::{Case, Layout, Side, Untranslatable};
use crate::python::{Exception, Value};
use crate::tensor::DType;

/// What `exact` answered within a check; most engines mean the same by a call.
#[derive(Default)]
pub(super) struct Arbiter(Vec<(Effective, Rc<BTreeMap<Output, Expected>>)>);

impl Arbiter {
    pub(super) fn answer(&mut self, effective: &Effective) -> Rc<BTreeMap<Output, Expected>> {
        if let Some((_, answer)) = self.0.iter().find(|(known, _)| known == effective) {
            return Rc::clone(answer);
        }
        let answer = Rc::new(exact::answer(effective));
        self.0.push((effective.clone(), Rc::clone(&answer)));
        answer
    }
}

impl Suite {
    pub(super) fn run_case(
        &self,
        check: &Check,
        dtype: DType,
        layout: Layout,
        only: impl Fn(&str) -> bool,
    ) -> CheckResult {
        let (row, case) = (&self.mapping().rows[check.row], self.case(check).expect("a case's check has a case"));
        let mut result = CheckResult {
            check: check.clone(),
            call: None,
            shape: Vec::new(),
            group_channels: None,
            engines: Vec::new(),
            sides: None,
            accepted: false,
        };
        let target = match self.mapping().target_call(case, dtype, layout) {
            Ok(call) => call,
            Err(error) => {
                let finding = vec![Finding::NoCall(error.to_string())];
                let engines = self.engines().filter(|engine| only(engine.name()));
                result.engines = engines.map(|engine| EngineResult::of(engine.name(), finding.clone())).collect();
                return result;
            }
        };
        result.call = Some(target.hash());
        result.shape = target.input.1.shape().to_vec();

        let subject = &*self.engines[0];
        let question = Question { row: &row.name, check: &check.name, call: &target };
        let drawn = self.drawn(&target, question);
        let built = drawn.as_ref().and_then(Outcome::answer);
        let source = self.mapping().source_call(&target, built);

        let mut arbiter = Arbiter::default();
        for (position, engine) in self.engines().enumerate().filter(|(_, engine)| only(engine.name())) {
            let call = match engine.binding().side() {
                Side::Mindspore => Ok(&target),
                Side::Torch => source.as_ref().map_err(Untranslatable::to_string),
            };
            let is_subject = position == 0;
            let asked = match call {
                Ok(call) => {
                    let question = Question { row: &row.name, check: &check.name, call };
                    let known = if is_subject { drawn.clone() } else { None };
                    let before = is_subject.then(|| call.hash());
                    let (mut asked, answer) = ask(engine, question, case, known, &mut arbiter);
                    if let (Some(before), Verdict::Holds, Some(answer)) = (before, asked.verdict, answer) {
                        asked.findings = invariant::violated(engine, question, &before, &answer);
                        if !asked.findings.is_empty() {
                            asked.verdict = Verdict::Refuted;
                        }
                    }
                    asked
                }
                Err(why) => EngineResult::new(engine.name(), Verdict::NotAsked, Some(why)),
            };
            result.engines.push(asked);
        }

        let effective = subject.binding().effective(&target, built).ok();
        result.accepted = effective.is_some();
        result.group_channels = effective.as_ref().map(|e| e.gamma.len() / e.num_groups);
        if only("sides") {
            result.sides = Some(self.hold_sides(case, &target, source.as_ref(), built, &mut arbiter));
        }
        result
    }
}

/// Asks an engine, and holds what comes back to its claims and to `exact`; the answer that was held comes along.
fn ask(
    engine: &dyn Engine,
    question: Question<'_>,
    case: &Case,
    known: Option<Outcome>,
    arbiter: &mut Arbiter,
) -> (EngineResult, Option<Answer>) {
    let name = engine.name();
    let not_answered = |verdict, why: &str| (EngineResult::new(name, verdict, Some(why.to_owned())), None);
    let found = |findings| (EngineResult::of(name, findings), None);
    // What is drawn at random is known only from the answer; everything else is read once, before.
    let read = |built| engine.binding().effective(question.call, built);
    let reading = (!is_random(question.call)).then(|| read(None));
    if let Some(Err(Refusal::Inexpressible(why))) = &reading {
        return not_answered(Verdict::NotAsked, why);
    }
    let outcome = known.unwrap_or_else(|| engine::ask(engine, question));
    match &outcome {
        Outcome::NotAsked(why) => return not_answered(Verdict::NotAsked, why),
        Outcome::Absent(why) => return not_answered(Verdict::Unchecked, why),
        Outcome::Stale(why) => return not_answered(Verdict::Stale, why),
        Outcome::Broken(text) => return found(vec![Finding::Broken(text.clone())]),
        Outcome::Answered(_) | Outcome::Rejected(_) => {}
    }
    let side = engine.binding().side();
    let reading = reading.unwrap_or_else(|| read(outcome.answer()));
    match (reading, claim::rejection(case, name, side)) {
        (Err(Refusal::Rejected(known)), Some(claimed)) if known.class == claimed => {
            found(rejection_findings(claimed, &outcome))
        }
        (Err(Refusal::Rejected(known)), Some(claimed)) => {
            found(vec![Finding::ClaimContradicted { side, claimed, known: Some(known) }])
        }
        (Ok(_) | Err(Refusal::Inexpressible(_)), Some(claimed)) => {
            let mut findings = rejection_findings(claimed, &outcome);
            if findings.is_empty() {
                findings.push(Finding::ClaimContradicted { side, claimed, known: None });
            }
            found(findings)
        }
        (Err(Refusal::Rejected(rejection)), None) => found(vec![Finding::NotClaimed { side, rejection }]),
        (Err(Refusal::Inexpressible(why)), None) => match outcome {
            Outcome::Rejected(rejection) => found(vec![Finding::Rejected(rejection)]),
            _ => not_answered(Verdict::NotAsked, &why),
        },
        (Ok(effective), None) => match outcome {
            Outcome::Answered(answer) => {
                (hold(engine, case, &effective, &answer, &arbiter.answer(&effective)), Some(answer))
            }
            Outcome::Rejected(rejection) => found(vec![Finding::Rejected(rejection)]),
            _ => unreachable!("returned above"),
        },
    }
}

/// Holds the arrays of an answer to `exact`.
fn hold(
    engine: &dyn Engine,
    case: &Case,
    effective: &Effective,
    answer: &Answer,
    expected: &BTreeMap<Output, Expected>,
) -> EngineResult {
    let mut result = EngineResult::of(engine.name(), Vec::new());
    for (output, expected) in expected {
        let Some(array) = answer.get(*output) else {
            result.findings.push(Finding::Missing(*output));
            continue;
        };
        let table = Tolerance::of(engine.precision(), expected.dtype, *output);
        let tolerance = claim::tolerance(case, engine.name(), *output, table);
        let comparison = match compare(array, expected, tolerance) {
            Ok(comparison) => comparison,
            Err(unlike) => {
                result.findings.push(Finding::Unlike { output: *output, unlike });
                continue;
            }
        };
        if let Some(off) = claim::off(case, engine.name(), expected.dtype, *output) {
            let error = comparison.absolute.error;
            if error > off.bound || error <= off.bound / 10.0 {
                result.findings.push(Finding::Off { output: *output, bound: off.bound, error });
            }
            result.comparisons.push((*output, None, comparison));
            continue;
        }
        if comparison.beyond > 0 {
            result.findings.push(Finding::Beyond { output: *output, tolerance, comparison: comparison.clone() });
        }
        result.comparisons.push((*output, Some(tolerance), comparison));
    }
    result.findings.extend(as_built(answer, effective));
    result.findings.extend(moments(case, answer));
    if !result.findings.is_empty() {
        result.verdict = Verdict::Refuted;
    }
    result
}

fn rejection_findings(claimed: Exception, outcome: &Outcome) -> Vec<Finding> {
    match outcome {
        Outcome::Rejected(rejection) if rejection.class == claimed => Vec::new(),
        Outcome::Rejected(rejection) => vec![Finding::OtherClass { claimed, rejection: rejection.clone() }],
        _ => vec![Finding::Accepted(claimed)],
    }
}

/// Whether a parameter of the call is drawn at random.
pub(super) fn is_random(call: &Call) -> bool {
    let random = |value: &Value| matches!(value, Value::Str(name) if ["normal", "uniform"].contains(&name.to_ascii_lowercase().as_str()));
    call.arguments.iter().any(|(_, value)| random(value))
}
