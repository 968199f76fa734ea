//! `cargo xtask golden`: stored answers, recorded from frameworks in Python.

mod fresh;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use mapcheck::binding;
use mapcheck::call::Call;
use mapcheck::check::{Check, Kind, Suite};
use mapcheck::golden::{Changes, Options, Provenance, Recorded, Recording, record};
use mapcheck::mapping::Side;

use crate::check::bar;
use crate::environment;
use crate::suite::{Folders, root, selected};
use crate::worker::Worker;

/// Record answers.
#[derive(Args)]
pub struct Golden {
    /// The framework version that is asked, or `all` of the mapping; its Python environment is made where it is
    /// missing (gigabytes, and minutes)
    #[arg(long, value_parser = engine_names(), required_unless_present = "check")]
    engine: Option<String>,
    /// Only checks whose name contains this; the others stay
    filter: Option<String>,
    /// Ask nobody and write nothing; fail where an answer is missing, stale, damaged or of no check
    #[arg(long, conflicts_with_all = ["engine", "force"])]
    check: bool,
    /// Also write what moved within the tolerance
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    folders: Folders,
}

const ALL: &str = "all";

fn engine_names() -> clap::builder::PossibleValuesParser {
    environment::engines().chain([ALL]).collect::<Vec<_>>().into()
}

impl Golden {
    /// Records, or checks that there is nothing to record.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(None)?;
        let checks = selected(&suite, self.filter.as_deref())?;
        let Some(engine) = &self.engine else {
            return Ok(fresh::report(&suite, &checks, &self.folders.golden, self.filter.is_none()));
        };
        let listed = &suite.mapping().file.golden;
        if engine == ALL {
            for engine in listed {
                self.record(&suite, &checks, engine)?;
            }
        } else if listed.contains(engine) {
            self.record(&suite, &checks, engine)?;
        } else {
            let file = self.folders.specs.join("mapping.yaml");
            bail!(
                "{} does not list {engine}: add it to `golden` there, so that its answers are asked for",
                file.display()
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    fn record(&self, suite: &Suite, checks: &[Check], engine: &str) -> Result<()> {
        let Asked { provenance, answers, failed } = ask(suite, checks, engine)?;
        for failure in &failed {
            eprintln!("error: {failure:#}");
        }
        let partial = self.filter.is_some() || !failed.is_empty();
        let options = Options { force: self.force, dry_run: false, partial };
        let asked = answers.len();
        let listed = suite.mapping().file.golden.clone();
        let recording = Recording { engine: engine.to_owned(), provenance, answers, listed };
        let changes = record(&self.folders.golden, recording, options).map_err(anyhow::Error::msg)?;
        print(&changes);
        println!("{engine}: {asked} answers to {} checks", checks.len());
        if !failed.is_empty() {
            bail!("{} calls were not answered; what was is kept, and the same command goes on", failed.len());
        }
        let golden = self.folders.golden.display();
        match changes.is_fresh() {
            true => println!("{golden} is fresh"),
            false => println!("wrote {} in {golden}", changes.written.join(", ")),
        }
        Ok(())
    }
}

/// What was answered, by whom, and what was not.
struct Asked {
    provenance: Provenance,
    answers: Vec<Recorded>,
    failed: Vec<anyhow::Error>,
}

/// Asks a framework in its own process, one call after the other.
fn ask(suite: &Suite, checks: &[Check], engine: &str) -> Result<Asked> {
    let mut worker = Worker::start(engine)?;
    let hello = worker.hello().clone();
    let signature = worker.signature()?;
    let bar = bar(checks.len());
    let (mut answers, mut failed) = (Vec::new(), Vec::new());
    for check in checks {
        bar.inc(1);
        let print = suite.case(check).is_some_and(|case| case.prints.is_some());
        for (name, call) in calls(suite, check, engine) {
            match worker.ask(&name, &call, print) {
                Ok(outcome) => {
                    let row = suite.mapping().rows[check.row].name.clone();
                    answers.push(Recorded { row, check: name, groups: groups(engine, &call), call, outcome });
                }
                Err(error) => failed.push(error),
            }
        }
    }
    bar.finish_and_clear();
    let provenance = Provenance {
        framework: hello.framework,
        version: hello.version,
        recorder: format!("mapcheck {}", env!("CARGO_PKG_VERSION")),
        platform: hello.platform,
        python: Some(hello.python),
        numpy: Some(hello.numpy),
        signature: Some(signature),
    };
    Ok(Asked { provenance, answers, failed })
}

/// The number of groups of all samples together.
fn groups(engine: &str, call: &Call) -> usize {
    binding::of(engine).effective(call, None).map_or(1, |effective| effective.groups())
}

/// The calls of a check to an engine, by the names under which they are stored: one, or the two of a default.
fn calls(suite: &Suite, check: &Check, engine: &str) -> Vec<(String, Call)> {
    let side: Side = binding::of(engine).side();
    if let Some(call) = suite.question(check, side) {
        return vec![(check.name.clone(), call)];
    }
    let row = &suite.mapping().rows[check.row];
    match suite.mapping().default_calls(row, side) {
        Some(Ok(calls)) if check.kind == Kind::Default && !row.file.is_missing(engine) => {
            vec![(format!("{}/left_out", check.name), calls.left_out), (format!("{}/stated", check.name), calls.stated)]
        }
        _ => Vec::new(),
    }
}

fn print(changes: &Changes) {
    for problem in &changes.mended {
        println!("made anew: {problem}");
    }
    for (what, checks) in [("new", &changes.new), ("changed", &changes.changed), ("gone", &changes.gone)] {
        match checks.as_slice() {
            [] => {}
            [only] => println!("{what}: {only}"),
            [first, ..] => println!("{what}: {} checks, the first is {first}", checks.len()),
        }
    }
    for (check, ulp) in &changes.moved {
        println!("left as it is: {check}, which moved by {ulp:.1} ULP, within its tolerance (--force writes it)");
    }
}
