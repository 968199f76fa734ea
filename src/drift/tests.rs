//! Versions that are the operator of this crate, each with one change.

use std::path::Path;

use super::*;
use crate::binding::Binding;
use crate::call::{Answer, Output, Rejection};
use crate::engine::Rust;
use crate::golden::REMEDY;
use crate::mapping;
use crate::python::Exception;
use crate::report;
use crate::signature::{Parameter, Signature};
use crate::tensor::{DType, Tensor};

/// A version that answers as the operator does, but for a change.
struct Version {
    name: &'static str,
    change: fn(&str, Outcome) -> Outcome,
    signature: Option<Signature>,
}

impl Engine for Version {
    fn name(&self) -> &str {
        self.name
    }

    fn binding(&self) -> &dyn Binding {
        if self.name.starts_with("torch") { crate::binding::of(self.name) } else { Rust.binding() }
    }

    fn is_recorded(&self) -> bool {
        true
    }

    fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        (self.change)(question.check, Rust.answer(question))
    }
}

fn signature(announcements: &[&str]) -> Signature {
    let eps = Parameter { name: "eps".to_owned(), kind: crate::signature::Kind::PositionalOrKeyword, default: None };
    let announcements = announcements.iter().map(|&text| text.to_owned()).collect();
    Signature { constructor: vec![eps], forward: Vec::new(), announcements }
}

fn same(_: &str, outcome: Outcome) -> Outcome {
    outcome
}

/// The drift between two versions on the checks of some names, and its text.
fn drift_of(versions: [Version; 2], is_asked: fn(&str) -> bool) -> (Drift, String) {
    let mapping = mapping::read(Path::new("specs/group_norm")).expect("the specs have no mistakes");
    let names = [versions[0].name, versions[1].name];
    let others = versions.into_iter().map(|version| Box::new(version) as Box<dyn Engine>).collect();
    let suite = Suite::new(mapping, Box::new(Rust), others);
    let checks: Vec<Check> = suite.checks().into_iter().filter(|check| is_asked(&check.name)).collect();
    let drift = between(&suite, &checks, names[0], names[1]).expect("both are recorded");
    let text = report::drift(&suite, &drift);
    (drift, text)
}

fn version(name: &'static str, change: fn(&str, Outcome) -> Outcome) -> Version {
    Version { name, change, signature: Some(signature(&[])) }
}

fn versions(before: fn(&str, Outcome) -> Outcome, after: fn(&str, Outcome) -> Outcome) -> [Version; 2] {
    [version("mindspore-1", before), version("mindspore-2", after)]
}

/// An answer, changed.
fn with(outcome: Outcome, change: impl FnOnce(&mut Answer)) -> Outcome {
    match outcome {
        Outcome::Answered(mut answer) => {
            change(&mut answer);
            Outcome::Answered(answer)
        }
        other => other,
    }
}

/// y with its first element moved.
fn moved(outcome: Outcome, by: f64) -> Outcome {
    with(outcome, |answer| {
        let y = answer.arrays.get_mut(&Output::Y).expect("every answer has a y");
        let mut values = y.values.to_f64();
        values[0] += by;
        y.values = Tensor::from_f64(y.values.dtype(), &y.shape, &values).expect("as many values as before");
    })
}

const ONE: fn(&str) -> bool = |name| name == "num_groups/three_groups_of_two/f32";

#[test]
fn of_two_that_are_equal_nothing_drifted() {
    let (drift, text) = drift_of(versions(same, same), |name| name.starts_with("num_groups/"));
    assert!(drift.no_answer_moved() && drift.same_signature() && drift.unanswered.is_empty());
    assert!(drift.calls > 10 && drift.rows[0].values.same > 10);
    assert!(drift.general.is_empty() && drift.rows.iter().all(|row| row.findings.is_empty()));
    assert!(text.contains("no answer moved") && text.contains("are the same"), "{text}");
}

#[test]
fn moves_are_judged_by_exact() {
    type Changed = fn(&str, Outcome) -> Outcome;
    let [nan, infinity]: [Changed; 2] =
        [|_, outcome| moved(outcome, f64::NAN), |_, outcome| moved(outcome, f64::INFINITY)];
    let [far, near]: [Changed; 2] = [|_, outcome| moved(outcome, 1.0), |_, outcome| moved(outcome, 0.1)];
    // The tolerance is 1e-5 and a bit more.
    let [beyond, within, opposite]: [Changed; 3] =
        [|_, outcome| moved(outcome, 2e-5), |_, outcome| moved(outcome, 0.9e-5), |_, outcome| moved(outcome, -0.9e-5)];
    for (before, after, judgement) in [
        (same as Changed, near, Judgement::Worse),
        (near, far, Judgement::Worse),
        (far, near, Judgement::Nearer),
        (nan, far, Judgement::Nearer),
        (nan, infinity, Judgement::AsFar),
        (far, same, Judgement::Mended),
        // No far move, and yet across the tolerance.
        (beyond, within, Judgement::Mended),
        (within, beyond, Judgement::Worse),
        (within, opposite, Judgement::Apart),
    ] {
        let (drift, text) = drift_of(versions(before, after), ONE);
        let judged = &drift.rows[0].values.judged;
        assert!(judged.len() == 1 && judged[0].judgement == judgement, "{judgement:?}: {text}");
        assert!(!drift.no_answer_moved());
    }
    let (drift, _) = drift_of(versions(same, within), ONE);
    let most = drift.rows[0].values.most.as_ref().expect("y moved");
    assert!(drift.rows[0].values.within == 1 && most.output == Output::Y && most.ulp > 10.0, "{most:?}");
}

#[test]
fn what_is_accepted_is_told_by_x_or_else_case_by_case() {
    fn no_f16_and_no_list(name: &str, outcome: Outcome) -> Outcome {
        match name.ends_with("/f16") || name.contains("/three_groups") {
            true => Outcome::Rejected(Rejection::new(Exception::TypeError, format!("no {}", name.len()))),
            false => outcome,
        }
    }
    let (drift, text) = drift_of(versions(no_f16_and_no_list, same), |name| name.starts_with("num_groups/"));
    let [reach] = &drift.reach[..] else { panic!("{text}") };
    assert_eq!(reach.kind(), Some(Property::DType(DType::BF16)));
    assert!(text.contains("dtypes of x accepted: bf16, f32, f64 -> f16, bf16, f32, f64 (2 calls)"), "{text}");
    let turned = &drift.rows[0].findings.turned;
    assert_eq!(turned.len(), 1);
    assert_eq!(turned[0].calls, ["num_groups/three_groups_of_two/f32", "num_groups/three_groups_of_two/f64"]);
    assert_eq!((drift.accepted_now, drift.rejected_now), (4, 0));

    let (back, _) = drift_of(versions(same, no_f16_and_no_list), |name| name.starts_with("num_groups/"));
    assert_eq!((back.accepted_now, back.rejected_now, back.reach[0].calls), (0, 4, 2));
}

#[test]
fn what_is_so_in_several_rows_is_said_once() {
    fn other_class(_: &str, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Rejected(_) => Outcome::Rejected(Rejection::new(Exception::RuntimeError, "no")),
            other => other,
        }
    }
    fn first(_: &str, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Rejected(_) => Outcome::Rejected(Rejection::new(Exception::IndexError, "not any more")),
            other => other,
        }
    }
    let (drift, text) = drift_of(versions(first, other_class), |name| name.contains("/text/"));
    assert!(drift.rows.iter().all(|row| row.findings.classes.is_empty()), "{text}");
    assert_eq!(drift.general.classes.len(), 1);
    let (drift, text) = drift_of(versions(first, other_class), |name| name.starts_with("eps/text/"));
    assert!(drift.general.classes.is_empty() && drift.rows[0].findings.classes.len() == 1, "{text}");
}

#[test]
fn other_arrays_are_told() {
    fn cut(_: &str, outcome: Outcome) -> Outcome {
        with(outcome, |answer| {
            answer.arrays.remove(&Output::Dx);
            answer.printed = Some("[[1.]]".to_owned());
            let dbeta = answer.arrays.get_mut(&Output::Dbeta).expect("it is asked for");
            dbeta.shape.push(1);
            let dgamma = answer.arrays.get_mut(&Output::Dgamma).expect("it is asked for");
            dgamma.values = dgamma.values.cast(DType::F64);
        })
    }
    let (drift, text) = drift_of(versions(same, cut), ONE);
    let changes: Vec<_> = drift.rows[0].findings.arrays.iter().map(|common| common.what.clone()).collect();
    let dtype = ArrayChange::DType { output: Output::Dgamma, x: DType::F32, before: DType::F32, after: DType::F64 };
    let shape = ArrayChange::Shape { output: Output::Dbeta, before: vec![6], after: vec![6, 1] };
    assert_eq!(changes, [ArrayChange::Gone(Output::Dx), dtype, shape, ArrayChange::Printed], "{text}");
    let (back, _) = drift_of(versions(cut, same), ONE);
    assert!(back.rows[0].findings.arrays.iter().any(|common| common.what == ArrayChange::New(Output::Dx)));
}

#[test]
fn what_is_missing_is_told_with_its_remedy() {
    fn absent(name: &str, outcome: Outcome) -> Outcome {
        if name.contains("bf16") { Outcome::Absent(format!("there is none: {REMEDY}")) } else { outcome }
    }
    let [before, after] = versions(same, absent);
    let (drift, text) =
        drift_of([before, Version { signature: None, ..after }], |name| name.starts_with("num_groups/"));
    assert_eq!(drift.unsigned, ["mindspore-2"]);
    assert!(drift.unanswered.len() == 1 && drift.unanswered[0].calls.len() == 2 && drift.calls > 10, "{text}");
    assert!(text.contains("there is none\n  run `cargo xtask golden --engine mindspore-2`"), "{text}");
    assert!(!text.contains("the signatures and"), "{text}");
}

#[test]
fn announcements_are_told_with_the_parameters_that_they_name() {
    let text = "eps will be removed.";
    let signatures = |before: &[&str], after: &[&str]| {
        let [one, other] = versions(same, same);
        let (before, after) = (Some(signature(before)), Some(signature(after)));
        drift_of([Version { signature: before, ..one }, Version { signature: after, ..other }], |name| {
            name.starts_with("eps/text")
        })
    };
    let (drift, told) = signatures(&[], &[text]);
    let announced = Announcement { text: text.to_owned(), is_new: true, names: vec!["eps".to_owned()] };
    assert_eq!(drift.announcements, std::slice::from_ref(&announced), "{told}");
    assert!(drift.no_answer_moved() && !drift.same_signature());
    let (gone, _) = signatures(&[text], &[]);
    assert_eq!(gone.announcements, [Announcement { is_new: false, ..announced }]);
    assert!(signatures(&[text], &[text]).0.announcements.is_empty());
}

#[test]
fn versions_that_cannot_be_compared_are_refused_with_what_can() {
    let mapping = mapping::read(Path::new("specs/group_norm")).expect("the specs have no mistakes");
    let others = ["mindspore-1", "mindspore-2", "torch-1"].map(|name| Box::new(version(name, same)) as Box<dyn Engine>);
    let suite = Suite::new(mapping, Box::new(Rust), others.into());
    let refused = |before, after| between(&suite, &[], before, after).expect_err("they are not comparable").to_string();
    assert_eq!(
        refused("mindspore-3", "mindspore-2"),
        "the mapping records no version `mindspore-3`: say one of mindspore-1, mindspore-2, torch-1"
    );
    // The operator is no version.
    assert!(refused("mindspore-1", "rust").contains("no version `rust`"));
    let two_sides = refused("mindspore-1", "torch-1");
    assert!(two_sides.ends_with("say two of mindspore-1, mindspore-2"), "{two_sides}");
}
