//! One test a check and engine, by name: `group_norm/gamma_init/number/f32/libtorch-2.13.0`.
//!
//! `cargo test gamma_init` filters them, nextest lists, runs and partitions them. Stored answers
//! are always asked; with the feature `libtorch` live ones are too, in the same process.

use std::path::Path;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use mapcheck::check::{Check, Suite, Verdict};
use mapcheck::engine::{Engine, Golden, Rust};
use mapcheck::golden::Store;
use mapcheck::{mapping, report};

fn main() {
    let arguments = Arguments::from_args();
    let suite = match suite() {
        Ok(suite) => Arc::new(suite),
        Err(mistakes) => {
            eprintln!("{mistakes}");
            std::process::exit(1);
        }
    };
    libtest_mimic::run(&arguments, trials(&suite)).exit();
}

fn suite() -> Result<Suite, String> {
    let mapping = mapping::read(Path::new("specs/group_norm"))
        .map_err(|mistakes| mistakes.iter().map(|mistake| format!("{mistake}\n\n")).collect::<String>())?;
    let store = Arc::new(Store::open(Path::new("golden/group_norm")));
    let golden = mapping.file.golden.iter();
    #[cfg_attr(not(feature = "libtorch"), expect(unused_mut))]
    let mut others: Vec<Box<dyn Engine>> =
        golden.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
    #[cfg(feature = "libtorch")]
    others.push(Box::new(mapcheck::engine::Libtorch::default()));
    Ok(Suite::new(mapping, Box::new(Rust), others))
}

fn trials(suite: &Arc<Suite>) -> Vec<Trial> {
    let mapping = suite.mapping().name.clone();
    let mut trials = Vec::new();
    for check in suite.checks() {
        for engine in suite.engines().map(Engine::name).chain(["sides"]) {
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
    let mut asked = std::collections::HashMap::new();
    for check in suite.checks() {
        let Some(call) = suite.question(&check, mapping::Side::Mindspore) else { continue };
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
