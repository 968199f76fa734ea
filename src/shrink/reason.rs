//! Why a call fails, as far as a smaller one has to fail for the same.

use std::fmt;

use crate::call::Output;
use crate::check::{EngineResult, Finding};

/// The same engine, the same kind of finding, the same array; and of a refusal the same words.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Reason {
    /// The engine, or the sides.
    pub engine: String,
    /// The kind of finding, in a word.
    pub kind: &'static str,
    /// The array that is amiss.
    pub output: Option<Output>,
    /// Whether a NaN or an infinity is amiss.
    pub is_infinite: bool,
    /// What is said, without its numbers, where something is refused.
    pub words: String,
    /// The share of the tolerance that has to be used: a call that is far off stays far off.
    least: f64,
}

/// Beyond so many tolerances, how far does not matter.
const FAR: f64 = 10.0;

impl Reason {
    /// The reason that a finding gives; `None` where it is about what a spec says, and not about an answer.
    pub fn of(engine: &str, finding: &Finding) -> Option<Self> {
        let used = match finding {
            Finding::Beyond { comparison, .. } | Finding::SidesDiffer { comparison, .. } => comparison.used,
            _ => 0.0,
        };
        let (kind, output, words) = match finding {
            Finding::Beyond { output, .. } => ("values", Some(*output), String::new()),
            Finding::Unlike { output, .. } => ("shape or dtype", Some(*output), String::new()),
            Finding::Missing(output) => ("missing", Some(*output), String::new()),
            Finding::Built { output, .. } => ("built", Some(*output), String::new()),
            Finding::Accepted { .. } | Finding::KnownToReject(_) => ("accepted", None, String::new()),
            Finding::Rejected { rejection, .. } => ("rejected", None, without_numbers(&rejection.message)),
            Finding::OtherClass { rejection, .. } => ("class", None, without_numbers(&rejection.message)),
            Finding::Invariant(text) => ("invariant", None, without_numbers(text)),
            Finding::Broken(text) => ("panic", None, without_numbers(text)),
            Finding::SidesDiffer { output, .. } => ("values", Some(*output), String::new()),
            Finding::SidesDType { output, .. } => ("dtype", Some(*output), String::new()),
            Finding::SidesReject { side, .. } => ("rejected", None, side.framework().to_owned()),
            _ => return None,
        };
        let least = used.min(FAR);
        Some(Self { engine: engine.to_owned(), kind, output, is_infinite: used.is_infinite(), words, least })
    }

    /// The finding for this reason, where the engine has one.
    pub fn found<'a>(&self, result: &'a EngineResult) -> Option<&'a Finding> {
        let same = |other: &Reason| {
            let is_far = other.least >= self.least;
            is_far && Reason { least: self.least, ..other.clone() } == *self
        };
        result.findings.iter().find(|finding| Reason::of(&result.engine, finding).as_ref().is_some_and(same))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.kind)?;
        if let Some(output) = self.output {
            write!(f, " of {output}")?;
        }
        if self.is_infinite {
            f.write_str(", by an infinity or a NaN")?;
        }
        if self.words.is_empty() { Ok(()) } else { write!(f, " ({})", self.words) }
    }
}

/// A message in which every number, and every list of numbers, is the same.
fn without_numbers(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' | '.' if kept.ends_with('#') => {}
            '0'..='9' => kept.push('#'),
            c => kept.push(c),
        }
        for list in ["#, #", "#,#", "##"] {
            if kept.ends_with(list) {
                kept.truncate(kept.len() - list.len() + 1);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_whatever_their_numbers() {
        let of = |text| without_numbers(text);
        assert_eq!(of("shape [2, 6, 5] has 1.5e-3"), of("shape [1, 3] has 20.25e-17"));
        assert_ne!(of("at least 2 dimensions"), of("at most 2 dimensions"));
    }
}
