//! A file that was read into its type, with the tree that tells where everything in it stands.

use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::node::Node;
use super::source::Source;
use super::typed::Typed;

/// A file as it was read.
pub(super) struct Document<T> {
    /// The file's stem.
    pub name: String,
    pub source: Source,
    pub root: Node,
    pub typed: Typed<T>,
}

impl<T> Document<T> {
    /// The file's content, if that of a key can be relied upon.
    pub fn with(&self, key: &str) -> Option<&T> {
        let sound = match self.root.get(key) {
            Some(node) => self.typed.sound(node),
            None => self.typed.is_right(&self.root) && self.typed.is_spelt(&self.root),
        };
        self.typed.value.as_ref().filter(|_| sound)
    }

    pub fn diagnostic(&self, span: &Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.source, span, title, label)
    }
}
