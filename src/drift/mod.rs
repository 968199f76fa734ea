//! One recorded version of a framework held against another, from stored answers and signatures alone.
//!
//! Both were asked the very same calls. What came of a call is a turn (accepted, or refused otherwise), other
//! arrays, or other values; values that moved beyond the tolerance are judged by [`exact`](crate::exact), each
//! version by its own reading of the call. What is so in several rows is said once, [in general](Drift::general).

mod acceptance;
mod gather;
mod parameters;
#[cfg(test)]
mod tests;
mod values;

use rayon::prelude::*;

pub use acceptance::{Emptiness, Property, Reach, Refusals};
pub use gather::Common;
pub use parameters::{Announcement, Change, ParameterChange, Part};
pub use values::{ArrayChange, Error, Judged, Judgement, Most, Values};

use crate::call::{Call, Outcome};
use crate::check::{Check, Kind, Suite};
use crate::engine::{self, Engine, Question};
use crate::mapping::Side;
use values::Answers;

/// What one version does otherwise than another.
#[derive(Clone, Debug)]
pub struct Drift {
    /// The version that is compared with.
    pub before: String,
    /// The version that is compared.
    pub after: String,
    /// The framework's side of the mapping.
    pub side: Side,
    /// How many calls both have answered, with arrays or with a rejection.
    pub calls: usize,
    /// The rows that were asked about, in the order of the page.
    pub rows: Vec<RowDrift>,
    /// What is of no row, or of several.
    pub general: Findings,
    /// How many calls were rejected and are accepted.
    pub accepted_now: usize,
    /// How many calls were accepted and are rejected.
    pub rejected_now: usize,
    /// Properties of x of which calls are accepted now, or no more, in whatever row.
    pub reach: Vec<Reach>,
    /// Calls that both reject with the same class, in other words.
    pub reworded: Vec<String>,
    /// What the documentation announces anew, or no more.
    pub announcements: Vec<Announcement>,
    /// The versions of which no signature is recorded; then none are compared.
    pub unsigned: Vec<String>,
    /// Calls that were not compared for want of an answer.
    pub unanswered: Vec<Unanswered>,
}

/// What drifted in one row.
#[derive(Clone, Debug)]
pub struct RowDrift {
    /// Index of the row.
    pub row: usize,
    /// What is so in this row alone.
    pub findings: Findings,
    /// How the values of its calls moved.
    pub values: Values,
}

/// What is not as it was, apart from values.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Parameters of the signature.
    pub parameters: Vec<ParameterChange>,
    /// Calls that one version accepts and the other rejects, less those that [`Drift::reach`] explains.
    pub turned: Vec<Common<Refusals>>,
    /// Calls that both reject, with another class.
    pub classes: Vec<Common<Refusals>>,
    /// Arrays that are there or not, or of another dtype or shape.
    pub arrays: Vec<Common<ArrayChange>>,
}

/// Calls that an engine has no answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The version.
    pub engine: String,
    /// Why there is no answer.
    pub why: String,
    /// The calls, by the names under which their answers are stored.
    pub calls: Vec<String>,
}

/// Why two versions cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// No such version is recorded.
    #[error("the mapping records no version `{name}`: say one of {}", .recorded.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The versions that there are.
        recorded: Vec<String>,
    },
    /// They are of the two sides of the mapping.
    #[error(
        "{before} and {after} are versions of two frameworks: `cargo xtask check` holds those to each other; to see a drift, say two of {}",
        .of_one_side.join(", ")
    )]
    TwoSides {
        /// The first.
        before: String,
        /// The second.
        after: String,
        /// The versions of the first one's framework.
        of_one_side: Vec<String>,
    },
}

impl Findings {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        let Self { parameters, turned, classes, arrays } = self;
        parameters.is_empty() && turned.is_empty() && classes.is_empty() && arrays.is_empty()
    }
}

impl Drift {
    /// Whether every answer that was compared is the same, bit for bit and word for word.
    pub fn no_answer_moved(&self) -> bool {
        let of_calls = |findings: &Findings| {
            findings.turned.is_empty() && findings.classes.is_empty() && findings.arrays.is_empty()
        };
        self.reach.is_empty()
            && self.reworded.is_empty()
            && of_calls(&self.general)
            && self.rows.iter().all(|row| of_calls(&row.findings) && !row.values.moved())
    }

    /// Whether the signatures are the same, where both are recorded.
    pub fn same_signature(&self) -> bool {
        let findings = self.rows.iter().map(|row| &row.findings).chain([&self.general]);
        self.announcements.is_empty() && findings.map(|findings| &findings.parameters).all(Vec::is_empty)
    }
}

/// Holds the answers of `after` against those of `before`, on the calls of some checks.
///
/// Both are recorded engines of the suite, on the same side of the mapping.
pub fn between(suite: &Suite, checks: &[Check], before: &str, after: &str) -> Result<Drift, Incomparable> {
    let pair = Pair::find(suite, before, after)?;
    let asked: Vec<Vec<Asked>> = checks.par_iter().map(|check| pair.ask(suite, check)).collect();
    let mut rows: Vec<usize> = checks.iter().map(|check| check.row).collect();
    rows.sort_unstable();
    rows.dedup();

    let mut drift = gather::calls(&pair, &rows, asked.into_iter().flatten().collect());
    parameters::compare(suite, &pair, &mut drift);
    Ok(drift)
}

/// The two engines.
struct Pair<'a> {
    before: &'a dyn Engine,
    after: &'a dyn Engine,
    side: Side,
}

/// One call, and what came of it.
struct Asked {
    row: usize,
    /// The name under which its answers are stored.
    name: String,
    /// What is so of its x.
    properties: Vec<Property>,
    came: Came,
}

/// What came of asking both versions.
enum Came {
    /// One of them has no answer, for these reasons.
    Nothing(Vec<(String, String)>),
    /// One of them rejects the call, or both do.
    Refused(Refusals),
    /// Both accept it.
    Answers(Answers),
}

impl<'a> Pair<'a> {
    fn find(suite: &'a Suite, before: &str, after: &str) -> Result<Self, Incomparable> {
        let recorded = || suite.engines().filter(|engine| engine.is_recorded());
        let named = |name: &str| {
            let names = || recorded().map(|engine| engine.name().to_owned()).collect();
            let found = recorded().find(|engine| engine.name() == name);
            found.ok_or_else(|| Incomparable::Unknown { name: name.to_owned(), recorded: names() })
        };
        let (before, after) = (named(before)?, named(after)?);
        let side = before.binding().side();
        if after.binding().side() != side {
            let of_one_side = recorded().filter(|engine| engine.binding().side() == side);
            return Err(Incomparable::TwoSides {
                before: before.name().to_owned(),
                after: after.name().to_owned(),
                of_one_side: of_one_side.map(|engine| engine.name().to_owned()).collect(),
            });
        }
        Ok(Self { before, after, side })
    }

    /// Asks both every call of a check.
    fn ask(&self, suite: &Suite, check: &Check) -> Vec<Asked> {
        let row = &suite.mapping().rows[check.row].name;
        let calls = self.calls(suite, check).into_iter();
        let asked = calls.filter_map(|(name, call)| {
            let question = Question { row, check: &name, call: &call };
            let outcomes = [self.before, self.after].map(|engine| engine::ask(engine, question));
            let came = self.came(&call, outcomes)?;
            Some(Asked { row: check.row, properties: Property::all(&call.input.1), name, came })
        });
        asked.collect()
    }

    /// The calls of a check, by the names under which answers are stored: one, the two of a default, or none.
    fn calls(&self, suite: &Suite, check: &Check) -> Vec<(String, Call)> {
        if let Some(call) = suite.question(check, self.side) {
            return vec![(check.name.clone(), call)];
        }
        let row = &suite.mapping().rows[check.row];
        // A version without the parameter was not asked for its default.
        let is_missing = [self.before, self.after].iter().any(|engine| row.file.is_missing(engine.name()));
        match suite.mapping().default_calls(row, self.side) {
            Some(Ok(calls)) if check.kind == Kind::Default && !is_missing => {
                let name = |which: &str| format!("{}/{which}", check.name);
                vec![(name("left_out"), calls.left_out), (name("stated"), calls.stated)]
            }
            _ => Vec::new(),
        }
    }

    /// What came of a call; `None` where a version has no way to say it.
    fn came(&self, call: &Call, outcomes: [Outcome; 2]) -> Option<Came> {
        let names = [self.before.name(), self.after.name()];
        let why = |(name, outcome): (&str, &Outcome)| match outcome {
            Outcome::Absent(why) | Outcome::Stale(why) | Outcome::Broken(why) => Some((name.to_owned(), why.clone())),
            Outcome::Answered(_) | Outcome::Rejected(_) | Outcome::NotAsked(_) => None,
        };
        let mut missing: Vec<_> = names.into_iter().zip(&outcomes).filter_map(why).collect();
        missing.dedup();
        if !missing.is_empty() {
            return Some(Came::Nothing(missing));
        }
        Some(match outcomes {
            [Outcome::Answered(before), Outcome::Answered(after)] => {
                Came::Answers(values::compare_answers(call, [self.before, self.after], [&before, &after]))
            }
            [Outcome::Rejected(before), Outcome::Rejected(after)] => {
                Came::Refused(Refusals { before: Some(before), after: Some(after) })
            }
            [Outcome::Rejected(before), Outcome::Answered(_)] => {
                Came::Refused(Refusals { before: Some(before), after: None })
            }
            [Outcome::Answered(_), Outcome::Rejected(after)] => {
                Came::Refused(Refusals { before: None, after: Some(after) })
            }
            _ => return None,
        })
    }
}
