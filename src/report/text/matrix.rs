//! The page's own table, with a verdict for every row and engine, and a letter for every note.

use std::fmt::Write;

use super::terminal::Terminal;
use crate::check::{SIDES, Verdict};
use crate::report::model::{Api, Between, Cell, Report, Row};

/// The table, with what its words mean.
pub(super) fn matrix(report: &Report, terminal: Terminal) -> String {
    let mut text = String::new();
    heading(&mut text, report, terminal);
    table(&mut text, report, terminal);
    let letters = if terminal.brief { "" } else { "; a letter: see the note below" };
    text.push('\n');
    for line in [
        &format!("holds 25%: the largest share of the tolerance that any element uses{letters}"),
        "sides: PyTorch and MindSpore, every recorded version of one beside every one of the other, agree or differ as stated",
        "sensitive: of the cases that are accepted, those whose answer moves when the row's parameter does",
    ] {
        let _ = writeln!(text, "{}", terminal.prose(line, 2));
    }
    text
}

fn heading(text: &mut String, report: &Report, terminal: Terminal) {
    let (torch, mindspore) = (&report.mapping.torch, &report.mapping.mindspore);
    let _ = writeln!(text, "{}", terminal.heading(&format!("{} -> {}", torch.name, mindspore.name)));
    let _ = writeln!(text, "as the page for {} and {} maps them", torch.documented, mindspore.documented);
    for (framework, api) in [("PyTorch", torch), ("MindSpore", mindspore)] {
        if let Some(lies) = api.between.as_ref().and_then(lies) {
            let Api { documented, .. } = api;
            let line =
                format!("{framework} {documented} was not recorded: nothing is claimed of it, but that it {lies}");
            let _ = writeln!(text, "{}", terminal.prose(&line, 2));
        }
    }
    text.push('\n');
}

fn lies(between: &Between) -> Option<String> {
    match (&between.before, &between.after) {
        (Some(before), Some(after)) => Some(format!("lies between {before} and {after}")),
        (Some(before), None) => Some(format!("comes after {before}")),
        (None, Some(after)) => Some(format!("comes before {after}")),
        (None, None) => None,
    }
}

/// A column: its head, and of each row the text and the verdict by which it is coloured.
struct Column {
    head: String,
    cells: Vec<(String, Option<Verdict>)>,
    width: usize,
}

impl Column {
    fn of(head: &str, cells: impl Iterator<Item = (String, Option<Verdict>)>) -> Self {
        let cells: Vec<_> = cells.collect();
        let width = cells.iter().map(|(cell, _)| cell.chars().count()).chain([head.chars().count()]).max();
        Self { head: head.to_owned(), cells, width: width.unwrap_or(0) }
    }
}

/// The first columns, by which a row is known.
const LEADING: usize = 3;

fn table(text: &mut String, report: &Report, terminal: Terminal) {
    let columns = columns(report, terminal);
    for (at, part) in parts(&columns, terminal.width).into_iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        for line in 0..report.rows.len() + 2 {
            let cells: Vec<String> = part.iter().map(|column| cell(column, line, terminal)).collect();
            let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        }
    }
}

/// Head, rule, and then the rows.
fn cell(column: &Column, line: usize, terminal: Terminal) -> String {
    let (shown, painted) = match line {
        0 => (column.head.as_str(), terminal.heading(&column.head)),
        1 => return "-".repeat(column.width),
        line => match &column.cells[line - 2] {
            (cell, Some(verdict)) => (cell.as_str(), terminal.verdict(*verdict, cell)),
            (cell, None) => (cell.as_str(), cell.clone()),
        },
    };
    // Colours take no room.
    format!("{painted}{}", " ".repeat(column.width - shown.chars().count()))
}

/// The columns in tables no wider than the terminal, each of which begins with the leading ones.
fn parts(columns: &[Column], width: Option<usize>) -> Vec<Vec<&Column>> {
    let total = |columns: &[&Column]| columns.iter().map(|column| column.width + 2).sum::<usize>().saturating_sub(2);
    let all: Vec<&Column> = columns.iter().collect();
    let Some(width) = width.filter(|width| total(&all) > *width) else { return vec![all] };
    let (leading, rest) = all.split_at(LEADING);
    let widest = rest.iter().map(|column| column.width).max().unwrap_or(0);
    // Where not even one more fits beside the names, the number has to do.
    let leading = if total(leading) + 2 + widest > width { &leading[..1] } else { leading };
    let mut parts: Vec<Vec<&Column>> = vec![all[..LEADING].to_vec()];
    for &column in rest {
        let last = parts.len() - 1;
        if total(&parts[last]) + 2 + column.width > width {
            parts.push(leading.to_vec());
        }
        let last = parts.len() - 1;
        parts[last].push(column);
    }
    parts
}

fn columns(report: &Report, terminal: Terminal) -> Vec<Column> {
    let plain =
        |head: &str, of: &dyn Fn(&Row) -> String| Column::of(head, report.rows.iter().map(|row| (of(row), None)));
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let judged = |head: &str, of: &dyn Fn(&Row) -> &Cell| {
        Column::of(head, report.rows.iter().map(|row| (shown(of(row), report, terminal), Some(of(row).verdict))))
    };
    let mut columns = vec![
        plain("row", &|row| row.number.to_string()),
        plain("PyTorch", &|row| name(&row.torch)),
        plain("MindSpore", &|row| name(&row.mindspore)),
        plain("claim", &|row| {
            if row.on_page { row.claim.clone() } else { format!("{}, not on the page", row.claim) }
        }),
    ];
    columns.extend(report.engines.iter().enumerate().map(|(at, engine)| judged(&engine.name, &|row| &row.engines[at])));
    columns.push(judged(SIDES, &|row| &row.sides));
    let sensitive = report.rows.iter().map(|row| {
        let vacuous = if row.vacuous { ": vacuous" } else { "" };
        (format!("{} of {}{vacuous}", row.sensitive, row.accepted), row.vacuous.then_some(Verdict::Vacuous))
    });
    columns.push(Column::of("sensitive", sensitive));
    columns
}

/// A verdict, how much of the tolerance is used, and the letters of its notes.
fn shown(cell: &Cell, report: &Report, terminal: Terminal) -> String {
    let mut text = cell.verdict.word().to_owned();
    if cell.verdict == Verdict::Holds && cell.used.0 > 0.0 {
        let _ = write!(text, " {:.0}%", (cell.used.0 * 100.0).ceil());
    }
    if !terminal.brief {
        cell.notes.iter().for_each(|&note| {
            let _ = write!(text, " {}", report.notes[note].mark);
        });
    }
    text
}
