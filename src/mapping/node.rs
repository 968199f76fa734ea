//! A YAML file as a tree in which everything knows its place.

use std::ops::Range;

/// A value and where it is written.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    /// Counted in the order of the file; an anchor's value counts again wherever it is repeated.
    pub id: u32,
    pub span: Range<usize>,
    pub content: Content,
}

/// What a node holds.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond the range of an i64.
    Huge(String),
    Float(f64),
    Str(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, PartialEq)]
pub(super) struct Key {
    pub name: String,
    pub span: Range<usize>,
}

/// A key that is given twice.
#[derive(Debug)]
pub(super) struct Duplicate {
    pub key: Key,
    pub first: Range<usize>,
}

impl Node {
    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The elements of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key, or where it is not written, what would hold it.
    pub fn at(&self, name: &str) -> &Node {
        self.get(name).unwrap_or(self)
    }

    /// Whether this is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.content, Content::Map(_))
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether something holds for this node or any below it.
    pub fn any(&self, holds: &mut impl FnMut(&Node) -> bool) -> bool {
        holds(self)
            || self.items().iter().any(|node| node.any(holds))
            || self.entries().iter().any(|(_, node)| node.any(holds))
    }
}
