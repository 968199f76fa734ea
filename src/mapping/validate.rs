//! What the types of a spec cannot say: whether the rows of a table, and what each file says, fit together.

use std::collections::{BTreeMap, HashSet};

use super::diagnostic::{Diagnostic, quoted};
use super::document::Document;
use super::node::{Content, Node};
use super::source::Source;
use super::typed::MOST_MISTAKES;
use super::validate_case::{Engines, check_case};
use super::{Category, MappingFile, RowFile, Side};

/// All files of a folder.
pub(super) struct Table<'a> {
    pub mapping: Option<&'a Document<MappingFile>>,
    pub rows: &'a [Document<RowFile>],
    /// Whether every file could be read so far that its keys are known.
    pub complete: bool,
}

const SIDES: [Side; 2] = [Side::Torch, Side::Mindspore];

impl<'a> Table<'a> {
    /// Adds every mistake to the diagnostics.
    pub fn check(&self, diagnostics: &mut Vec<Diagnostic>) {
        if let Some(mapping) = self.mapping {
            self.signatures(mapping, diagnostics);
            self.calls(&mapping.source, mapping.root.get("plain"), diagnostics);
            golden(mapping, diagnostics);
        }
        self.numbers(diagnostics);
        self.parameters(diagnostics);
        self.inputs(diagnostics);
        let golden = self.mapping.and_then(|mapping| mapping.with("golden")).map(|file| file.golden.as_slice());
        let engines = golden.map(Engines::new);
        for row in self.rows {
            check_row(row, diagnostics);
            let nodes = row.root.at("cases").items();
            for case in nodes {
                self.calls(&row.source, case.get("call"), diagnostics);
            }
            for (case, node) in row.typed.value.iter().flat_map(|file| &file.cases).zip(nodes) {
                check_case(row, case, node, engines.as_ref(), diagnostics);
            }
        }
    }

    /// Every parameter of a signature has a row. Where a row has a name that is in no signature, another
    /// row may be missing on its account: that is for the run to find out, which asks the frameworks.
    fn signatures(&self, mapping: &Document<MappingFile>, diagnostics: &mut Vec<Diagnostic>) {
        for side in SIDES {
            let (Some(api), Some(names)) = (mapping.with("apis").map(|file| file.apis.of(side)), self.names(side))
            else {
                continue;
            };
            let node = mapping.root.at("apis").at(side.key());
            let parameters = || node.at("constructor").items().iter().chain(node.at("forward").items());
            let known: HashSet<&str> = api.constructor.iter().chain(&api.forward).map(String::as_str).collect();
            if names.iter().any(|name| !known.contains(name)) {
                continue;
            }
            for (name, node) in api.constructor.iter().chain(&api.forward).zip(parameters()) {
                if !names.contains(&name.as_str()) {
                    let label = format!("no row has this parameter of {}", side.framework());
                    let diagnostic = mapping.diagnostic(&node.span, format!("no row for `{name}`"), label);
                    diagnostics.push(diagnostic.help(format!("add `{name}.yaml` with `{name}` in its `names`")));
                }
            }
        }
    }

    /// The parameters that the rows have on a side; `None` where not all of them could be read.
    fn names(&self, side: Side) -> Option<Vec<&'a str>> {
        let files = self.rows.iter().map(|row| row.with("names")).collect::<Option<Vec<&RowFile>>>()?;
        self.complete.then(|| files.iter().filter_map(|file| file.name(side)).collect())
    }

    /// Every keyword of a call has a row, which says what becomes of it on the other side.
    fn calls(&self, source: &Source, call: Option<&Node>, diagnostics: &mut Vec<Diagnostic>) {
        let side = Side::Mindspore;
        let signature = || self.mapping?.with("apis").map(|file| &file.apis.of(side).constructor);
        let names = self.names(side).or_else(|| signature().map(|names| names.iter().map(String::as_str).collect()));
        let Some(mut names) = names else { return };
        let of_source = |row: &&RowFile| row.name(side).is_none();
        let rows = self.rows.iter().filter_map(|row| row.with("names")).filter(of_source);
        names.extend(rows.filter(|row| row.in_torch.is_none()).filter_map(|row| row.name(Side::Torch)));
        let unknown = call.map_or(&[][..], Node::entries).iter().filter(|(key, _)| !names.contains(&&*key.name));
        for (key, _) in unknown.take(MOST_MISTAKES) {
            {
                let title = format!("unknown row: no row has the parameter `{}` on MindSpore's side", key.name);
                let label = format!("expected one of {}", quoted(names.iter().copied()));
                let diagnostic = Diagnostic::at(source, &key.span, title, label);
                diagnostics.push(diagnostic.meant(&key.name, names.iter().copied()));
            }
        }
    }

    /// No two rows have one number.
    fn numbers(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut numbers = BTreeMap::new();
        for row in self.rows {
            let Some(file) = row.with("row") else { continue };
            let node = row.root.at("row");
            if file.row == 0 {
                diagnostics.push(row.diagnostic(
                    &node.span,
                    "`row` begins at 1",
                    "expected the row's place on the page",
                ));
            } else if let Some(other) = numbers.insert(file.row, row) {
                let label = format!("`{}.yaml` has this number too", other.name);
                diagnostics.push(row.diagnostic(&node.span, format!("two rows with the number {}", file.row), label));
            }
        }
    }

    /// No two rows have one parameter.
    fn parameters(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut parameters = BTreeMap::new();
        for row in self.rows {
            let Some(file) = row.with("names") else { continue };
            for side in SIDES {
                let Some(name) = file.name(side) else { continue };
                if let Some(other) = parameters.insert((side, name), row) {
                    let span = &row.root.at("names").at(side.key()).span;
                    let title = format!("two rows for `{name}` of {}", side.framework());
                    diagnostics.push(row.diagnostic(span, title, format!("`{}.yaml` has it too", other.name)));
                }
            }
        }
    }

    /// One row is of the input: the forward call has one argument.
    fn inputs(&self, diagnostics: &mut Vec<Diagnostic>) {
        let is_input = |row: &&Document<RowFile>| row.with("category").is_some_and(|f| f.category == Category::Input);
        let mut inputs = self.rows.iter().filter(is_input);
        let first = inputs.next();
        for (row, first) in inputs.zip(first.into_iter().cycle()) {
            let label = format!("`{}.yaml` is the row of the input already", first.name);
            let span = &row.root.at("category").span;
            diagnostics.push(row.diagnostic(span, "more than one row of the input", label));
        }
    }
}

/// The names of golden engines are a framework and a version.
fn golden(mapping: &Document<MappingFile>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for node in mapping.root.at("golden").items() {
        let Content::Str(name) = &node.content else { continue };
        let (framework, version) = name.split_once('-').unwrap_or((name, ""));
        if framework.is_empty() || !version.starts_with(|c: char| c.is_ascii_digit()) {
            let title = format!("`{name}` is no golden engine");
            diagnostics.push(mapping.diagnostic(&node.span, title, "expected a name and a version, as `torch-1.8.1`"));
        } else if !seen.insert(name) {
            let title = format!("`{name}` is given twice");
            diagnostics.push(mapping.diagnostic(&node.span, title, "it is in the list already"));
        }
    }
}

/// What is asked of a row by itself.
fn check_row(row: &Document<RowFile>, diagnostics: &mut Vec<Diagnostic>) {
    if !is_name(&row.name) {
        let label = "expected a file name of a-z, 0-9 and `_`: checks are called by it";
        diagnostics.push(Diagnostic::whole(&row.source.path, format!("`{}` is no name for a row", row.name), label));
    }
    if let Some(file) = row.with("names")
        && file.category != Category::Example
        && SIDES.into_iter().all(|side| file.name(side).is_none())
    {
        let span = &row.root.at("names").span;
        let label = "expected `names: { torch: …, mindspore: … }`, null where that side has none";
        diagnostics.push(row.diagnostic(span, "the row names no parameter", label));
    }
    if let Some(Content::List(cases)) = row.root.get("cases").map(|node| &node.content)
        && cases.is_empty()
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
