//! `cargo xtask check`: the main job.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use mapcheck::check::{Check as OneCheck, CheckResult, Outcomes, Suite, Verdict};
use mapcheck::report;

use crate::suite::{Folders, root, selected};
use crate::{libtorch, live};

/// Run the mapping.
#[derive(Args)]
pub struct Check {
    /// Only checks whose name contains this: a row, a case, a dtype
    filter: Option<String>,
    /// Pass although rows have this verdict
    #[arg(long, value_enum)]
    allow: Vec<Allowed>,
    /// Ask stored answers only, also where libtorch has been fetched
    #[arg(long)]
    stored: bool,
    /// Print the names of the checks and run none
    #[arg(long)]
    list: bool,
    /// After the report, print the smallest call of each check that does not hold
    #[arg(long)]
    shrink: bool,
    /// Number of threads; the report does not depend on it
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    folders: Folders,
}

/// A verdict that may be let pass.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Allowed {
    Unchecked,
}

impl Check {
    /// Runs and prints; success only when every row holds.
    pub fn run(self) -> Result<ExitCode> {
        if !self.stored && !self.list && !live::IS_BUILT && libtorch::find().is_some() {
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(if self.stored { None } else { live::engine() })?;
        let checks = selected(&suite, self.filter.as_deref())?;
        if self.list {
            let names: Vec<String> = checks.iter().map(|check| format!("{}\n", check.name)).collect();
            return print(&names.concat()).map(|()| ExitCode::SUCCESS);
        }
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
        }
        let outcomes = run_with_bar(&suite, &checks);
        print(&report::text(&suite, &outcomes))?;
        if self.shrink {
            let is_refuted = |result: &&CheckResult| result.verdict() == Verdict::Refuted;
            for result in outcomes.checks.iter().filter(is_refuted) {
                let name = &result.check.name;
                let smallest = suite.smallest(&result.check);
                let text = smallest.map_or_else(|why| format!("{why}\n"), |found| report::smallest(&suite, &found));
                print(&format!("\nsmallest  {name}\n{text}"))?;
            }
        }
        let verdict = outcomes.rows.iter().map(|row| row.verdict).filter(|v| !self.lets_pass(*v)).max();
        if outcomes.verdict() == Verdict::Unchecked && self.lets_pass(Verdict::Unchecked) {
            print("rows that are unchecked are let pass: --allow unchecked\n")?;
        }
        Ok(match verdict {
            None | Some(Verdict::Holds | Verdict::NotAsked) => ExitCode::SUCCESS,
            Some(_) => ExitCode::FAILURE,
        })
    }

    fn lets_pass(&self, verdict: Verdict) -> bool {
        verdict == Verdict::Unchecked && self.allow.contains(&Allowed::Unchecked)
    }
}

/// Runs checks; what takes longer than a second shows a bar, on a terminal only.
fn run_with_bar(suite: &Suite, checks: &[OneCheck]) -> Outcomes {
    let bar = bar(checks.len());
    let started = std::time::Instant::now();
    let outcomes = suite.run_with(checks, || {
        bar.inc(1);
        if started.elapsed() > Duration::from_secs(1) {
            bar.tick();
        }
    });
    bar.finish_and_clear();
    outcomes
}

/// A bar over so many checks, drawn on the error stream of a terminal.
pub fn bar(checks: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("the template is well formed");
    ProgressBar::new(checks as u64).with_style(style)
}

/// Writes to standard output; a reader that goes away early is no error.
pub fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
