//! One engine held to another: what is asked of both, and what is found.

use crate::common::altered::{Altered, with_y};
use crate::common::ours::{mapping, store};
use mapcheck::call::{Answer, Outcome, Output, Rejection};
use mapcheck::check::{EngineResult, Finding, Suite, Verdict};
use mapcheck::engine::{Engine, Golden, Question, Rust};
use mapcheck::mapping::Case;
use mapcheck::python::Exception;
use mapcheck::tensor::DType;

fn suite() -> Suite {
    Suite::new(mapping(), Box::new(Rust), Vec::new())
}

fn cases(suite: &Suite) -> impl Iterator<Item = &Case> {
    suite.mapping().rows.iter().flat_map(|row| &row.file.cases)
}

/// What is found of two engines on the case of that name.
fn beside(engine: &dyn Engine, reference: &dyn Engine) -> EngineResult {
    let suite = suite();
    let case = cases(&suite).find(|case| case.name == "rank_4_three_samples").expect("the case is there");
    suite.ask_beside(case, engine, reference).expect("its tensors can be made")
}

#[test]
fn findings_are_of_the_one_beside_the_other() {
    let same = Altered(|_: Question<'_>, answer| Outcome::Answered(answer));
    let moved = Altered(|_: Question<'_>, answer| with_y(answer, |values| values.iter_mut().for_each(|v| *v *= 1.001)));
    let wider = Altered(|_: Question<'_>, mut answer: Answer| {
        let y = answer.arrays.get_mut(&Output::Y).expect("there is a y");
        y.values = y.values.cast(DType::F64);
        Outcome::Answered(answer)
    });
    let without_dx = Altered(|_: Question<'_>, mut answer: Answer| {
        answer.arrays.remove(&Output::Dx);
        Outcome::Answered(answer)
    });
    let rejecting = Altered(|_: Question<'_>, _| Outcome::Rejected(Rejection::new(Exception::TypeError, "no")));
    let broken = Altered(|_: Question<'_>, _| panic!("out of order"));

    assert_eq!(beside(&same, &Rust).verdict, Verdict::Holds);
    assert_eq!(beside(&rejecting, &rejecting).verdict, Verdict::Holds);
    let found = |engine: &dyn Engine, reference: &dyn Engine| {
        let result = beside(engine, reference);
        assert_eq!((result.verdict, result.findings.len()), (Verdict::Refuted, 1), "{:?}", result.findings);
        result.findings.into_iter().next().expect("there is one")
    };
    for (engine, reference) in [(&moved as &dyn Engine, &Rust as &dyn Engine), (&Rust, &moved)] {
        assert!(matches!(found(engine, reference), Finding::Beyond { output: Output::Y, .. }));
    }
    for (engine, reference) in [(&wider as &dyn Engine, &Rust as &dyn Engine), (&Rust, &wider)] {
        assert!(matches!(found(engine, reference), Finding::Unlike { output: Output::Y, .. }));
    }
    assert!(matches!(found(&without_dx, &Rust), Finding::Missing(Output::Dx)));
    assert_eq!(beside(&Rust, &without_dx).verdict, Verdict::Holds, "nothing to be held to");
    assert!(matches!(found(&rejecting, &Rust), Finding::Rejected { key: None, .. }));
    assert!(matches!(found(&Rust, &rejecting), Finding::KnownToReject(_)));
    assert!(matches!(found(&broken, &Rust), Finding::Broken(_)));
    assert_eq!(beside(&Rust, &broken).verdict, Verdict::NotAsked);
}

/// Of every call of the specs why the operator of this crate is not held to PyTorch, where the two mean different things
/// by it. PyTorch's answers are recorded of checks, and a case by itself has none: what is left is what is known before.
#[test]
fn calls_that_two_read_differently_are_not_asked() {
    let suite = suite();
    let torch = Golden::new("torch-2.13.0", store());
    let mut told = String::new();
    for case in cases(&suite) {
        let note = suite.ask_beside(case, &Rust, &torch).expect("its tensors can be made").note;
        if note.as_deref() != Some("one of the two was not asked") {
            told.push_str(&format!("{}: {}\n", case.name, note.unwrap_or_default()));
        }
    }
    insta::assert_snapshot!("read_differently", told);
}
