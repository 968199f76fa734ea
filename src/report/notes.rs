//! What lies behind the cells of the matrix that are not plain `holds`, each with the checks that show it.

use std::collections::{BTreeMap, BTreeSet};

use super::gather::{place, reason};
use super::model::{self, Text};
use super::number::Number;
use crate::call::Output;
use crate::check::{CheckResult, EngineResult, Held, Kind, Outcomes, SIDES, Suite, Verdict};
use crate::mapping::{How, Limit};

/// Something that is said of engines, or of the sides, and where it shows.
pub(super) struct Note {
    /// What is said, without of whom.
    text: Text,
    /// Of whom: engines, or the sides.
    columns: Vec<String>,
    /// By row: what shows it.
    rows: BTreeMap<usize, Shows>,
}

impl Note {
    /// Whether it is about a cell of the matrix.
    pub fn is_of(&self, column: &str, row: usize) -> bool {
        self.rows.get(&row).is_some_and(|shows| shows.columns.contains(column))
    }

    /// The note as the model has it, at its place in the list.
    pub fn told(&self, at: usize, suite: &Suite, outcomes: &Outcomes) -> model::Note {
        let shown = |shows: &Shows| {
            let check = &outcomes.checks[shows.best].check;
            let error = shows.error.as_ref();
            model::Shown {
                check: check.name.clone(),
                place: place(suite, check),
                error: error.map(|of| model::Error {
                    array: of.output,
                    error: Number(of.error),
                    engine: of.engine.clone(),
                }),
                checks: shows.checks.len(),
                infinite: shows.infinite.len(),
            }
        };
        model::Note {
            mark: mark(at),
            of: self.columns.clone(),
            text: self.text.clone(),
            rows: self.rows.values().map(shown).collect(),
        }
    }
}

/// The checks of one row that show a note.
#[derive(Default)]
struct Shows {
    columns: BTreeSet<String>,
    checks: BTreeSet<usize>,
    /// The one that shows it best: the first, or the one with the largest error that is a number.
    best: usize,
    /// That error.
    error: Option<Error>,
    /// Those with an error that is none.
    infinite: BTreeSet<usize>,
}

/// How far an array is off, and on which engine.
struct Error {
    output: Output,
    error: f64,
    engine: String,
}

impl Shows {
    fn add(&mut self, column: &str, check: usize, error: Option<Error>) {
        let rank = |error: &Error| if error.error.is_finite() { error.error } else { 0.0 };
        let is_larger = |new: &Error| self.error.as_ref().is_none_or(|old| rank(new) > rank(old));
        if error.as_ref().is_some_and(|error| !error.error.is_finite()) {
            self.infinite.insert(check);
        }
        if self.checks.is_empty() || error.as_ref().is_some_and(is_larger) {
            (self.best, self.error) = (check, error);
        }
        self.checks.insert(check);
        self.columns.insert(column.to_owned());
    }
}

/// Every note, in the order of the columns and rows.
pub(super) fn notes(suite: &Suite, outcomes: &Outcomes) -> Vec<Note> {
    let mut notes = Notes { suite, notes: Vec::new() };
    for engine in suite.engines() {
        for (at, result) in outcomes.checks.iter().enumerate() {
            for asked in result.engines.iter().filter(|asked| asked.engine == engine.name()) {
                notes.of_engine(at, result, asked);
            }
        }
    }
    for (at, result) in outcomes.checks.iter().enumerate() {
        for sides in result.sides.iter().filter(|sides| sides.verdict == Verdict::Holds) {
            notes.of_sides(at, result, sides);
        }
    }
    notes.notes
}

struct Notes<'a> {
    suite: &'a Suite,
    notes: Vec<Note>,
}

impl Notes<'_> {
    fn add(&mut self, column: &str, text: Text, row: usize, check: usize, error: Option<Error>) {
        let known = self.notes.iter().position(|note| note.text == text);
        let at = known.unwrap_or_else(|| {
            self.notes.push(Note { text, columns: Vec::new(), rows: BTreeMap::new() });
            self.notes.len() - 1
        });
        let note = &mut self.notes[at];
        if !note.columns.iter().any(|known| known == column) {
            note.columns.push(column.to_owned());
        }
        note.rows.entry(row).or_default().add(column, check, error);
    }

    fn of_engine(&mut self, at: usize, result: &CheckResult, asked: &EngineResult) {
        let (engine, row) = (asked.engine.as_str(), result.check.row);
        for compared in &asked.comparisons {
            if let Held::Off(why) = &compared.to {
                let error = compared.comparison.absolute.error;
                let error = Error { output: compared.output, error, engine: engine.to_owned() };
                self.add(engine, self.led("off: ", "偏差：", why), row, at, Some(error));
            }
        }
        for (limit, _) in &asked.shows {
            let Limit { rejected: Some(class), why, .. } = &self.suite.mapping().file.limits[*limit] else { continue };
            let text = self.led(&format!("{class}: "), &format!("{class}："), why);
            self.add(engine, text, row, at, None);
        }
        let file = &self.suite.mapping().rows[row].file;
        if result.check.kind == Kind::Signature && asked.verdict == Verdict::Holds {
            if file.is_missing(engine) {
                let side = crate::binding::of(engine).side();
                let name = file.name(side).unwrap_or_default();
                let text = Text { en: format!("no parameter `{name}`"), zh: format!("没有参数 `{name}`") };
                self.add(engine, text, row, at, None);
            }
            let announced =
                file.announced.iter().filter(|announced| announced.engines.iter().any(|name| name == engine));
            for announced in announced {
                self.add(engine, self.led("announced: ", "文档预告：", &announced.why), row, at, None);
            }
        }
    }

    fn of_sides(&mut self, at: usize, result: &CheckResult, sides: &EngineResult) {
        let row = result.check.row;
        for (limit, _) in &sides.shows {
            let limit = &self.suite.mapping().file.limits[*limit];
            if let Some(how) = limit.differs {
                self.add(SIDES, self.difference(how, &limit.engines, &limit.why), row, at, None);
            }
        }
        if let Some(differs) = self.suite.case(&result.check).and_then(|case| case.differs.as_ref()) {
            self.add(SIDES, self.difference(differs.how, &differs.versions, &differs.why), row, at, None);
        }
    }

    /// A reason, and what leads to it in each language.
    fn led(&self, english: &str, chinese: &str, why: &str) -> Text {
        let Text { en, zh } = reason(self.suite, why);
        Text { en: format!("{english}{en}"), zh: format!("{chinese}{zh}") }
    }

    fn difference(&self, how: How, versions: &[String], why: &str) -> Text {
        let (english, chinese) = match how {
            How::Values => ("other numbers", "数值不同"),
            How::DType => ("other dtypes", "数据类型不同"),
            How::Rejection => ("accepted by one alone", "只有一侧接受"),
        };
        let listed = |[open, comma, close]: [&str; 3]| match versions {
            [] => String::new(),
            versions => format!("{open}{}{close}", versions.join(comma)),
        };
        let english = format!("{english}{}: ", listed([" (", ", ", ")"]));
        self.led(&english, &format!("{chinese}{}：", listed(["（", "、", "）"])), why)
    }
}

/// `a` to `z`, then `a2`.
fn mark(at: usize) -> String {
    let letter = char::from(b'a' + (at % 26) as u8);
    if at < 26 { letter.to_string() } else { format!("{letter}{}", at / 26 + 1) }
}
