//! The page's own table, with a verdict for every row and engine, and a note on every cell that is not plain.

use std::fmt::Write;

use super::notes::{Note, mark, notes};
use crate::check::{Outcomes, RowResult, SIDES, Suite, Verdict};
use crate::mapping::{Category, Side};
use crate::version::Version;

/// The table, with what its words mean.
pub fn matrix(suite: &Suite, outcomes: &Outcomes) -> String {
    let mut text = String::new();
    heading(&mut text, suite);
    table(&mut text, suite, outcomes, &notes(suite, outcomes));
    text.push_str(
        "\nholds 25%: the largest share of the tolerance that any element uses; a letter: see the note below\n\
         sides: PyTorch and MindSpore, every recorded version of one beside every one of the other, agree or differ as stated\n\
         sensitive: of the cases that are accepted, those whose answer moves when the row's parameter does\n",
    );
    text
}

fn heading(text: &mut String, suite: &Suite) {
    let mapping = suite.mapping();
    let (torch, mindspore) = (mapping.api(Side::Torch), mapping.api(Side::Mindspore));
    let _ = writeln!(text, "{} -> {}", torch.name, mindspore.name);
    let _ = writeln!(text, "as the page for {} and {} maps them", torch.documented, mindspore.documented);
    for side in Side::BOTH {
        let documented = &mapping.api(side).documented;
        let recorded = mapping.file.golden.iter().filter_map(|name| Version::of_engine(name).map(|v| (name, v)));
        let versions: Vec<(&str, Version)> = recorded
            .filter(|(_, (framework, _))| *framework == side.key())
            .map(|(name, (_, v))| (name.as_str(), v))
            .collect();
        let version = Version::of(documented);
        if versions.is_empty() || versions.iter().any(|(_, known)| *known == version) {
            continue;
        }
        let before = versions.iter().filter(|(_, known)| *known < version).max_by(|a, b| a.1.cmp(&b.1));
        let after = versions.iter().filter(|(_, known)| *known > version).min_by(|a, b| a.1.cmp(&b.1));
        let lies = match (before, after) {
            (Some((before, _)), Some((after, _))) => format!("lies between {before} and {after}"),
            (Some((before, _)), None) => format!("comes after {before}"),
            (None, Some((after, _))) => format!("comes before {after}"),
            (None, None) => continue,
        };
        let _ = writeln!(
            text,
            "{} {documented} was not recorded: nothing is claimed of it, but that it {lies}",
            side.framework()
        );
    }
    text.push('\n');
}

fn table(text: &mut String, suite: &Suite, outcomes: &Outcomes, notes: &[Note]) {
    let fixed = ["row", "PyTorch", "MindSpore", "claim"].map(str::to_owned);
    let engines = suite.engines().map(|engine| engine.name().to_owned());
    let mut lines: Vec<Vec<String>> =
        vec![fixed.into_iter().chain(engines).chain([SIDES.to_owned(), "sensitive".to_owned()]).collect()];
    for result in &outcomes.rows {
        let row = &suite.mapping().rows[result.row];
        let name = |side| row.file.name(side).unwrap_or("-").to_owned();
        let (torch, mindspore) = match row.file.category {
            Category::Example => ("code example".to_owned(), "code example".to_owned()),
            Category::Parameter | Category::Input | Category::Output => (name(Side::Torch), name(Side::Mindspore)),
        };
        let claim = row.file.claim().words();
        let claim = if row.file.on_page { claim.to_owned() } else { format!("{claim}, not on the page") };
        let mut line = vec![row.file.row.to_string(), torch, mindspore, claim];
        line.extend(suite.engines().enumerate().map(|(at, engine)| cell(result, at, engine.name(), notes)));
        line.push(format!("{}{}", result.sides.word(), marks(result, SIDES, notes)));
        let vacuous = if result.complete && result.sensitive == 0 { ": vacuous" } else { "" };
        line.push(format!("{} of {}{vacuous}", result.sensitive, result.accepted));
        lines.push(line);
    }
    let columns = lines[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|c| lines.iter().map(|line| line[c].chars().count()).max().unwrap_or(0)).collect();
    for (i, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        if i == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            let _ = writeln!(text, "{}", rules.join("  "));
        }
    }
}

/// A verdict, how much of the tolerance is used, and the letters of its notes.
fn cell(row: &RowResult, engine: usize, name: &str, notes: &[Note]) -> String {
    let (verdict, used) = row.engines[engine];
    let mut cell = verdict.word().to_owned();
    if verdict == Verdict::Holds && used > 0.0 {
        let _ = write!(cell, " {:.0}%", (used * 100.0).ceil());
    }
    cell.push_str(&marks(row, name, notes));
    cell
}

/// ` a c`
fn marks(row: &RowResult, column: &str, notes: &[Note]) -> String {
    let of_cell = notes.iter().enumerate().filter(|(_, note)| note.is_of(column, row.row));
    of_cell.map(|(at, _)| format!(" {}", mark(at))).collect()
}
