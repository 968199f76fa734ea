//! What must be so for every call of a subject, whatever it computes.

use super::Finding;
use crate::call::{Answer, Backward, Call, CallHash, Output};
use crate::engine::{self, Engine, Question};
use crate::tensor::Tensor;

/// x unchanged, two runs equal bit for bit, a batch equal to its samples one by one.
///
/// `before` is the hash of the call before it was asked for the first time, `first` the answer to that.
pub(super) fn violated(engine: &dyn Engine, question: Question<'_>, before: &CallHash, first: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    let second = engine::ask(engine, question);
    if question.call.hash() != *before {
        findings.push(Finding::Invariant("the call changes its own input".to_owned()));
    }
    let Some(second) = second.answer() else {
        findings.push(Finding::Invariant("asked again, the engine refuses what it accepted".to_owned()));
        return findings;
    };
    for (output, array) in &first.arrays {
        if !second.get(*output).is_some_and(|again| again.values.same_bits(&array.values)) {
            findings.push(Finding::Invariant(format!("two runs give other bits of {output}")));
        }
    }
    findings.extend(unlike_samples(engine, question, first));
    findings
}

/// The first sample whose y or dx is other when it is computed alone.
fn unlike_samples(engine: &dyn Engine, question: Question<'_>, batch: &Answer) -> Option<Finding> {
    let call = question.call;
    let samples = call.input.1.shape()[0];
    if samples < 2 {
        return None;
    }
    for n in 0..samples {
        let backward = call.backward.as_ref();
        let alone = Call {
            input: (call.input.0.clone(), call.input.1.sample(n)),
            backward: backward.map(|b| Backward { dy: b.dy.sample(n), wanted: b.wanted }),
            ..call.clone()
        };
        let outcome = engine::ask(engine, Question { call: &alone, ..question });
        let Some(answer) = outcome.answer() else {
            return Some(Finding::Invariant(format!("sample {n} is refused when it is asked alone")));
        };
        for output in [Output::Y, Output::Dx] {
            let (Some(of_batch), Some(of_sample)) = (batch.get(output), answer.get(output)) else { continue };
            if !of_batch.values.sample(n).same_bits(&of_sample.values) {
                return Some(Finding::Invariant(first_difference(output, n, &of_batch.values, &of_sample.values)));
            }
        }
    }
    None
}

fn first_difference(output: Output, n: usize, batch: &Tensor, sample: &Tensor) -> String {
    let (a, b) = (batch.sample(n).to_f64(), sample.to_f64());
    let at = (0..a.len().min(b.len())).find(|&i| a[i].to_bits() != b[i].to_bits()).unwrap_or(0);
    format!(
        "{output} of sample {n} is {:?} at element {at} within the batch and {:?} alone: a batch must equal its samples",
        a.get(at),
        b.get(at)
    )
}
