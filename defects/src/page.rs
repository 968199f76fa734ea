//! The page of results, in Markdown.

use std::fmt::Write;

use crate::{Caught, Kind, Scores};

/// The page: each row's score, and each defect with the rows and the first case that refute it.
pub fn page(scores: &Scores) -> String {
    let mut text = String::from("<!-- Made by `cargo xtask defects --write`; do not edit. -->\n\n# Defects\n\n");
    let total = scores.total();
    let _ = writeln!(
        text,
        "A textbook GroupNorm that passes every check is made wrong in one way at a time, and becomes the subject of the\n\
         whole suite. A defect counts as caught when each row in which one would look for it refutes it by itself.\n\
         `cargo xtask defects NAME` shows one of them.\n\n\
         **{} of {} are caught.**\n",
        total.caught, total.of
    );
    text.push_str("| row | its own defects caught | of all defects, refuted |\n|---|---|---|\n");
    for row in &scores.rows {
        let own = scores.of_row(row);
        let _ = writeln!(text, "| {row} | {} of {} | {} |", own.caught, own.of, scores.refuted_by(row));
    }
    for kind in Kind::ALL {
        let of_kind: Vec<&Caught> = scores.defects.iter().filter(|caught| caught.defect.kind == kind).collect();
        let _ = writeln!(text, "\n## {kind}: {}\n", of_kind.len());
        text.push_str(
            "| defect | what is wrong | has to be caught by | first refuted by | threads |\n|---|---|---|---|---|\n",
        );
        for Caught { defect, by } in of_kind {
            let own: Vec<String> = defect.rows.iter().map(|row| first(row, by)).collect();
            let others = by.iter().filter(|(row, _)| !defect.rows.contains(&row.as_str())).count();
            let others = if others > 0 { format!(", and in {others} more") } else { String::new() };
            let threads: Vec<String> = defect.threads.iter().map(|thread| link(thread)).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {}{others} | {} |",
                defect.name,
                defect.what.replace('|', "\\|"),
                defect.rows.join(", "),
                own.join(", "),
                threads.join(", ")
            );
        }
    }
    text
}

/// The first check of a row that refutes a defect.
fn first(row: &str, by: &[(String, String)]) -> String {
    by.iter()
        .find(|(known, _)| known == row)
        .map_or_else(|| format!("**not by {row}**"), |(_, check)| format!("`{check}`"))
}

/// A link to a public thread; GitHub leads from issues to pull requests by itself.
fn link(thread: &str) -> String {
    let (repository, number) = thread.split_once('#').unwrap_or((thread, ""));
    format!("[{thread}](https://github.com/{repository}/issues/{number})")
}
