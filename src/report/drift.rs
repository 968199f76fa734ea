//! A drift on a terminal: how the values of each row moved, what else is not as it was row by row, and then
//! what is so in general.

use std::fmt::Write;

use super::number::number;
use super::wrap;
use crate::call::Rejection;
use crate::check::Suite;
use crate::drift::{
    ArrayChange, Change, Common, Drift, Findings, Judged, Judgement, ParameterChange, Part, Property, Reach, Refusals,
    RowDrift, Unanswered,
};
use crate::golden::REMEDY;
use crate::signature::{Kind, Parameter, Stated};

/// Of the arrays of a row that moved beyond the tolerance, so many are listed.
const MOST_LISTED: usize = 5;

/// Where something is so of more calls, they are counted, and the first is named.
const MOST_NAMED: usize = 3;

const WIDTH: usize = 110;

/// What `exact` can say, as the table and the lists have it.
const JUDGEMENTS: [(Judgement, &str); 6] = [
    (Judgement::Mended, "mended"),
    (Judgement::Nearer, "nearer"),
    (Judgement::Worse, "worse"),
    (Judgement::AsFar, "as far"),
    (Judgement::Apart, "apart"),
    (Judgement::Unknown, "unknown"),
];

/// The whole report. The same drift gives the same bytes.
pub fn drift(suite: &Suite, drift: &Drift) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} -> {}", drift.before, drift.after);
    let calls = count(drift.calls, "call");
    let _ = writeln!(text, "{}: the recorded answers to the same {calls}", suite.mapping().api(drift.side).name);
    table(&mut text, suite, drift);
    for row in &drift.rows {
        of_row(&mut text, suite, drift, row);
    }
    in_general(&mut text, suite, drift);
    not_compared(&mut text, drift);
    text
}

/// A line for each row of which an array moved.
fn table(text: &mut String, suite: &Suite, drift: &Drift) {
    let (moved, same): (Vec<_>, Vec<_>) = drift.rows.iter().partition(|row| row.values.moved());
    let is_common = |judgement| matches!(judgement, Judgement::Mended | Judgement::Nearer | Judgement::Worse);
    let is_shown = |judgement| is_common(judgement) || moved.iter().any(|row| row.values.count(judgement) > 0);
    let shown: Vec<_> = JUDGEMENTS.into_iter().filter(|(judgement, _)| is_shown(*judgement)).collect();
    if !moved.is_empty() {
        let words = shown.iter().map(|(_, word)| *word);
        let head = ["row", "", "same", "within"].into_iter().chain(words).chain(["most within"]);
        let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
        lines.extend(moved.into_iter().map(|row| line(suite, row, &shown)));
        let _ = writeln!(text, "\n{}\n{}", aligned(&lines, 2..4 + shown.len()), legend(&shown));
    }
    if drift.no_answer_moved() && drift.calls > 0 {
        text.push_str("\nno answer moved\n");
    } else if same.iter().any(|row| row.values.same > 0) {
        let arrays: usize = same.iter().map(|row| row.values.same).sum();
        let names =
            same.iter().filter(|row| row.values.same > 0).map(|row| suite.mapping().rows[row.row].name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "\n{}", wrapped(&format!("{} the same in {names}", all(arrays)), 0));
    }
}

fn line(suite: &Suite, drift: &RowDrift, shown: &[(Judgement, &str)]) -> Vec<String> {
    let (row, values) = (&suite.mapping().rows[drift.row], &drift.values);
    let judged = shown.iter().map(|(judgement, _)| match values.count(*judgement) {
        0 => "-".to_owned(),
        count => count.to_string(),
    });
    let most = values.most.as_ref().map(|most| {
        let at = format!("{} of {}", most.output, within_row(&most.call, &row.name));
        match most.ulp {
            0.0 => format!("other bits of the same numbers: {at}"),
            ulp => format!("{} ULP: {at}", number(ulp)),
        }
    });
    let mut line = vec![row.file.row.to_string(), row.name.clone(), values.same.to_string(), values.within.to_string()];
    line.extend(judged.chain([most.unwrap_or_default()]));
    line
}

/// What the columns mean that are there.
fn legend(shown: &[(Judgement, &str)]) -> String {
    let mut legend = "same: arrays that are bit for bit the same; within: moved, by no more than the tolerance\n\
                      mended: was beyond the tolerance of exact and is within; nearer: still beyond, by a smaller \
                      error; worse: the reverse"
        .to_owned();
    for (judgement, _) in shown {
        legend.push_str(match judgement {
            Judgement::AsFar => "\nas far: beyond the tolerance before and now, by the same error",
            Judgement::Apart => "\napart: within the tolerance before and now, but not of each other",
            Judgement::Unknown => "\nunknown: how a version reads the call is not known",
            Judgement::Mended | Judgement::Nearer | Judgement::Worse => "",
        });
    }
    legend
}

fn of_row(text: &mut String, suite: &Suite, drift: &Drift, row: &RowDrift) {
    let name = &suite.mapping().rows[row.row].name;
    let parameter = suite.mapping().rows[row.row].file.name(drift.side);
    let named = |names: &[String]| names.iter().any(|name| Some(name.as_str()) == parameter);
    let mut told = String::new();
    for announcement in drift.announcements.iter().filter(|announcement| named(&announcement.names)) {
        let what = if announcement.is_new { "announces something of it" } else { "announces nothing of it any more" };
        let _ = writeln!(told, "  the documentation of {} {what}: see below", drift.after);
    }
    for parameter in &row.findings.parameters {
        let _ = writeln!(told, "  {}", changed(parameter));
    }
    findings(&mut told, &row.findings, Some(name));
    judgements(&mut told, &row.values.judged, name);
    if !told.is_empty() {
        let _ = write!(text, "\n{name}\n{told}");
    }
}

fn in_general(text: &mut String, suite: &Suite, drift: &Drift) {
    let mut told = String::new();
    for parameter in &drift.general.parameters {
        let has_row = suite.mapping().row_of(drift.side, &parameter.name).is_some();
        let _ = writeln!(told, "  {}{}", changed(parameter), if has_row { "" } else { "; no row has it" });
    }
    for announcement in &drift.announcements {
        let what = if announcement.is_new { "announced" } else { "announced no more" };
        let of = match announcement.names.as_slice() {
            [] => String::new(),
            names => format!(" of {}", names.join(", ")),
        };
        let _ = writeln!(told, "  {what}{of}\n    {}", wrapped(&announcement.text, 4));
    }
    for (calls, was, is) in [(drift.accepted_now, "rejected", "accepted"), (drift.rejected_now, "accepted", "rejected")]
    {
        if calls > 0 {
            let _ = writeln!(told, "  {was} -> {is}: {}", count(calls, "call"));
        }
    }
    drift.reach.iter().for_each(|reach| accepted(&mut told, reach));
    findings(&mut told, &drift.general, None);
    if !drift.reworded.is_empty() {
        let _ = writeln!(told, "  the same class with another message: {}", named(&drift.reworded, None));
    }
    if !told.is_empty() {
        let _ = write!(text, "\nin general\n{told}");
    }
    if drift.unsigned.is_empty() && drift.same_signature() {
        text.push_str("\nthe signatures and what the documentation announces are the same\n");
    }
}

/// `ranks accepted: 4 -> 2, 3, 4`
fn accepted(text: &mut String, reach: &Reach) {
    let of = match reach.kind() {
        Some(Property::Rank(_)) => "ranks of x",
        Some(Property::DType(_)) => "dtypes of x",
        Some(Property::Empty(_)) => "an empty x",
        None => return,
    };
    let list = |properties: &[Property]| match properties {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let calls = count(reach.calls, "call");
    let _ = writeln!(text, "    {of} accepted: {} -> {} ({calls})", list(&reach.before), list(&reach.after));
}

/// What became of calls and arrays, apart from values.
fn findings(text: &mut String, findings: &Findings, row: Option<&str>) {
    for Common { what: Refusals { before, after }, calls } in findings.turned.iter().chain(&findings.classes) {
        let word =
            |refusal: &Option<Rejection>| refusal.as_ref().map_or("accepted".to_owned(), |r| r.class.to_string());
        let _ = writeln!(text, "  {} -> {}: {}", word(before), word(after), named(calls, row));
        for (which, refusal) in [("was", before), ("is ", after)] {
            if let Some(rejection) = refusal {
                let _ = writeln!(text, "    {which} {}", wrapped(&rejection.message, 8));
            }
        }
    }
    for Common { what, calls } in &findings.arrays {
        let _ = writeln!(text, "  {}: {}", array(what), named(calls, row));
    }
}

fn array(change: &ArrayChange) -> String {
    match change {
        ArrayChange::Gone(output) => format!("{output} is not in the answer any more"),
        ArrayChange::New(output) => format!("{output} is in the answer now"),
        ArrayChange::DType { output, x, before, after } => {
            let article = if x.name().starts_with('f') { "an" } else { "a" };
            format!("{output} of {article} {x} input: {before} -> {after}")
        }
        ArrayChange::Shape { output, before, after } => format!("shape of {output}: {before:?} -> {after:?}"),
        ArrayChange::Built(output) => format!("{output} is built with other values"),
        ArrayChange::Printed => "print of y shows another text".to_owned(),
    }
}

fn changed(ParameterChange { name, part, change }: &ParameterChange) -> String {
    let of = match part {
        Part::Constructor => "",
        Part::Forward => " of the forward call",
    };
    let place = |at: &usize, parameter: &Parameter| match parameter.kind {
        Kind::KeywordOnly => "given by keyword alone".to_owned(),
        _ => format!("parameter {}", at + 1),
    };
    let stated = |default: &Option<Stated>| default.as_ref().map_or("none".to_owned(), ToString::to_string);
    match change {
        Change::Added(at, parameter) => format!("`{parameter}`{of} is new: {}", place(at, parameter)),
        Change::Removed(at, parameter) => format!("`{parameter}`{of} is gone: it was {}", place(at, parameter)),
        Change::Renamed(was) => format!("`{name}`{of} was `{was}`, at the same place"),
        Change::Moved([before, after]) => {
            format!("`{name}`{of} is parameter {} and was {}: a call by position means another", after + 1, before + 1)
        }
        Change::Kind(kinds) => format!("`{name}`{of} is given {}, and was {}", kind(kinds[1]), kind(kinds[0])),
        Change::Default([before, after]) => {
            format!("the default of `{name}`{of}: {} -> {}", stated(before), stated(after))
        }
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::PositionalOnly => "by position alone",
        Kind::PositionalOrKeyword => "by position or keyword",
        Kind::VarPositional => "as any number by position",
        Kind::KeywordOnly => "by keyword alone",
        Kind::VarKeyword => "as any number by keyword",
    }
}

/// The worst of what moved beyond the tolerance.
fn judgements(text: &mut String, judged: &[Judged], row: &str) {
    if judged.is_empty() {
        return;
    }
    let head = ["by exact", "", "", "largest error", "times the tolerance"].map(str::to_owned).to_vec();
    let listed = judged.iter().take(MOST_LISTED).map(|judged| judgement(judged, row));
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(listed).collect();
    for line in aligned(&lines, 0..0).lines() {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(more @ 1..) = judged.len().checked_sub(MOST_LISTED) {
        let _ = writeln!(text, "  and {more} more");
    }
}

fn judgement(judged: &Judged, row: &str) -> Vec<String> {
    let word = JUDGEMENTS.iter().find(|(judgement, _)| *judgement == judged.judgement).map_or("", |(_, word)| word);
    let [absolute, used] = match judged.errors {
        Some([before, after]) => [(before.absolute, after.absolute), (before.used, after.used)]
            .map(|(before, after)| format!("{} -> {}", number(before), number(after))),
        None => ["-", "-"].map(str::to_owned),
    };
    vec![word.to_owned(), judged.output.to_string(), within_row(&judged.call, row).to_owned(), absolute, used]
}

/// What was not compared, and what mends that.
fn not_compared(text: &mut String, drift: &Drift) {
    for Unanswered { engine, why, calls } in &drift.unanswered {
        // The store does not know which engine is to be named.
        let why = why.strip_suffix(REMEDY).map_or(why.as_str(), |why| why.trim_end_matches([':', ' ']));
        let _ = writeln!(text, "\nnot compared: {}\n  {}\n  {}", named(calls, None), wrapped(why, 2), remedy(engine));
    }
    for engine in &drift.unsigned {
        let _ = writeln!(text, "\nsignatures are not compared: {engine} has none recorded\n  {}", remedy(engine));
    }
}

fn remedy(engine: &str) -> String {
    format!("run `cargo xtask golden --engine {engine}`")
}

/// The calls, or where there are many, how many and the first.
fn named(calls: &[String], row: Option<&str>) -> String {
    let name = |call: &String| row.map_or(call.as_str(), |row| within_row(call, row)).to_owned();
    match calls {
        [first, ..] if calls.len() > MOST_NAMED => format!("{} calls, the first is {}", calls.len(), name(first)),
        few => few.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

/// A call's name under the heading of its row.
fn within_row<'a>(call: &'a str, row: &str) -> &'a str {
    call.strip_prefix(row).and_then(|rest| rest.strip_prefix('/')).unwrap_or(call)
}

fn count(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

fn all(arrays: usize) -> String {
    if arrays == 1 { "the one array is".to_owned() } else { format!("all {arrays} arrays are") }
}

/// Columns of equal width; those in `right` are set to the right.
fn aligned(lines: &[Vec<String>], right: std::ops::Range<usize>) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len)).map(width).collect();
    let cell = |(column, cell): (usize, &String)| match right.contains(&column) {
        true => format!("{cell:>0$}", widths[column]),
        false => format!("{cell:<0$}", widths[column]),
    };
    let line =
        |line: &Vec<String>| line.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned();
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn wrapped(text: &str, indent: usize) -> String {
    wrap::wrapped(text, indent, WIDTH)
}
