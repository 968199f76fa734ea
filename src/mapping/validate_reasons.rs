//! Every `why` of a mapping that has `reasons` is there in Chinese, and every one of its `reasons` is a `why`.

use std::collections::HashSet;

use super::diagnostic::Diagnostic;
use super::document::Document;
use super::node::{Content, Node};
use super::source::Source;
use super::typed::MOST_MISTAKES;
use super::words::check_text;
use super::{MappingFile, RowFile};

/// Two texts of which less is alike are not taken for one that was mistyped.
const ALIKE: f64 = 0.5;

/// A longer text is not looked for among others.
const LONGEST_COMPARED: usize = 1000;

/// A `why`, and where it is.
struct Why<'a> {
    text: &'a str,
    source: &'a Source,
    node: &'a Node,
}

/// Adds every mistake of `reasons` to the diagnostics. `complete` is whether all rows could be read.
pub(super) fn check_reasons(
    mapping: &Document<MappingFile>,
    rows: &[Document<RowFile>],
    complete: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(list) = mapping.root.get("reasons").filter(|list| mapping.typed.sound(list)) else { return };
    let mut said = Vec::new();
    gather(&mapping.source, &mapping.root, &mut said);
    rows.iter().for_each(|row| gather(&row.source, &row.root, &mut said));
    let mut whys: HashSet<&str> = HashSet::new();
    said.retain(|why| whys.insert(why.text));

    let mut reasons: HashSet<&str> = HashSet::new();
    for node in list.items() {
        for key in ["en", "zh"] {
            check_text(mapping, key, node.get(key), "expected the reason in this language", diagnostics);
        }
        let english = node.at("en");
        if text(english).is_some_and(|text| !reasons.insert(text)) {
            diagnostics.push(mapping.diagnostic(&english.span, "a reason given twice", "it is in the list already"));
        }
    }

    for Why { text, source, node } in said.iter().filter(|why| !reasons.contains(why.text)).take(MOST_MISTAKES) {
        let label = "expected its Chinese in the `reasons` of mapping.yaml";
        let diagnostic = Diagnostic::at(source, &node.span, "a `why` without its Chinese", label);
        diagnostics.push(diagnostic.help(match nearest(text, reasons.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? Where not, add an entry `- {{ en: …, zh: … }}` there"),
            None => "add an entry `- { en: …, zh: … }` there".to_owned(),
        }));
    }
    if !complete {
        return;
    }
    let stray = list.items().iter().filter_map(|node| Some((text(node.at("en"))?, node.at("en"))));
    for (text, node) in stray.filter(|(text, _)| !whys.contains(text)).take(MOST_MISTAKES) {
        let diagnostic = mapping.diagnostic(&node.span, "a reason that nothing has", "no `why` says this");
        diagnostics.push(diagnostic.help(match nearest(text, whys.difference(&reasons).copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it".to_owned(),
        }));
    }
}

/// Every `why` that says something, wherever it stands.
fn gather<'a>(source: &'a Source, node: &'a Node, found: &mut Vec<Why<'a>>) {
    for (key, value) in node.entries() {
        match (key.name.as_str(), text(value)) {
            ("why", Some(text)) => found.push(Why { text, source, node: value }),
            // There the keys are parameters, which may have any name.
            ("call" | "plain", _) => {}
            _ => gather(source, value, found),
        }
    }
    node.items().iter().for_each(|item| gather(source, item, found));
}

/// What a node says, if that is not nothing.
fn text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Str(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// The text that is most like another one; of two that are, the first by the alphabet.
fn nearest<'a>(text: &str, others: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > LONGEST_COMPARED {
        return None;
    }
    let comparable = others.filter(|other| other.len() <= LONGEST_COMPARED);
    let alike = comparable.map(|other| (strsim::sorensen_dice(text, other), other));
    let near = alike.filter(|(alike, _)| *alike >= ALIKE);
    near.max_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| y.cmp(x))).map(|(_, other)| other)
}
