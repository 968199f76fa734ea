//! Calls that nobody wrote find what is wrong, tell it once for each cause, and are the same on every run.

use crate::common::mine::{self, Defect};
use crate::common::ours::mapping;
use mapcheck::conformance::{self, Exploration};
use mapcheck::engine::Rust;

fn explored(defect: Defect, calls: usize, seed: u64) -> String {
    let suite = mine::suite(defect);
    let how = Exploration { seconds: 0, calls: Some(calls), seed, reference: "exact".to_owned() };
    how.run(&suite, "mine").expect("it is there").0
}

#[test]
fn a_defect_is_told_once() {
    let text = explored(Defect::TakesEveryDivisor, 400, 1);
    assert!(text.contains("differ otherwise, for 1 reason\n"), "{text}");
    assert_eq!(text.matches("- name: found").count(), 1, "{text}");
    assert!(text.contains("call: { num_groups: 2, num_channels: 1 }"), "{text}");
}

#[test]
fn defects_of_values_are_found() {
    for defect in [Defect::DxWithoutStatistics, Defect::GammaPerGroup, Defect::LayoutIgnored] {
        let text = explored(defect, 100, 2);
        assert!(text.contains("- name: found"), "{defect:?}: {text}");
    }
}

/// An operator with a defect, or another one, beside the operator of this crate.
fn beside_rust(defect: Defect, calls: usize) -> String {
    let suite = mine::suite_with(defect, mapping(), vec![Box::new(Rust)]);
    let how = Exploration { seconds: 0, calls: Some(calls), seed: 5, reference: "rust".to_owned() };
    how.run(&suite, "mine").expect("it is there").0
}

#[test]
fn another_engine_is_a_reference_too() {
    let text = beside_rust(Defect::None, 300);
    assert!(text.starts_with("mine beside rust: 300 calls of seed 5; "), "{text}");
    assert!(text.contains(" 0 differ otherwise"), "{text}");
    for (defect, what) in [
        (Defect::DxWithoutStatistics, "dx: "),
        (Defect::GammaPerGroup, "y: "),
        (Defect::PanicsWithoutSamples, "panic"),
        (Defect::NoVectors, "the call is rejected"),
        (Defect::TakesEveryDivisor, "the call is accepted"),
    ] {
        let text = beside_rust(defect, 100);
        assert!(text.contains(what) && text.contains("- name: found"), "{defect:?}: {text}");
    }
}

#[test]
fn the_same_seed_gives_the_same_output() {
    let text = explored(Defect::GammaPerGroup, 60, 3);
    assert_eq!(text, explored(Defect::GammaPerGroup, 60, 3));
    assert_ne!(text, explored(Defect::GammaPerGroup, 60, 4));
}

#[test]
fn the_operator_of_this_crate_takes_and_refuses_what_it_should() {
    let suite = conformance::suite(Box::new(Rust), &conformance::specs(), &conformance::golden(), []);
    let suite = suite.unwrap_or_else(|_| panic!("the specs have no mistakes"));
    let how = Exploration { seconds: 0, calls: Some(2000), seed: 0, reference: "exact".to_owned() };
    let (text, _) = how.run(&suite, "rust").expect("it is there");
    // How close its gradients are beside parameters of another dtype is for `cargo xtask explore` to tell.
    let findings: Vec<&str> =
        text.split("the smallest, in ").skip(1).filter_map(|found| found.lines().nth(1)).collect();
    assert!(findings.iter().all(|line| line.contains("elements are beyond")), "{text}");
}

#[test]
fn an_engine_that_is_not_there_is_named_with_those_that_are() {
    let suite = mine::suite(Defect::None);
    let how = Exploration { seconds: 0, calls: Some(1), seed: 0, reference: "torch-2.13.0".to_owned() };
    let why = how.run(&suite, "mine").expect_err("it is no live engine");
    assert_eq!(why, "there is no live engine `torch-2.13.0`; there are mine");
}
