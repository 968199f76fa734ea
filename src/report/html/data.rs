//! What the page's script makes cases of: the model without repetition, numbers of four digits.

use std::collections::HashMap;

use serde::Serialize;

use crate::check::Verdict;
use crate::compare::{HeatMap, Histogram};
use crate::report::Report;
use crate::report::model::{Array, Asked, Check, Comparison, Elements, Finding, HeldTo, Spot, Text};
use crate::report::number::{Number, number};
use crate::report::python::Script;

/// Pictures beyond so many bytes are left out, so that the page of an operator that is wrong everywhere opens too.
const MOST_PICTURES: usize = 1_000_000;

#[derive(Serialize)]
struct Data<'a> {
    mapping: &'a str,
    /// The sides come last.
    engines: Vec<&'a str>,
    rows: Vec<DataRow<'a>>,
    notes: Vec<DataNote<'a>>,
    /// What the checks of one case share.
    cases: Vec<DataCase<'a>>,
    checks: Vec<DataCheck<'a>>,
    /// What scripts set up first.
    setups: Vec<&'a str>,
    /// The upper end of each bin of a histogram.
    bins: Vec<Number>,
    /// How many checks have lost their pictures.
    unpictured: usize,
}

#[derive(Serialize)]
struct DataRow<'a> {
    name: &'a str,
    number: u32,
    torch: &'a Option<String>,
    mindspore: &'a Option<String>,
    difference: &'a Option<Text>,
    file: &'a str,
}

#[derive(Serialize)]
struct DataNote<'a> {
    of: &'a [String],
    text: &'a Text,
    /// Index of the row, the check that shows it best, how many do, and the largest error.
    rows: Vec<(usize, &'a str, usize, Option<DataError<'a>>)>,
}

/// Of which array, how large, and on which engine.
#[derive(Serialize)]
struct DataError<'a>(String, String, &'a str);

#[derive(Serialize)]
struct DataCase<'a> {
    yaml: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a Text>,
}

#[derive(Serialize)]
struct DataCheck<'a> {
    name: &'a str,
    row: usize,
    place: String,
    verdict: Verdict,
    /// Index of the case, dtype, layout, shape and whether the call is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<(usize, &'static str, &'a str, &'a [usize], bool)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<DataScript<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mindspore: Option<DataScript<'a>>,
    /// In the order of the engines, the sides last.
    asked: Vec<DataAsked<'a>>,
}

/// Index of what is set up first, and the call.
#[derive(Serialize)]
struct DataScript<'a>(usize, &'a str);

#[derive(Serialize)]
struct DataAsked<'a> {
    engine: usize,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<DataFinding<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arrays: Vec<DataArray<'a>>,
}

/// In words; of elements, also in numbers, which are told in either language.
#[derive(Serialize)]
struct DataFinding<'a>(&'a str, Option<DataElements>);

/// The array, how many elements are beyond, of how many, and whether the sides are held to each other.
#[derive(Serialize)]
struct DataElements(String, usize, usize, bool);

#[derive(Serialize)]
struct DataArray<'a> {
    name: String,
    /// The tolerance; or why it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    off: Option<&'a Text>,
    beyond: usize,
    elements: usize,
    used: Number,
    /// The worst errors: absolute, relative, in ULP.
    worst: [String; 3],
    /// Where they are, of an array beyond the tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    spots: Option<[DataSpot; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<Vec<(usize, usize)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<DataMap>,
}

/// Index, group, what is there, and what is exact.
#[derive(Serialize)]
struct DataSpot(String, Option<usize>, String, String);

#[derive(Serialize)]
struct DataMap {
    cells: [usize; 4],
    covers: [usize; 4],
    shares: String,
}

pub(super) fn json(report: &Report) -> serde_json::Result<String> {
    let rows: HashMap<&str, usize> = report.rows.iter().enumerate().map(|(at, row)| (row.name.as_str(), at)).collect();
    let mut data = Data {
        mapping: &report.mapping.name,
        engines: report.engines.iter().map(|engine| engine.name.as_str()).chain([crate::check::SIDES]).collect(),
        rows: report
            .rows
            .iter()
            .map(|row| DataRow {
                name: &row.name,
                number: row.number,
                torch: &row.torch,
                mindspore: &row.mindspore,
                difference: &row.difference,
                file: &row.file,
            })
            .collect(),
        notes: Vec::new(),
        cases: Vec::new(),
        checks: Vec::new(),
        setups: Vec::new(),
        bins: (0..Histogram::BINS).map(|bin| Number(Histogram::upper(bin))).collect(),
        unpictured: 0,
    };
    for note in &report.notes {
        let shown = note.rows.iter().filter_map(|shown| {
            let row = shown.check.split('/').next().and_then(|row| rows.get(row))?;
            let error = shown.error.as_ref().map(|of| DataError(of.array.to_string(), number(of.error.0), &of.engine));
            Some((*row, shown.check.as_str(), shown.checks, error))
        });
        data.notes.push(DataNote { of: &note.of, text: &note.text, rows: shown.collect() });
    }
    let (mut cases, mut pictures) = (HashMap::new(), 0);
    for check in &report.checks {
        let Some(&row) = rows.get(check.row.as_str()) else { continue };
        let has_pictures = check.asked().any(|asked| asked.arrays.iter().any(|array| array.map.is_some()));
        let is_pictured = has_pictures && pictures < MOST_PICTURES;
        data.unpictured += usize::from(has_pictures && !is_pictured);
        let checked = of_check(check, row, is_pictured, &mut cases, &mut data);
        let maps = checked.asked.iter().flat_map(|asked| &asked.arrays).filter_map(|array| array.map.as_ref());
        pictures += maps.map(|map| map.shares.len()).sum::<usize>();
        data.checks.push(checked);
    }
    serde_json::to_string(&data)
}

fn of_check<'a>(
    check: &'a Check,
    row: usize,
    is_pictured: bool,
    cases: &mut HashMap<(usize, &'a str), usize>,
    data: &mut Data<'a>,
) -> DataCheck<'a> {
    let case = check.case.as_ref();
    let case_index = case.map(|case| {
        *cases.entry((row, case.name.as_str())).or_insert_with(|| {
            data.cases.push(DataCase { yaml: &case.yaml, why: case.why.as_ref() });
            data.cases.len() - 1
        })
    });
    let mut script = |script: &'a Script| {
        let known = data.setups.iter().position(|known| *known == script.setup);
        let at = known.unwrap_or_else(|| {
            data.setups.push(&script.setup);
            data.setups.len() - 1
        });
        DataScript(at, &script.call)
    };
    let torch = case.and_then(|case| case.torch.as_ref()).map(&mut script);
    let mindspore = case.and_then(|case| case.mindspore.as_ref()).map(&mut script);
    let asked = |asked: &'a Asked| DataAsked {
        engine: data.engines.iter().position(|name| *name == asked.engine).unwrap_or_default(),
        verdict: asked.verdict,
        note: asked.note.as_deref(),
        findings: asked.findings.iter().map(of_finding).collect(),
        arrays: asked.arrays.iter().map(|array| of_array(array, is_pictured)).collect(),
    };
    DataCheck {
        name: &check.name,
        row,
        place: check.place.to_string(),
        verdict: check.verdict,
        case: case.zip(case_index).map(|(case, index)| {
            (index, case.dtype.name(), case.layout.as_str(), case.shape.as_slice(), case.accepted)
        }),
        torch,
        mindspore,
        asked: check.asked().map(asked).collect(),
    }
}

fn of_finding(finding: &Finding) -> DataFinding<'_> {
    let elements = finding.elements.as_ref().map(|Elements { array, comparison, between_sides }| {
        DataElements(array.to_string(), comparison.beyond, comparison.elements, *between_sides)
    });
    DataFinding(&finding.message, elements)
}

fn of_array(array: &Array, is_pictured: bool) -> DataArray<'_> {
    let Comparison { elements, beyond, used, absolute, relative, ulp } = &array.comparison;
    let (tolerance, off) = match &array.held_to {
        HeldTo::Off { why } => (None, Some(why)),
        HeldTo::Ulp(ulp) => (Some(format!("{ulp} ULP")), None),
        HeldTo::Relative { rtol, atol } => (Some(format!("rtol {rtol:e}, atol {atol:e}")), None),
    };
    let spots = [absolute, relative, ulp];
    let told = |spot: &Spot| {
        let Spot { at, group, actual, expected, .. } = spot;
        DataSpot(format!("{at:?}"), *group, number(actual.0), number(expected.0))
    };
    DataArray {
        name: array.array.to_string(),
        tolerance,
        off,
        beyond: *beyond,
        elements: *elements,
        used: Number(four_digits(used.0)),
        worst: spots.map(|spot| number(spot.error.0)),
        spots: (*beyond > 0).then(|| spots.map(told)),
        histogram: is_pictured.then(|| array.histogram.bins().collect()),
        map: array.map.as_ref().filter(|_| is_pictured).map(of_map),
    }
}

fn of_map(map: &HeatMap) -> DataMap {
    DataMap { cells: map.cells, covers: map.covers, shares: map.shares.iter().map(|share| level(*share)).collect() }
}

fn four_digits(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// The level at which a share is the whole tolerance.
const WHOLE: i32 = 22;

/// A share as one letter: `0` where no element is known, `1` where there is no error, and from there half a power of
/// two a step, up to the last, which is no number. Above [`WHOLE`] it is beyond the tolerance.
fn level(share: f64) -> char {
    const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    let level = match share {
        share if share.is_nan() => 0,
        0.0 => 1,
        f64::INFINITY => 63,
        // As a share of 1 is not beyond, every other is rounded up.
        share => (WHOLE + (2.0 * share.log2()).ceil() as i32).clamp(2, 62),
    };
    char::from(LETTERS[level as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_part_at_the_tolerance() {
        assert_eq!([f64::NAN, 0.0, 1.0, 1.0 + f64::EPSILON, f64::INFINITY].map(level), ['0', '1', 'm', 'n', '_']);
        assert_eq!([1e-300, 0.9, 2.0, 1e300].map(level), ['2', 'm', 'o', '-']);
    }

    #[test]
    fn four_digits_are_kept() {
        assert_eq!([0.123_456, 1e300, 0.0].map(four_digits), [0.1235, 1e300, 0.0]);
        assert!(four_digits(f64::INFINITY).is_infinite());
    }
}
