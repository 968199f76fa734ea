//! A row's default: leaving the parameter out must be the same as stating it.

use super::{Check, CheckResult, EngineResult, Finding, SIDES, Suite, Verdict};
use crate::call::{Answer, Outcome, Rejection};
use crate::engine::{self, Engine, Question};
use crate::mapping::{Argument, DefaultCalls, Row, Side};

impl Suite {
    pub(super) fn run_default(&self, check: &Check, only: impl Fn(&str) -> bool) -> CheckResult {
        let row = &self.mapping().rows[check.row];
        let asked = self.engines().filter(|engine| only(engine.name()));
        let engines = asked.map(|engine| self.ask_default(engine, row, check)).collect();
        CheckResult { engines, sides: only(SIDES).then(|| self.hold_default(row)), ..CheckResult::of(check) }
    }

    /// The default of each side must be the one that is known of it.
    fn hold_default(&self, row: &Row) -> EngineResult {
        let mut findings = Vec::new();
        for side in Side::BOTH {
            let Some(Ok(DefaultCalls { left_out, stated })) = self.mapping().default_calls(row, side) else { continue };
            let versions = self.versions(side).into_iter().filter(|(name, _)| !row.file.is_missing(name));
            for (name, binding) in versions {
                let read = |call| binding.effective(call, None);
                if read(&left_out) != read(&stated) {
                    let what = format!("{name} means something else");
                    findings.push(Finding::Default { stated: stated_default(row, side), what });
                    break;
                }
            }
        }
        EngineResult::of(SIDES, findings)
    }

    fn ask_default(&self, engine: &dyn Engine, row: &Row, check: &Check) -> EngineResult {
        let not_asked = |why: String| EngineResult::new(engine.name(), Verdict::NotAsked, Some(why));
        if !engine.is_module() {
            return not_asked("every argument is handed to it: it has no defaults of its own".to_owned());
        }
        if row.file.is_missing(engine.name()) {
            return not_asked(format!("{} does not have the parameter", engine.name()));
        }
        let DefaultCalls { left_out, stated } = match self.mapping().default_calls(row, engine.binding().side()) {
            Some(Ok(calls)) => calls,
            Some(Err(error)) => return not_asked(error.to_string()),
            None => return not_asked("the row states no default for this side".to_owned()),
        };
        let ask = |call, which: &str| {
            engine::ask(engine, Question { row: &row.name, check: &format!("{}/{which}", check.name), call })
        };
        let (without, with) = match (ask(&left_out, "left_out"), ask(&stated, "stated")) {
            (Outcome::Answered(without), Outcome::Answered(with)) => (without, with),
            (Outcome::Broken(text), _) | (_, Outcome::Broken(text)) => {
                return EngineResult::of(engine.name(), vec![Finding::Broken(text)]);
            }
            (Outcome::Absent(why), _) | (_, Outcome::Absent(why)) => {
                return EngineResult::new(engine.name(), Verdict::Unchecked, Some(why));
            }
            (Outcome::Stale(why), _) | (_, Outcome::Stale(why)) => {
                return EngineResult::new(engine.name(), Verdict::Stale, Some(why));
            }
            (Outcome::NotAsked(why), _) | (_, Outcome::NotAsked(why)) => return not_asked(why),
            (Outcome::Rejected(r), _) | (_, Outcome::Rejected(r)) => return refuted(engine, row, rejected(&r)),
        };
        match difference(&without, &with) {
            None => EngineResult::of(engine.name(), Vec::new()),
            Some(what) => refuted(engine, row, what),
        }
    }
}

fn refuted(engine: &dyn Engine, row: &Row, what: String) -> EngineResult {
    let stated = stated_default(row, engine.binding().side());
    EngineResult::of(engine.name(), vec![Finding::Default { stated, what }])
}

/// `eps: 1e-5`, as the row states it for a side.
fn stated_default(row: &Row, side: Side) -> String {
    let stated = row.file.default.get(&side).or(row.file.default.get(&Side::Mindspore));
    format!("{}: {}", row.file.name(side).unwrap_or(&row.name), stated.map_or("~".to_owned(), Argument::to_yaml))
}

fn rejected(rejection: &Rejection) -> String {
    format!("a call is rejected with {rejection}")
}

/// The first bit that differs between two answers, in words.
fn difference(left_out: &Answer, stated: &Answer) -> Option<String> {
    if !left_out.arrays.keys().eq(stated.arrays.keys()) {
        return Some("the answers have other arrays".to_owned());
    }
    for (output, without) in &left_out.arrays {
        let with = &stated.arrays[output];
        if without.values.same_bits(&with.values) {
            continue;
        }
        let (a, b) = (without.values.to_f64(), with.values.to_f64());
        let unequal = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        let first = a.iter().zip(&b).find(|(a, b)| a != b).map_or(String::new(), |(without, with)| {
            format!(", the first is {without:.3e} when it is left out and {with:.3e} when it is stated")
        });
        return Some(format!("{unequal} of {} elements of {output} differ{first}", a.len()));
    }
    None
}
