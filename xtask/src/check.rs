//! `cargo xtask check`: the main job.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mapcheck::check::{Check as OneCheck, CheckResult, Outcomes, Suite, Verdict};
use mapcheck::report::{self, Report, Terminal};

use crate::file::{writable, write_whole};
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
    #[arg(long, conflicts_with_all = ["format", "output", "html"])]
    list: bool,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report to this file instead of printing it; whole or not at all
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the report page to this file besides: one HTML file that opens from disk
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Leave the notes out of the text
    #[arg(long)]
    brief: bool,
    /// After the report, print the smallest call of each check that does not hold
    #[arg(long)]
    shrink: bool,
    /// Number of threads; the report does not depend on it
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    folders: Folders,
}

/// A form of the report.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// To read on a terminal
    Text,
    /// As specs/schema/report.json describes it
    Json,
    /// JUnit's XML, for CI servers
    Junit,
    /// Annotations of GitHub Actions
    Github,
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
        let output = self.output.as_deref().map(writable).transpose()?;
        let html = self.html.as_deref().map(writable).transpose()?;
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
        let report = Report::of(&suite, &outcomes);
        if let Some(path) = html {
            write_whole(&path, &report.html()?)?;
            eprintln!("the report page is {}", path.display());
        }
        match output {
            Some(path) => {
                write_whole(&path, &self.rendered(&report, Terminal { brief: self.brief, ..Terminal::default() })?)?;
                print(&format!("{}; written to {}\n", report.summary(), path.display()))?;
            }
            None => print(&self.rendered(&report, self.terminal())?)?,
        }
        if self.shrink {
            let is_refuted = |result: &&CheckResult| result.verdict() == Verdict::Refuted;
            for result in outcomes.checks.iter().filter(is_refuted) {
                let name = &result.check.name;
                let smallest = suite.smallest(&result.check);
                let text = smallest.map_or_else(|why| format!("{why}\n"), |found| report::smallest(&suite, &found));
                print(&format!("\nsmallest  {name}\n{text}"))?;
            }
        }
        let verdict = report.verdicts().filter(|verdict| !self.lets_pass(*verdict)).max();
        if self.format == Format::Text && report.verdict == Verdict::Unchecked && self.lets_pass(Verdict::Unchecked) {
            print("rows that are unchecked are let pass: --allow unchecked\n")?;
        }
        Ok(match verdict {
            None | Some(Verdict::Holds | Verdict::NotAsked) => ExitCode::SUCCESS,
            Some(_) => ExitCode::FAILURE,
        })
    }

    fn rendered(&self, report: &Report, terminal: Terminal) -> Result<String> {
        let allowed: &[Verdict] = if self.lets_pass(Verdict::Unchecked) { &[Verdict::Unchecked] } else { &[] };
        Ok(match self.format {
            Format::Text => report.text(terminal),
            Format::Json => report.json()?,
            Format::Junit => report.junit(allowed)?,
            Format::Github => report.github(allowed),
        })
    }

    /// Standard output, as NO_COLOR, CLICOLOR and CLICOLOR_FORCE have it.
    fn terminal(&self) -> Terminal {
        let stdout = std::io::stdout();
        let width = if stdout.is_terminal() { console::Term::stdout().size_checked() } else { None };
        Terminal {
            width: width.map(|(_, columns)| usize::from(columns)),
            colour: AutoStream::choice(&stdout) != ColorChoice::Never,
            brief: self.brief,
        }
    }

    fn lets_pass(&self, verdict: Verdict) -> bool {
        verdict == Verdict::Unchecked && self.allow.contains(&Allowed::Unchecked)
    }
}

/// Runs checks; what takes longer than a second shows a bar, on a terminal only.
fn run_with_bar(suite: &Suite, checks: &[OneCheck]) -> Outcomes {
    let bar = bar(checks.len());
    bar.set_draw_target(ProgressDrawTarget::hidden());
    let (started, shown) = (std::time::Instant::now(), std::sync::Once::new());
    let outcomes = suite.run_with(checks, || {
        if started.elapsed() > Duration::from_secs(1) {
            shown.call_once(|| bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
        bar.inc(1);
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
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
