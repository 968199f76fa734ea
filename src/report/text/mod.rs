//! The report on a terminal: the page's own table with a verdict per row and engine, then every
//! mismatch with all that is needed to look into it.

mod matrix;
mod mismatch;
mod terminal;

use std::fmt::Write;

pub use terminal::Terminal;

use super::gather;
use super::model::{Asked, Check, Note, Report, Shown};
use super::number::number;
use crate::check::{CheckResult, Outcomes, Suite, Verdict};

/// The whole report, as wide as it comes. The same outcomes give the same bytes.
pub fn text(suite: &Suite, outcomes: &Outcomes) -> String {
    Report::of(suite, outcomes).text(Terminal::default())
}

/// The table, with what its words mean.
pub fn matrix(suite: &Suite, outcomes: &Outcomes) -> String {
    matrix::matrix(&Report::of(suite, outcomes), Terminal::default())
}

/// What the engines do not pass of one check, and how to run that check again.
pub fn mismatch(suite: &Suite, result: &CheckResult) -> String {
    mismatch::mismatch(&suite.mapping().name, &gather::check(suite, result), Terminal::default())
}

impl Report {
    /// The report as it is read on a terminal.
    pub fn text(&self, terminal: Terminal) -> String {
        let mut text = matrix::matrix(self, terminal);
        if !terminal.brief {
            self.notes.iter().for_each(|note| write_note(&mut text, note, terminal));
        }
        for check in self.checks.iter().filter(|check| check.refuted().next().is_some()) {
            let _ = write!(text, "\n{}", mismatch::mismatch(&self.mapping.name, check, terminal));
        }
        for said in [self.unmapped(), self.unanswered(), self.vacuous()].concat() {
            let (verdict, what) = said;
            let _ = writeln!(text, "\n{}  {what}", terminal.verdict(verdict, verdict.word()));
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }

    /// What a framework has and the table lacks.
    pub(super) fn unmapped(&self) -> Vec<(Verdict, String)> {
        let of = |unmapped: &super::model::Unmapped| {
            let (engine, parameter) = (&unmapped.engine, &unmapped.parameter);
            format!(
                "{engine} has a parameter `{parameter}`, of which no row says anything: add {parameter}.yaml, with `on_page: false` where the page lacks it"
            )
        };
        self.unmapped.iter().map(|unmapped| (Verdict::Refuted, of(unmapped))).collect()
    }

    /// What was not answered, once for each reason.
    fn unanswered(&self) -> Vec<(Verdict, String)> {
        let mut said = Vec::new();
        for verdict in [Verdict::Unchecked, Verdict::Stale] {
            let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
            for check in &self.checks {
                for asked in check.engines.iter().filter(|asked| asked.verdict == verdict) {
                    let reason = asked.note.as_deref().unwrap_or_default();
                    match reasons.iter_mut().find(|(known, _)| *known == reason) {
                        Some((_, checks)) => checks.push(&check.name),
                        None => reasons.push((reason, vec![&check.name])),
                    }
                }
            }
            for (reason, checks) in reasons {
                said.push((verdict, format!("{} checks, the first is {}\n  {reason}", checks.len(), checks[0])));
            }
        }
        said
    }

    /// What could not have failed: rows, and limits that nothing shows.
    fn vacuous(&self) -> Vec<(Verdict, String)> {
        let rows = self.rows.iter().filter(|row| row.vacuous).map(|row| {
            format!(
                "{}\n  at {}\n  no accepted case has an answer that moves when the parameter does: add a case that states another value",
                row.name, row.file
            )
        });
        let limits = self.limits.iter().filter(|limit| limit.verdict == Verdict::Vacuous).map(|limit| {
            format!(
                "limit {} of {}\n  no check shows it of {}: add one, or take {2} out of it",
                limit.number, self.mapping.file, limit.engine
            )
        });
        rows.chain(limits).map(|what| (Verdict::Vacuous, what)).collect()
    }

    /// `11 rows: 11 holds; 205 checks on 6 engines`
    pub fn summary(&self) -> String {
        let counts: Vec<String> =
            [Verdict::Holds, Verdict::Vacuous, Verdict::Unchecked, Verdict::Stale, Verdict::Refuted]
                .into_iter()
                .filter_map(|verdict| {
                    let count = self.rows.iter().filter(|row| row.verdict == verdict).count();
                    (count > 0).then(|| format!("{count} {verdict}"))
                })
                .collect();
        let (rows, checks, engines) = (self.rows.len(), self.checks.len(), self.engines.len());
        format!("{rows} rows: {}; {checks} checks on {engines} engines", counts.join(", "))
    }
}

impl Check {
    /// The engines, and the sides, that do not pass.
    pub(super) fn refuted(&self) -> impl Iterator<Item = &Asked> {
        self.asked().filter(|asked| asked.verdict == Verdict::Refuted)
    }
}

fn write_note(text: &mut String, note: &Note, terminal: Terminal) {
    let said = terminal.prose(&format!("{}: {}", note.of.join(", "), note.text.en), 3);
    let _ = writeln!(text, "\n{:<3}{said}", note.mark);
    for shown in &note.rows {
        let _ = writeln!(text, "     {}", terminal.prose(&shows(note, shown), 7));
    }
}

fn shows(note: &Note, shown: &Shown) -> String {
    let error = shown.error.as_ref().map_or(String::new(), |error| {
        let engine = if note.of.len() > 1 { format!(" on {}", error.engine) } else { String::new() };
        format!("{} by {}{engine}, ", error.array, number(error.error.0))
    });
    let mut more = match shown.checks {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    if !more.is_empty() && shown.infinite > 0 {
        let _ = write!(more, ", {} of them by an infinity", shown.infinite);
    }
    format!("{error}{} at {}{more}", shown.check, shown.place)
}
