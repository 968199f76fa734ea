//! What the types of a row cannot say: whether what it says of its parameter and its cases makes sense.

use std::collections::{BTreeMap, HashSet};

use super::diagnostic::Diagnostic;
use super::document::Document;
use super::node::{Content, Node};
use super::typed::MOST_MISTAKES;
use super::validate_case::check_argument;
use super::words::{Engines, check_list, check_text, no_version, side_of, words};
use super::{Category, RowFile, Side};

/// Adds every mistake of a row by itself to the diagnostics.
pub(super) fn check_row(
    row: &Document<RowFile>,
    engines: Option<&Engines<'_>>,
    is_draft: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    check_names(row, diagnostics);
    for (side, argument) in row.with("default").iter().flat_map(|file| &file.default) {
        let node = row.root.at("default").at(side.key());
        check_argument(row, "default", argument, 1, node, diagnostics);
    }
    let (missing, announced) = (row.root.get("missing"), row.root.get("announced"));
    let announcing = announced.and_then(|announced| announced.get("engines"));
    let label = "leave it out where every version has the parameter";
    check_list(row, "missing", missing, label, diagnostics);
    check_list(row, "engines", announcing, "then no version would announce anything", diagnostics);
    let why = announced.and_then(|announced| announced.get("why"));
    check_text(row, "why", why, "expected what is announced", diagnostics);
    if let Some(engines) = engines {
        for list in [missing, announcing] {
            check_versions(row, list, engines, diagnostics);
        }
    }
    let lacking: HashSet<&str> = words(missing).map(|(name, _)| name).collect();
    for (name, node) in words(announcing).filter(|(name, _)| lacking.contains(name)).take(MOST_MISTAKES) {
        let label = "it is in `missing`: what has no parameter announces nothing of it";
        diagnostics.push(row.diagnostic(&node.span, format!("`{name}` does not have the parameter"), label));
    }
    check_cases(row, is_draft, diagnostics);
}

/// The row has a name, and names a parameter.
fn check_names(row: &Document<RowFile>, diagnostics: &mut Vec<Diagnostic>) {
    if !is_name(&row.name) {
        let label = "expected a file name of a-z, 0-9 and `_`: checks are called by it";
        diagnostics.push(Diagnostic::whole(&row.source.path, format!("`{}` is no name for a row", row.name), label));
    }
    if let Some(file) = row.with("names")
        && file.category != Category::Example
        && Side::BOTH.into_iter().all(|side| file.name(side).is_none())
    {
        let span = &row.root.at("names").span;
        let label = "expected `names: { torch: …, mindspore: … }`, null where that side has none";
        diagnostics.push(row.diagnostic(span, "the row names no parameter", label));
    }
}

/// A list has recorded versions of the sides that have the parameter.
fn check_versions(
    row: &Document<RowFile>,
    list: Option<&Node>,
    engines: &Engines<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let has_name = |side: Side| row.with("names").is_none_or(|file| file.name(side).is_some());
    let is_valid = |version: &&str| side_of(version).is_some_and(has_name);
    let valid: Vec<&str> = engines.versions.iter().copied().filter(is_valid).collect();
    let invalid = words(list).filter(|(name, _)| !valid.contains(name));
    for (name, node) in invalid.take(MOST_MISTAKES) {
        let side = side_of(name).filter(|_| engines.versions.contains(&name));
        diagnostics.push(match side {
            Some(side) => {
                let label = format!("the row has no name for {}: no version of it has the parameter", side.framework());
                row.diagnostic(&node.span, format!("`{name}` is of a side without the parameter"), label)
            }
            None => no_version(row, name, node, &valid),
        });
    }
}

/// There are cases, and each has a name of its own.
fn check_cases(row: &Document<RowFile>, is_draft: bool, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(Content::List(cases)) = row.root.get("cases").map(|node| &node.content)
        && cases.is_empty()
        && !is_draft
    {
        let label = "a row without a case claims nothing that could fail";
        diagnostics.push(row.diagnostic(&row.root.at("cases").span, "no cases", label));
    }
    let mut names = BTreeMap::new();
    for (index, case) in row.root.at("cases").items().iter().enumerate() {
        let node = case.at("name");
        let Content::Str(name) = &node.content else { continue };
        if !is_name(name) {
            let title =
                if name.is_empty() { "a case with an empty name" } else { &format!("`{name}` is no name for a case") };
            let diagnostic = row.diagnostic(&node.span, title, "expected a-z, 0-9 and `_`: checks are called by it");
            let likely = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            diagnostics.push(match likely.trim_matches('_') {
                "" => diagnostic,
                likely => diagnostic.help(format!("write `{likely}`")),
            });
        } else if let Some(other) = names.insert(name, index) {
            let title = format!("duplicate case name `{name}`");
            diagnostics.push(row.diagnostic(&node.span, title, format!("case {} has this name already", other + 1)));
        }
    }
}

/// Whether something may be part of a check's name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
