//! `cargo xtask golden`: stored answers, recorded from live libtorch or from a framework in Python.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use mapcheck::binding::{Binding, Mindspore, TorchCore};
use mapcheck::call::{Call, Outcome};
use mapcheck::check::{Check, Kind, Suite};
use mapcheck::engine::{Engine, Question};
use mapcheck::golden::{Changes, Options, Provenance, Recorded, record};
use mapcheck::mapping::Side;
use rayon::prelude::*;

use crate::check::bar;
use crate::suite::{Folders, root, selected};
use crate::worker::Worker;
use crate::{environment, libtorch, live};

/// Record answers.
#[derive(Args)]
pub struct Golden {
    /// Who is asked: libtorch, or a framework in a Python environment of its own, which is made where it is
    /// missing (gigabytes, and minutes)
    #[arg(long, default_value = LIBTORCH, value_parser = engine_names())]
    engine: String,
    /// Only checks whose name contains this; the others stay
    filter: Option<String>,
    /// Write nothing; fail where something would be written
    #[arg(long)]
    check: bool,
    /// Also write what moved within the tolerance
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    folders: Folders,
}

impl Golden {
    /// Records, or checks that there is nothing to record.
    pub fn run(self) -> Result<ExitCode> {
        if self.engine == LIBTORCH && !live::IS_BUILT {
            if libtorch::find().is_none() {
                libtorch::fetch()?;
            }
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(None)?;
        let checks = selected(&suite, self.filter.as_deref())?;
        let asked = if self.engine == LIBTORCH {
            ask_libtorch(&suite, &checks)
        } else {
            ask_framework(&suite, &checks, &self.engine)
        };
        let Asked { name, provenance, answers, failed } = asked?;
        for failure in &failed {
            eprintln!("error: {failure:#}");
        }
        let partial = self.filter.is_some() || !failed.is_empty();
        let options = Options { force: self.force, dry_run: self.check, partial };
        let asked = answers.len();
        let changes = record(&self.folders.golden, &name, provenance, answers, options);
        let changes = changes.map_err(|problem| anyhow::anyhow!(problem))?;
        print(&changes);
        println!("{name}: {asked} answers to {} checks", checks.len());
        if !failed.is_empty() {
            bail!("{} calls were not answered; what was is kept, and the same command goes on", failed.len());
        }
        Ok(match (self.check, changes.is_fresh()) {
            (_, true) => {
                println!("{} is fresh", self.folders.golden.display());
                ExitCode::SUCCESS
            }
            (false, false) => {
                println!("wrote {} in {}", changes.written.join(", "), self.folders.golden.display());
                ExitCode::SUCCESS
            }
            (true, false) => {
                let golden = self.folders.golden.display();
                eprintln!(
                    "error: {golden} is not fresh ({}): run `cargo xtask golden` and commit",
                    changes.written.join(", ")
                );
                ExitCode::FAILURE
            }
        })
    }
}

/// The engine that is linked in, by the name of its answers less the version.
const LIBTORCH: &str = "libtorch";

fn engine_names() -> clap::builder::PossibleValuesParser {
    std::iter::once(LIBTORCH).chain(environment::engines()).collect::<Vec<_>>().into()
}

/// What was answered, by whom, and what was not.
struct Asked {
    name: String,
    provenance: Provenance,
    answers: Vec<Recorded>,
    failed: Vec<anyhow::Error>,
}

fn ask_libtorch(suite: &Suite, checks: &[Check]) -> Result<Asked> {
    let Some(engine) = live::engine() else { bail!("this xtask was built without libtorch") };
    let bar = bar(checks.len());
    let answers = answers(suite, checks, &*engine, || bar.inc(1));
    bar.finish_and_clear();
    let name = format!("{LIBTORCH}-{}", libtorch::VERSION);
    Ok(Asked { name, provenance: provenance(&*engine), answers, failed: Vec::new() })
}

/// Asks a framework in its own process, one call after the other.
fn ask_framework(suite: &Suite, checks: &[Check], engine: &str) -> Result<Asked> {
    let mut worker = Worker::start(engine)?;
    let hello = worker.hello().clone();
    let binding: &dyn Binding =
        if engine.starts_with("mindspore") { &Mindspore { narrows_eps: true } } else { &TorchCore };
    let bar = bar(checks.len());
    let (mut answers, mut failed) = (Vec::new(), Vec::new());
    for check in checks {
        bar.inc(1);
        for (name, call) in calls(suite, check, binding.side()) {
            match worker.ask(&name, &call) {
                Ok(outcome) => {
                    let groups = binding.effective(&call, None).map_or(1, |e| e.num_groups * e.x.shape()[0]);
                    let row = suite.mapping().rows[check.row].name.clone();
                    answers.push(Recorded { row, check: name, call, groups, outcome });
                }
                Err(error) => failed.push(error),
            }
        }
    }
    bar.finish_and_clear();
    let provenance = Provenance {
        framework: hello.framework,
        version: hello.version,
        recorder: recorder(),
        platform: hello.platform,
        python: Some(hello.python),
        numpy: Some(hello.numpy),
    };
    Ok(Asked { name: engine.to_owned(), provenance, answers, failed })
}

/// The calls of a check to a side, by the names under which they are stored: one, or the two of a default.
fn calls(suite: &Suite, check: &Check, side: Side) -> Vec<(String, Call)> {
    if let Some(call) = suite.question(check, side) {
        return vec![(check.name.clone(), call)];
    }
    match suite.mapping().default_calls(&suite.mapping().rows[check.row], side) {
        Some(Ok(calls)) if check.kind == Kind::Default => {
            vec![(format!("{}/left_out", check.name), calls.left_out), (format!("{}/stated", check.name), calls.stated)]
        }
        _ => Vec::new(),
    }
}

/// What an engine answers to the checks, as it is stored; `done` is called after each.
pub fn answers(suite: &Suite, checks: &[Check], engine: &dyn Engine, done: impl Fn() + Sync) -> Vec<Recorded> {
    let answers = checks.par_iter().map(|check| {
        done();
        answer(suite, check, engine)
    });
    answers.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// What the engine answers to a check's call to its side; `None` where it is not asked.
fn answer(suite: &Suite, check: &Check, engine: &dyn Engine) -> Option<Recorded> {
    let question = suite.question(check, engine.binding().side())?;
    let row = &suite.mapping().rows[check.row].name;
    let groups = engine.binding().effective(&question, None).map_or(1, |e| e.num_groups * e.x.shape()[0]);
    match engine.answer(Question { row, check: &check.name, call: &question }) {
        Outcome::NotAsked(_) => None,
        outcome => Some(Recorded { row: row.clone(), check: check.name.clone(), call: question, groups, outcome }),
    }
}

/// Where an engine's answers come from.
pub fn provenance(engine: &dyn Engine) -> Provenance {
    Provenance {
        framework: engine.name().to_owned(),
        version: libtorch::VERSION.to_owned(),
        recorder: recorder(),
        platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        python: None,
        numpy: None,
    }
}

fn recorder() -> String {
    format!("mapcheck {}", env!("CARGO_PKG_VERSION"))
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
