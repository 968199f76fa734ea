//! What is told of one check that does not hold.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::number::number;
use crate::call::Output;
use crate::check::{CheckResult, EngineResult, Finding, Held, Kind, Outcomes, Suite, Verdict};
use crate::compare::{Comparison, Spot};
use crate::mapping::Side;

/// What the engines do not pass of one check, and how to run that check again.
pub fn mismatch(suite: &Suite, result: &CheckResult) -> String {
    let mut text = String::new();
    write_mismatch(&mut text, suite, result);
    text
}

/// Every check that does not hold.
pub(super) fn mismatches(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
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
    let _ = writeln!(text, "refuted  {name}\n  at {}", place(suite, result));
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
    let _ = writeln!(text, "  again: {} {name}", suite.command());
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

/// `specs/group_norm/eps.yaml:12`: where a check is stated.
pub(super) fn place(suite: &Suite, result: &CheckResult) -> String {
    let row = &suite.mapping().rows[result.check.row];
    let line = match result.check.kind {
        Kind::Case { case, .. } => row.lines.get(case),
        Kind::Default | Kind::Signature => None,
    };
    line.map_or_else(|| row.path.display().to_string(), |line| format!("{}:{line}", row.path.display()))
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
            let compared = engine.comparisons.iter().find(|compared| compared.output == output)?;
            let within = match compared.to {
                Held::Within(_) if compared.comparison.beyond == 0 => "within its tolerance",
                Held::Within(_) => "beyond its tolerance",
                Held::Off(_) => "known to be off",
            };
            Some(format!("{} {within} ({} ULP)", engine.engine, number(compared.comparison.ulp.error)))
        })
        .collect();
    if !said.is_empty() {
        let _ = writeln!(text, "  by exact, {output} is: {}", said.join("; "));
    }
}
