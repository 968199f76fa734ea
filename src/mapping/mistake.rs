//! What serde finds wrong with a value, and how that is said in the words of YAML.

use std::fmt;

use super::diagnostic::{Diagnostic, nearest, quoted};
use super::node::{Content, Key, Node};
use super::source::Source;

type Words = &'static [&'static str];

/// A value that is not what its place asks for.
#[derive(Debug)]
pub(super) struct Mistake<'a> {
    pub at: Option<At<'a>>,
    pub kind: Kind,
}

/// Where a mistake is.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub node: &'a Node,
    /// The key that is wrong, where it is not its value, and the mapping that has it.
    pub key: Option<(&'a Key, &'a Node)>,
    /// How the node is called.
    pub under: Option<Under<'a>>,
}

/// The key under which a node is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Under<'a> {
    /// As its value.
    Key(&'a str),
    /// As an element of its value.
    Element(&'a str),
}

impl<'a> Under<'a> {
    pub fn key(self) -> &'a str {
        match self {
            Under::Key(key) | Under::Element(key) => key,
        }
    }

    /// `wrong type`, and where.
    fn title(under: Option<Self>, wrong: &str) -> String {
        match under {
            Some(Under::Key(key)) => format!("{wrong} for `{key}`"),
            Some(Under::Element(key)) => format!("{wrong} in `{key}`"),
            None => wrong.to_owned(),
        }
    }
}

/// In what way it is wrong.
#[derive(Debug)]
pub(super) enum Kind {
    /// Another type, or out of range.
    Type { expected: String },
    /// A word, or a key, that is not one of those that there are.
    Word { word: String, valid: Words },
    /// A key that must be there.
    Missing(&'static str),
    /// What a type says in its own words.
    Other(String),
}

impl<'a> Mistake<'a> {
    /// With a place, unless it has one already.
    pub fn placed(mut self: Box<Self>, at: At<'a>) -> Box<Self> {
        self.at.get_or_insert(at);
        self
    }

    /// The diagnostic, in the words of YAML.
    pub fn diagnostic(&self, source: &Source, root: &Node) -> Diagnostic {
        let At { node, key, under } = self.at.unwrap_or(At { node: root, key: None, under: None });
        let at = |span, title: String, label: String| Diagnostic::at(source, span, title, label);
        match (&self.kind, key) {
            (Kind::Word { word, valid }, key) => {
                let noun = noun(valid).unwrap_or(if key.is_some() { "key" } else { "word" });
                let span = key.map_or(&node.span, |(key, _)| &key.span);
                at(span, format!("unknown {noun} `{word}`"), one_of(valid)).meant(word, valid.iter().copied())
            }
            (Kind::Missing(name), _) => {
                at(&node.span, format!("missing key `{name}`"), format!("expected `{name}: …` in this mapping"))
            }
            (_, Some((key, _))) => {
                let label = match &self.kind {
                    Kind::Type { expected } => format!("expected {}", words(expected, node)),
                    Kind::Other(text) => text.clone(),
                    Kind::Word { .. } | Kind::Missing(_) => String::new(),
                };
                at(&key.span, format!("unexpected key `{}`", key.name), label)
            }
            (Kind::Type { expected }, None) => {
                let title = Under::title(under, "wrong type");
                let label = format!("expected {}, found {}", words(expected, node), found(node));
                let diagnostic = at(&node.span, title, label);
                match remedy(expected, node, source) {
                    Some(remedy) => diagnostic.help(remedy),
                    None => diagnostic,
                }
            }
            (Kind::Other(text), None) => {
                let title = Under::title(under, "wrong value");
                at(&node.span, title, text.clone())
            }
        }
    }

    /// Whether this is of a key of a mapping.
    pub fn is_key_of(&self, mapping: &Node) -> bool {
        self.at.is_some_and(|at| at.key.is_some_and(|(_, of)| of.id == mapping.id))
    }

    /// Whether this is of a key that a mapping does not have.
    pub fn is_missing_in(&self, mapping: &Node) -> bool {
        matches!(self.kind, Kind::Missing(_)) && self.at.is_some_and(|at| at.node.id == mapping.id)
    }

    /// Whether the mapping without `name` has a word that was meant for it; then that is what to say.
    pub fn misspells(&self, name: &str, mapping: &Node) -> bool {
        let Kind::Word { word, valid } = &self.kind else { return false };
        let meant = *valid == [name] || nearest(word, valid.iter().copied()) == Some(name);
        self.is_key_of(mapping) && meant
    }
}

/// What is expected where one of some words may stand.
pub(super) fn one_of(valid: &[&str]) -> String {
    match valid {
        [] => "there is nothing that could be given here".to_owned(),
        [one] => format!("expected `{one}`"),
        _ => format!("expected one of {}", quoted(valid.iter().copied())),
    }
}

/// What the words of a list are called; none for keys.
fn noun(valid: Words) -> Option<&'static str> {
    let nouns = [
        ("f32", "dtype"),
        ("contiguous", "layout"),
        ("ramp", "recipe"),
        ("ValueError", "exception class"),
        ("dgamma", "array"),
        ("gamma", "gradient"),
        ("parameter", "category"),
        ("rejection", "kind of difference"),
    ];
    nouns.into_iter().find(|(word, _)| valid.contains(word)).map(|(_, noun)| noun)
}

/// Rust's name of a type, in the words of YAML.
fn words<'e>(expected: &'e str, found: &Node) -> std::borrow::Cow<'e, str> {
    match (expected, &found.content) {
        ("u8" | "u16" | "u32" | "u64" | "usize", Content::Huge(_) | Content::Int(0..)) => "a smaller whole number",
        ("u8" | "u16" | "u32" | "u64" | "usize", _) => "a whole number, 0 or more",
        ("i8" | "i16" | "i32" | "i64", _) => "a whole number",
        ("f32" | "f64", _) => "a number",
        ("a boolean", _) => "`true` or `false`",
        ("a sequence", _) => "a list",
        ("a map", _) => "a mapping",
        ("enum", _) => "one entry, a word and what belongs to it",
        _ => {
            return match expected.strip_prefix("an array of length ") {
                Some(length) => format!("a list of {length}").into(),
                None => expected.into(),
            };
        }
    }
    .into()
}

/// A node in the words of YAML.
fn found(node: &Node) -> String {
    match &node.content {
        Content::Null if node.span.is_empty() => "nothing".to_owned(),
        Content::Null => "null".to_owned(),
        Content::Bool(value) => format!("`{value}`"),
        Content::Int(value) => format!("the whole number {value}"),
        Content::Huge(value) => format!("the whole number {value}"),
        Content::Float(value) if value.is_finite() => format!("the number {value:?}"),
        Content::Float(value) => format!("`{value}`"),
        Content::Str(text) if text.chars().count() > 40 => "a long string".to_owned(),
        Content::Str(text) => format!("the string `{text}`"),
        Content::List(items) if items.is_empty() => "an empty list".to_owned(),
        Content::List(items) => format!("a list of {}", items.len()),
        Content::Map(_) => "a mapping".to_owned(),
    }
}

/// What to write instead, where YAML read something other than what was likely meant.
fn remedy(expected: &str, node: &Node, source: &Source) -> Option<String> {
    let number = matches!(expected, "u8" | "u16" | "u32" | "u64" | "usize" | "i64" | "f32" | "f64");
    let written = source.text.get(node.span.clone()).filter(|text| !text.contains(['\n', '\r']))?;
    let item = !node.span.is_empty() && (!node.is_map() || written.starts_with('{'));
    match &node.content {
        Content::Str(text) if number => {
            let plain = text.replace(['_', ',', ' '], "");
            let plain = plain.trim_start_matches('0');
            plain.parse::<f64>().ok().map(|_| format!("YAML takes this for a string; write `{plain}`"))
        }
        Content::Str(text) if expected == "a boolean" => match text.to_lowercase().as_str() {
            "yes" | "on" | "true" => Some("write `true`".to_owned()),
            "no" | "off" | "false" => Some("write `false`".to_owned()),
            _ => None,
        },
        Content::Int(_) | Content::Huge(_) | Content::Float(_) | Content::Bool(_) if expected == "a string" => {
            Some(format!("put it in quotes: `\"{written}\"`"))
        }
        _ if expected == "a sequence" && item => Some(format!("put it in brackets: `[{written}]`")),
        _ => None,
    }
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Mistake<'_> {}

/// The error of a reader; boxed, since readers hand it up through many results.
#[derive(Debug)]
pub(super) struct Failed<'a>(pub Box<Mistake<'a>>);

impl Failed<'_> {
    fn new(kind: Kind) -> Self {
        Failed(Box::new(Mistake { at: None, kind }))
    }
}

impl fmt::Display for Failed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed<'_> {}

impl serde::de::Error for Failed<'_> {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Kind::Other(text.to_string()))
    }
    fn invalid_type(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(Kind::Type { expected: expected.to_string() })
    }
    fn invalid_value(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::new(Kind::Type { expected: expected.to_string() })
    }
    fn invalid_length(_: usize, expected: &dyn serde::de::Expected) -> Self {
        Self::new(Kind::Type { expected: expected.to_string() })
    }
    fn unknown_variant(word: &str, valid: Words) -> Self {
        Self::new(Kind::Word { word: word.to_owned(), valid })
    }
    fn unknown_field(word: &str, valid: Words) -> Self {
        Self::new(Kind::Word { word: word.to_owned(), valid })
    }
    fn missing_field(name: &'static str) -> Self {
        Self::new(Kind::Missing(name))
    }
}
