//! Whether the stored answers are those of the checks, found out without asking anybody.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use mapcheck::call::Outcome;
use mapcheck::check::{Check, Suite};
use mapcheck::golden::{Manifest, Store};

use super::{calls, groups};

/// Says what is not fresh, and what mends it.
pub fn report(suite: &Suite, checks: &[Check], golden: &Path, is_complete: bool) -> ExitCode {
    let store = Store::open(golden);
    let manifest = match store.manifest() {
        Ok(manifest) => manifest,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let engines = &suite.mapping().file.golden;
    let mut problems: Vec<String> = Vec::new();
    for engine in engines {
        let remedy = format!("run `cargo xtask golden --engine {engine}` and commit");
        let mut asked = BTreeSet::new();
        for check in checks {
            let row = &suite.mapping().rows[check.row].name;
            for (name, call) in calls(suite, check, engine) {
                let outcome = store.answer(engine, row, &name, &call, || groups(engine, &call));
                if let Outcome::Absent(why) | Outcome::Stale(why) | Outcome::Broken(why) = outcome {
                    problems.push(format!("{name}: {why}"));
                }
                asked.insert(name);
            }
        }
        if is_complete {
            let stored = manifest.answers.get(engine).into_iter().flatten().map(|(name, _)| name);
            let of_no_check = stored.filter(|name| !asked.contains(*name));
            problems.extend(of_no_check.map(|name| format!("{name}: {engine} has an answer to no check: {remedy}")));
        }
        if store.signature(engine).is_none() {
            problems.push(format!("{engine} has no recorded signature: {remedy}"));
        }
    }
    problems.extend(unlisted(manifest, engines));
    match problems.as_slice() {
        [] => {
            println!("{} is fresh: {} checks on {}", golden.display(), checks.len(), engines.join(", "));
            ExitCode::SUCCESS
        }
        [first, rest @ ..] => {
            eprintln!("error: {} is not fresh: {first}{}", golden.display(), more(rest.len()));
            ExitCode::FAILURE
        }
    }
}

/// Engines that the mapping does not list; the next recording of any other drops them.
fn unlisted(manifest: &Manifest, listed: &[String]) -> Option<String> {
    let name = manifest.answers.keys().find(|name| !listed.contains(name))?;
    Some(format!("{name} is stored, and mapping.yaml does not list it: list it, or record any other engine"))
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}
