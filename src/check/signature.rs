//! A row held to the signatures that running frameworks gave: the parameter is there, in its place, with its
//! default, or is not there.

use super::{Check, CheckResult, EngineResult, Finding, SIDES, Suite, Verdict};
use crate::engine::Engine;
use crate::mapping::{Argument, Category, Row, Side};
use crate::signature::{Parameter, Signature};

impl Suite {
    pub(super) fn run_signature(&self, check: &Check, only: impl Fn(&str) -> bool) -> CheckResult {
        let row = &self.mapping().rows[check.row];
        let asked = self.engines().filter(|engine| only(engine.name()));
        let engines = asked.map(|engine| self.hold_signature(engine, row)).collect();
        let sides = only(SIDES).then(|| {
            EngineResult::new(SIDES, Verdict::NotAsked, Some("each version has a signature of its own".to_owned()))
        });
        CheckResult { engines, sides, ..CheckResult::of(check) }
    }

    /// Parameters of recorded signatures that no row has, each with its engine.
    pub fn unmapped(&self) -> Vec<(String, String)> {
        let of_engine = |engine: &dyn Engine| -> Vec<(String, String)> {
            let side = engine.binding().side();
            let parameters = engine.signature().into_iter().flat_map(|s| s.constructor.iter().chain(&s.forward));
            let unmapped = parameters.filter(|parameter| self.mapping().row_of(side, &parameter.name).is_none());
            unmapped.map(|parameter| (engine.name().to_owned(), parameter.name.clone())).collect()
        };
        self.engines().flat_map(of_engine).collect()
    }

    fn hold_signature(&self, engine: &dyn Engine, row: &Row) -> EngineResult {
        let name = engine.name();
        if !engine.is_recorded() {
            return EngineResult::new(name, Verdict::NotAsked, Some("no signature is recorded of it".to_owned()));
        }
        let Some(signature) = engine.signature() else {
            let why = format!("{name} has no recorded signature: run `cargo xtask golden --engine {name}`");
            return EngineResult::new(name, Verdict::Unchecked, Some(why));
        };
        let side = engine.binding().side();
        let mut findings: Vec<String> = Vec::new();
        match row.file.name(side) {
            Some(parameter) => {
                findings.extend(self.parameter(row, side, name, parameter, signature));
                findings.extend(announcement(row, name, parameter, signature));
            }
            None => {
                let other = match side {
                    Side::Torch => Side::Mindspore,
                    Side::Mindspore => Side::Torch,
                };
                let now = row.file.name(other).filter(|parameter| signature.parameter(parameter).is_some());
                findings.extend(now.map(|parameter| {
                    format!("{name} has a parameter `{parameter}`, and the row names none: add it to `names`")
                }));
            }
        }
        EngineResult::of(name, findings.into_iter().map(Finding::Signature).collect())
    }

    /// What is not as the row says of a parameter that the side has.
    fn parameter(&self, row: &Row, side: Side, name: &str, parameter: &str, signature: &Signature) -> Vec<String> {
        let is_missing = row.file.is_missing(name);
        let (at, found) = match (signature.parameter(parameter), is_missing) {
            (None, true) => return Vec::new(),
            (None, false) => {
                let announced = self.announced(parameter);
                return vec![format!(
                    "{name} has no parameter `{parameter}`{announced}: say `missing: [{name}]`, and each call that states it is held to a TypeError"
                )];
            }
            (Some(_), true) => {
                return vec![format!("{name} has a parameter `{parameter}`: take it out of `missing`")];
            }
            (Some(found), false) => found,
        };
        let mut findings = Vec::new();
        let api = self.mapping().api(side);
        let documented = if row.file.category == Category::Input { &api.forward } else { &api.constructor };
        if let Some(place) = documented.iter().position(|name| name == parameter).filter(|place| *place != at) {
            findings.push(format!(
                "`{parameter}` is parameter {} of {name}, and {} of the page: a call by position means another",
                at + 1,
                place + 1
            ));
        }
        findings.extend(default(row.file.default.get(&side), found, name));
        findings
    }

    /// What recorded versions announced about a parameter.
    fn announced(&self, parameter: &str) -> String {
        let announced = self.engines().filter_map(|engine| {
            let text = engine.signature()?.announcement(parameter)?;
            Some(format!(" ({} announced: {text})", engine.name()))
        });
        announced.collect()
    }
}

/// What is not as the row says of a default.
fn default(stated: Option<&Argument>, found: &Parameter, name: &str) -> Option<String> {
    let parameter = &found.name;
    match (stated, &found.default) {
        (None, None) => None,
        (None, Some(default)) => Some(format!(
            "`{parameter}` has the default {default} in {name}, and the row states none: add it to `default`"
        )),
        (Some(_), None) => Some(format!("`{parameter}` has no default in {name}: take it out of `default`")),
        (Some(stated), Some(default)) => {
            let same = default.value().is_some_and(|value| stated.scalar() == Some(value));
            (!same).then(|| {
                format!("the default of `{parameter}` is {default} in {name}, and the row states {}", stated.to_yaml())
            })
        }
    }
}

/// Announcements and the row have to be of one opinion.
fn announcement(row: &Row, name: &str, parameter: &str, signature: &Signature) -> Option<String> {
    let stated = row.file.announced.as_ref().is_some_and(|announced| announced.engines.iter().any(|e| e == name));
    match (signature.announcement(parameter), stated) {
        (Some(text), false) => Some(format!(
            "the documentation of {name} announces something of `{parameter}` ({text}): say `announced: {{ engines: [{name}], why: … }}`"
        )),
        (None, true) => {
            Some(format!("the documentation of {name} announces nothing of `{parameter}`: take it out of `announced`"))
        }
        _ => None,
    }
}
