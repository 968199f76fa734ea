//! What is told of one check that does not hold.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use super::terminal::Terminal;
use crate::call::Output;
use crate::check::Verdict;
use crate::report::model::{Check, Comparison, Elements, Finding, HeldTo, Place, Spot};
use crate::report::number::number;

/// Everything about one check that is not as claimed; what is so of several engines is said once.
pub(super) fn mismatch(mapping: &str, check: &Check, terminal: Terminal) -> String {
    let mut text = String::new();
    let name = format!("{mapping}/{}", check.name);
    let refuted = terminal.verdict(Verdict::Refuted, Verdict::Refuted.word());
    let _ = writeln!(text, "{refuted}  {}\n  at {}", terminal.heading(&name), check.place);
    if let Some(case) = &check.case {
        let _ = writeln!(text, "  {}", case.call);
        let _ = writeln!(text, "  x: {} {:?}, {}", case.dtype, case.shape, case.layout.replace('_', " "));
        if let Some(why) = &case.why {
            let _ = writeln!(text, "  why: {}", why.en);
        }
    }
    text.push_str(&check.findings());
    for array in beyond(check) {
        odd_one_out(&mut text, check, array);
    }
    let _ = writeln!(text, "  again: {}", check.again);
    text
}

impl Check {
    /// What is found, a line or more for each finding, with the engines of which it is so.
    pub(in crate::report) fn findings(&self) -> String {
        let mut said: Vec<(&Finding, Vec<&str>)> = Vec::new();
        for asked in self.refuted() {
            for finding in &asked.findings {
                match said.iter_mut().find(|(known, _)| *known == finding) {
                    Some((_, engines)) => engines.push(&asked.engine),
                    None => said.push((finding, vec![&asked.engine])),
                }
            }
        }
        let mut text = String::new();
        for (finding, engines) in said {
            let _ = writeln!(text, "  {}: {}", engines.join(", "), finding.message);
            if let Some(elements) = &finding.elements {
                worst(&mut text, elements);
            }
        }
        text
    }
}

/// The arrays of which elements are beyond.
fn beyond(check: &Check) -> BTreeSet<Output> {
    let findings = check.refuted().flat_map(|asked| &asked.findings);
    findings.filter_map(|finding| finding.elements.as_ref().map(|elements| elements.array)).collect()
}

fn worst(text: &mut String, elements: &Elements) {
    let Comparison { absolute, relative, ulp, .. } = &elements.comparison;
    let names = if elements.between_sides { ["MindSpore", "PyTorch"] } else { ["got", "exact"] };
    for (measure, spot, unit) in [("absolute", absolute, ""), ("relative", relative, ""), ("in ULP", ulp, " ULP")] {
        let _ = writeln!(
            text,
            "    worst {measure}: {}{unit} at {spot}: {} {}, {} {}",
            number(spot.error.0),
            names[0],
            number(spot.actual.0),
            names[1],
            number(spot.expected.0)
        );
    }
}

impl fmt::Display for Place {
    /// `specs/group_norm/eps.yaml:12`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl fmt::Display for Spot {
    /// `[0, 4, 1, 2] (group 1)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.at)?;
        self.group.map_or(Ok(()), |group| write!(f, " (group {group})"))
    }
}

/// What `exact` says of each engine, in the array that is beyond.
fn odd_one_out(text: &mut String, check: &Check, output: Output) {
    let said: Vec<String> = check
        .engines
        .iter()
        .filter_map(|engine| {
            let array = engine.arrays.iter().find(|array| array.array == output)?;
            let within = match array.held_to {
                HeldTo::Off { .. } => "known to be off",
                _ if array.comparison.beyond == 0 => "within its tolerance",
                _ => "beyond its tolerance",
            };
            Some(format!("{} {within} ({} ULP)", engine.engine, number(array.comparison.ulp.error.0)))
        })
        .collect();
    if !said.is_empty() {
        let _ = writeln!(text, "  by exact, {output} is: {}", said.join("; "));
    }
}
