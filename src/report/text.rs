//! The report on a terminal: the page's own table with a verdict per row and engine, then every
//! mismatch with all that is needed to look into it.

use std::fmt::Write;

use super::matrix::matrix;
use super::mismatch::mismatches;
use super::notes::write_notes;
use crate::check::{Outcomes, Suite, Verdict};

/// The whole report. The same outcomes give the same bytes.
pub fn text(suite: &Suite, outcomes: &Outcomes) -> String {
    let mut text = matrix(suite, outcomes);
    write_notes(&mut text, suite, outcomes);
    mismatches(&mut text, suite, outcomes);
    unmapped(&mut text, outcomes);
    unanswered(&mut text, outcomes);
    vacuous(&mut text, suite, outcomes);
    summary(&mut text, suite, outcomes);
    text
}

/// What a framework has and the table lacks.
fn unmapped(text: &mut String, outcomes: &Outcomes) {
    for (engine, parameter) in &outcomes.unmapped {
        let _ = writeln!(
            text,
            "\nrefuted  {engine} has a parameter `{parameter}`, of which no row says anything: add {parameter}.yaml, with `on_page: false` where the page lacks it"
        );
    }
}

/// What was not answered, once for each reason.
fn unanswered(text: &mut String, outcomes: &Outcomes) {
    for verdict in [Verdict::Unchecked, Verdict::Stale] {
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for result in &outcomes.checks {
            for engine in result.engines.iter().filter(|engine| engine.verdict == verdict) {
                let reason = engine.note.clone().unwrap_or_default();
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, checks)) => checks.push(&result.check.name),
                    None => reasons.push((reason, vec![&result.check.name])),
                }
            }
        }
        for (reason, checks) in reasons {
            let _ = writeln!(text, "\n{verdict}  {} checks, the first is {}\n  {reason}", checks.len(), checks[0]);
        }
    }
}

fn vacuous(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    let mapping = suite.mapping();
    for row in outcomes.rows.iter().filter(|row| row.complete && row.sensitive == 0) {
        let row = &mapping.rows[row.row];
        let _ = writeln!(
            text,
            "\nvacuous  {}\n  at {}\n  no accepted case has an answer that moves when the parameter does: add a case that states another value",
            row.name,
            row.path.display()
        );
    }
    for shown in outcomes.limits.iter().filter(|shown| shown.verdict() == Verdict::Vacuous) {
        let _ = writeln!(
            text,
            "\nvacuous  limit {} of {}\n  no check shows it of {}: add one, or take {2} out of it",
            shown.limit + 1,
            mapping.folder.join("mapping.yaml").display(),
            shown.engine
        );
    }
}

fn summary(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    let counts: Vec<String> = [Verdict::Holds, Verdict::Vacuous, Verdict::Unchecked, Verdict::Stale, Verdict::Refuted]
        .into_iter()
        .filter_map(|verdict| {
            let count = outcomes.rows.iter().filter(|row| row.verdict == verdict).count();
            (count > 0).then(|| format!("{count} {verdict}"))
        })
        .collect();
    let _ = writeln!(
        text,
        "\n{} rows: {}; {} checks on {} engines",
        outcomes.rows.len(),
        counts.join(", "),
        outcomes.checks.len(),
        suite.engines().count()
    );
}
