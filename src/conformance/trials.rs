//! The suite as tests, for every tool that knows those of libtest.

use std::collections::HashMap;
use std::sync::Arc;

use libtest_mimic::{Completion, Failed, Trial};

use crate::check::{Check, SIDES, Suite, Verdict};
use crate::engine::Engine;
use crate::mapping::Side;
use crate::report;

/// One test a check and engine, by name: `group_norm/gamma_init/number/f32/libtorch`.
pub fn trials(suite: &Arc<Suite>) -> Vec<Trial> {
    let mapping = suite.mapping().name.clone();
    let mut trials = Vec::new();
    for check in suite.checks() {
        for engine in suite.engines().map(Engine::name).chain([SIDES]) {
            let name = format!("{mapping}/{}/{engine}", check.name);
            let (suite, check, engine) = (Arc::clone(suite), check.clone(), engine.to_owned());
            trials.push(Trial::ignorable_test(name, move || ask(&suite, &check, &engine)));
        }
    }
    for (index, row) in suite.mapping().rows.iter().enumerate() {
        let name = format!("{mapping}/{}/not_vacuous", row.name);
        let suite = Arc::clone(suite);
        trials.push(Trial::test(name, move || not_vacuous(&suite, index)));
    }
    type Test = fn(&Suite) -> Result<(), Failed>;
    let of_all: [(&str, Test); 3] = [
        ("no_identical_checks", no_identical_checks),
        ("every_limit_is_shown", every_limit_is_shown),
        ("every_parameter_has_a_row", every_parameter_has_a_row),
    ];
    for (name, test) in of_all {
        let suite = Arc::clone(suite);
        trials.push(Trial::test(format!("{mapping}/{name}"), move || test(&suite)));
    }
    trials
}

fn ask(suite: &Suite, check: &Check, engine: &str) -> Result<Completion, Failed> {
    let result = suite.run_check(check, |name| name == engine);
    let Some(asked) = result.engines.iter().chain(&result.sides).find(|asked| asked.engine == engine) else {
        return Err(format!("{engine} was not asked").into());
    };
    match asked.verdict {
        Verdict::Holds => Ok(Completion::Completed),
        Verdict::NotAsked => Ok(Completion::ignored_with(asked.note.clone().unwrap_or_default())),
        Verdict::Refuted => Err(report::mismatch(suite, &result).into()),
        Verdict::Stale | Verdict::Unchecked | Verdict::Vacuous => {
            Err(format!("{}: {}", asked.verdict, asked.note.clone().unwrap_or_default()).into())
        }
    }
}

fn not_vacuous(suite: &Suite, row: usize) -> Result<(), Failed> {
    let mut checks = suite.checks().into_iter().filter(|check| check.row == row && suite.case(check).is_some());
    if checks.any(|check| suite.run_check(&check, |_| false).accepted && suite.is_sensitive(&check)) {
        return Ok(());
    }
    Err("no accepted case has an answer that moves when the parameter does".into())
}

fn no_identical_checks(suite: &Suite) -> Result<(), Failed> {
    let mut asked = HashMap::new();
    for check in suite.checks() {
        let Some(call) = suite.question(&check, Side::Mindspore) else { continue };
        if let Some(other) = asked.insert(call.hash(), check.name.clone()) {
            return Err(format!("{} and {other} ask the same", check.name).into());
        }
    }
    Ok(())
}

fn every_limit_is_shown(suite: &Suite) -> Result<(), Failed> {
    let outcomes = suite.run(&suite.checks());
    let amiss = outcomes.limits.iter().find(|shown| shown.verdict() != Verdict::Holds);
    amiss.map_or(Ok(()), |shown| Err(format!("no check shows limit {} of {}", shown.limit + 1, shown.engine).into()))
}

fn every_parameter_has_a_row(suite: &Suite) -> Result<(), Failed> {
    let unmapped = suite.unmapped().into_iter().next();
    unmapped.map_or(Ok(()), |(engine, parameter)| Err(format!("no row has `{parameter}` of {engine}").into()))
}
