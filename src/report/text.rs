//! The report on a terminal: the page's own table with a verdict per row and engine, then every
//! mismatch with all that is needed to look into it.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::call::Output;
use crate::check::{CheckResult, EngineResult, Finding, Kind, Outcomes, RowResult, Suite, Verdict};
use crate::compare::{Comparison, Spot};
use crate::mapping::{Category, Row, Side};

/// The whole report. The same outcomes give the same bytes.
pub fn text(suite: &Suite, outcomes: &Outcomes) -> String {
    let mut text = String::new();
    let mapping = suite.mapping();
    let (torch, mindspore) = (mapping.api(Side::Torch), mapping.api(Side::Mindspore));
    let _ = writeln!(text, "{} -> {}", torch.name, mindspore.name);
    let _ = writeln!(text, "as the page for {} and {} maps them\n", torch.documented, mindspore.documented);
    table(&mut text, suite, outcomes);
    mismatches(&mut text, suite, outcomes);
    unanswered(&mut text, outcomes);
    vacuous(&mut text, suite, outcomes);
    differences(&mut text, suite, outcomes);
    summary(&mut text, suite, outcomes);
    text
}

/// What the engines do not pass of one check, and how to run that check again.
pub fn mismatch(suite: &Suite, result: &CheckResult) -> String {
    let mut text = String::new();
    write_mismatch(&mut text, suite, result);
    text
}

fn table(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    let fixed = ["row", "PyTorch", "MindSpore", "claim"].map(str::to_owned);
    let engines = suite.engines().map(|engine| engine.name().to_owned());
    let mut lines: Vec<Vec<String>> =
        vec![fixed.into_iter().chain(engines).chain(["sides".to_owned(), "sensitive".to_owned()]).collect()];
    for result in &outcomes.rows {
        let row = &suite.mapping().rows[result.row];
        let name = |side| row.file.name(side).unwrap_or("-").to_owned();
        let (torch, mindspore) = match row.file.category {
            Category::Example => ("code example".to_owned(), "code example".to_owned()),
            Category::Parameter | Category::Input => (name(Side::Torch), name(Side::Mindspore)),
        };
        let mut line = vec![row.file.row.to_string(), torch, mindspore, row.file.claim().words().to_owned()];
        line.extend((0..result.engines.len()).map(|engine| cell(outcomes, result, engine)));
        line.push(result.sides.word().to_owned());
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
    text.push_str(
        "\nholds 25%: the largest share of the tolerance that any element uses; off: known to be beyond it, by a stated bound\n\
         sides: PyTorch and MindSpore, as each is known to read the calls, agree or differ as the cases say\n\
         sensitive: of the cases that are accepted, those whose answer moves when the row's parameter does\n",
    );
}

/// A verdict, how much of the tolerance is used, and how many arrays are known to be off.
fn cell(outcomes: &Outcomes, row: &RowResult, engine: usize) -> String {
    let (verdict, used) = row.engines[engine];
    let of_row = outcomes.checks.iter().filter(|result| result.check.row == row.row);
    let arrays = of_row.filter_map(|result| result.engines.get(engine)).flat_map(|result| &result.comparisons);
    let off = arrays.filter(|(_, tolerance, _)| tolerance.is_none()).count();
    let mut cell = verdict.word().to_owned();
    if verdict == Verdict::Holds && used > 0.0 {
        let _ = write!(cell, " {:.0}%", (used * 100.0).ceil());
    }
    if off > 0 {
        let _ = write!(cell, ", {off} off");
    }
    cell
}

fn mismatches(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    for result in outcomes.checks.iter().filter(|result| refuted(result).next().is_some()) {
        text.push('\n');
        write_mismatch(text, suite, result);
    }
}

fn refuted(result: &CheckResult) -> impl Iterator<Item = &EngineResult> {
    result.engines.iter().chain(&result.sides).filter(|asked| asked.verdict == Verdict::Refuted)
}

/// Everything about one check that is not as claimed; what is so of several engines is said once.
fn write_mismatch(text: &mut String, suite: &Suite, result: &CheckResult) {
    let name = format!("{}/{}", suite.mapping().name, result.check.name);
    let row = &suite.mapping().rows[result.check.row];
    let _ = writeln!(text, "refuted  {name}\n  at {}", place(suite, result, row));
    if let (Some(case), Kind::Case { dtype, layout, .. }) = (suite.case(&result.check), result.check.kind) {
        let target = suite.mapping().target_call(case, dtype, layout);
        let arguments = target.map(|target| target.arguments).unwrap_or_default();
        let arguments: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let _ = writeln!(text, "  {}({})", suite.mapping().api(Side::Mindspore).name, arguments.join(", "));
        let _ = writeln!(text, "  x: {dtype} {:?}, {}", result.shape, layout.name().replace('_', " "));
        if let Some(why) = &case.why {
            let _ = writeln!(text, "  why: {}", why.trim());
        }
    }
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for asked in refuted(result) {
        for finding in &asked.findings {
            let finding = found(result, finding);
            match said.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, engines)) => engines.push(&asked.engine),
                None => said.push((finding, vec![&asked.engine])),
            }
        }
    }
    for (finding, engines) in said {
        let _ = writeln!(text, "  {}: {finding}", engines.join(", "));
    }
    for output in compared(result) {
        odd_one_out(text, result, output);
    }
    let _ = writeln!(text, "  again: cargo xtask check {name}");
}

/// A finding, with its worst elements where it is about elements.
fn found(result: &CheckResult, finding: &Finding) -> String {
    let mut text = finding.to_string();
    if let Finding::Beyond { output, comparison, .. } | Finding::SidesDiffer { output, comparison, .. } = finding {
        text.push('\n');
        let names = match finding {
            Finding::SidesDiffer { .. } => ["MindSpore", "PyTorch"],
            _ => ["got", "exact"],
        };
        worst(&mut text, result, *output, comparison, names);
        text.truncate(text.trim_end().len());
    }
    text
}

/// The arrays of which elements are beyond.
fn compared(result: &CheckResult) -> BTreeSet<Output> {
    let findings = refuted(result).flat_map(|asked| &asked.findings);
    findings
        .filter_map(|finding| match finding {
            Finding::Beyond { output, .. } | Finding::SidesDiffer { output, .. } => Some(*output),
            _ => None,
        })
        .collect()
}

fn place(suite: &Suite, result: &CheckResult, row: &Row) -> String {
    let line = match result.check.kind {
        Kind::Case { case, .. } => row.lines.get(case),
        Kind::Default | Kind::Signature => None,
    };
    let what = result.check.name.split('/').nth(1).unwrap_or_default();
    let case = suite.case(&result.check).map_or(what, |case| case.name.as_str());
    match line {
        Some(line) => format!("{}:{line} ({case})", row.path.display()),
        None => format!("{} ({case})", row.path.display()),
    }
}

fn worst(text: &mut String, result: &CheckResult, output: Output, comparison: &Comparison, names: [&str; 2]) {
    let spots = [
        ("absolute", &comparison.absolute, ""),
        ("relative", &comparison.relative, ""),
        ("in ULP", &comparison.ulp, " ULP"),
    ];
    for (measure, spot, unit) in spots {
        let _ = writeln!(
            text,
            "    worst {measure}: {}{unit} at {}: {} {}, {} {}",
            number(spot.error),
            index(result, output, spot),
            names[0],
            number(spot.actual),
            names[1],
            number(spot.expected)
        );
    }
}

/// `[0, 4, 1, 2] (group 1)`
fn index(result: &CheckResult, output: Output, spot: &Spot) -> String {
    let shape = match output {
        Output::Y | Output::Dx => result.shape.clone(),
        Output::Dgamma | Output::Dbeta | Output::Gamma | Output::Beta => Vec::new(),
    };
    let mut index = Vec::new();
    let mut rest = spot.index;
    for &size in shape.iter().rev() {
        index.insert(0, rest % size.max(1));
        rest /= size.max(1);
    }
    if index.is_empty() {
        index.push(spot.index);
    }
    let channel = if shape.is_empty() { index[0] } else { index.get(1).copied().unwrap_or(0) };
    match result.group_channels {
        Some(channels) if channels > 0 => format!("{index:?} (group {})", channel / channels),
        _ => format!("{index:?}"),
    }
}

/// What `exact` says of each engine, in the array that is beyond.
fn odd_one_out(text: &mut String, result: &CheckResult, output: Output) {
    let said: Vec<String> = result
        .engines
        .iter()
        .filter_map(|engine| {
            let (_, tolerance, comparison) = engine.comparisons.iter().find(|(of, _, _)| *of == output)?;
            let within = match tolerance {
                Some(_) if comparison.beyond == 0 => "within its tolerance",
                Some(_) => "beyond its tolerance",
                None => "known to be off",
            };
            Some(format!("{} {within} ({} ULP)", engine.engine, number(comparison.ulp.error)))
        })
        .collect();
    if !said.is_empty() {
        let _ = writeln!(text, "  by exact, {output} is: {}", said.join("; "));
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
    for row in outcomes.rows.iter().filter(|row| row.complete && row.sensitive == 0) {
        let row = &suite.mapping().rows[row.row];
        let _ = writeln!(
            text,
            "\nvacuous  {}\n  at {}\n  no accepted case has an answer that moves when the parameter does: add a case that states another value",
            row.name,
            row.path.display()
        );
    }
}

/// The differences that were asserted and are so: what a porter has to know.
fn differences(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    let mut lines: Vec<String> = Vec::new();
    for result in &outcomes.checks {
        let holds = result.sides.as_ref().is_some_and(|sides| sides.verdict == Verdict::Holds);
        let Some(case) = suite.case(&result.check).filter(|_| holds) else { continue };
        if let Some(differs) = &case.differs {
            let row = &suite.mapping().rows[result.check.row].name;
            lines.push(format!("  {row}/{}: {}", case.name, differs.why.trim()));
        }
    }
    lines.dedup();
    if !lines.is_empty() {
        let _ = writeln!(text, "\nknown differences between the sides, each shown by its case:\n{}", lines.join("\n"));
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

/// Three significant digits: enough to compare, few enough to read.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e5).contains(&magnitude) {
        let digits = if magnitude == 0.0 { 0 } else { (2 - magnitude.log10().floor() as i32).max(0) as usize };
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}
