//! A page that maps one API to another, as MindSpore publishes them, read from Markdown in Chinese or in English.
//!
//! Such pages are written by hand and differ in everything. So the reader takes what it understands, says of the
//! rest where it stands and why it was left, and holds the page to itself: the table to the signatures, and the
//! words of a row to its names and defaults. [`specs`](Page::specs) makes the files of a mapping of it.

mod api;
mod call;
mod contradiction;
mod example;
mod expression;
mod markdown;
mod note;
mod row;
mod signature;
mod spec;
mod table;
mod words;
mod yaml;

use std::ops::Range;
use std::path::Path;

use api::{Api, full_names, heading_name};
use example::Example;
use markdown::{Block, Code, Text, blocks};
use note::Notes;
use row::Row;
use table::{Line, Meaning};

use crate::mapping::{Diagnostic, Side, Sides, Source};
pub use spec::{File, Specs};

/// A page as it was read.
#[derive(Clone, Debug)]
pub struct Page {
    /// Whether the page is in Chinese; otherwise it is in English.
    pub is_chinese: bool,
    /// The mappings of the page: one, but where it has a table for each of several APIs.
    mappings: Vec<Mapped>,
    /// Other APIs to which the page says that it applies.
    pairs: Vec<(String, String)>,
    /// The name of the file.
    name: String,
    /// What the page contradicts or lacks, and what was passed over; in the order of its lines.
    pub diagnostics: Vec<Diagnostic>,
}

/// Two APIs and what the page says of them.
#[derive(Clone, Debug)]
struct Mapped {
    /// Of each side, the API that is mapped; where there are more, they are forms of it.
    apis: Sides<Vec<Api>>,
    rows: Vec<Row>,
    examples: Vec<Example>,
    /// What is said of the difference in words, a paragraph each.
    difference: Vec<String>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// What keeps the page from being one: the file cannot be read, or one of the two APIs is not named in it.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let source = Source::read(path, "page").map_err(|error| vec![*error])?;
        Self::of(&source)
    }

    fn of(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(source);
        for block in blocks(&source.text) {
            reader.block(block);
        }
        let name = source.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        reader.page(name)
    }
}

/// Where on the page a block stands.
#[derive(Clone, Debug, PartialEq)]
enum Section {
    /// Before the first heading of a section.
    Head,
    /// Under the name of an API, by its index.
    Api(usize),
    /// Under another heading.
    Other(String),
}

struct Reader<'a> {
    notes: Notes<'a>,
    section: Section,
    /// The title of the page.
    title: Option<Text>,
    apis: Vec<Api>,
    pairs: Vec<(String, String)>,
    tables: Vec<Tabled>,
    examples: Vec<Example>,
    /// What is said between the last table and what comes now: the APIs that are named there.
    named: Vec<String>,
    difference: Vec<String>,
    /// What is quoted before a block of code.
    quote: Option<String>,
    is_chinese: bool,
}

/// A table of the mapping, and the APIs that were named before it.
struct Tabled {
    lines: Vec<Line>,
    named: Vec<String>,
    span: Range<usize>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            notes: Notes::new(source),
            section: Section::Head,
            title: None,
            apis: Vec::new(),
            pairs: Vec::new(),
            tables: Vec::new(),
            examples: Vec::new(),
            named: Vec::new(),
            difference: Vec::new(),
            quote: None,
            is_chinese: false,
        }
    }

    fn block(&mut self, block: Block) {
        match block {
            Block::Heading(text) => self.heading(text),
            Block::Paragraph { text, links, is_quoted } => self.paragraph(text, &links, is_quoted),
            Block::Code(code) => self.code(&code),
            Block::Table(table) => self.table(&table),
        }
    }

    fn heading(&mut self, text: Text) {
        self.is_chinese |= words::is_chinese(&text.text);
        self.quote = None;
        if let Some((side, name)) = heading_name(&text.text) {
            self.section = Section::Api(self.api(&name, side, &text.span));
            return;
        }
        self.named.extend(full_names(&text.text).into_iter().map(|(_, name, _)| name.to_owned()));
        if self.title.is_none() && self.apis.is_empty() {
            self.title = Some(text);
            return;
        }
        self.section = Section::Other(text.text);
    }

    /// The index of an API, which is new where it was not named before.
    fn api(&mut self, name: &str, side: Side, span: &Range<usize>) -> usize {
        self.apis.iter().position(|api| api.name == name).unwrap_or_else(|| {
            self.apis.push(Api::new(name, side, span.clone()));
            self.apis.len() - 1
        })
    }

    fn paragraph(&mut self, text: Text, links: &[String], is_quoted: bool) {
        if text.text.starts_with('|') && text.text.matches('|').count() > 3 {
            let first = text.span.start..text.span.start + 1;
            if let Some(table) = table::recovered(&self.notes.source.text, &text.span) {
                let label =
                    "expected a header and, under it, a line of dashes with as many cells; it is read cell by cell";
                self.notes.warn(&first, "this is no table to Markdown", label);
                self.table(&table);
                return;
            }
        }
        if is_quoted {
            self.quote = Some(text.text);
            return;
        }
        match self.section {
            Section::Api(at) => {
                let api = &mut self.apis[at];
                if api.documented.is_none() {
                    api.documented = links.iter().find_map(|link| api::version(link));
                }
            }
            Section::Head => {}
            Section::Other(_) => {
                self.named.extend(full_names(&text.text).into_iter().map(|(_, name, _)| name.to_owned()));
                if self.examples.is_empty() {
                    self.difference.push(text.text);
                }
            }
        }
    }

    fn code(&mut self, code: &Code) {
        let own_names: Vec<&str> = match self.section {
            Section::Api(at) => vec![&self.apis[at].name],
            _ => Vec::new(),
        };
        // Without a heading of its own, a signature is told by its name, and stands before the table.
        let is_before_tables = self.tables.is_empty() && self.examples.is_empty();
        if (is_before_tables || !own_names.is_empty()) && signature::is_signature(code, &own_names) {
            self.signatures(code);
            return;
        }
        let (code_of, remark) = example::programs(code);
        let heading = match &self.section {
            Section::Other(heading) => heading.clone(),
            _ => String::new(),
        };
        let note =
            [self.quote.take(), remark].into_iter().flatten().reduce(|quote, remark| format!("{quote}\n{remark}"));
        let example = Example { heading, note, code: code_of };
        self.example(example, code);
    }

    /// What the examples of one heading have for one side and lack for the other belongs together; what is printed
    /// may stand in a block of its own.
    fn example(&mut self, example: Example, code: &Code) {
        let last = self.examples.last_mut().filter(|last| last.heading == example.heading);
        if example.is_empty() {
            let unprinted = last.and_then(|last| {
                let programs = [&mut last.code.mindspore, &mut last.code.torch].into_iter().flatten();
                programs.into_iter().find(|program| program.text.contains("print(") && program.prints.is_empty())
            });
            match unprinted
                .filter(|_| matches!(code.language.as_str(), "" | "text" | "txt" | "shell" | "console" | "output"))
            {
                Some(program) => program.prints.push(code.text.trim_end().to_owned()),
                None => self.notes.note(
                    &code.span,
                    "a block that is no code example is left out",
                    "neither PyTorch nor MindSpore is used in it",
                ),
            }
            return;
        }
        if let Some(last) = last {
            let is_free =
                Side::BOTH.iter().all(|side| last.code.of(*side).is_none() || example.code.of(*side).is_none());
            if is_free && example.note.is_none() {
                let Sides { torch, mindspore } = example.code;
                last.code = Sides {
                    torch: last.code.torch.take().or(torch),
                    mindspore: last.code.mindspore.take().or(mindspore),
                };
                return;
            }
        }
        self.examples.push(example);
    }

    fn signatures(&mut self, code: &Code) {
        let section = match self.section {
            Section::Api(at) => Some(at),
            _ => None,
        };
        for signature in signature::read(code, &mut self.notes) {
            let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
            let at = match section {
                Some(at) => {
                    let heading = self.apis[at].name.clone();
                    if signature.name != heading && (signature.name.contains('.') || short(&heading) != signature.name)
                    {
                        let title = format!("the signature is of `{}`", signature.name);
                        self.notes.warn(&signature.span, title, format!("the heading above is `{heading}`"));
                    }
                    at
                }
                None => match api::framework(&signature.name) {
                    Some(side) => self.api(&signature.name, side, &signature.span),
                    None => continue,
                },
            };
            self.apis[at].signatures.push(signature);
        }
    }

    fn table(&mut self, table: &markdown::Table) {
        match table::read(table, &mut self.notes) {
            Meaning::Mapping(lines) => {
                let named = std::mem::take(&mut self.named);
                self.is_chinese |= table.header.iter().any(|cell| words::is_chinese(&cell.text));
                self.tables.push(Tabled { lines, named, span: table.span.clone() });
            }
            Meaning::Pairs(pairs) => self.pairs.extend(pairs),
            Meaning::Other => {}
        }
    }

    /// The whole, once every block was read.
    fn page(mut self, name: String) -> Result<Page, Vec<Diagnostic>> {
        // What was a heading alone, after the first of its side, is no API of the mapping.
        let has_more = |api: &Api| !api.signatures.is_empty() || api.documented.is_some();
        for side in Side::BOTH {
            let some = self.apis.iter().any(|api| api.side == side && has_more(api));
            self.apis.retain(|api| api.side != side || !some || has_more(api));
        }
        self.apis_in_words();
        let apis = |side: Side| self.apis.iter().filter(|api| api.side == side).cloned().collect::<Vec<_>>();
        let apis = Sides { torch: apis(Side::Torch), mindspore: apis(Side::Mindspore) };
        for side in Side::BOTH {
            if apis.of(side).is_empty() {
                let title = format!("the page names no API of {}", side.framework());
                let label = "expected a heading that is its full name, as `## torch.nn.GroupNorm`";
                let place = self.title.as_ref().map_or(0..0, |title| title.span.clone());
                self.notes.said.push(Diagnostic::at(self.notes.source, &place, title, label));
            }
        }
        if Side::BOTH.iter().any(|side| apis.of(*side).is_empty()) {
            return Err(in_order(self.notes.said));
        }
        contradiction::title(self.title.as_ref(), &self.apis, &self.pairs, &mut self.notes);
        contradiction::signatures(&apis, &mut self.notes);
        let mut mappings: Vec<Mapped> = Vec::new();
        for (chosen, tables) in shared(apis, std::mem::take(&mut self.tables)) {
            if tables.is_empty() {
                let label = "expected a table with the columns `PyTorch` and `MindSpore`; the rows are made from the signatures";
                let place = chosen.mindspore.first().map_or(0..0, |api| api.span.clone());
                self.notes.warn(&place, "the page has no table of parameters", label);
            }
            let rows = row::rows(&chosen, tables, &mut self.notes);
            let is_first = mappings.is_empty();
            let examples = if is_first { std::mem::take(&mut self.examples) } else { Vec::new() };
            let difference = if is_first { std::mem::take(&mut self.difference) } else { Vec::new() };
            mappings.push(Mapped { apis: chosen, rows, examples, difference });
        }
        let Reader { notes, pairs, is_chinese, .. } = self;
        Ok(Page { is_chinese, mappings, pairs, name, diagnostics: in_order(notes.said) })
    }

    /// Where no heading names an API, the title or a table may.
    fn apis_in_words(&mut self) {
        for side in Side::BOTH {
            if self.apis.iter().any(|api| api.side == side) {
                continue;
            }
            let title = self.title.clone().unwrap_or_default();
            let in_title =
                full_names(&title.text).into_iter().find(|(of, ..)| *of == side).map(|(_, name, _)| name.to_owned());
            let in_pairs =
                self.pairs.first().map(|(torch, mindspore)| if side == Side::Torch { torch } else { mindspore });
            if let Some(name) = in_title.or_else(|| in_pairs.cloned()) {
                let label = "expected a heading with its name and its signature; parameters are taken from the table";
                self.notes.warn(&title.span, format!("`{name}` has no section of its own"), label);
                self.apis.push(Api::new(&name, side, title.span));
            }
        }
    }
}

/// The tables of each pair of APIs. Of several tables, each is of the APIs that were named before it; where they
/// cannot be told apart, all are of one mapping.
fn shared(apis: Sides<Vec<Api>>, tables: Vec<Tabled>) -> Vec<(Sides<Vec<Api>>, Vec<Tabled>)> {
    let is_plain = apis.torch.len() == 1 && apis.mindspore.len() == 1;
    if tables.len() < 2 || is_plain {
        return vec![(apis, tables)];
    }
    let mut mappings: Vec<(Sides<Vec<Api>>, Vec<Tabled>)> = Vec::new();
    for table in tables {
        let chosen = |side: Side| {
            let of_side = apis.of(side);
            let named = table.named.iter().rev().find_map(|name| of_side.iter().find(|api| api.name == *name));
            named.or(of_side.first()).cloned().into_iter().collect::<Vec<Api>>()
        };
        let chosen = Sides { torch: chosen(Side::Torch), mindspore: chosen(Side::Mindspore) };
        let names = |apis: &Sides<Vec<Api>>| {
            [&apis.torch, &apis.mindspore].map(|apis| apis.first().map(|api| api.name.clone()))
        };
        match mappings.iter_mut().find(|(known, _)| names(known) == names(&chosen)) {
            Some((_, tables)) => tables.push(table),
            None => mappings.push((chosen, vec![table])),
        }
    }
    mappings
}

/// By line, and what is said twice once.
fn in_order(mut said: Vec<Diagnostic>) -> Vec<Diagnostic> {
    said.sort_by_key(|diagnostic| (diagnostic.place.is_none(), diagnostic.place));
    said.dedup_by(|a, b| (a.place, &a.title) == (b.place, &b.title));
    said
}
