//! What the types of a spec cannot say: whether the files of a folder fit together.

use std::collections::{BTreeMap, HashSet};

use super::diagnostic::{Diagnostic, quoted};
use super::document::Document;
use super::node::Node;
use super::source::Source;
use super::typed::MOST_MISTAKES;
use super::validate_case::check_case;
use super::validate_mapping::check_mapping;
use super::validate_reasons::check_reasons;
use super::validate_row::check_row;
use super::words::Engines;
use super::{Category, MappingFile, RowFile, Side};

/// All files of a folder.
pub(super) struct Table<'a> {
    pub mapping: Option<&'a Document<MappingFile>>,
    pub rows: &'a [Document<RowFile>],
    /// Whether every file could be read so far that its keys are known.
    pub complete: bool,
}

impl<'a> Table<'a> {
    /// Adds every mistake to the diagnostics.
    pub fn check(&self, diagnostics: &mut Vec<Diagnostic>) {
        let golden = self.mapping.and_then(|mapping| mapping.with("golden")).map(|file| file.golden.as_slice());
        let engines = golden.map(Engines::new);
        if let Some(mapping) = self.mapping {
            self.signatures(mapping, diagnostics);
            self.calls(&mapping.source, mapping.root.get("plain"), diagnostics);
            check_mapping(mapping, engines.as_ref(), diagnostics);
            check_reasons(mapping, self.rows, self.complete, diagnostics);
        }
        self.numbers(diagnostics);
        self.page(diagnostics);
        let is_draft = self.mapping.and_then(|mapping| mapping.with("draft")).is_some_and(|file| file.draft);
        if !is_draft {
            self.parameters(diagnostics);
            self.inputs(diagnostics);
        }
        for row in self.rows {
            check_row(row, engines.as_ref(), is_draft, diagnostics);
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
        for side in Side::BOTH {
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
        let takes = |file: &&&RowFile| file.category != Category::Output;
        self.complete.then(|| files.iter().filter(takes).flat_map(|file| file.all_names(side)).collect())
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

    /// The rows of the page are numbered without a hole; what the page lacks comes after them.
    fn page(&self, diagnostics: &mut Vec<Diagnostic>) {
        let numbered = |row: &'a Document<RowFile>| Some((row.with("row")?.row, row, row.with("on_page")?.on_page));
        let rows = self.rows.iter().map(numbered).collect::<Option<Vec<_>>>();
        let Some(mut rows) = rows.filter(|_| self.complete) else { return };
        // That 0 is no number is said already.
        rows.retain(|(number, ..)| *number > 0);
        rows.sort_by_key(|(number, ..)| *number);
        let (page, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(.., on_page)| *on_page);
        let last = page.last().map_or(0, |(last, ..)| *last);
        for (_, row, _) in others.iter().filter(|(number, ..)| *number <= last) {
            let label = format!("expected a number above {last}, which is the last on the page");
            let title = "a row that is not on the page, with a number of the page";
            diagnostics.push(row.diagnostic(&row.root.at("row").span, title, label));
        }
        let mut before: Option<(u32, &Document<RowFile>)> = None;
        for (number, row, _) in page {
            let next = before.map_or(1, |(before, _)| before.saturating_add(1));
            // What is not on the page is told to give up its number.
            let is_free = |free: &u32| others.iter().all(|(number, ..)| number != free);
            if let Some(free) = (next..number).find(is_free) {
                let numbers = if free == number - 1 {
                    format!("number {free}")
                } else {
                    format!("numbers {free} to {}", number - 1)
                };
                let label = match before {
                    Some((before, row)) => format!("expected {free}: `{}.yaml` before it has {before}", row.name),
                    None => format!("expected {free}: no row of the page is before it"),
                };
                let title = format!("no row of the page has the {numbers}");
                diagnostics.push(row.diagnostic(&row.root.at("row").span, title, label));
            }
            before = Some((number, row));
        }
    }

    /// No two rows have one parameter.
    fn parameters(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut parameters = BTreeMap::new();
        for row in self.rows {
            let Some(file) = row.with("names").filter(|file| file.category != Category::Output) else { continue };
            for (side, name) in
                Side::BOTH.into_iter().flat_map(|side| file.all_names(side).map(move |name| (side, name)))
            {
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
