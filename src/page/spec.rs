//! The files of a mapping that was read off a page, as our own reader takes them.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::api::Api;
use super::call::{Called, Input, Values, called};
use super::example::{Example, Program};
use super::expression::Expression;
use super::row::{Row, parameter};
use super::yaml::{block, flow, text};
use super::{Mapped, Page};
use crate::binding;
use crate::mapping::{Category, Side, Sides};

/// A file of a folder of specs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name: `eps.yaml`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The files of one mapping, and what is still to be written into them.
#[derive(Clone, Debug)]
pub struct Specs {
    /// The full names of the two APIs.
    pub apis: Sides<String>,
    /// `mapping.yaml`, and a file for each row.
    pub files: Vec<File>,
    /// How many rows the page has.
    pub rows: usize,
    /// How many rows the signatures have and the page lacks.
    pub lacking: usize,
    /// How many code examples became cases.
    pub examples: usize,
    /// What a person has to add, a sentence each.
    pub needed: Vec<String>,
}

impl Page {
    /// The files of each mapping of the page, in its order.
    pub fn specs(&self) -> Vec<Specs> {
        self.mappings.iter().map(|mapped| Writer::new(self, mapped).specs()).collect()
    }
}

struct Writer<'a> {
    page: &'a Page,
    mapped: &'a Mapped,
    /// Whether mapcheck can read calls of these APIs.
    is_bound: bool,
    /// The names of files that are taken.
    taken: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    fn new(page: &'a Page, mapped: &'a Mapped) -> Self {
        let is_bound = binding::is_known(name(&mapped.apis.torch), name(&mapped.apis.mindspore));
        Self { page, mapped, is_bound, taken: BTreeSet::from(["mapping".to_owned(), "example".to_owned()]) }
    }

    fn specs(mut self) -> Specs {
        let Mapped { apis, rows, examples, .. } = self.mapped;
        let mut files = vec![File { name: "mapping.yaml".to_owned(), text: self.mapping() }];
        // What the page lacks is numbered after it, and its examples belong to it.
        let (on_page, lacking): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.on_page);
        // A folder of specs has a row at least.
        let example = (!examples.is_empty() || rows.is_empty()).then_some(None);
        let numbered = on_page.iter().map(|row| Some(*row)).chain(example).chain(lacking.iter().map(|row| Some(*row)));
        for (index, row) in numbered.enumerate() {
            files.push(match row {
                Some(row) => File { name: format!("{}.yaml", self.file_name(row)), text: self.row(index + 1, row) },
                None => File { name: "example.yaml".to_owned(), text: self.examples(index + 1) },
            });
        }
        let apis = Sides { torch: name(&apis.torch).to_owned(), mindspore: name(&apis.mindspore).to_owned() };
        let (rows, lacking, examples) = (on_page.len(), lacking.len(), examples.len());
        Specs { needed: self.needed(&apis), apis, files, rows, lacking, examples }
    }

    /// The name of a row's file: that of its parameter, which no other file has.
    fn file_name(&mut self, row: &Row) -> String {
        let is_only = self.mapped.rows.iter().filter(|other| other.category == row.category).count() == 1;
        let own = row.names.mindspore.first().or(row.names.torch.first());
        let base = match row.category {
            Category::Input if is_only => "input".to_owned(),
            Category::Output => format!("output_{}", own.map_or("", String::as_str)),
            _ => own.cloned().unwrap_or_default(),
        };
        let base: String = base
            .chars()
            .take(60)
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let base = base.trim_matches('_');
        let base = if base.is_empty() { "row" } else { base };
        let mut name = base.to_owned();
        for more in 2.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            name = format!("{base}_{more}");
        }
        name
    }

    fn mapping(&self) -> String {
        let Mapped { apis, difference, .. } = self.mapped;
        let mut out = format!(
            "# yaml-language-server: $schema=../schema/mapping.json\n# {} to {}, read off {} by `cargo xtask import`.\n",
            name(&apis.torch),
            name(&apis.mindspore),
            one_line(&self.page.name),
        );
        for (torch, mindspore) in self.others() {
            let _ = writeln!(out, "# The page applies to {torch} and {mindspore} too.");
        }
        out.push_str("draft: true\napis:\n");
        for side in Side::BOTH {
            self.api(side, &mut out);
        }
        if !difference.is_empty() {
            let _ = write!(out, "difference:\n  {}: {}\n", self.language(), block(&difference.join("\n"), 4));
        }
        let _ = write!(out, "plain: {}\ngolden: []\n", self.plain());
        out
    }

    /// Pairs of APIs that the page names beside its own.
    fn others(&self) -> impl Iterator<Item = &(String, String)> {
        let apis = &self.mapped.apis;
        self.page.pairs.iter().filter(|(torch, mindspore)| {
            (torch.as_str(), mindspore.as_str()) != (name(&apis.torch), name(&apis.mindspore))
        })
    }

    fn api(&self, side: Side, out: &mut String) {
        let apis = self.mapped.apis.of(side);
        let documented = apis.iter().find_map(|api| api.documented.as_deref()).unwrap_or("unknown");
        let _ =
            write!(out, "  {}:\n    name: {}\n    documented: {}\n", side.key(), flow(name(apis)), flow(documented));
        let names_of = |list: &dyn Fn(&'a Api) -> Vec<String>| -> Vec<String> {
            let mut names: Vec<String> = Vec::new();
            apis.iter().flat_map(list).for_each(|name| {
                if !names.contains(&name) {
                    names.push(name)
                }
            });
            names
        };
        let mut constructor =
            names_of(&|api| api.constructor().iter().map(|parameter| parameter.name.clone()).collect());
        let mut forward = names_of(&|api| api.forward().iter().map(|parameter| parameter.name.clone()).collect());
        // What no signature says, the table does.
        let has_signature = apis.iter().any(|api| !api.signatures.is_empty());
        for row in &self.mapped.rows {
            let (list, is_told) = match row.category {
                Category::Parameter => (&mut constructor, !has_signature),
                Category::Input => (&mut forward, true),
                Category::Output | Category::Example => continue,
            };
            let unknown = row.names.of(side).iter().filter(|name| is_told && parameter(apis, name).is_none());
            for name in unknown {
                if !list.contains(name) && !apis.iter().any(Api::has_forward) {
                    list.push(name.clone());
                }
            }
        }
        let list = |names: Vec<String>| names.iter().map(|name| flow(name)).collect::<Vec<_>>().join(", ");
        let _ = write!(out, "    constructor: [{}]\n    forward: [{}]\n", list(constructor), list(forward));
        let mut lines = apis.iter().flat_map(|api| &api.signatures).map(|signature| signature.text.as_str()).peekable();
        if lines.peek().is_some() {
            out.push_str("    signatures:\n");
            lines.for_each(|line| out.push_str(&format!("      - {}\n", text(line))));
        }
    }

    /// The keywords without a default, as an example gives them.
    fn plain(&self) -> String {
        let api = self.mapped.apis.mindspore.first();
        let has_none =
            |name: &str| api.and_then(|api| api.parameter(name)).is_some_and(|parameter| parameter.default.is_none());
        let called = self.mapped.examples.iter().find_map(|example| self.called(example));
        let arguments = called.map(|called| called.arguments).unwrap_or_default();
        let needed: Vec<_> =
            arguments.into_iter().filter(|(name, value)| has_none(name) && is_literal(value)).collect();
        keywords(&needed)
    }

    fn row(&self, number: usize, row: &Row) -> String {
        let mut out = format!("# yaml-language-server: $schema=../schema/row.json\nrow: {number}\n");
        match row.category {
            Category::Parameter | Category::Example => {}
            Category::Input => out.push_str("category: input\n"),
            Category::Output => out.push_str("category: output\n"),
        }
        if !row.on_page {
            out.push_str("on_page: false\n");
        }
        let first = |side: Side| row.names.of(side).first().map_or("~".to_owned(), |name| flow(name));
        let _ = writeln!(out, "names: {{ torch: {}, mindspore: {} }}", first(Side::Torch), first(Side::Mindspore));
        let also = |side: Side| {
            let names: Vec<String> = row.names.of(side).iter().skip(1).map(|name| flow(name)).collect();
            (!names.is_empty()).then(|| format!("{}: [{}]", side.key(), names.join(", ")))
        };
        out.push_str(&line("also", Side::BOTH.into_iter().filter_map(also)));
        let default =
            |side: Side| row.default.of(side).as_ref().map(|value| format!("{}: {}", side.key(), argument(value)));
        out.push_str(&line("default", Side::BOTH.into_iter().filter_map(default)));
        if row.meaning_differs {
            out.push_str("meaning: differs\n");
        }
        if let Some(difference) = &row.difference {
            let _ = write!(out, "difference:\n  {}: {}\n", self.language(), text(difference));
        }
        out.push_str("cases: []\n");
        out
    }

    fn examples(&self, number: usize) -> String {
        let mut out =
            format!("# yaml-language-server: $schema=../schema/row.json\nrow: {number}\ncategory: example\ncases:\n");
        let examples = &self.mapped.examples;
        if examples.is_empty() {
            return out.replace("cases:\n", "cases: []\n");
        }
        for (index, example) in examples.iter().enumerate() {
            let name = if examples.len() == 1 { "as_on_the_page".to_owned() } else { format!("example_{}", index + 1) };
            let _ = writeln!(out, "  - name: {name}");
            if let Some(note) = &example.note {
                let _ = writeln!(out, "    why: {}", block(note, 6));
            }
            self.call(example, &mut out);
            out.push_str("    code:\n");
            for side in Side::BOTH {
                if let Some(program) = example.code.of(side) {
                    code(side, program, &mut out);
                }
            }
        }
        out
    }

    /// The call of an example, as far as it can be read off the code.
    fn call(&self, example: &Example, out: &mut String) {
        let Some(called) = self.called(example) else { return out.push_str("    call: {}\n") };
        let _ = writeln!(out, "    call: {}", keywords(&called.arguments));
        // What x is, is known of what can be run.
        let Some(input) = called.input.filter(|_| self.is_bound) else { return };
        let _ = writeln!(out, "    x: {}", recipe(&input));
        let printed = |side: Side| example.code.of(side).as_ref().map(|program| program.prints.as_slice());
        if let (Some([torch]), Some([mindspore])) = (printed(Side::Torch), printed(Side::Mindspore))
            && torch == mindspore
        {
            let _ = writeln!(out, "    prints: {}", block(&format!("{torch}\n"), 6));
        }
    }

    /// The call of the target in an example, with the keywords that a row has.
    fn called(&self, example: &Example) -> Option<Called> {
        let program = example.code.mindspore.as_ref()?;
        let mut called = self.mapped.apis.mindspore.iter().find_map(|api| called(api, program))?;
        let has_row = |name: &String| {
            let mut rows = self.mapped.rows.iter().filter(|row| row.category != Category::Output);
            rows.any(|row| {
                row.names.mindspore.contains(name) || row.names.mindspore.is_empty() && row.names.torch.contains(name)
            })
        };
        let is_readable = |value: &Expression| !self.is_bound || is_literal(value);
        called.arguments.retain(|(name, value)| has_row(name) && is_readable(value));
        Some(called)
    }

    fn language(&self) -> &'static str {
        if self.page.is_chinese { "zh" } else { "en" }
    }

    fn needed(&self, apis: &Sides<String>) -> Vec<String> {
        let mut needed = Vec::new();
        if !self.is_bound {
            needed.push(format!(
                "mapcheck knows no calls of {} and {}: add a binding in src/binding/, then the cases can be run",
                apis.torch, apis.mindspore
            ));
        }
        for side in Side::BOTH {
            if self.mapped.apis.of(side).iter().all(|api| api.documented.is_none()) {
                needed.push(format!(
                    "the version of {} for which the page is written: `documented` in mapping.yaml",
                    side.framework()
                ));
            }
        }
        let of = |is: &dyn Fn(&Row) -> bool| -> Vec<&str> {
            let rows = self.mapped.rows.iter().filter(|row| row.category == Category::Parameter && is(row));
            rows.filter_map(|row| row.names.mindspore.first().map(String::as_str)).collect()
        };
        let only_in_target = of(&|row| row.names.torch.is_empty());
        if !only_in_target.is_empty() {
            needed.push(format!(
                "what is written in PyTorch instead: `in_torch` in the rows of {}",
                only_in_target.join(", ")
            ));
        }
        needed.push("a case for each row, and the recorded versions under `golden` in mapping.yaml".to_owned());
        let other = if self.page.is_chinese { "English" } else { "Chinese" };
        needed.push(format!("the differences in {other}"));
        needed.push("then take out `draft: true`: the reader will say what is missing".to_owned());
        needed
    }
}

/// The full name of the API that is mapped.
fn name(apis: &[Api]) -> &str {
    apis.first().map_or("", |api| &api.name)
}

fn line(key: &str, entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() { String::new() } else { format!("{key}: {{ {} }}\n", entries.join(", ")) }
}

fn code(side: Side, program: &Program, out: &mut String) {
    let _ = write!(out, "      {}:\n        text: {}\n", side.key(), block(&program.text, 10));
    if !program.prints.is_empty() {
        out.push_str("        prints:\n");
        program.prints.iter().for_each(|printed| out.push_str(&format!("          - {}\n", block(printed, 12))));
    }
}

fn keywords(arguments: &[(String, Expression)]) -> String {
    let entries: Vec<String> =
        arguments.iter().map(|(name, value)| format!("{}: {}", flow(name), argument(value))).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// A value as specs write it.
fn argument(value: &Expression) -> String {
    match value {
        Expression::None => "~".to_owned(),
        Expression::Bool(value) => value.to_string(),
        Expression::Int(value) => value.to_string(),
        Expression::Float(value) => number(*value),
        Expression::Str(value) => flow(value),
        Expression::DType(dtype) => format!("{{ dtype: {} }}", dtype.name()),
        Expression::List(items) if is_literal(value) => {
            format!("[{}]", items.iter().map(argument).collect::<Vec<_>>().join(", "))
        }
        other => format!("{{ python: {} }}", flow(&other.to_string())),
    }
}

/// A float as YAML knows it: with a point.
fn number(value: f64) -> String {
    let written = format!("{value:?}");
    match written.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => written,
    }
}

/// Whether a value is one that calls have.
fn is_literal(value: &Expression) -> bool {
    match value {
        Expression::None
        | Expression::Bool(_)
        | Expression::Int(_)
        | Expression::Float(_)
        | Expression::Str(_)
        | Expression::DType(_) => true,
        Expression::List(items) => items.iter().all(is_literal),
        Expression::Tuple(_)
        | Expression::Name(_)
        | Expression::Member(..)
        | Expression::Call(..)
        | Expression::Other(_) => false,
    }
}

fn recipe(input: &Input) -> String {
    let list = |numbers: &[f64]| numbers.iter().map(|value| number(*value)).collect::<Vec<_>>().join(", ");
    let values = match &input.values {
        Values::Constant(value) => format!("{{ constant: {} }}", number(*value)),
        Values::List(values) => format!("[{}]", list(values)),
    };
    let shape: Vec<String> = input.shape.iter().map(usize::to_string).collect();
    format!("{{ shape: [{}], values: {values} }}", shape.join(", "))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
