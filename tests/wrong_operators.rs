//! Operators that are deliberately wrong: each is refuted, in the row in which one would look.

use std::path::Path;
use std::sync::Arc;

use mapcheck::binding::{Binding, Mindspore, Refusal};
use mapcheck::call::{Answer, Effective, Outcome, Output};
use mapcheck::check::{Outcomes, RowResult, Suite, Verdict};
use mapcheck::engine::{Engine, Golden, Question};
use mapcheck::golden::Store;
use mapcheck::mapping;
use mapcheck::report;
use mapcheck::tensor::Tensor;

/// What is wrong with an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    EpsOutsideTheSquareRoot,
    UnbiasedVariance,
    GammaPerGroup,
    InterleavedGroups,
    AffineIgnored,
    DxWithoutStatistics,
}

/// GroupNorm as a textbook has it, in f64, with one defect or none.
struct Textbook(Option<Defect>);

impl Engine for Textbook {
    fn name(&self) -> &str {
        "textbook"
    }

    fn binding(&self) -> &dyn Binding {
        &Mindspore::OPERATOR
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        match self.binding().effective(question.call, None) {
            Ok(call) => Outcome::Answered(self.compute(&call)),
            Err(Refusal::Rejected(rejection)) => Outcome::Rejected(rejection),
            Err(Refusal::Inexpressible(why)) => Outcome::NotAsked(why),
        }
    }
}

impl Textbook {
    fn has(&self, defect: Defect) -> bool {
        self.0 == Some(defect)
    }

    fn compute(&self, call: &Effective) -> Answer {
        let (shape, dtype) = (call.x.shape(), call.x.dtype());
        let (samples, channels, inner) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
        let group_channels = channels / call.num_groups;
        let x = call.x.to_f64();
        let dy = call.backward.as_ref().map(|(dy, _)| dy.to_f64());
        let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
        for (n, group) in (0..samples).flat_map(|n| (0..call.num_groups).map(move |group| (n, group))) {
            let is_member = |c: usize| {
                let of = if self.has(Defect::InterleavedGroups) { c % call.num_groups } else { c / group_channels };
                of == group
            };
            let members: Vec<(usize, usize)> = (0..channels)
                .filter(|&c| is_member(c))
                .flat_map(|c| (0..inner).map(move |i| (c, (n * channels + c) * inner + i)))
                .collect();
            let count = members.len() as f64;
            let mean = members.iter().map(|&(_, i)| x[i]).sum::<f64>() / count;
            let divisor = if self.has(Defect::UnbiasedVariance) { count - 1.0 } else { count };
            let variance = members.iter().map(|&(_, i)| (x[i] - mean) * (x[i] - mean)).sum::<f64>() / divisor;
            let rstd = if self.has(Defect::EpsOutsideTheSquareRoot) {
                1.0 / (variance.sqrt() + call.eps)
            } else {
                1.0 / (variance + call.eps).sqrt()
            };
            let gamma = |c: usize| match self.0 {
                Some(Defect::GammaPerGroup) => call.gamma[c / group_channels],
                Some(Defect::AffineIgnored) => 1.0,
                _ => call.gamma[c],
            };
            let beta = |c: usize| if self.has(Defect::AffineIgnored) { 0.0 } else { call.beta[c] };
            for &(c, i) in &members {
                y[i] = (x[i] - mean) * rstd * gamma(c) + beta(c);
            }
            let Some(dy) = &dy else { continue };
            let mean_g = members.iter().map(|&(c, i)| dy[i] * gamma(c)).sum::<f64>() / count;
            let mean_gx = members.iter().map(|&(c, i)| dy[i] * gamma(c) * (x[i] - mean) * rstd).sum::<f64>() / count;
            for &(c, i) in &members {
                let x_hat = (x[i] - mean) * rstd;
                let statistics = if self.has(Defect::DxWithoutStatistics) { 0.0 } else { mean_g + x_hat * mean_gx };
                dx[i] = rstd * (dy[i] * gamma(c) - statistics);
                dgamma[c] += dy[i] * x_hat;
                dbeta[c] += dy[i];
            }
        }
        let mut answer = Answer::default();
        let mut put = |output, dtype, shape: &[usize], values: &[f64]| {
            let tensor = Tensor::from_f64(dtype, shape, values).expect("as many values as the shape has");
            answer.arrays.insert(output, tensor.into());
        };
        put(Output::Y, dtype, shape, &y);
        if let Some((_, wanted)) = &call.backward {
            if wanted.x {
                put(Output::Dx, dtype, shape, &dx);
            }
            if wanted.gamma {
                put(Output::Dgamma, call.dtypes.gamma, &[channels], &dgamma);
            }
            if wanted.beta {
                put(Output::Dbeta, call.dtypes.beta, &[channels], &dbeta);
            }
        }
        answer
    }
}

fn run(subject: Textbook) -> (Suite, Outcomes) {
    let mapping = mapping::read(Path::new("specs/group_norm")).expect("the specs have no mistakes");
    let store = Arc::new(Store::open(Path::new("golden/group_norm")));
    let golden = mapping.file.golden.iter();
    let others = golden.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
    let suite = Suite::new(mapping, Box::new(subject), others);
    let outcomes = suite.run(&suite.checks());
    (suite, outcomes)
}

/// The rows in which the subject is refuted.
fn refuted(suite: &Suite, outcomes: &Outcomes) -> Vec<String> {
    let rows = outcomes.rows.iter().filter(|row| row.engines[0].0 == Verdict::Refuted);
    rows.map(|row| suite.mapping().rows[row.row].name.clone()).collect()
}

/// The subject's verdict in each row, and the first mismatch of `row`.
fn rendered(suite: &Suite, outcomes: &Outcomes, row: &str) -> String {
    let verdict = |result: &RowResult| format!("{}: {}\n", suite.mapping().rows[result.row].name, result.engines[0].0);
    let verdicts: String = outcomes.rows.iter().map(verdict).collect();
    let first = outcomes.checks.iter().find(|result| {
        suite.mapping().rows[result.check.row].name == row && result.engines[0].verdict == Verdict::Refuted
    });
    let mismatch = first.map(|result| report::mismatch(suite, result)).unwrap_or_default();
    format!("{verdicts}\n{mismatch}")
}

fn is_refuted_in(defect: Defect, row: &str) {
    let (suite, outcomes) = run(Textbook(Some(defect)));
    assert!(refuted(&suite, &outcomes).iter().any(|refuted| refuted == row), "{defect:?} in {row}");
    insta::assert_snapshot!(format!("{defect:?}"), rendered(&suite, &outcomes, row));
}

#[test]
fn without_a_defect_only_accuracy_is_at_stake() {
    // Plain f64 sums are not enough for f64 answers and large means, and for nothing else.
    let (suite, outcomes) = run(Textbook(None));
    for result in &outcomes.checks {
        let is_f64 = result.check.name.contains("/f64");
        assert!(is_f64 || result.engines[0].findings.is_empty(), "{}", report::mismatch(&suite, result));
    }
}

#[test]
fn eps_outside_the_square_root() {
    is_refuted_in(Defect::EpsOutsideTheSquareRoot, "eps");
}

#[test]
fn unbiased_variance() {
    is_refuted_in(Defect::UnbiasedVariance, "input");
}

#[test]
fn gamma_per_group() {
    is_refuted_in(Defect::GammaPerGroup, "gamma_init");
}

#[test]
fn interleaved_groups() {
    is_refuted_in(Defect::InterleavedGroups, "num_groups");
}

#[test]
fn affine_ignored() {
    is_refuted_in(Defect::AffineIgnored, "affine");
}

#[test]
fn dx_without_statistics() {
    is_refuted_in(Defect::DxWithoutStatistics, "input");
}
