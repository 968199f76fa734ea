//! What is claimed of the parameters as built.

use super::Finding;
use crate::call::{Answer, Effective, Output};
use crate::mapping::{Case, Moments};

/// The parameters as built must be those that the answer was computed from.
pub(super) fn as_built(answer: &Answer, effective: &Effective) -> Vec<Finding> {
    let dtype = effective.dtypes.y;
    let mut findings = Vec::new();
    for (output, expected) in [(Output::Gamma, &effective.gamma), (Output::Beta, &effective.beta)] {
        let Some(array) = answer.get(output).filter(|array| array.kept.is_none()) else { continue };
        let rounded = |values: &[f64]| -> Vec<f64> { values.iter().map(|&v| dtype.round(v)).collect() };
        let (values, expected) = (rounded(&array.values.to_f64()), rounded(expected));
        let same = |(a, e): (&f64, &f64)| a == e || a.is_nan() && e.is_nan();
        if array.shape != [expected.len()] {
            let what = format!("the shape is {:?}, expected [{}]", array.shape, expected.len());
            findings.push(Finding::Built { output, what });
        } else if let Some(c) = (0..values.len()).find(|&c| !same((&values[c], &expected[c]))) {
            let what = format!("channel {c} is {}, expected {}", values[c], expected[c]);
            findings.push(Finding::Built { output, what });
        }
    }
    findings
}

/// Parameters drawn at random must lie and spread as the case claims.
pub(super) fn moments(case: &Case, answer: &Answer) -> Vec<Finding> {
    let Some(built) = &case.built else { return Vec::new() };
    let claims = [(Output::Gamma, &built.gamma), (Output::Beta, &built.beta)];
    let claims = claims.into_iter().filter_map(|(output, claim)| Some((output, claim.as_ref()?)));
    claims.flat_map(|(output, claim)| off_moments(answer, output, claim)).collect()
}

fn off_moments(answer: &Answer, output: Output, claim: &Moments) -> Vec<Finding> {
    // An engine that is given its parameters has none of its own to speak of.
    let Some(array) = answer.get(output) else { return Vec::new() };
    let values = array.values.to_f64();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let std = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count).sqrt();
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let measured = [
        ("mean", mean, claim.mean),
        ("deviation", std, claim.std),
        ("smallest value", low, claim.values),
        ("largest value", high, claim.values),
    ];
    let outside = measured.into_iter().filter(|(_, value, [from, to])| !(from <= value && value <= to));
    outside
        .map(|(what, value, [from, to])| Finding::Built {
            output,
            what: format!("the {what} is {value:.5}, claimed to lie in [{from}, {to}]"),
        })
        .collect()
}
