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
    let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::DTypes;
    use crate::tensor::{DType, Tensor};

    fn answer(gamma: &[f64]) -> Answer {
        Answer::default().with(Output::Gamma, Tensor::from_f64(DType::F32, &[gamma.len()], gamma).unwrap())
    }

    fn told(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ranges_have_both_of_their_ends() {
        // Mean 4, deviation 2.
        let answer = answer(&[2.0, 2.0, 6.0, 6.0]);
        let off = |mean, std, values| told(off_moments(&answer, Output::Gamma, &Moments { mean, std, values }));
        assert!(off([4.0, 4.0], [2.0, 2.0], [2.0, 6.0]).is_empty());
        assert!(off([3.0, 5.0], [1.0, 3.0], [1.0, 7.0]).is_empty());
        for (found, what) in [
            (
                off([4.1, 5.0], [2.0, 2.0], [2.0, 6.0]),
                "gamma as built: the mean is 4.00000, claimed to lie in [4.1, 5]",
            ),
            (
                off([3.0, 3.9], [2.0, 2.0], [2.0, 6.0]),
                "gamma as built: the mean is 4.00000, claimed to lie in [3, 3.9]",
            ),
            (
                off([4.0, 4.0], [2.1, 3.0], [2.0, 6.0]),
                "gamma as built: the deviation is 2.00000, claimed to lie in [2.1, 3]",
            ),
            (
                off([4.0, 4.0], [2.0, 2.0], [3.0, 6.0]),
                "gamma as built: the smallest value is 2.00000, claimed to lie in [3, 6]",
            ),
            (
                off([4.0, 4.0], [2.0, 2.0], [2.0, 5.0]),
                "gamma as built: the largest value is 6.00000, claimed to lie in [2, 5]",
            ),
        ] {
            assert_eq!(found, [what]);
        }
    }

    #[test]
    fn what_a_case_claims_of_parameters_drawn_at_random_is_looked_at() {
        let mapping = crate::mapping::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/group_norm"));
        let mapping = mapping.unwrap();
        let mut cases = mapping.rows.iter().flat_map(|row| &row.file.cases);
        let case = cases.find(|case| case.built.as_ref().is_some_and(|built| built.gamma.is_some())).unwrap();
        let found = told(moments(case, &answer(&[1e3; 4])));
        assert!(found.iter().any(|found| found.starts_with("gamma as built: the mean is 1000.00000")), "{found:?}");
        assert!(moments(&Case { built: None, ..case.clone() }, &answer(&[1e3; 4])).is_empty());
    }

    #[test]
    fn parameters_are_those_that_the_answer_was_computed_from() {
        let of = |gamma: &[f64], expected: &[f64]| {
            let effective = Effective {
                x: Tensor::from_f64(DType::F32, &[1, 2], &[0.0; 2]).unwrap(),
                num_groups: 1,
                gamma: expected.to_vec(),
                beta: vec![0.0; 2],
                eps: 0.0,
                backward: None,
                dtypes: DTypes::all(DType::F16),
            };
            told(as_built(&answer(gamma), &effective))
        };
        assert!(of(&[1.0, f64::NAN], &[1.0, f64::NAN]).is_empty());
        // y is of f16: what that does not hold apart is the same.
        assert!(of(&[1.0, 2.0], &[1.0, 2.0 + 1e-5]).is_empty());
        assert_eq!(of(&[1.0, 2.0], &[1.0, 3.0]), ["gamma as built: channel 1 is 2, expected 3"]);
        assert_eq!(of(&[f64::NAN, 2.0], &[1.0, 2.0]), ["gamma as built: channel 0 is NaN, expected 1"]);
        assert_eq!(of(&[1.0, 2.0], &[f64::NAN, 2.0]), ["gamma as built: channel 0 is 1, expected NaN"]);
        assert_eq!(of(&[1.0], &[1.0, 1.0]), ["gamma as built: the shape is [1], expected [2]"]);
    }
}
