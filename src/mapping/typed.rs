//! Reads a type off a located tree, and finds every mistake of it.
//!
//! serde stops at the first mistake. So a mistake is noted, something of the type that is wanted
//! stands in for the value, and the type is read again: one bad field does not hide the others.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};

use super::diagnostic::{Diagnostic, quoted};
use super::mistake::{At, Failed, Kind, Mistake, Under};
use super::node::{Content, Key, Node};
use super::source::Source;
use super::stand_in::StandIn;

/// After this many mistakes of a file, more are of no help.
pub(super) const MOST_MISTAKES: usize = 50;

/// A value as far as it could be read.
pub(super) struct Typed<T> {
    /// With something standing in for what was wrong; `None` where even that failed.
    pub value: Option<T>,
    /// The nodes that were wrong.
    wrong: HashSet<u32>,
}

impl<T> Typed<T> {
    /// Whether a node and all below it were as they should be.
    pub fn sound(&self, node: &Node) -> bool {
        self.wrong.is_empty() || !node.any(&mut |node| self.wrong.contains(&node.id))
    }

    /// Whether a node was as it should be, whatever is below it.
    pub fn is_right(&self, node: &Node) -> bool {
        !self.wrong.contains(&node.id)
    }

    /// Whether no key of a mapping is wrong: then what it does not have is left out, and not misspelt.
    pub fn is_spelt(&self, mapping: &Node) -> bool {
        mapping.entries().iter().all(|(_, node)| self.is_right(node))
    }
}

/// Reads a type, and adds every mistake of it to the diagnostics.
pub(super) fn read<'a, T: Deserialize<'a>>(
    source: &Source,
    root: &'a Node,
    diagnostics: &mut Vec<Diagnostic>,
) -> Typed<T> {
    let mut amended = Amended::default();
    let mut mistakes: Vec<Box<Mistake<'a>>> = Vec::new();
    let mut wrong = HashSet::new();
    let value = loop {
        let mistake = match T::deserialize(Reader { node: root, under: None, amended: &amended }) {
            Ok(value) => break Some(value),
            Err(Failed(mistake)) => mistake.placed(At { node: root, key: None, under: None }),
        };
        if mistakes.len() == MOST_MISTAKES {
            let label = format!("there are more than {MOST_MISTAKES}; the others show when these are gone");
            diagnostics.push(Diagnostic::whole(&source.path, "too many mistakes in one file", label));
            break None;
        }
        let node = mistake.at.map_or(root, |at| at.node);
        wrong.insert(node.id);
        if !amended.amend(&mistake, node) {
            // What stands in is of no use either. The mistake that it stands for is told.
            break None;
        }
        let told = match mistake.kind {
            Kind::Missing(name) => mistakes.iter().any(|earlier| earlier.misspells(name, node)),
            // Nothing is left of a mapping whose only key was wrong, or nothing could stand in for a key of it.
            Kind::Type { .. } => mistakes.iter().any(|earlier| earlier.is_key_of(node) || earlier.is_missing_in(node)),
            _ => false,
        };
        if !told {
            mistakes.push(mistake);
        }
    };
    diagnostics.extend(mistakes.iter().map(|mistake| mistake.diagnostic(source, root)));
    Typed { value, wrong }
}

/// What is read otherwise than it is written.
#[derive(Default)]
struct Amended {
    /// Values for which something stands in.
    replaced: HashSet<u32>,
    /// Values that are passed over with their keys.
    dropped: HashSet<u32>,
    /// Keys that are missing from a mapping.
    added: HashMap<u32, Vec<&'static str>>,
}

impl Amended {
    /// Makes good for a mistake; false where that was done already.
    fn amend(&mut self, mistake: &Mistake<'_>, node: &Node) -> bool {
        match (&mistake.kind, mistake.at.is_some_and(|at| at.key.is_some())) {
            (_, true) => self.dropped.insert(node.id),
            (Kind::Missing(name), false) => {
                let added = self.added.entry(node.id).or_default();
                !added.contains(name) && {
                    added.push(name);
                    true
                }
            }
            _ => self.replaced.insert(node.id),
        }
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
struct Reader<'a, 'r> {
    node: &'a Node,
    under: Option<Under<'a>>,
    amended: &'r Amended,
}

impl<'a, 'r> Reader<'a, 'r> {
    fn at(&self) -> At<'a> {
        At { node: self.node, key: None, under: self.under }
    }

    /// An element of the list that this is.
    fn item(&self, node: &'a Node) -> Self {
        let under = self.under.map(|under| Under::Element(under.key()));
        Reader { node, under, amended: self.amended }
    }

    fn replaced(&self) -> bool {
        self.amended.replaced.contains(&self.node.id)
    }

    /// Another type was wanted.
    fn fail<T>(&self, expected: String) -> Result<T, Failed<'a>> {
        Err(Failed(Box::new(Mistake { at: Some(self.at()), kind: Kind::Type { expected } })))
    }

    fn visit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed<'a>> {
        self.placed(self.hand(visitor))
    }

    /// What is wrong without a place is wrong here.
    fn placed<T>(self, read: Result<T, Failed<'a>>) -> Result<T, Failed<'a>> {
        read.map_err(|Failed(mistake)| Failed(mistake.placed(self.at())))
    }

    /// Hands the node over to a visitor, to the last element.
    fn hand<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed<'a>> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Int(value) => visitor.visit_i64(*value),
            Content::Huge(value) => match value.parse() {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => Err(de::Error::custom(format!("{value} is beyond 64 bits"))),
            },
            Content::Float(value) => visitor.visit_f64(*value),
            Content::Str(value) => visitor.visit_borrowed_str(value),
            Content::List(items) => {
                let mut rest = items.iter();
                let value = visitor.visit_seq(Items { rest: &mut rest, list: self })?;
                match rest.find(|item| !self.amended.replaced.contains(&item.id)) {
                    None => Ok(value),
                    Some(item) => {
                        let text = format!("one too many: a list of {} is expected", items.len() - rest.len() - 1);
                        Err(Failed(Box::new(Mistake { at: Some(self.item(item).at()), kind: Kind::Other(text) })))
                    }
                }
            }
            Content::Map(entries) => {
                let mut rest = entries.iter();
                let added = self.amended.added.get(&self.node.id).map_or(&[][..], Vec::as_slice);
                let value =
                    visitor.visit_map(Entries { rest: &mut rest, added: added.iter(), value: None, map: self })?;
                match rest.find(|(_, node)| !self.amended.dropped.contains(&node.id)) {
                    None => Ok(value),
                    Some((key, node)) => {
                        let at = At { node, key: Some((key, self.node)), under: self.under };
                        let kind = Kind::Other("one too many: a single key is expected here".to_owned());
                        Err(Failed(Box::new(Mistake { at: Some(at), kind })))
                    }
                }
            }
        }
    }
}

/// Takes a scalar or container as it is, or lets `StandIn` answer for it.
macro_rules! as_written {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed<'a>> {
            if self.replaced() { self.placed(StandIn.$method(visitor)) } else { self.visit(visitor) }
        }
    )*};
}

impl<'a> de::Deserializer<'a> for Reader<'a, '_> {
    type Error = Failed<'a>;

    as_written! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed<'a>> {
        match self.node.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed<'a>> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed<'a>> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, length: usize, visitor: V) -> Result<V::Value, Failed<'a>> {
        if self.replaced() { self.placed(StandIn.deserialize_tuple(length, visitor)) } else { self.visit(visitor) }
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failed<'a>> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed<'a>> {
        match &self.node.content {
            _ if self.replaced() => self.placed(StandIn.deserialize_struct(name, fields, visitor)),
            Content::Map(_) => self.visit(visitor),
            _ => self.fail(format!("a mapping with {}", quoted(fields.iter().copied()))),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed<'a>> {
        match &self.node.content {
            _ if self.replaced() => self.placed(StandIn.deserialize_enum(name, variants, visitor)),
            Content::Str(word) => {
                self.placed(visitor.visit_enum(IntoDeserializer::<Failed<'a>>::into_deserializer(word.as_str())))
            }
            Content::Map(_) => self.visit(OneEntry(visitor)),
            _ => self.fail(format!("one of {}", quoted(variants.iter().copied()))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed<'a>> {
        visitor.visit_unit()
    }
}

/// Reads a mapping of one entry as an enum: the variant and what belongs to it.
struct OneEntry<V>(V);

impl<'a, V: Visitor<'a>> Visitor<'a> for OneEntry<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
    fn visit_map<A: de::MapAccess<'a>>(self, map: A) -> Result<V::Value, A::Error> {
        de::Deserializer::deserialize_enum(MapAccessDeserializer::new(map), "", &[], self.0)
    }
}

/// The elements of a list.
struct Items<'a, 'r, 'i> {
    rest: &'i mut std::slice::Iter<'a, Node>,
    list: Reader<'a, 'r>,
}

impl<'a> de::SeqAccess<'a> for Items<'a, '_, '_> {
    type Error = Failed<'a>;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Failed<'a>> {
        self.rest.next().map(|node| seed.deserialize(self.list.item(node))).transpose()
    }
}

/// The entries of a mapping.
struct Entries<'a, 'r, 'i> {
    rest: &'i mut std::slice::Iter<'a, (Key, Node)>,
    added: std::slice::Iter<'r, &'static str>,
    /// The value of the key that was given out last; none of a key that is not written.
    value: Option<(&'a Key, &'a Node)>,
    map: Reader<'a, 'r>,
}

impl<'a> de::MapAccess<'a> for Entries<'a, '_, '_> {
    type Error = Failed<'a>;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Failed<'a>> {
        let dropped = &self.map.amended.dropped;
        if let Some((key, node)) = self.rest.find(|(_, node)| !dropped.contains(&node.id)) {
            self.value = Some((key, node));
            let at = At { node, key: Some((key, self.map.node)), under: self.map.under };
            let read = seed.deserialize(StrDeserializer::new(&key.name));
            return read.map(Some).map_err(|Failed(mistake)| Failed(mistake.placed(at)));
        }
        self.value = None;
        self.added.next().map(|name| seed.deserialize(StrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Failed<'a>> {
        match self.value.take() {
            Some((key, node)) => seed.deserialize(Reader { node, under: Some(Under::Key(&key.name)), ..self.map }),
            None => seed.deserialize(StandIn),
        }
    }
}
