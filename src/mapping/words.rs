//! What is asked of lists of words, of reasons and of names of engines, wherever in a spec they stand.

use std::collections::HashSet;

use super::Side;
use super::diagnostic::Diagnostic;
use super::document::Document;
use super::mistake::one_of;
use super::node::{Content, Node};
use super::typed::MOST_MISTAKES;

/// Engines that answer live.
const LIVE: [&str; 2] = ["rust", "libtorch"];

/// The words by which engines are named.
pub(super) struct Engines<'a> {
    /// The recorded versions.
    pub versions: Vec<&'a str>,
    /// Those, and what they are called before their version.
    pub recorded: Vec<&'a str>,
    /// Those, and the engines that answer live.
    pub all: Vec<&'a str>,
}

impl<'a> Engines<'a> {
    /// With the golden engines of a mapping.
    pub fn new(golden: &'a [String]) -> Self {
        let versions: Vec<&str> = golden.iter().map(String::as_str).filter(|name| name.contains('-')).collect();
        let (mut all, mut seen) = (LIVE.to_vec(), HashSet::from(LIVE));
        let names = versions.iter().flat_map(|version| [framework(version), version]);
        all.extend(names.filter(|name| seen.insert(name)));
        Self { versions, recorded: all[LIVE.len()..].to_vec(), all }
    }
}

/// What an engine is called before its version.
pub(super) fn framework(engine: &str) -> &str {
    engine.split_once('-').map_or(engine, |(framework, _)| framework)
}

/// The side that a recorded version is on.
pub(super) fn side_of(version: &str) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| side.key() == framework(version))
}

/// A word where one of some recorded versions is expected, by its full name.
pub(super) fn no_version<T>(file: &Document<T>, name: &str, node: &Node, valid: &[&str]) -> Diagnostic {
    let diagnostic = file.diagnostic(&node.span, format!("`{name}` is no recorded version"), one_of(valid));
    let versions: Vec<&str> = valid.iter().copied().filter(|version| framework(version) == name).collect();
    if versions.is_empty() {
        return diagnostic.meant(name, valid.iter().copied());
    }
    diagnostic.help(format!("write each version: `{}`", versions.join(", ")))
}

/// The words of a list, each with its place; what is no word is passed over.
pub(super) fn words<'a>(list: Option<&'a Node>) -> impl Iterator<Item = (&'a str, &'a Node)> {
    let word = |node: &'a Node| match &node.content {
        Content::Str(word) => Some((word.as_str(), node)),
        _ => None,
    };
    list.map_or(&[][..], Node::items).iter().filter_map(word)
}

/// A list has words, and none of them twice. `empty` is what follows where it has none.
pub(super) fn check_list<T>(
    file: &Document<T>,
    key: &str,
    list: Option<&Node>,
    empty: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(node) = list.filter(|node| node.content == Content::List(Vec::new())) {
        diagnostics.push(file.diagnostic(&node.span, format!("`{key}` is empty"), empty));
    }
    let mut seen = HashSet::new();
    for (_, node) in words(list).filter(|(word, _)| !seen.insert(*word)).take(MOST_MISTAKES) {
        let title = format!("the same word twice in `{key}`");
        diagnostics.push(file.diagnostic(&node.span, title, "it is in the list already"));
    }
}

/// A text says something. `expected` is what it should say.
pub(super) fn check_text<T>(
    file: &Document<T>,
    key: &str,
    text: Option<&Node>,
    expected: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let is_blank = |node: &&Node| matches!(&node.content, Content::Str(text) if text.trim().is_empty());
    if let Some(node) = text.filter(is_blank) {
        diagnostics.push(file.diagnostic(&node.span, format!("an empty `{key}`"), expected));
    }
}
