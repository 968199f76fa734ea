//! What is told of a defect, beside the recorded answers.

use std::path::Path;
use std::sync::Arc;

use defects::{DEFECTS, Flaw, Textbook, without_a_defect};
use mapcheck::check::{Suite, Verdict};
use mapcheck::engine::{Engine, Golden};
use mapcheck::golden::Store;
use mapcheck::mapping::{self, Mapping};
use mapcheck::report;

fn read() -> Mapping {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/group_norm");
    mapping::read(&specs).expect("the specs have no mistakes")
}

/// The first mismatch of a row, in which everyone is asked.
fn first_mismatch(flaw: Flaw, row: &str) -> String {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden/group_norm");
    let (mapping, store) = (read(), Arc::new(Store::open(&golden)));
    let names = mapping.file.golden.iter();
    let others = names.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
    let suite = Suite::new(mapping, Box::new(Textbook::with(flaw)), others);
    let checks = suite.checks();
    let of_row = checks.iter().filter(|check| suite.mapping().rows[check.row].name == row);
    let results = of_row.map(|check| suite.run_check(check, |_| true));
    let first = results.into_iter().find(|result| result.engines[0].verdict == Verdict::Refuted);
    let text = report::mismatch(&suite, &first.expect("the row refutes the flaw"));
    text.replace(&format!("{}/../", env!("CARGO_MANIFEST_DIR")), "")
}

#[test]
fn the_textbook_without_a_defect_is_not_refuted() {
    assert_eq!(without_a_defect(&read()), []);
}

#[test]
fn every_row_that_has_to_catch_a_defect_is_there() {
    let mapping = read();
    for row in DEFECTS.iter().flat_map(|defect| defect.rows) {
        assert!(mapping.rows.iter().any(|known| known.name == *row), "{row}");
    }
}

#[test]
fn eps_outside_the_square_root() {
    insta::assert_snapshot!(first_mismatch(Flaw::EpsOutsideTheRoot, "eps"));
}

#[test]
fn unbiased_variance() {
    insta::assert_snapshot!(first_mismatch(Flaw::UnbiasedVariance, "input"));
}

#[test]
fn gamma_per_group() {
    insta::assert_snapshot!(first_mismatch(Flaw::AffinePerGroup, "gamma_init"));
}

#[test]
fn affine_ignored() {
    insta::assert_snapshot!(first_mismatch(Flaw::AffineIgnored, "affine"));
}

#[test]
fn dx_without_statistics() {
    insta::assert_snapshot!(first_mismatch(Flaw::DxWithoutStatistics, "input"));
}

#[test]
fn what_is_kept_from_one_call_to_the_next() {
    insta::assert_snapshot!(first_mismatch(Flaw::GradientsAccumulate, "affine"));
}

#[test]
fn what_is_refused_and_should_not_be() {
    insta::assert_snapshot!(first_mismatch(Flaw::Rank2Rejected, "input"));
}

#[test]
fn what_is_accepted_and_should_not_be() {
    insta::assert_snapshot!(first_mismatch(Flaw::NegativeGroups, "num_groups"));
}
