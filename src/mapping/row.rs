//! One row of a table, as its file states it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::argument::Argument;
use super::case::Case;
use super::{Side, Sides};

/// A row and where it was read.
#[derive(Clone, Debug)]
pub struct Row {
    /// The file's stem: `gamma_init`.
    pub name: String,
    /// The file, relative to the folder in which mapcheck was called where that is possible.
    pub path: PathBuf,
    /// What the file says.
    pub file: RowFile,
    /// The line on which each case begins, in the order of the cases.
    pub lines: Vec<usize>,
    /// The file as it was read.
    pub text: Arc<str>,
}

impl Row {
    /// A case as the file writes it, without the indent of the list.
    pub fn case_text(&self, case: usize) -> String {
        let Some(&start) = self.lines.get(case) else { return String::new() };
        let lines: Vec<&str> = self.text.lines().skip(start.saturating_sub(1)).collect();
        let Some(first) = lines.first() else { return String::new() };
        // The line begins `  - name:`; what belongs to the case lies deeper than the dash.
        let depth = |line: &str| line.len() - line.trim_start().len();
        let indent = depth(first);
        let belongs = |line: &&&str| line.trim().is_empty() || depth(line) > indent;
        let case: Vec<&str> = std::iter::once(first).chain(lines[1..].iter().take_while(belongs)).copied().collect();
        let text: Vec<&str> = case.iter().map(|line| line.get(indent..).unwrap_or_default()).collect();
        text.join("\n").trim_end().to_owned()
    }
}

/// What a line of the table is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A parameter of the constructor.
    #[default]
    Parameter,
    /// A parameter of the forward call.
    Input,
    /// What is returned.
    Output,
    /// A code example of the page.
    Example,
}

/// A row of the table and the cases that put it to the test.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mapcheck row")]
pub struct RowFile {
    /// The place of the row on the page, from 1.
    #[schemars(extend("minimum" = 1))]
    pub row: u32,
    /// What the row is about.
    #[serde(default)]
    pub category: Category,
    /// The parameter's name on each side; null where that side has none.
    #[serde(default)]
    pub names: Sides<Option<String>>,
    /// More parameters of a side in the same line of the page: one parameter is several on the other side.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "enum": ["torch", "mindspore"] }))]
    pub also: BTreeMap<Side, Vec<String>>,
    /// The parameter's default on each side, where it has one.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "enum": ["torch", "mindspore"] }))]
    pub default: BTreeMap<Side, Argument>,
    /// Whether the two parameters mean different things, whatever their names and defaults.
    pub meaning: Option<Meaning>,
    /// What is written in PyTorch instead, where only MindSpore has the parameter.
    pub in_torch: Option<InTorch>,
    /// What the page says of the difference, in both languages.
    pub difference: Option<Text>,
    /// What is to be written in MindSpore instead, for who ports a model.
    pub instead: Option<Text>,
    /// Whether the page has the row; false for what the page lacks and the frameworks have. Such a row is numbered
    /// after all rows of the page.
    #[serde(default = "yes")]
    pub on_page: bool,
    /// Recorded versions that do not have the parameter, though their framework does.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Versions whose documentation announces that something becomes of the parameter.
    pub announced: Option<Announced>,
    /// The calls that put the row to the test.
    pub cases: Vec<Case>,
}

/// What is said of the meaning of two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// They mean different things.
    Differs,
}

/// What a row asserts. It is worked out from names and defaults, never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The same name and the same default.
    Same,
    /// Another name, the same default.
    Renamed,
    /// The two parameters mean different things.
    MeaningDiffers,
    /// Another default, under the same or another name.
    DefaultDiffers,
    /// PyTorch has no such parameter.
    OnlyInTarget,
    /// MindSpore has no such parameter.
    OnlyInSource,
    /// A code example: it prints what the page says.
    Example,
}

impl Claim {
    /// The words of the report.
    pub fn words(self) -> &'static str {
        match self {
            Claim::Same => "same",
            Claim::Renamed => "renamed",
            Claim::MeaningDiffers => "meaning differs",
            Claim::DefaultDiffers => "default differs",
            Claim::OnlyInTarget => "only in target",
            Claim::OnlyInSource => "only in source",
            Claim::Example => "example",
        }
    }
}

impl RowFile {
    /// The parameter's name on a side.
    pub fn name(&self, side: Side) -> Option<&str> {
        self.names.of(side).as_deref()
    }

    /// All names of a side, in the order of the page.
    pub fn all_names(&self, side: Side) -> impl Iterator<Item = &str> {
        self.name(side).into_iter().chain(self.also.get(&side).into_iter().flatten().map(String::as_str))
    }

    /// Whether one parameter is several on the other side: no call can be translated by such a row.
    pub fn is_of_several(&self) -> bool {
        self.also.values().any(|names| !names.is_empty())
    }

    /// Whether a recorded version does not have the parameter.
    pub fn is_missing(&self, version: &str) -> bool {
        self.missing.iter().any(|missing| missing == version)
    }

    /// What the row asserts.
    pub fn claim(&self) -> Claim {
        match (self.name(Side::Torch), self.name(Side::Mindspore)) {
            _ if self.category == Category::Example => Claim::Example,
            (None, _) => Claim::OnlyInTarget,
            (_, None) => Claim::OnlyInSource,
            _ if self.meaning.is_some() => Claim::MeaningDiffers,
            _ if !self.have_one_default() => Claim::DefaultDiffers,
            _ if self.is_of_several() => Claim::Renamed,
            (torch, mindspore) if torch == mindspore => Claim::Same,
            _ => Claim::Renamed,
        }
    }
}

impl RowFile {
    /// Whether Python would call the defaults equal.
    fn have_one_default(&self) -> bool {
        match (self.default.get(&Side::Torch), self.default.get(&Side::Mindspore)) {
            (Some(torch), Some(mindspore)) => torch.equals(mindspore),
            (torch, mindspore) => torch.is_none() && mindspore.is_none(),
        }
    }
}

fn yes() -> bool {
    true
}

/// An announcement about a parameter, as recorded versions make it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// The recorded versions whose documentation has it.
    #[schemars(extend("minItems" = 1))]
    pub engines: Vec<String>,
    /// What is announced, for who ports a model.
    pub why: String,
}

/// What is written in PyTorch in place of a parameter that it does not have.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InTorch {
    /// The parameter of the module that is filled with the value after construction.
    pub fill: String,
}

/// A text in the two languages of the page; one that was read off a page has its language alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Text {
    /// English.
    pub en: Option<String>,
    /// Chinese.
    pub zh: Option<String>,
}
