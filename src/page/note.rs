//! What is to be said of a page while it is read, each with its place.

use std::ops::Range;

use crate::mapping::{Diagnostic, Severity, Source};

/// After so much, more is of no help.
const MOST_SAID: usize = 200;

/// What is said of a page.
pub(super) struct Notes<'a> {
    pub source: &'a Source,
    pub said: Vec<Diagnostic>,
}

impl<'a> Notes<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self { source, said: Vec::new() }
    }

    /// What the page contradicts or lacks.
    pub fn warn(&mut self, place: &Range<usize>, title: impl Into<String>, label: impl Into<String>) {
        let diagnostic = self.at(place, title, label);
        self.push(diagnostic);
    }

    /// What is passed over.
    pub fn note(&mut self, place: &Range<usize>, title: impl Into<String>, label: impl Into<String>) {
        let diagnostic = self.at(place, title, label).of(Severity::Note);
        self.push(diagnostic);
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.said.len() < MOST_SAID {
            self.said.push(diagnostic);
        } else if self.said.len() == MOST_SAID {
            let label = format!("there are more than {MOST_SAID}; the others show when these are gone");
            let more = Diagnostic::whole(&self.source.path, "too much is to be said of one page", label);
            self.said.push(more.of(Severity::Warning));
        }
    }

    /// A warning to which more can be added.
    pub fn at(&self, place: &Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::at(self.source, place, title, label).of(Severity::Warning)
    }
}
