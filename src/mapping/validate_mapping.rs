//! What the types of `mapping.yaml` cannot say: whether its recorded versions, and what it says of them, make sense.

use std::collections::{BTreeMap, HashSet};

use super::case::{How, Input};
use super::diagnostic::Diagnostic;
use super::document::Document;
use super::layout::Layout;
use super::limit::{Limit, When};
use super::mistake::one_of;
use super::node::Node;
use super::recipe::Unrealizable;
use super::translate::channels;
use super::typed::MOST_MISTAKES;
use super::validate_case::check_argument;
use super::words::{Engines, check_list, check_text, words};
use super::{MappingFile, Side};
use crate::version::Version;

/// Adds every mistake of `mapping.yaml` by itself to the diagnostics.
pub(super) fn check_mapping(
    mapping: &Document<MappingFile>,
    engines: Option<&Engines<'_>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    check_golden(mapping, diagnostics);
    check_plain(mapping, diagnostics);
    let limits = mapping.typed.value.iter().flat_map(|file| &file.limits);
    for (limit, node) in limits.zip(mapping.root.at("limits").items()) {
        check_list(mapping, "engines", node.get("engines"), "then the limit would be of no version", diagnostics);
        if let Some(engines) = engines {
            check_engines(mapping, node, engines, diagnostics);
        }
        if let Some(when) = node.get("when") {
            check_when(mapping, &limit.when, when, diagnostics);
        }
        check_claim(mapping, limit, node, diagnostics);
        check_text(mapping, "why", node.get("why"), "expected a reason", diagnostics);
    }
}

/// The plain call can be made.
fn check_plain(mapping: &Document<MappingFile>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(MappingFile { plain, .. }) = mapping.with("plain") else { return };
    let (node, channels) = (mapping.root.at("plain"), channels(plain));
    for (name, argument) in &plain.0 {
        check_argument(mapping, name, argument, channels, node.at(name), diagnostics);
    }
    let x = Input::default();
    if let Err(Unrealizable(why)) = x.values.fits(&x.shape_for(channels), &x.set, Layout::Contiguous) {
        diagnostics.push(mapping.diagnostic(&node.at("num_channels").span, "`x` cannot be made", why));
    }
}

/// The names of golden engines are a framework and a version; of one framework, the oldest comes first.
fn check_golden(mapping: &Document<MappingFile>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    let mut newest: BTreeMap<&str, (Version, &str)> = BTreeMap::new();
    for (name, node) in words(mapping.root.get("golden")) {
        let (framework, version) = name.split_once('-').unwrap_or((name, ""));
        let is_known = Side::BOTH.iter().any(|side| side.key() == framework);
        if !is_known || !version.starts_with(|c: char| c.is_ascii_digit()) {
            let title = format!("`{name}` is no golden engine");
            let label = "expected `torch` or `mindspore` and a version, as `torch-1.8.1`";
            diagnostics.push(mapping.diagnostic(&node.span, title, label));
        } else if !seen.insert(name) {
            let title = format!("`{name}` is given twice");
            diagnostics.push(mapping.diagnostic(&node.span, title, "it is in the list already"));
        } else {
            let version = Version::of(version);
            match newest.get(framework) {
                Some((newer, before)) if *newer > version => {
                    let label = format!("expected before `{before}`: the oldest version comes first");
                    diagnostics.push(mapping.diagnostic(&node.span, format!("`{name}` comes too late"), label));
                }
                _ => drop(newest.insert(framework, (version, name))),
            }
        }
    }
}

/// A limit is of recorded versions: what answers live has none.
fn check_engines(
    mapping: &Document<MappingFile>,
    limit: &Node,
    engines: &Engines<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let valid = &engines.recorded;
    let unknown = words(limit.get("engines")).filter(|(name, _)| !valid.contains(name));
    for (name, node) in unknown.take(MOST_MISTAKES) {
        let title = format!("`{name}` is no recorded engine");
        let diagnostic = mapping.diagnostic(&node.span, title, one_of(valid));
        diagnostics.push(diagnostic.meant(name, valid.iter().copied()));
    }
}

/// A limit is of calls of a kind, and each of its conditions narrows them down.
fn check_when(mapping: &Document<MappingFile>, when: &When, node: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let said = diagnostics.len();
    for key in ["dtypes", "gradients"] {
        let list = node.get(key).filter(|list| mapping.typed.sound(list));
        check_list(mapping, key, list, "leave it out where any will do", diagnostics);
    }
    if let Some(empty) = node.get("empty").filter(|empty| !when.empty && mapping.typed.sound(empty)) {
        let label = "expected `true`; leave it out where any input will do";
        diagnostics.push(mapping.diagnostic(&empty.span, "`empty: false` says nothing", label));
    }
    if diagnostics.len() == said && *when == When::default() && mapping.typed.sound(node) {
        let label = "then every call would be meant: expected `rank_not`, `dtypes`, `empty` or `gradients`";
        diagnostics.push(mapping.diagnostic(&node.span, "`when` says nothing", label));
    }
}

/// A limit says one thing.
fn check_claim(mapping: &Document<MappingFile>, limit: &Limit, node: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let differs = &node.at("differs").span;
    diagnostics.push(match (limit.rejected, limit.differs) {
        (None, None) if node.is_map() && mapping.typed.is_spelt(node) => {
            let label = "expected `rejected: …` or `differs: …` in this mapping";
            mapping.diagnostic(&node.span, "a limit that claims nothing", label)
        }
        (Some(_), Some(_)) => {
            let label = "expected one of the two: what is rejected has no answer that could differ";
            mapping.diagnostic(differs, "`differs` contradicts `rejected`", label)
        }
        (None, Some(How::Rejection)) => {
            let diagnostic =
                mapping.diagnostic(differs, "a rejection without its class", "expected `values` or `dtype`");
            diagnostic.help("write `rejected: …` instead, with the class that is raised")
        }
        _ => return,
    });
}
