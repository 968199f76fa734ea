//! What is said of a row.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// The verdict of a check, of a row on an engine, or of a row; the worst comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The engine has no way to express the call.
    NotAsked,
    /// What is claimed is so.
    Holds,
    /// No case could have failed.
    Vacuous,
    /// The engine was not there.
    Unchecked,
    /// The stored answer is not of this call.
    Stale,
    /// What is claimed is not so.
    Refuted,
}

impl Verdict {
    /// The word of the report.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::NotAsked => "not asked",
            Verdict::Holds => "holds",
            Verdict::Vacuous => "vacuous",
            Verdict::Unchecked => "unchecked",
            Verdict::Stale => "stale",
            Verdict::Refuted => "refuted",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
