//! A failing call becomes the smallest one that fails for the same reason, and can be pasted into a row.

use crate::common::mine::{self, Defect};
use crate::common::ours::{SPECS, copied};
use mapcheck::check::{Check, Suite, Verdict};
use mapcheck::conformance;
use mapcheck::mapping::{self, Side};
use mapcheck::report;
use mapcheck::shrink::{Irreducible, Reason, Smallest};

fn check(suite: &Suite, name: &str) -> Check {
    suite.checks().into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

/// What a defect's check becomes; pasted into the row of that check, it fails for the same reason.
fn smallest(defect: Defect, name: &str) -> (Suite, Smallest) {
    let suite = mine::suite(defect);
    let smallest = suite.smallest(&check(&suite, name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let folder = copied(SPECS);
    let row = name.split('/').next().expect("a row");
    let path = folder.path().join(format!("{row}.yaml"));
    // What is to be said in place of that has its Chinese already.
    let paste = suite.paste(&smallest).replace("to be said", "the variance is computed in one pass");
    let pasted = std::fs::read_to_string(&path).expect("a row") + &paste;
    std::fs::write(&path, pasted).expect("it can be written");

    let with_it = mine::suite_with(
        defect,
        mapping::read(folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes:?}")),
        Vec::new(),
    );
    let last = format!("{row}/{}/", smallest.case.name);
    let check = with_it.checks().into_iter().find(|check| check.name.starts_with(&last)).expect("it was pasted");
    let result = with_it.run_check(&check, |engine| engine == "mine" || engine == "sides");
    let reasons = || result.engines[0].findings.iter().filter_map(|finding| Reason::of("mine", finding));
    assert!(
        reasons().any(|reason| reason.to_string() == smallest.reason.to_string()),
        "{} is not among {:?}",
        smallest.reason,
        result.engines[0].findings
    );
    assert_ne!(result.sides.expect("they were asked").verdict, Verdict::Refuted, "{}", suite.paste(&smallest));
    (suite, smallest)
}

#[test]
fn the_operator_without_a_defect_has_no_smallest_call() {
    let suite = mine::suite(Defect::None);
    let check = check(&suite, "num_groups/two_groups_of_three/f32");
    assert_eq!(suite.smallest(&check).expect_err("it holds"), Irreducible::Holds);
}

#[test]
fn each_defect_has_its_smallest_call() {
    let cases = [
        (Defect::EpsOutsideTheSquareRoot, "eps/inside_the_square_root/f32"),
        (Defect::GammaPerGroup, "gamma_init/tensor/bf16"),
        (Defect::DxWithoutStatistics, "input/rank_8_group_of_1024/f64"),
        (Defect::NoVectors, "input/rank_2/f32"),
        (Defect::PanicsWithoutSamples, "input/no_sample/f32"),
        (Defect::TakesEveryDivisor, "num_groups/not_a_divisor/f32"),
        (Defect::LayoutIgnored, "input/any_layout/f32-transposed"),
    ];
    for (defect, name) in cases {
        let (suite, smallest) = smallest(defect, name);
        // Of what is off, how far it is off is no matter of a snapshot.
        let paste = suite.paste(&smallest);
        insta::assert_snapshot!(format!("{defect:?}"), format!("{}\n{paste}", smallest.reason));
        assert!(smallest.case.x.shape.iter().flatten().product::<usize>() <= 8, "{defect:?}: {paste}");
    }
}

#[test]
fn the_smallest_call_is_told_as_a_case_and_as_two_scripts() {
    for (defect, name) in [
        (Defect::DxWithoutStatistics, "num_groups/two_groups_of_three/f64"),
        (Defect::LayoutIgnored, "input/any_layout_of_rank_2/f32-transposed"),
        (Defect::TakesEveryDivisor, "num_groups/more_than_channels/f32"),
    ] {
        let (suite, smallest) = smallest(defect, name);
        insta::assert_snapshot!(format!("told_{defect:?}"), report::smallest(&suite, &smallest));
    }
}

#[test]
fn the_script_fills_what_a_module_may_not_have_where_it_has_it() {
    let suite = mine::suite(Defect::None);
    let script = |name| {
        let check = check(&suite, name);
        let call = suite.question(&check, Side::Torch).expect("PyTorch has such a call");
        report::python(suite.mapping(), suite.case(&check).expect("it is a case"), &call, Side::Torch).to_string()
    };
    let without = script("affine/kept_when_not_affine/f32");
    assert!(without.contains("\nif net.weight is not None: torch.nn.init.constant_(net.weight, 2.0)\n"), "{without}");
    let with = script("gamma_init/number/f32");
    assert!(with.contains("\ntorch.nn.init.constant_(net.weight, 0.5)\n"), "{with}");
}

#[test]
fn what_cannot_be_made_smaller_is_said() {
    let suite = mine::suite(Defect::None);
    let said = |name| conformance::shrink(&suite, name).expect_err("it has no smallest call");
    insta::assert_snapshot!(
        "irreducible",
        [said("eps/default"), said("num_groups/two_groups_of_three/f32"), said("no_such_check"), said("eps/tiny"),]
            .join("\n")
    );
}
