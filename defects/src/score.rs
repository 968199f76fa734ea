//! Each defect the subject of the whole suite: which rows refute it, and by which case first.

use mapcheck::check::{Check, Finding, Suite};
use mapcheck::engine::Engine;
use mapcheck::mapping::Mapping;
use rayon::prelude::*;

use crate::{Defect, Flaw, Textbook};

/// What came of one defect.
#[derive(Debug)]
pub struct Caught {
    /// The defect.
    pub defect: &'static Defect,
    /// The rows that refute it, in the order of the page, each with the first check that does.
    pub by: Vec<(String, String)>,
}

/// What came of all.
#[derive(Debug)]
pub struct Scores {
    /// The rows of the mapping, in the order of the page.
    pub rows: Vec<String>,
    /// The defects, in the order of the table.
    pub defects: Vec<Caught>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Those that are caught.
    pub caught: usize,
    /// All of them.
    pub of: usize,
}

impl Score {
    /// Whether none is missing.
    pub fn is_full(self) -> bool {
        self.caught == self.of
    }
}

impl Caught {
    /// The defect's own rows that do not refute it.
    pub fn missed_by(&self) -> Vec<&'static str> {
        let is_missed = |row: &&&str| !self.by.iter().any(|(by, _)| by == **row);
        self.defect.rows.iter().filter(is_missed).copied().collect()
    }
}

impl Scores {
    /// Makes each of these defects the subject of the whole suite.
    pub fn of(mapping: &Mapping, defects: &[&'static Defect]) -> Self {
        let caught = |defect: &&'static Defect| Caught { defect, by: refuted(mapping, Some(defect.flaw)) };
        Self {
            rows: mapping.rows.iter().map(|row| row.name.clone()).collect(),
            defects: defects.par_iter().map(caught).collect(),
        }
    }

    /// Of the defects that a row has to catch, those that it does.
    pub fn of_row(&self, row: &str) -> Score {
        let own = || self.defects.iter().filter(|caught| caught.defect.rows.contains(&row));
        Score { caught: own().filter(|caught| !caught.missed_by().contains(&row)).count(), of: own().count() }
    }

    /// Of all defects, those that a row refutes.
    pub fn refuted_by(&self, row: &str) -> usize {
        self.defects.iter().filter(|caught| caught.by.iter().any(|(by, _)| by == row)).count()
    }

    /// Of all defects, those that are caught by each of their own rows.
    pub fn total(&self) -> Score {
        let caught = self.defects.iter().filter(|caught| caught.missed_by().is_empty()).count();
        Score { caught, of: self.defects.len() }
    }
}

/// What refutes the textbook without a defect: nothing, unless textbook or suite are wrong.
pub fn without_a_defect(mapping: &Mapping) -> Vec<(String, String)> {
    refuted(mapping, None)
}

/// The rows that refute the textbook with a flaw, each with the first check that does. Checks are asked one after the
/// other, so that what it keeps from one call to the next is the same on every run. That it panics is no merit of the
/// suite, and does not count, unless that is the flaw.
fn refuted(mapping: &Mapping, flaw: Option<Flaw>) -> Vec<(String, String)> {
    let subject = flaw.map_or_else(Textbook::default, Textbook::with);
    let counts = |finding: &Finding| flaw == Some(Flaw::RefusalCrashes) || !matches!(finding, Finding::Broken(_));
    let name = subject.name().to_owned();
    let suite = Suite::new(mapping.clone(), Box::new(subject), Vec::new());
    let is_refuted = |check: &&Check| {
        let result = suite.run_check(check, |engine| engine == name);
        result.engines.iter().any(|asked| asked.findings.iter().any(counts))
    };
    let checks = suite.checks();
    let of_row = |row: usize| checks.iter().filter(move |check| check.row == row);
    let rows = mapping.rows.iter().enumerate();
    rows.filter_map(|(at, row)| Some((row.name.clone(), of_row(at).find(is_refuted)?.name.clone()))).collect()
}
