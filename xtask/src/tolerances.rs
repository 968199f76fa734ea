//! `cargo xtask tolerances`: how much of each tolerance is used, so that none is wider than it has to be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use mapcheck::call::Output;
use mapcheck::check::{CheckResult, Compared, Held, Kind, Outcomes, Suite};
use mapcheck::dtype::DType;
use mapcheck::engine::{Engine, is_meant};

use crate::check::print;
use crate::suite::{Folders, root, selected};
use crate::{libtorch, live};

/// Say how much of each tolerance is used.
#[derive(Args)]
pub struct Tolerances {
    /// Only checks whose name contains this: a row, a case, a dtype
    filter: Option<String>,
    /// Ask stored answers only, also where libtorch has been fetched
    #[arg(long)]
    stored: bool,
    #[command(flatten)]
    folders: Folders,
}

/// Less than this share of a tolerance is too little.
const LEAST: f64 = 0.1;

impl Tolerances {
    /// Runs and prints; a failure where a case has a wider tolerance of which under a tenth is used.
    pub fn run(self) -> Result<ExitCode> {
        if !self.stored && !live::IS_BUILT && libtorch::find().is_some() {
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(if self.stored { None } else { live::engine() })?;
        let checks = selected(&suite, self.filter.as_deref())?;
        let outcomes = suite.run(&checks);
        let stated = stated(&suite, &outcomes);
        print(&format!(
            "{}\n{}{}",
            table(&suite, &outcomes),
            of_the_table(&suite, &outcomes),
            of_cases(&suite, &stated)
        ))?;
        let is_fine = stated.iter().all(Stated::is_used);
        Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What was held to a tolerance: the engine by its place, the dtype of x, the check, and what was compared.
fn held<'a>(
    suite: &'a Suite,
    outcomes: &'a Outcomes,
) -> impl Iterator<Item = (usize, DType, &'a CheckResult, &'a Compared)> {
    outcomes.checks.iter().flat_map(move |result| {
        let dtype = match result.check.kind {
            Kind::Case { dtype, .. } => Some(dtype),
            Kind::Default | Kind::Signature => None,
        };
        let compared = move |(at, engine): (usize, &'a dyn Engine)| {
            let asked = result.engines.iter().find(|asked| asked.engine == engine.name());
            let within = asked.into_iter().flat_map(|asked| &asked.comparisons);
            within.filter(|compared| matches!(compared.to, Held::Within(_))).map(move |compared| (at, compared))
        };
        let all = suite.engines().enumerate().flat_map(compared);
        all.filter_map(move |(at, compared)| Some((at, dtype?, result, compared)))
    })
}

/// The largest share of a tolerance that is used: a line for each engine and dtype, a column for each row.
fn table(suite: &Suite, outcomes: &Outcomes) -> String {
    let mut largest: BTreeMap<(usize, DType), BTreeMap<usize, f64>> = BTreeMap::new();
    for (engine, dtype, result, compared) in held(suite, outcomes) {
        let used = largest.entry((engine, dtype)).or_default().entry(result.check.row).or_default();
        *used = used.max(compared.comparison.used);
    }
    let engines: Vec<&dyn Engine> = suite.engines().collect();
    let rows: Vec<usize> = outcomes.rows.iter().map(|row| row.row).collect();
    let names = rows.iter().map(|&row| suite.mapping().rows[row].name.clone());
    let mut lines = vec![["side", "engine", "dtype"].map(str::to_owned).into_iter().chain(names).collect::<Vec<_>>()];
    let mut sorted: Vec<_> = largest.iter().collect();
    sorted.sort_by_key(|((engine, dtype), _)| (engines[*engine].binding().side(), *engine, *dtype));
    for ((engine, dtype), of_rows) in sorted {
        let engine = engines[*engine];
        let cells = rows.iter().map(|row| of_rows.get(row).map_or("-".to_owned(), |&used| share(used)));
        let side = engine.binding().side().framework().to_owned();
        lines.push([side, engine.name().to_owned(), dtype.to_string()].into_iter().chain(cells).collect());
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = "the largest share of its tolerance that any element uses\n\n".to_owned();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

/// The tolerances of the table in src/compare/tolerance.rs of which under a tenth is ever used.
fn of_the_table(suite: &Suite, outcomes: &Outcomes) -> String {
    let mut largest: BTreeMap<(usize, DType, bool, String), f64> = BTreeMap::new();
    for (engine, dtype, _, compared) in held(suite, outcomes) {
        let Held::Within(tolerance) = compared.to else { continue };
        let key = (engine, dtype, compared.output == Output::Y, tolerance.to_string());
        let used = largest.entry(key).or_default();
        *used = used.max(compared.comparison.used);
    }
    let engines: Vec<&dyn Engine> = suite.engines().collect();
    let mut text = "of these, under a tenth is ever used:\n".to_owned();
    let unused = largest.iter().filter(|(_, used)| **used < LEAST);
    for ((engine, dtype, is_y, tolerance), &used) in unused {
        let arrays = if *is_y { "y" } else { "gradients" };
        let _ = writeln!(text, "  {} on {dtype}, {arrays}: {} of {tolerance}", engines[*engine].name(), share(used));
    }
    text
}

/// A tolerance that a case states, and how much of it an engine uses.
struct Stated {
    place: String,
    engine: String,
    array: Output,
    /// The default than which it is wider.
    wider: Option<String>,
    why: Option<String>,
    used: f64,
}

impl Stated {
    fn is_used(&self) -> bool {
        self.wider.is_none() || self.used >= LEAST
    }
}

/// The tolerances that cases state for engines.
fn stated(suite: &Suite, outcomes: &Outcomes) -> Vec<Stated> {
    let mut stated: Vec<Stated> = Vec::new();
    let engines: Vec<&dyn Engine> = suite.engines().collect();
    for (engine, _, result, compared) in held(suite, outcomes) {
        let Some(case) = suite.case(&result.check) else { continue };
        let place = format!("{}/{}", suite.mapping().rows[result.check.row].name, case.name);
        for loosened in &case.tolerance {
            let name = engines[engine].name();
            if loosened.array != compared.output || !is_meant(&loosened.engine, name) {
                continue;
            }
            let is_known =
                |known: &&mut Stated| known.place == place && known.engine == name && known.array == loosened.array;
            match stated.iter_mut().find(is_known) {
                Some(known) => known.used = known.used.max(compared.comparison.used),
                None => stated.push(Stated {
                    place: place.clone(),
                    engine: name.to_owned(),
                    array: loosened.array,
                    wider: loosened.wider_than(&case.dtypes),
                    why: loosened.why.clone(),
                    used: compared.comparison.used,
                }),
            }
        }
    }
    stated
}

/// The tolerances of cases, each with its reason, and what to do about those of which too little is used.
fn of_cases(suite: &Suite, stated: &[Stated]) -> String {
    let mut text = String::new();
    if !stated.is_empty() {
        text.push_str("\nstated by cases:\n");
    }
    for one in stated {
        let wider = one.wider.as_ref().map_or(String::new(), |default| format!(", wider than {default}"));
        let why = one.why.as_ref().map_or(String::new(), |why| format!(": {}", why.trim()));
        let _ = writeln!(
            text,
            "  {}/{}, {} of {}: {} used{wider}{why}",
            suite.mapping().name,
            one.place,
            one.array,
            one.engine,
            share(one.used)
        );
        if !one.is_used() {
            text.push_str("    under a tenth of it is used: remove it, or let it be narrower\n");
        }
    }
    text
}

/// A share in percent, rounded up; what is not 0 is not shown as such.
fn share(used: f64) -> String {
    if used > 0.0 && used < 0.01 { "<1%".to_owned() } else { format!("{:.0}%", (used * 100.0).ceil()) }
}
