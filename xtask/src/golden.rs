//! `cargo xtask golden`: stored answers, recorded from live libtorch.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use mapcheck::call::Outcome;
use mapcheck::check::{Check, Suite};
use mapcheck::engine::{Engine, Question};
use mapcheck::golden::{Changes, Options, Provenance, Recorded, record};
use rayon::prelude::*;

use crate::check::bar;
use crate::suite::{Folders, root, selected};
use crate::{libtorch, live};

/// Record libtorch's answers.
#[derive(Args)]
pub struct Golden {
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
        if !live::IS_BUILT {
            if libtorch::find().is_none() {
                libtorch::fetch()?;
            }
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let Some(engine) = live::engine() else { bail!("this xtask was built without libtorch") };
        let suite = self.folders.suite(None)?;
        let checks = selected(&suite, self.filter.as_deref())?;
        let bar = bar(checks.len());
        let answers = answers(&suite, &checks, &*engine, || bar.inc(1));
        bar.finish_and_clear();
        let options = Options { force: self.force, dry_run: self.check, partial: self.filter.is_some() };
        let name = format!("{}-{}", engine.name(), libtorch::VERSION);
        let asked = answers.len();
        let changes = record(&self.folders.golden, &name, provenance(&*engine), answers, options);
        let changes = changes.map_err(|problem| anyhow::anyhow!(problem))?;
        print(&changes);
        println!("{name}: {asked} answers to {} checks", checks.len());
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
        recorder: format!("mapcheck {}", env!("CARGO_PKG_VERSION")),
        platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
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
