//! Makes a tree of a YAML file in which everything knows its place.
//!
//! serde_yaml tells a place only with an error. So a visitor takes each key and scalar and then
//! fails: the error says where that was, and the walk goes on behind it. A list or mapping begins
//! at the bracket, or at the dash, before its first child.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::node::{Content, Duplicate, Key, Node};

/// A file of the largest size has fewer values, unless it repeats itself by anchors.
const MOST_NODES: u32 = 1 << 19;

/// Longer keys than this are no words.
const LONGEST_KEY: usize = 64;

/// Why a text could not be read.
#[derive(Debug)]
pub(super) struct Unparsed {
    pub error: serde_yaml::Error,
    /// What this walk refused, where serde_yaml did not.
    pub refused: Option<String>,
}

/// The tree of a text, and the keys that are given twice, of which the first counts.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<Duplicate>), Unparsed> {
    let walk = Walk::new(text);
    let root = Seed(&walk).deserialize(serde_yaml::Deserializer::from_str(text));
    let root = root.map_err(|error| Unparsed { error, refused: walk.refused.take() })?;
    let mut duplicates = walk.duplicates.into_inner();
    // A repeated anchor repeats its mistakes.
    duplicates.sort_by_key(|duplicate| duplicate.key.span.start);
    duplicates.dedup_by_key(|duplicate| duplicate.key.span.start);
    Ok((root, duplicates))
}

/// The byte at a line and column, both from 1, as libyaml counts them.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    Marks::new(text).offset(line, column)
}

/// Where libyaml's lines begin; it counts characters, and ends a line where Unicode does.
struct Marks {
    /// The byte at which each character begins, and the end.
    characters: Vec<usize>,
    /// The first character of each line.
    lines: Vec<usize>,
}

impl Marks {
    fn new(text: &str) -> Self {
        let (mut characters, mut lines) = (Vec::with_capacity(text.len() + 1), vec![0]);
        for (index, (offset, character)) in text.char_indices().enumerate() {
            characters.push(offset);
            let ends = match character {
                '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
                '\r' => !text[offset + 1..].starts_with('\n'),
                _ => false,
            };
            if ends {
                lines.push(index + 1);
            }
        }
        characters.push(text.len());
        Self { characters, lines }
    }

    fn offset(&self, line: usize, column: usize) -> usize {
        let last = self.characters.len() - 1;
        let first = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(last);
        self.characters[first.saturating_add(column.saturating_sub(1)).min(last)]
    }
}

/// What a walk over a text has met so far.
struct Walk<'t> {
    text: &'t str,
    marks: Marks,
    nodes: Cell<u32>,
    /// Behind the last key or scalar: an empty list or mapping is the next pair of brackets.
    behind: Cell<usize>,
    duplicates: RefCell<Vec<Duplicate>>,
    refused: RefCell<Option<String>>,
}

/// The message of the errors by which places are told.
const HERE: &str = "here";

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        let marks = Marks::new(text);
        let (nodes, behind) = Default::default();
        Self { text, marks, nodes, behind, duplicates: RefCell::default(), refused: RefCell::default() }
    }

    /// The error that ends the walk; `why` is what is told of it.
    fn refuse<E>(&self, why: String, error: E) -> E {
        *self.refused.borrow_mut() = Some(why);
        error
    }

    /// The place in an error `here at line 3 column 5`. Generic code knows the error only by its text.
    fn place(&self, error: &impl fmt::Display) -> usize {
        let text = error.to_string();
        let place = text.rsplit_once(" at line ").and_then(|(_, place)| place.split_once(" column "));
        match place.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?))) {
            Some((line, column)) => self.marks.offset(line, column),
            None => 0,
        }
    }

    /// What is written at `start`: `value` if the text is that, or up to where a plain scalar ends.
    fn token(&self, start: usize, value: Option<&str>) -> Range<usize> {
        let text = near(&self.text[start..]);
        // Long lines are gone through only where it takes that.
        let line = || text.split(['\n', '\r']).next().unwrap_or_default();
        let length = match (text.as_bytes().first(), value) {
            (Some(b'"'), _) => closing(line(), '"').unwrap_or(line().len()),
            (Some(b'\''), _) => closing(line(), '\'').unwrap_or(line().len()),
            (_, Some(value)) if text.starts_with(value) && !value.contains(['\n', '\r']) => value.len(),
            (_, Some(_)) => line().trim_end().len(),
            (_, None) => text.find([' ', '\t', ',', ']', '}', ':', '\n', '\r']).unwrap_or(text.len()),
        };
        self.behind.set(self.behind.get().max(start + length));
        start..start + length
    }

    /// Where a list or mapping begins and ends: around its children, with the brackets or the dash.
    fn around(&self, children: Option<Range<usize>>, open: char, close: char) -> Option<Range<usize>> {
        let Some(Range { start, end }) = children else {
            let empty = self.empty(open, close)?;
            self.behind.set(empty.end);
            return Some(empty);
        };
        let before = near_end(&self.text[..start]);
        let last = start - (before.len() - before.trim_end().len());
        let before = before.trim_end();
        if before.ends_with(open) {
            let after = near(&self.text[end..]);
            let rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            let closed = if rest.starts_with(close) { end + after.len() - rest.len() + 1 } else { end };
            self.behind.set(self.behind.get().max(closed));
            return Some(last - 1..closed.max(last));
        }
        let dash = open == '[' && before.ends_with('-');
        let start = if dash { last - 1 } else { start };
        // What an alias repeats may lie anywhere.
        Some(start..end.max(start))
    }

    /// The next pair of brackets with nothing between them.
    fn empty(&self, open: char, close: char) -> Option<Range<usize>> {
        let from = self.behind.get();
        let text = near(&self.text[from..]);
        text.match_indices(open).find_map(|(at, _)| {
            let rest = &text[at + 1..];
            let blank = rest.len() - rest.trim_start().len();
            rest[blank..].starts_with(close).then_some(from + at..from + at + blank + 2)
        })
    }

    fn node(&self, id: u32, span: Range<usize>, content: Content) -> Node {
        Node { id, span, content }
    }
}

/// No further than this is looked around a place, or long lines would take time by the square.
const NEAR: usize = 256;

/// The beginning of a text.
fn near(text: &str) -> &str {
    &text[..(0..=NEAR.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)]
}

/// The end of a text.
fn near_end(text: &str) -> &str {
    &text[(text.len().saturating_sub(NEAR)..).find(|&at| text.is_char_boundary(at)).unwrap_or(0)..]
}

/// The length of a quoted scalar that ends in its first line.
fn closing(line: &str, quote: char) -> Option<usize> {
    let mut characters = line.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '"' {
            characters.next();
        } else if character == quote {
            if quote == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some() {
                continue;
            }
            return Some(at + 1);
        }
    }
    None
}

/// Reads one node.
struct Seed<'a, 't>(&'a Walk<'t>);

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let walk = self.0;
        let id = walk.nodes.replace(walk.nodes.get() + 1);
        if id >= MOST_NODES {
            let why = format!("more than {MOST_NODES} values: an anchor is repeated too often");
            return Err(walk.refuse(why, D::Error::custom(HERE)));
        }
        let mut scalar = None;
        let read = deserializer.deserialize_any(Reader { walk, id, scalar: &mut scalar });
        match (read, scalar) {
            (Ok(node), _) => Ok(node),
            (Err(error), Some(scalar)) => {
                let text = match &scalar {
                    Content::Str(text) => Some(text.as_str()),
                    _ => None,
                };
                Ok(walk.node(id, walk.token(walk.place(&error), text), scalar))
            }
            (Err(error), None) => Err(error),
        }
    }
}

/// Reads the children of a list or mapping; keeps a scalar and fails.
struct Reader<'a, 't> {
    walk: &'a Walk<'t>,
    id: u32,
    scalar: &'a mut Option<Content>,
}

impl Reader<'_, '_> {
    fn keep<T, E: Error>(self, scalar: Content) -> Result<T, E> {
        *self.scalar = Some(scalar);
        Err(E::custom(HERE))
    }
}

impl<'de> Visitor<'de> for Reader<'_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.keep(Content::Null)
    }
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.keep(Content::Null)
    }
    fn visit_bool<E: Error>(self, v: bool) -> Result<Node, E> {
        self.keep(Content::Bool(v))
    }
    fn visit_i64<E: Error>(self, v: i64) -> Result<Node, E> {
        self.keep(Content::Int(v))
    }
    fn visit_u64<E: Error>(self, v: u64) -> Result<Node, E> {
        self.keep(i64::try_from(v).map_or_else(|_| Content::Huge(v.to_string()), Content::Int))
    }
    fn visit_i128<E: Error>(self, v: i128) -> Result<Node, E> {
        self.keep(Content::Huge(v.to_string()))
    }
    fn visit_u128<E: Error>(self, v: u128) -> Result<Node, E> {
        self.keep(Content::Huge(v.to_string()))
    }
    fn visit_f64<E: Error>(self, v: f64) -> Result<Node, E> {
        self.keep(Content::Float(v))
    }
    fn visit_str<E: Error>(self, v: &str) -> Result<Node, E> {
        self.keep(Content::Str(v.to_owned()))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(self.walk.refuse("a spec has no tags (`!…`)".to_owned(), A::Error::custom(HERE)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items: Vec<Node> = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed(self.walk))? {
            items.push(item);
        }
        let children = items.first().zip(items.last()).map(|(first, last)| first.span.start..last.span.end);
        let span = self.walk.around(children, '[', ']').unwrap_or_default();
        Ok(self.walk.node(self.id, span, Content::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<String, Range<usize>> = HashMap::new();
        let (mut start, mut end) = (None, 0);
        while let Some(key) = map.next_key_seed(KeySeed(self.walk))? {
            let node = map.next_value_seed(Seed(self.walk))?;
            start.get_or_insert(key.span.start);
            end = node.span.end;
            if let Some(first) = seen.get(&key.name) {
                self.walk.duplicates.borrow_mut().push(Duplicate { key, first: first.clone() });
            } else {
                seen.insert(key.name.clone(), key.span.clone());
                entries.push((key, node));
            }
        }
        let span = self.walk.around(start.map(|start| start..end), '{', '}').unwrap_or_default();
        Ok(self.walk.node(self.id, span, Content::Map(entries)))
    }
}

/// Reads a key as it is written, number or word.
struct KeySeed<'a, 't>(&'a Walk<'t>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        let walk = self.0;
        let mut name = None;
        let read = deserializer.deserialize_str(KeyReader(&mut name));
        match (read, name) {
            // Every error below a key spells the path to it.
            (Err(error), Some(name)) if name.len() > LONGEST_KEY => {
                Err(walk.refuse(format!("a key of more than {LONGEST_KEY} letters"), error))
            }
            (Err(error), Some(name)) => {
                let span = walk.token(walk.place(&error), Some(&name));
                Ok(Key { name, span })
            }
            (Err(error), None) if error.to_string().contains(A_WORD) => {
                Err(walk.refuse(format!("expected {A_WORD}"), error))
            }
            (Err(error), None) => Err(error),
            (Ok(()), _) => Err(D::Error::custom(A_WORD)),
        }
    }
}

const A_WORD: &str = "a word as the key";

/// Keeps a key and fails.
struct KeyReader<'a>(&'a mut Option<String>);

impl Visitor<'_> for KeyReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(A_WORD)
    }
    fn visit_str<E: Error>(self, v: &str) -> Result<(), E> {
        *self.0 = Some(v.to_owned());
        Err(E::custom(HERE))
    }
}
