//! What the first argument of a harness can be, beside the arguments of tests.

use std::fmt::Write;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};

use super::page;
use crate::check::{Check, Suite, Verdict};
use crate::engine::Engine;
use crate::explore::{Explored, Options};
use crate::report;

/// The words that are commands.
pub(super) const WORDS: [&str; 5] = ["report", "shrink", "explore", "page", "help"];

/// Without a command: one test a check and engine, with the arguments of `cargo test`.
#[derive(Parser)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a verdict for every row, and every check that does not hold
    Report {
        /// Only checks whose name contains this: a row, a case, a dtype
        filter: Option<String>,
    },
    /// Print the smallest call that fails as a check does
    Shrink {
        /// The check, by its name
        check: String,
    },
    /// Draw calls at random, and print what is answered wrongly once for each cause
    Explore(Exploration),
    /// Print the report as a page of Markdown, with the smallest call of each cause
    Page {
        /// The command that makes the page, to be named in it
        command: String,
    },
}

/// How calls are drawn, and to what the answers are held.
#[derive(Args, Clone, Debug)]
pub struct Exploration {
    /// For how long calls are drawn; what was found is made smaller meanwhile
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// So many calls instead: the output is the same on every run
    #[arg(long)]
    pub calls: Option<usize>,
    /// Another seed gives other calls
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// What answers are held to: exact, or a live engine by its name
    #[arg(long, default_value = "exact")]
    pub reference: String,
}

impl Arguments {
    /// What the command prints, and whether everything holds.
    pub fn run(self, suite: &Suite) -> Result<(String, bool), String> {
        match self.command {
            Command::Report { filter } => {
                let outcomes = suite.run(&selected(suite, filter.as_deref())?);
                let holds = outcomes.verdict() <= Verdict::Holds;
                Ok((report::text(suite, &outcomes), holds))
            }
            Command::Shrink { check } => shrink(suite, &check).map(|text| (text, true)),
            Command::Explore(explore) => explore.run(suite, suite.subject().name()),
            Command::Page { command } => Ok((page::page(suite, &command), true)),
        }
    }
}

/// The checks whose name contains the filter, or the one whose name it is.
///
/// A name from a report carries the mapping in front and perhaps the engine behind.
///
/// # Errors
/// There are none.
pub fn selected(suite: &Suite, filter: Option<&str>) -> Result<Vec<Check>, String> {
    let mut checks = suite.checks();
    let Some(filter) = filter else { return Ok(checks) };
    let filter = filter.strip_prefix(&format!("{}/", suite.mapping().name)).unwrap_or(filter);
    let engines = suite.engines().map(Engine::name).chain([crate::check::SIDES]);
    let filter = engines.into_iter().find_map(|engine| filter.strip_suffix(&format!("/{engine}"))).unwrap_or(filter);
    if let Some(exact) = checks.iter().find(|check| check.name == filter) {
        return Ok(vec![exact.clone()]);
    }
    checks.retain(|check| check.name.contains(filter));
    if checks.is_empty() {
        return Err(format!("no check's name contains `{filter}`"));
    }
    Ok(checks)
}

/// The smallest call of the one check that a name means.
///
/// # Errors
/// The name means no check or several, or the check has no smallest call.
pub fn shrink(suite: &Suite, name: &str) -> Result<String, String> {
    let checks = selected(suite, Some(name))?;
    let [check] = &checks[..] else {
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        return Err(format!(
            "`{name}` means {} checks, and one is made smaller at a time: {}",
            names.len(),
            names.join(", ")
        ));
    };
    let before = suite.case(check).map(|case| case.to_yaml()).unwrap_or_default();
    let smallest = suite.smallest(check).map_err(|why| format!("{}: {why}", check.name))?;
    Ok(format!("{}, which is\n\n{before}\n{}", check.name, report::smallest(suite, &smallest)))
}

impl Exploration {
    /// Explores an engine of a suite; what is printed, and whether every answer was right.
    ///
    /// # Errors
    /// There is no such engine, or no such reference.
    pub fn run(&self, suite: &Suite, subject: &str) -> Result<(String, bool), String> {
        let reference = (self.reference != "exact").then_some(self.reference.as_str());
        let options = Options { subject, reference, seed: self.seed };
        let (started, longest) = (Instant::now(), Duration::from_secs(self.seconds));
        let goes_on = |calls| self.calls.map_or_else(|| started.elapsed() < longest, |most| calls < most);
        let explored = suite.explore(&options, goes_on).map_err(|why| why.to_string())?;
        Ok((self.told(suite, subject, &explored), explored.groups.is_empty()))
    }

    fn told(&self, suite: &Suite, subject: &str, explored: &Explored) -> String {
        let differ: usize = explored.groups.iter().map(|group| group.calls.len()).sum();
        let Explored { calls, not_asked, recorded, groups } = explored;
        let mut text = format!(
            "{subject} beside {}: {calls} calls of seed {}; {not_asked} cannot be expressed, {recorded} differ as is recorded, {differ} differ otherwise, for {} reason{}\n",
            self.reference,
            self.seed,
            groups.len(),
            if groups.len() == 1 { "" } else { "s" }
        );
        for group in groups {
            let dtype = group.smallest.case.dtype();
            let first = group.calls.first().map(String::as_str).unwrap_or_default();
            let _ = writeln!(
                text,
                "\n{} call{}, the first is {first}; the smallest, in {dtype}:\n  {}\n{}",
                group.calls.len(),
                if group.calls.len() == 1 { "" } else { "s" },
                group.smallest.finding,
                suite.paste(&group.smallest).trim_end()
            );
        }
        text
    }
}
