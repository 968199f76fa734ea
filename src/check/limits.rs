//! Whether every limit of the mapping is shown by a check.

use super::{CheckResult, Suite, Verdict};
use crate::engine::is_meant;

/// Where a limit is shown to be so of one of its engines.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Index of the limit in the mapping.
    pub limit: usize,
    /// The recorded version.
    pub engine: String,
    /// Indices of the checks that show it, in the order of the run.
    pub checks: Vec<usize>,
    /// Whether a check that would show it could not be made, for want of an answer.
    pub unchecked: bool,
}

impl Shown {
    /// A limit that no check shows says nothing.
    pub fn verdict(&self) -> Verdict {
        match (self.checks.is_empty(), self.unchecked) {
            (false, _) => Verdict::Holds,
            (true, true) => Verdict::Unchecked,
            (true, false) => Verdict::Vacuous,
        }
    }
}

impl Suite {
    /// The limits, each with the recorded versions that it names.
    pub(crate) fn shown(&self, results: &[&CheckResult]) -> Vec<Shown> {
        let file = &self.mapping().file;
        let mut shown = Vec::new();
        for (limit, stated) in file.limits.iter().enumerate() {
            let is_named = |name: &&String| stated.engines.iter().any(|named| is_meant(named, name));
            for engine in file.golden.iter().filter(is_named) {
                let shown_here = (limit, engine.clone());
                let shows = |result: &CheckResult| {
                    result.engines.iter().chain(&result.sides).any(|asked| asked.shows.contains(&shown_here))
                };
                let checks = (0..results.len()).filter(|&at| shows(results[at])).collect();
                let asked = results.iter().flat_map(|result| &result.engines).filter(|asked| asked.engine == *engine);
                let unchecked = asked.map(|asked| asked.verdict).any(|verdict| verdict == Verdict::Unchecked);
                shown.push(Shown { limit, engine: engine.clone(), checks, unchecked });
            }
        }
        shown
    }
}
