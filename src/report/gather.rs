//! Makes the model of a run: the one place where reports look at suites and outcomes.

use rayon::prelude::*;

use super::model::{
    Api, Array, Asked, Between, Case, Cell, Check, Comparison, Elements, Engine, FORMAT, Finding, HeldTo, Limit,
    Mapping, Place, Report, Row, Spot, Text, Unmapped,
};
use super::notes::{Note, notes};
use super::number::Number;
use super::python::python;
use crate::call::{Call, Output};
use crate::check::{self, CheckResult, EngineResult, Held, Kind, Outcomes, RowResult, SIDES, Suite, Verdict};
use crate::compare;
use crate::mapping::{Category, Side};
use crate::version::Version;

impl Report {
    /// What came of a run. The same outcomes give the same report.
    pub fn of(suite: &Suite, outcomes: &Outcomes) -> Self {
        let engine = |engine: &dyn crate::engine::Engine| Engine {
            name: engine.name().to_owned(),
            side: engine.binding().side(),
            recorded: engine.is_recorded(),
        };
        let notes = notes(suite, outcomes);
        let limits = outcomes.limits.iter().map(|shown| Limit {
            number: shown.limit + 1,
            engine: shown.engine.clone(),
            verdict: shown.verdict(),
        });
        let unmapped = outcomes
            .unmapped
            .iter()
            .map(|(engine, parameter)| Unmapped { engine: engine.clone(), parameter: parameter.clone() });
        Self {
            format: FORMAT,
            mapcheck: env!("CARGO_PKG_VERSION").to_owned(),
            mapping: mapping(suite),
            verdict: outcomes.verdict(),
            complete: outcomes.checks.len() == suite.checks().len(),
            engines: suite.engines().map(engine).collect(),
            rows: outcomes.rows.iter().map(|result| row(suite, result, &notes)).collect(),
            checks: outcomes.checks.par_iter().map(|result| check(suite, result)).collect(),
            notes: notes.iter().enumerate().map(|(at, note)| note.told(at, suite, outcomes)).collect(),
            limits: limits.collect(),
            unmapped: unmapped.collect(),
        }
    }
}

pub(super) fn mapping(suite: &Suite) -> Mapping {
    let mapping = suite.mapping();
    let api = |side| {
        let api = mapping.api(side);
        Api { name: api.name.clone(), documented: api.documented.clone(), between: between(suite, side) }
    };
    Mapping {
        name: mapping.name.clone(),
        file: mapping.folder.join("mapping.yaml").display().to_string(),
        torch: api(Side::Torch),
        mindspore: api(Side::Mindspore),
    }
}

/// The recorded versions next to the documented one, where that is not recorded and others are.
fn between(suite: &Suite, side: Side) -> Option<Between> {
    let mapping = suite.mapping();
    let recorded = mapping.file.golden.iter().filter_map(|name| Version::of_engine(name).map(|v| (name, v)));
    let versions: Vec<(&String, Version)> = recorded
        .filter(|(_, (framework, _))| *framework == side.key())
        .map(|(name, (_, version))| (name, version))
        .collect();
    let version = Version::of(&mapping.api(side).documented);
    if versions.is_empty() || versions.iter().any(|(_, known)| *known == version) {
        return None;
    }
    let before = versions.iter().filter(|(_, known)| *known < version).max_by(|a, b| a.1.cmp(&b.1));
    let after = versions.iter().filter(|(_, known)| *known > version).min_by(|a, b| a.1.cmp(&b.1));
    let name = |found: Option<&(&String, Version)>| found.map(|(name, _)| (*name).clone());
    Some(Between { before: name(before), after: name(after) })
}

fn row(suite: &Suite, result: &RowResult, notes: &[Note]) -> Row {
    let row = &suite.mapping().rows[result.row];
    let cell = |column: &str, verdict, used| Cell {
        verdict,
        used: Number(used),
        notes: (0..notes.len()).filter(|&at| notes[at].is_of(column, result.row)).collect(),
    };
    let engines = suite.engines().zip(&result.engines);
    let is_example = row.file.category == Category::Example;
    let name = |side| row.file.name(side).map(str::to_owned).or(is_example.then(|| "code example".to_owned()));
    let difference = row.file.difference.as_ref();
    Row {
        name: row.name.clone(),
        number: row.file.row,
        file: row.path.display().to_string(),
        torch: name(Side::Torch),
        mindspore: name(Side::Mindspore),
        claim: row.file.claim().words().to_owned(),
        on_page: row.file.on_page,
        difference: difference.map(|text| {
            let either = |one: &Option<String>, other: &Option<String>| one.clone().or_else(|| other.clone());
            Text {
                en: either(&text.en, &text.zh).unwrap_or_default(),
                zh: either(&text.zh, &text.en).unwrap_or_default(),
            }
        }),
        verdict: result.verdict,
        engines: engines.map(|(engine, (verdict, used))| cell(engine.name(), *verdict, *used)).collect(),
        sides: cell(SIDES, result.sides, 0.0),
        sensitive: result.sensitive,
        accepted: result.accepted,
        complete: result.complete,
        vacuous: result.complete && result.sensitive == 0,
    }
}

/// Where a check is stated; of what is asked of a row as such, the line of the key that states it.
pub(super) fn place(suite: &Suite, check: &check::Check) -> Place {
    let row = &suite.mapping().rows[check.row];
    let line_of = |key: &str| row.text.lines().position(|line| line.starts_with(key)).map(|at| at + 1);
    let line = match check.kind {
        Kind::Case { case, .. } => row.lines.get(case).copied(),
        Kind::Default => line_of("default:"),
        Kind::Signature => line_of("names:"),
    };
    Place { file: row.path.display().to_string(), line }
}

/// A `why` of the specs.
pub(super) fn reason(suite: &Suite, why: &str) -> Text {
    let chinese = suite.mapping().file.chinese(why);
    Text { en: why.trim().to_owned(), zh: chinese.unwrap_or(why.trim()).to_owned() }
}

/// What came of a check.
pub(super) fn check(suite: &Suite, result: &CheckResult) -> Check {
    let asked = |of: &EngineResult| Asked {
        engine: of.engine.clone(),
        verdict: of.verdict,
        note: of.note.clone(),
        findings: of.findings.iter().map(|finding| found(result, finding)).collect(),
        arrays: of.comparisons.iter().map(|compared| array(suite, result, compared)).collect(),
    };
    let verdicts = result.engines.iter().chain(&result.sides).map(|asked| asked.verdict);
    Check {
        name: result.check.name.clone(),
        row: suite.mapping().rows[result.check.row].name.clone(),
        again: format!("{} {}/{}", suite.command(), suite.mapping().name, result.check.name),
        place: place(suite, &result.check),
        case: case(suite, result),
        verdict: verdicts.max().unwrap_or(Verdict::NotAsked),
        engines: result.engines.iter().map(asked).collect(),
        sides: result.sides.as_ref().map(asked),
    }
}

fn case(suite: &Suite, result: &CheckResult) -> Option<Case> {
    let Kind::Case { case: index, dtype, layout } = result.check.kind else { return None };
    let (mapping, case) = (suite.mapping(), suite.case(&result.check)?);
    let target = suite.target_question(&result.check);
    let source = target.as_ref().and_then(|target| suite.source_question(&result.check, target));
    let arguments = target.as_ref().map(|target| target.arguments.as_slice()).unwrap_or_default();
    let arguments: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let written = |call: &Option<Call>, side| call.as_ref().map(|call| python(mapping, case, call, side));
    Some(Case {
        name: case.name.clone(),
        why: case.why.as_ref().map(|why| reason(suite, why)),
        dtype,
        layout: layout.name().to_owned(),
        shape: result.shape.clone(),
        accepted: result.accepted,
        call: format!("{}({})", mapping.api(Side::Mindspore).name, arguments.join(", ")),
        yaml: mapping.rows[result.check.row].case_text(index),
        torch: written(&source, Side::Torch),
        mindspore: written(&target, Side::Mindspore),
    })
}

fn found(result: &CheckResult, finding: &check::Finding) -> Finding {
    let elements = match finding {
        check::Finding::Beyond { output, comparison, .. } => Some((*output, comparison, false)),
        check::Finding::SidesDiffer { output, comparison, .. } => Some((*output, comparison, true)),
        _ => None,
    };
    let elements = elements.map(|(output, comparison, between_sides)| Elements {
        array: output,
        comparison: compared(result, output, comparison),
        between_sides,
    });
    Finding { message: finding.to_string(), elements }
}

fn array(suite: &Suite, result: &CheckResult, of: &check::Compared) -> Array {
    let held_to = match &of.to {
        Held::Off(why) => HeldTo::Off { why: reason(suite, why) },
        Held::Within(compare::Tolerance::Ulp(ulp)) => HeldTo::Ulp(*ulp),
        Held::Within(compare::Tolerance::Relative { rtol, atol }) => HeldTo::Relative { rtol: *rtol, atol: *atol },
    };
    Array {
        array: of.output,
        held_to,
        comparison: compared(result, of.output, &of.comparison),
        histogram: of.comparison.histogram.clone(),
        map: of.map.clone(),
    }
}

fn compared(result: &CheckResult, output: Output, of: &compare::Comparison) -> Comparison {
    let spot = |of: &compare::Spot| spot(result, output, of);
    Comparison {
        elements: of.elements,
        beyond: of.beyond,
        used: Number(of.used),
        absolute: spot(&of.absolute),
        relative: spot(&of.relative),
        ulp: spot(&of.ulp),
    }
}

fn spot(result: &CheckResult, output: Output, of: &compare::Spot) -> Spot {
    let shape: &[usize] = match output {
        Output::Y | Output::Dx => &result.shape,
        Output::Dgamma | Output::Dbeta | Output::Gamma | Output::Beta => &[],
    };
    let mut at = Vec::new();
    let mut rest = of.index;
    for &size in shape.iter().rev() {
        at.insert(0, rest % size.max(1));
        rest /= size.max(1);
    }
    if at.is_empty() {
        at.push(of.index);
    }
    let channel = if shape.is_empty() { at[0] } else { at.get(1).copied().unwrap_or(0) };
    Spot {
        error: Number(of.error),
        group: result.group_channels.filter(|channels| *channels > 0).map(|channels| channel / channels),
        at,
        actual: Number(of.actual),
        expected: Number(of.expected),
    }
}
