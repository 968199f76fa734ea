//! The table of a page: which column is what, and what each row says.

use std::ops::Range;

use super::api::full_names;
use super::markdown::{Table, Text};
use super::note::Notes;
use super::words;
use crate::mapping::{Category, Side, Sides};

/// No API has so many parameters.
const MOST_ROWS: usize = 1000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Category,
    Subcategory,
    Name(Side),
    Difference,
}

/// A row as it is written.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub category: Category,
    /// The number within its category, where it is written.
    pub number: Option<u32>,
    /// Where category and number stand.
    pub label: Range<usize>,
    pub names: Sides<Cell>,
    pub difference: Text,
}

/// The names in a cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub names: Vec<String>,
    pub span: Range<usize>,
}

/// What a table is to a mapping.
pub(super) enum Meaning {
    /// Its rows are the mapping's.
    Mapping(Vec<Line>),
    /// Pairs of APIs to which the page applies.
    Pairs(Vec<(String, String)>),
    /// Something else.
    Other,
}

/// Reads a table by what its header says.
pub(super) fn read(table: &Table, notes: &mut Notes<'_>) -> Meaning {
    let roles: Vec<Option<Role>> = roles(&table.header);
    let column = |role: Role| roles.iter().position(|found| *found == Some(role));
    let (Some(torch), Some(mindspore)) = (column(Role::Name(Side::Torch)), column(Role::Name(Side::Mindspore))) else {
        if roles.contains(&Some(Role::Category)) && roles.iter().flatten().count() > 1 {
            let label = "expected a column `PyTorch` and a column `MindSpore`";
            notes.warn(
                &table.header.first().map_or(table.span.clone(), |cell| cell.span.clone()),
                "a table without both sides is left out",
                label,
            );
        }
        return Meaning::Other;
    };
    let cell = |row: &[Text], at: Option<usize>| at.and_then(|at| row.get(at)).cloned();
    let full_name = |cell: Option<Text>| {
        let text = cell.unwrap_or_default().text;
        full_names(&text)
            .first()
            .filter(|(_, name, _)| text.trim_matches(|c: char| !c.is_alphanumeric()).len() <= name.len() + 8)
            .map(|(_, name, _)| (*name).to_owned())
    };
    let pairs: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| Some((full_name(cell(row, Some(torch)))?, full_name(cell(row, Some(mindspore)))?)))
        .collect();
    if !table.rows.is_empty() && pairs.len() == table.rows.len() && column(Role::Category).is_none() {
        return Meaning::Pairs(pairs);
    }
    let mut lines: Vec<Line> = Vec::new();
    if let Some(row) = table.rows.get(MOST_ROWS) {
        let place = row.first().map_or(table.span.clone(), |cell| cell.span.clone());
        notes.warn(&place, format!("more than {MOST_ROWS} rows in a table"), "the rows from here on are left out");
    }
    for row in table.rows.iter().take(MOST_ROWS) {
        let (category, sub) = (cell(row, column(Role::Category)), cell(row, column(Role::Subcategory)));
        let label = category.iter().chain(&sub).filter(|cell| !cell.text.is_empty()).map(|cell| cell.span.clone());
        let label = label
            .reduce(|a, b| a.start..b.end)
            .unwrap_or_else(|| row.first().map_or(table.span.clone(), |cell| cell.span.clone()));
        let (category, sub) = (category.unwrap_or_default(), sub.unwrap_or_default());
        let before = lines.last().map(|line| line.category).unwrap_or_default();
        let names =
            Sides { torch: names(cell(row, Some(torch)), notes), mindspore: names(cell(row, Some(mindspore)), notes) };
        let difference = cell(row, column(Role::Difference)).unwrap_or_default();
        let is_empty = names.torch.names.is_empty() && names.mindspore.names.is_empty();
        if is_empty && words::is_nothing(&difference.text) && words::is_nothing(&sub.text) {
            continue;
        }
        if is_empty {
            notes.warn(&label, "a row without a name is left out", "expected a parameter of PyTorch or of MindSpore");
            continue;
        }
        if words::is_of_members(&category.text) {
            let why = "methods and attributes are no parameters: the row is left out";
            notes.note(&label, format!("a row of the category `{}`", category.text), why);
            continue;
        }
        lines.push(Line {
            category: category_of(&category, &sub, before, notes),
            number: words::number(&sub.text),
            label,
            names,
            difference,
        });
    }
    Meaning::Mapping(lines)
}

/// What each column of a header holds.
fn roles(header: &[Text]) -> Vec<Option<Role>> {
    let mut roles: Vec<Option<Role>> = Vec::new();
    for cell in header {
        let role = role(&cell.text).filter(|role| !roles.contains(&Some(*role)));
        roles.push(role);
    }
    roles
}

fn role(text: &str) -> Option<Role> {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if has(&["mindspore"]) => Some(Role::Name(Side::Mindspore)),
        () if has(&["torch"]) => Some(Role::Name(Side::Torch)),
        () if has(&["子类", "sub"]) => Some(Role::Subcategory),
        () if has(&["差异", "说明", "备注", "描述", "differ", "descri", "expla", "note", "remark", "comment"]) => {
            Some(Role::Difference)
        }
        () if has(&["分类", "类别", "类型", "categor", "class", "type", "kind"]) => Some(Role::Category),
        () => None,
    }
}

/// The category of a row: that of its own cell, or of its sub-category where that says it, or of the row before.
fn category_of(category: &Text, sub: &Text, before: Category, notes: &mut Notes<'_>) -> Category {
    let (own, by_number) = (words::category(&category.text), words::category(&sub.text));
    if own.is_none() && !words::is_nothing(&category.text) {
        let title = format!("`{}` is no category", category.text);
        notes.warn(&category.span, title, "expected `参数`, `输入` or `输出`: `Parameter`, `Input` or `Output`");
    }
    if let (Some(own), Some(by_number)) = (own, by_number)
        && own != by_number
    {
        let title = format!("`{}` is not of the category `{}`", sub.text, category.text);
        notes.warn(&sub.span, title, format!("it is taken for `{}`", category.text));
    }
    own.or(by_number).unwrap_or(before)
}

/// The names in a cell; none where it says so.
fn names(cell: Option<Text>, notes: &mut Notes<'_>) -> Cell {
    let Some(cell) = cell else { return Cell::default() };
    let mut found = Vec::new();
    if words::is_nothing(&cell.text) || words::says_absent(&cell.text) {
        return Cell { names: found, span: cell.span };
    }
    let is_separator = |c: char| c.is_whitespace() || ",，、;；/|&+".contains(c);
    // `tuple(tensor, handle)`: what is returned, in one word.
    if cell.text.contains('(') && words::is_identifier(cell.text.split('(').next().unwrap_or_default().trim()) {
        return Cell { names: vec![cell.text], span: cell.span };
    }
    for word in cell.text.split(is_separator) {
        let word = word.split(['=', ':', '：']).next().unwrap_or_default();
        let word = word.trim_matches(|c: char| "*`'\"()[]{}（）【】\\".contains(c));
        if word.is_empty() || matches!(word, "and" | "or" | "和" | "或" | "与") {
            continue;
        }
        if words::is_identifier(word) {
            found.push(word.to_owned());
        } else {
            let label = "expected names as they are in a signature, or `-`";
            notes.warn(&cell.span, format!("`{word}` is no name of a parameter"), label);
        }
    }
    Cell { names: found, span: cell.span }
}

/// A table that Markdown does not take for one, as lines that begin with `|`: its cells are split again.
pub(super) fn recovered(page: &str, span: &Range<usize>) -> Option<Table> {
    let text = page.get(span.clone())?;
    let (mut lines, mut at) = (Vec::new(), span.start);
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('|') {
            lines.push(cells(line, at));
        }
        at += line.len();
    }
    let is_rule = |cell: &Text| !cell.text.is_empty() && cell.text.chars().all(|c| "-: ".contains(c));
    let mut rows = lines
        .into_iter()
        .map(|cells| cells.into_iter().filter(|cell| !is_rule_cell(cell, is_rule)).collect::<Vec<_>>());
    let mut header = rows.next()?;
    while header.last().is_some_and(|cell| cell.text.is_empty()) {
        header.pop();
    }
    let mut rows: Vec<Vec<Text>> = rows.filter(|row| !row.is_empty()).collect();
    // A table may begin with its first row: then its columns are those that such pages have.
    let begins_with_row = roles(&header).iter().all(Option::is_none);
    if begins_with_row && header.len() > 3 && header.first().is_some_and(|cell| words::category(&cell.text).is_some()) {
        let usual = ["分类", "子类", "PyTorch", "MindSpore", "差异"]
            .map(|text| Text { text: text.to_owned(), span: span.start..span.start });
        rows.insert(0, std::mem::replace(&mut header, usual.to_vec()));
    }
    Some(Table { header, rows, span: span.clone() })
}

/// A cell of the rule under a header; a single `-` says that there is nothing.
fn is_rule_cell(cell: &Text, is_rule: impl Fn(&Text) -> bool) -> bool {
    is_rule(cell) && cell.text.chars().filter(|c| *c == '-').count() > 1
}

/// The cells of a line.
fn cells(line: &str, start: usize) -> Vec<Text> {
    let mut cells = Vec::new();
    let first = line.len() - line.trim_start().len() + 1;
    let mut from = first;
    let mut before = ' ';
    for (at, c) in line.char_indices().skip_while(|(at, _)| *at < first) {
        if c == '|' && before != '\\' || at + c.len_utf8() == line.len() && !line[from..].trim().is_empty() {
            let end = if c == '|' { at } else { line.len() };
            let cell = &line[from..end];
            let left = from + cell.len() - cell.trim_start().len();
            let text = cell.trim().replace('`', "").replace("\\|", "|");
            cells.push(Text { text, span: start + left..start + left + cell.trim().len() });
            from = at + c.len_utf8();
        }
        before = c;
    }
    cells
}
