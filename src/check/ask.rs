//! One case, asked of every engine.

use std::collections::BTreeMap;

use super::arbiter::Arbiter;
use super::built::{as_built, moments};
use super::claim::{Claimed, Claims, Speaker};
use super::{
    By, Check, CheckResult, Compared, EngineResult, Finding, Held, SIDES, Suite, Verdict, invariant, printed,
    reproduced,
};
use crate::binding::{self, Refusal};
use crate::call::{Answer, Call, Effective, Outcome, Output};
use crate::compare::{HeatMap, Tolerance, compare, shares};
use crate::engine::{self, Engine, Question};
use crate::exact::Expected;
use crate::mapping::{Case, Layout, Side, Unrealizable, Untranslatable};
use crate::python::Value;
use crate::tensor::DType;

/// What came of asking.
struct Asked {
    /// The subject's answer where a parameter is drawn at random.
    drawn: Option<Outcome>,
    /// The call as the source writes it.
    source: Result<Call, Untranslatable>,
    engines: Vec<EngineResult>,
    sides: Option<EngineResult>,
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
        let mut result = CheckResult::of(check);
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

        let claims = Claims { mapping: self.mapping(), case, call: &target, alone: false };
        let asked = self.ask_all(&row.name, &check.name, claims, only);
        let built = asked.drawn.as_ref().and_then(Outcome::answer);
        let effective = self.on_target().effective(&target, built).ok();
        let on_source = || {
            let source = asked.source.as_ref().ok().filter(|_| row.file.name(Side::Mindspore).is_none());
            source.is_some_and(|call| binding::newest(Side::Torch).effective(call, built).is_ok())
        };
        result.accepted = effective.is_some() || on_source();
        result.group_channels = effective.as_ref().map(|e| e.gamma.len() / e.num_groups);
        (result.engines, result.sides) = (asked.engines, asked.sides);
        result
    }

    /// Asks a case that no row has, at the first of its dtypes and layouts. What claims of others it carries is not
    /// looked at, but for its tolerances: each engine is held to its binding, and the sides to each other.
    ///
    /// # Errors
    /// The case has a tensor that cannot be made.
    pub fn ask_alone(&self, case: &Case, only: impl Fn(&str) -> bool) -> Result<Vec<EngineResult>, Unrealizable> {
        let target = self.mapping().target_call(case, case.dtype(), case.layout())?;
        let claims = Claims { mapping: self.mapping(), case, call: &target, alone: true };
        let asked = self.ask_all("", &case.name, claims, only);
        Ok(asked.engines.into_iter().chain(asked.sides).collect())
    }

    /// Asks every engine that `only` names, and holds the sides to each other.
    fn ask_all(&self, row: &str, check: &str, claims: Claims<'_>, only: impl Fn(&str) -> bool) -> Asked {
        let target = claims.call;
        let drawn = self.drawn(target, Question { row, check, call: target });
        let built = drawn.as_ref().and_then(Outcome::answer);
        let source = self.mapping().source_call(target, built);

        let (mut engines, mut arbiter) = (Vec::new(), Arbiter::default());
        for (position, engine) in self.engines().enumerate().filter(|(_, engine)| only(engine.name())) {
            let call = match engine.binding().side() {
                Side::Mindspore => Ok(target),
                Side::Torch => source.as_ref().map_err(Untranslatable::to_string),
            };
            let is_subject = position == 0;
            let asked = match call {
                Ok(call) => {
                    let question = Question { row, check, call };
                    let known = if is_subject { drawn.clone() } else { None };
                    let before = is_subject.then(|| call.hash());
                    let (mut asked, answer) = ask(engine, question, claims, known, &mut arbiter);
                    if let Some(answer) = &answer {
                        asked.findings.extend(self.not_reproduced(engine, question, answer));
                    }
                    if let (Some(before), Verdict::Holds, Some(answer)) = (before, asked.verdict, answer) {
                        asked.findings.extend(invariant::violated(engine, question, &before, &answer));
                    }
                    if !asked.findings.is_empty() {
                        asked.verdict = Verdict::Refuted;
                    }
                    asked
                }
                Err(why) => EngineResult::new(engine.name(), Verdict::NotAsked, Some(why)),
            };
            engines.push(asked);
        }
        let sides = only(SIDES).then(|| self.hold_sides(claims, source.as_ref(), built, &mut arbiter));
        Asked { drawn, source, engines, sides }
    }

    /// Where a live engine must reproduce recorded answers: what it does not.
    fn not_reproduced(&self, engine: &dyn Engine, question: Question<'_>, answer: &Answer) -> Vec<Finding> {
        let recorded = engine.reproduces().and_then(|name| self.engines().find(|engine| engine.name() == name));
        let recorded = recorded.map(|recorded| (recorded.name(), engine::ask(recorded, question)));
        match &recorded {
            Some((name, Outcome::Answered(recorded))) => reproduced::differences(name, answer, recorded),
            _ => Vec::new(),
        }
    }
}

/// Asks an engine, and holds what comes back to its claims and to `exact`; the answer that was held comes along.
fn ask(
    engine: &dyn Engine,
    question: Question<'_>,
    claims: Claims<'_>,
    known: Option<Outcome>,
    arbiter: &mut Arbiter,
) -> (EngineResult, Option<Answer>) {
    let name = engine.name();
    let outcome = known.unwrap_or_else(|| engine::ask(engine, question));
    let answer = match outcome {
        Outcome::NotAsked(why) => return (EngineResult::new(name, Verdict::NotAsked, Some(why)), None),
        Outcome::Absent(why) => return (EngineResult::new(name, Verdict::Unchecked, Some(why)), None),
        Outcome::Stale(why) => return (EngineResult::new(name, Verdict::Stale, Some(why)), None),
        Outcome::Broken(text) => return (EngineResult::of(name, vec![Finding::Broken(text)]), None),
        Outcome::Answered(answer) => Ok(answer),
        Outcome::Rejected(rejection) => Err(rejection),
    };
    let speaker = Speaker::of(engine);
    let key = if claims.mapping.file.golden.iter().any(|golden| golden == name) { name } else { speaker.side.key() };
    let by_binding = claims.alone || engine.is_held_to_binding();
    let claimed = if by_binding { known_to_reject(engine, question) } else { claims.rejection(speaker) };
    match (claimed, answer) {
        (Some(Claimed { class, by }), answer) => {
            let findings = match answer {
                Err(rejection) if rejection.class == class => Vec::new(),
                Err(rejection) => vec![Finding::OtherClass { claimed: class, by, rejection }],
                Ok(_) => vec![Finding::Accepted { claimed: class, by, engine: name.to_owned() }],
            };
            let mut result = EngineResult::of(name, findings);
            if let (By::Limit(index), true) = (by, result.findings.is_empty()) {
                result.shows.push((index, name.to_owned()));
            }
            (result, None)
        }
        // Nobody knows what would be right.
        (None, Err(_)) if by_binding && inexpressible(engine, question).is_some() => {
            (EngineResult::new(name, Verdict::NotAsked, inexpressible(engine, question)), None)
        }
        (None, Err(rejection)) => {
            let key = (!by_binding).then(|| key.to_owned());
            (EngineResult::of(name, vec![Finding::Rejected { rejection, key }]), None)
        }
        // What is drawn at random is known only from the answer.
        (None, Ok(answer)) => match engine.binding().effective(question.call, Some(&answer)) {
            Ok(effective) => {
                if claims.case.prints.is_some() && engine.is_recorded() && answer.printed.is_none() {
                    let why = format!("what {name} prints is not recorded: run `cargo xtask golden --engine {name}`");
                    return (EngineResult::new(name, Verdict::Stale, Some(why)), None);
                }
                let result = hold(engine, claims, &effective, &answer, &arbiter.answer(&effective));
                (result, Some(answer))
            }
            Err(Refusal::Rejected(rejection)) => {
                (EngineResult::of(name, vec![Finding::KnownToReject(rejection)]), None)
            }
            Err(Refusal::Inexpressible(why)) => (EngineResult::new(name, Verdict::NotAsked, Some(why)), None),
        },
    }
}

/// The rejection that follows from what is known of the API.
fn known_to_reject(engine: &dyn Engine, question: Question<'_>) -> Option<Claimed> {
    match engine.binding().effective(question.call, None) {
        Err(Refusal::Rejected(rejection)) => Some(Claimed { class: rejection.class, by: By::Binding }),
        Err(Refusal::Inexpressible(_)) | Ok(_) => None,
    }
}

/// Why what is known of the API says nothing of a call.
fn inexpressible(engine: &dyn Engine, question: Question<'_>) -> Option<String> {
    match engine.binding().effective(question.call, None) {
        Err(Refusal::Inexpressible(why)) => Some(why),
        Err(Refusal::Rejected(_)) | Ok(_) => None,
    }
}

/// Holds the arrays of an answer to `exact`.
fn hold(
    engine: &dyn Engine,
    claims: Claims<'_>,
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
        let table = Tolerance::of(engine.precision(), expected.through, *output);
        let tolerance = claims.tolerance(engine.name(), *output, table);
        let comparison = match compare(array, expected, tolerance) {
            Ok(comparison) => comparison,
            Err(unlike) => {
                result.findings.push(Finding::Unlike { output: *output, unlike });
                continue;
            }
        };
        let map = (comparison.beyond > 0)
            .then(|| HeatMap::of(&expected.shape, effective.num_groups, shares(array, expected, tolerance)));
        if let Some(off) = claims.off(engine, effective.x.dtype(), *output) {
            let error = comparison.absolute.error;
            if !off.is_of(error) {
                result.findings.push(Finding::Off { output: *output, bound: off.bound, error });
            }
            result.comparisons.push(Compared { output: *output, to: Held::Off(off.why.clone()), comparison, map });
            continue;
        }
        if comparison.beyond > 0 {
            result.findings.push(Finding::Beyond { output: *output, tolerance, comparison: comparison.clone() });
        }
        result.comparisons.push(Compared { output: *output, to: Held::Within(tolerance), comparison, map });
    }
    result.findings.extend(as_built(answer, effective));
    result.findings.extend(moments(claims.case, answer));
    result.findings.extend(printed::differs(claims.case, answer));
    if !result.findings.is_empty() {
        result.verdict = Verdict::Refuted;
    }
    result
}

/// Whether a parameter of the call is drawn at random.
pub(super) fn is_random(call: &Call) -> bool {
    let random = |value: &Value| matches!(value, Value::Str(name) if ["normal", "uniform"].contains(&name.to_ascii_lowercase().as_str()));
    call.arguments.iter().any(|(_, value)| random(value))
}
