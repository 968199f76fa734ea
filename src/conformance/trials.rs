//! The suite as tests, for every tool that knows those of libtest.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Completion, Failed, Trial};

use crate::check::{Check, CheckResult, SIDES, Suite, Verdict};
use crate::engine::Engine;
use crate::report;

/// One test a check and engine, by name: `group_norm/gamma_init/number/f32/libtorch`.
pub fn trials(suite: &Arc<Suite>) -> Vec<Trial> {
    let mapping = &suite.mapping().name;
    let results = Arc::new(Results::new(suite));
    let mut trials = Vec::new();
    for (at, check) in results.checks.iter().enumerate() {
        for (column, asked) in results.columns.iter().enumerate() {
            let (name, results) = (format!("{mapping}/{}/{asked}", check.name), Arc::clone(&results));
            trials.push(Trial::ignorable_test(name, move || results.is_as_claimed(at, column)));
        }
    }
    for (index, row) in suite.mapping().rows.iter().enumerate() {
        let results = Arc::clone(&results);
        trials.push(Trial::test(format!("{mapping}/{}/not_vacuous", row.name), move || results.not_vacuous(index)));
    }
    type Test = fn(&Results) -> Result<(), Failed>;
    let of_all: [(&str, Test); 3] = [
        ("no_identical_checks", Results::no_identical_checks),
        ("every_limit_is_shown", Results::every_limit_is_shown),
        ("every_parameter_has_a_row", |results| every_parameter_has_a_row(&results.suite)),
    ];
    for (name, test) in of_all {
        let results = Arc::clone(&results);
        trials.push(Trial::test(format!("{mapping}/{name}"), move || test(&results)));
    }
    trials
}

/// What came of each check on each engine, asked by the first test that wants it.
struct Results {
    suite: Arc<Suite>,
    checks: Vec<Check>,
    /// The engines, the subject first, and the sides.
    columns: Vec<String>,
    /// Every column of the first check, then of the next.
    cells: Vec<OnceLock<CheckResult>>,
}

impl Results {
    fn new(suite: &Arc<Suite>) -> Self {
        let checks = suite.checks();
        let columns: Vec<String> = suite.engines().map(Engine::name).chain([SIDES]).map(str::to_owned).collect();
        let cells = (0..checks.len() * columns.len()).map(|_| OnceLock::new()).collect();
        Self { suite: Arc::clone(suite), checks, columns, cells }
    }

    fn of(&self, at: usize, column: usize) -> &CheckResult {
        let cell = &self.cells[at * self.columns.len() + column];
        cell.get_or_init(|| self.suite.run_check(&self.checks[at], |name| name == self.columns[column]))
    }

    fn is_as_claimed(&self, at: usize, column: usize) -> Result<Completion, Failed> {
        let (result, name) = (self.of(at, column), &self.columns[column]);
        let Some(asked) = result.engines.iter().chain(&result.sides).find(|asked| asked.engine == *name) else {
            return Err(format!("{name} was not asked").into());
        };
        match asked.verdict {
            Verdict::Holds => Ok(Completion::Completed),
            Verdict::NotAsked => Ok(Completion::ignored_with(asked.note.clone().unwrap_or_default())),
            Verdict::Refuted => Err(report::mismatch(&self.suite, result).into()),
            Verdict::Stale | Verdict::Unchecked | Verdict::Vacuous => {
                Err(format!("{}: {}", asked.verdict, asked.note.clone().unwrap_or_default()).into())
            }
        }
    }

    fn not_vacuous(&self, row: usize) -> Result<(), Failed> {
        let of_row = |at: &usize| self.checks[*at].row == row && self.suite.case(&self.checks[*at]).is_some();
        let shows = |at| self.of(at, 0).accepted && self.suite.is_sensitive(&self.checks[at]);
        if (0..self.checks.len()).filter(of_row).any(shows) {
            return Ok(());
        }
        Err("no accepted case has an answer that moves when the parameter does".into())
    }

    fn no_identical_checks(&self) -> Result<(), Failed> {
        let mut asked = HashMap::new();
        for (at, check) in self.checks.iter().enumerate() {
            let Some(call) = &self.of(at, 0).call else { continue };
            if let Some(other) = asked.insert(call, &check.name) {
                return Err(format!("{} and {other} ask the same", check.name).into());
            }
        }
        Ok(())
    }

    fn every_limit_is_shown(&self) -> Result<(), Failed> {
        let cells = (0..self.checks.len()).flat_map(|at| (0..self.columns.len()).map(move |column| (at, column)));
        let results: Vec<&CheckResult> = cells.map(|(at, column)| self.of(at, column)).collect();
        let amiss = self.suite.shown(&results).into_iter().find(|shown| shown.verdict() != Verdict::Holds);
        amiss
            .map_or(Ok(()), |shown| Err(format!("no check shows limit {} of {}", shown.limit + 1, shown.engine).into()))
    }
}

fn every_parameter_has_a_row(suite: &Suite) -> Result<(), Failed> {
    let unmapped = suite.unmapped().into_iter().next();
    unmapped.map_or(Ok(()), |(engine, parameter)| Err(format!("no row has `{parameter}` of {engine}").into()))
}
