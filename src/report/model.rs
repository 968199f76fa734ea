//! What every form of a report is rendered from: a run, told once, in the words of its JSON.
//!
//! The types are the schema: `specs/schema/report.json` is made from them. What changes their meaning changes
//! [`FORMAT`].

use schemars::JsonSchema;
use serde::Serialize;

use super::number::Number;
use super::python::Script;
use crate::call::Output;
use crate::check::Verdict;
use crate::compare::{HeatMap, Histogram};
use crate::mapping::Side;
use crate::tensor::DType;

/// The version of the JSON form.
pub const FORMAT: u32 = 2;

/// A run of a mapping.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "mapcheck report")]
pub struct Report {
    /// Version of this form.
    pub format: u32,
    /// Version of mapcheck.
    pub mapcheck: String,
    /// What was run.
    pub mapping: Mapping,
    /// The worst verdict of all.
    pub verdict: Verdict,
    /// Whether every check of the mapping was run.
    pub complete: bool,
    /// Who was asked, the subject first.
    pub engines: Vec<Engine>,
    /// The rows that were asked, in the order of the page.
    pub rows: Vec<Row>,
    /// What lies behind verdicts that are not plain.
    pub notes: Vec<Note>,
    /// The checks, in the order of the page and of the files.
    pub checks: Vec<Check>,
    /// Whether each limit of the mapping is shown; empty unless every check was run.
    pub limits: Vec<Limit>,
    /// Parameters that a recorded framework has and no row; empty unless every check was run.
    pub unmapped: Vec<Unmapped>,
}

impl Report {
    /// What is said of each row, of each limit, and of each parameter without a row.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let rows = self.rows.iter().map(|row| row.verdict);
        let limits = self.limits.iter().map(|limit| limit.verdict);
        rows.chain(limits).chain(self.unmapped.iter().map(|_| Verdict::Refuted))
    }
}

/// A mapping: two APIs and where their rows are stated.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Mapping {
    /// The operator: `group_norm`.
    pub name: String,
    /// The file that states what holds for all rows.
    pub file: String,
    /// The API from which is mapped.
    pub torch: Api,
    /// The API to which is mapped.
    pub mindspore: Api,
}

/// One of the two APIs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Api {
    /// `torch.nn.GroupNorm`.
    pub name: String,
    /// The version for which the page is written.
    pub documented: String,
    /// Where that version was not recorded: the recorded ones between which it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
}

/// The recorded versions next to one that was not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Between {
    /// The last before it.
    pub before: Option<String>,
    /// The first after it.
    pub after: Option<String>,
}

/// One that is asked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Engine {
    /// `rust`, `torch-1.8.1`.
    pub name: String,
    /// Whose calls it answers.
    pub side: Side,
    /// Whether its answers are recorded ones.
    pub recorded: bool,
}

/// A row of the page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// The name of its file.
    pub name: String,
    /// Its number on the page.
    pub number: u32,
    /// The file that states it.
    pub file: String,
    /// PyTorch's name; null where it has none.
    pub torch: Option<String>,
    /// MindSpore's name; null where it has none.
    pub mindspore: Option<String>,
    /// What the row claims.
    pub claim: String,
    /// Whether the page has the row.
    pub on_page: bool,
    /// What the page says of the difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Text>,
    /// The worst of all.
    pub verdict: Verdict,
    /// For each engine, in their order.
    pub engines: Vec<Cell>,
    /// For the two sides held to each other.
    pub sides: Cell,
    /// Cases whose answer moves when the row's parameter does.
    pub sensitive: usize,
    /// Cases that are accepted.
    pub accepted: usize,
    /// Whether all checks of the row were run.
    pub complete: bool,
    /// Whether no case of the row could have failed; known of complete rows.
    pub vacuous: bool,
}

/// A text in the languages of the page; where the specs lack one, the other stands for it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// What is said of a row on an engine, or of the sides.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cell {
    /// The worst of its checks.
    pub verdict: Verdict,
    /// The largest share of a tolerance that an element uses.
    pub used: Number,
    /// The notes behind it, by index.
    pub notes: Vec<usize>,
}

/// Something that is said of engines, or of the sides, and where it shows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Note {
    /// The letter by which tables refer to it.
    pub mark: String,
    /// Of whom: engines, or `sides`.
    pub of: Vec<String>,
    /// What is said.
    pub text: Text,
    /// The rows in which it shows.
    pub rows: Vec<Shown>,
}

/// The checks of one row that show a note.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// The one that shows it best: the first, or the one with the largest error that is a number.
    pub check: String,
    /// Where that is stated.
    pub place: Place,
    /// Its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// How many show it.
    pub checks: usize,
    /// How many of them by an infinity or a NaN.
    pub infinite: usize,
}

/// How far an array is off, and on which engine.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Error {
    /// The array.
    pub array: Output,
    /// The largest absolute error.
    pub error: Number,
    /// The engine.
    pub engine: String,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line; null where all of the file is meant.
    pub line: Option<usize>,
}

/// One case at one dtype and layout, or what is asked of a row as such.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// `eps/inside_the_square_root/f32`; with the mapping's name before it, what `cargo xtask check` takes.
    pub name: String,
    /// The name of its row.
    pub row: String,
    /// What runs it again.
    pub again: String,
    /// Where it is stated.
    pub place: Place,
    /// Of a case: what is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Case>,
    /// The worst of the engines and of the sides.
    pub verdict: Verdict,
    /// What came of each engine that was asked.
    pub engines: Vec<Asked>,
    /// What came of holding the two sides to each other.
    pub sides: Option<Asked>,
}

impl Check {
    /// The engines, and then the sides.
    pub fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.engines.iter().chain(&self.sides)
    }
}

/// A case of a row, at one dtype and layout.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Text>,
    /// The dtype of x.
    pub dtype: DType,
    /// The layout of x.
    pub layout: String,
    /// The shape of x.
    pub shape: Vec<usize>,
    /// Whether the call is accepted.
    pub accepted: bool,
    /// MindSpore's constructor as it is called, tensors by dtype and shape.
    pub call: String,
    /// As the spec has it.
    pub yaml: String,
    /// As a script of PyTorch, which runs as it stands; null where it cannot be written.
    #[schemars(with = "Option<String>")]
    pub torch: Option<Script>,
    /// As a script of MindSpore.
    #[schemars(with = "Option<String>")]
    pub mindspore: Option<Script>,
}

/// What came of asking an engine, or of holding the sides to each other.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Asked {
    /// The engine, or `sides`.
    pub engine: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it was not asked, or is unchecked or stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is not as claimed.
    pub findings: Vec<Finding>,
    /// Arrays against `exact`; of the sides, those in whose numbers they differ.
    pub arrays: Vec<Array>,
}

/// One thing that is not as claimed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// It, in words.
    pub message: String,
    /// Of a finding about elements: the array and by how much it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Elements>,
}

/// The elements of an array of which something is found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Elements {
    /// The array.
    pub array: Output,
    /// By how much.
    pub comparison: Comparison,
    /// Whether MindSpore is held to PyTorch, and not an engine to `exact`.
    pub between_sides: bool,
}

/// An array and what it is held to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Array {
    /// The array.
    pub array: Output,
    /// What it is held to.
    pub held_to: HeldTo,
    /// By how much it differs.
    pub comparison: Comparison,
    /// How the errors are spread; for pictures.
    #[serde(skip)]
    pub histogram: Histogram,
    /// Where they are, of an array beyond the tolerance; for pictures.
    #[serde(skip)]
    pub map: Option<HeatMap>,
}

/// What an array is held to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldTo {
    /// So many units in the last place.
    Ulp(f64),
    /// Relative and absolute tolerance.
    Relative {
        /// Share of the unit of the element.
        rtol: f64,
        /// Absolute.
        atol: f64,
    },
    /// It is known to be off.
    Off {
        /// Why.
        why: Text,
    },
}

/// How two arrays compare.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// How many elements were compared.
    pub elements: usize,
    /// How many are beyond the tolerance.
    pub beyond: usize,
    /// The largest share of the tolerance that an element uses.
    pub used: Number,
    /// The largest absolute error.
    pub absolute: Spot,
    /// The largest relative error.
    pub relative: Spot,
    /// The largest error in ULP.
    pub ulp: Spot,
}

/// The worst element by one measure.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Spot {
    /// The error.
    pub error: Number,
    /// Its index.
    pub at: Vec<usize>,
    /// Its group, where the call is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// What the engine has there.
    pub actual: Number,
    /// What it should be.
    pub expected: Number,
}

/// Whether a limit of the mapping is shown to be so of an engine.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Limit {
    /// Its number in `mapping.yaml`, from 1.
    pub number: usize,
    /// The engine.
    pub engine: String,
    /// Vacuous where no check shows it.
    pub verdict: Verdict,
}

/// A parameter that no row has.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unmapped {
    /// Whose signature has it.
    pub engine: String,
    /// The parameter.
    pub parameter: String,
}
