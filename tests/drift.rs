//! What the recorded versions of each framework answer otherwise than those before them.

use crate::common::ours::{mapping, store, suite};
use mapcheck::call::Output;
use mapcheck::check::Suite;
use mapcheck::drift::{self, ArrayChange, Change, Drift, Emptiness, Findings, Judgement, Property, Refusals};
use mapcheck::python::Exception;
use mapcheck::report;
use mapcheck::tensor::DType;

fn drift(before: &str, after: &str) -> (Suite, Drift) {
    let suite = suite(mapping(), &store(), Vec::new());
    let drift = drift::between(&suite, &suite.checks(), before, after).expect("both are recorded");
    assert!(drift.unanswered.is_empty() && drift.unsigned.is_empty(), "{:?}", drift.unanswered);
    (suite, drift)
}

fn all(drift: &Drift) -> impl Iterator<Item = &Findings> {
    drift.rows.iter().map(|row| &row.findings).chain([&drift.general])
}

/// The parameters that are new.
fn added(drift: &Drift) -> Vec<&str> {
    let changes = all(drift).flat_map(|findings| &findings.parameters);
    changes.filter(|of| matches!(of.change, Change::Added(..))).map(|of| of.name.as_str()).collect()
}

/// Whether a call is among those that are rejected with another class, from the one to the other.
fn is_of_another_class(drift: &Drift, call: &str, classes: [Exception; 2]) -> bool {
    let common = all(drift).flat_map(|findings| &findings.classes).find(|of| of.calls.iter().any(|name| name == call));
    common.is_some_and(|common| {
        let Refusals { before, after } = &common.what;
        [before, after].map(|rejection| rejection.as_ref().map(|rejection| rejection.class)) == classes.map(Some)
    })
}

/// What is accepted of the kind of a property, by the one version and by the other.
fn accepted(drift: &Drift, kind: Property) -> [Vec<Property>; 2] {
    let is_it = |of: &Property| std::mem::discriminant(of) == std::mem::discriminant(&kind);
    let reach = drift.reach.iter().find(|reach| reach.kind().is_some_and(|of| is_it(&of)));
    reach.map(|reach| [reach.before.clone(), reach.after.clone()]).unwrap_or_default()
}

fn dtypes(dtypes: &[DType]) -> Vec<Property> {
    dtypes.iter().copied().map(Property::DType).collect()
}

#[test]
fn torch_1_8_1_to_2_13_0() {
    let (suite, drift) = drift("torch-1.8.1", "torch-2.13.0");
    insta::assert_snapshot!("torch_1_8_1_to_2_13_0", report::drift(&suite, &drift));

    assert_eq!(added(&drift), ["dtype", "device", "bias"]);
    let dtypes = [dtypes(&[DType::F32, DType::F64]), dtypes(&DType::ALL)];
    assert_eq!(accepted(&drift, Property::DType(DType::F32)), dtypes);
    for (call, classes) in [
        ("num_groups/not_a_divisor/f32", [Exception::RuntimeError, Exception::ValueError]),
        ("num_groups/more_than_channels/f32", [Exception::RuntimeError, Exception::ValueError]),
        ("input/rank_0/f32", [Exception::IndexError, Exception::RuntimeError]),
        ("input/rank_1/f32", [Exception::IndexError, Exception::RuntimeError]),
    ] {
        assert!(is_of_another_class(&drift, call, classes), "{call}");
    }

    let judged: Vec<_> = drift.rows.iter().flat_map(|row| &row.values.judged).collect();
    let of = |call: &str| *judged.iter().find(|of| of.call == call && of.output == Output::Y).expect("y moved");
    let mean = of("input/mean_1e6/f32");
    let [before, after] = mean.errors.expect("both readings are known").map(|error| error.absolute);
    assert!((3337.0..3339.0).contains(&before) && (0.153..0.155).contains(&after), "{mean:?}");
    assert_eq!(mean.judgement, Judgement::Nearer);
    assert_eq!(of("num_groups/many_groups/f32").judgement, Judgement::Mended);
    // In one thing the new version is further off: the mean is folded into one scale and shift.
    let worse = judged.iter().filter(|of| of.judgement == Judgement::Worse).map(|of| of.call.as_str());
    assert_eq!(worse.collect::<Vec<_>>(), ["input/constant/f32"]);
}

#[test]
fn mindspore_2_0_0_to_2_7_0() {
    let (suite, drift) = drift("mindspore-2.0.0", "mindspore-2.7.0");
    insta::assert_snapshot!("mindspore_2_0_0_to_2_7_0", report::drift(&suite, &drift));

    assert_eq!(added(&drift), ["dtype"]);
    let ranks = [vec![Property::Rank(4)], (2..=8).map(Property::Rank).collect()];
    assert_eq!(accepted(&drift, Property::Rank(4)), ranks);
    let dtypes = [dtypes(&[DType::F16, DType::F32]), dtypes(&[DType::F16, DType::F32, DType::F64])];
    assert_eq!(accepted(&drift, Property::DType(DType::F32)), dtypes);
    let no_sample = Property::Empty(Emptiness::Samples);
    assert_eq!(accepted(&drift, no_sample), [vec![], vec![no_sample]]);

    let y = ArrayChange::DType { output: Output::Y, x: DType::F16, before: DType::F32, after: DType::F16 };
    let y = drift.general.arrays.iter().find(|common| common.what == y).expect("it is said in general");
    assert!(y.calls.len() > 10);
    // An input that both take, and a gamma that only one does: nothing about x explains that.
    let gamma_init = drift.rows.iter().find(|row| suite.mapping().rows[row.row].name == "gamma_init");
    let turned = gamma_init.into_iter().flat_map(|row| &row.findings.turned).flat_map(|common| &common.calls);
    assert_eq!(turned.collect::<Vec<_>>(), ["gamma_init/tensor_in_bf16/f32", "gamma_init/tensor_in_bf16/f16"]);
}

#[test]
fn mindspore_2_7_0_to_2_10_0() {
    let (suite, drift) = drift("mindspore-2.7.0", "mindspore-2.10.0");
    insta::assert_snapshot!("mindspore_2_7_0_to_2_10_0", report::drift(&suite, &drift));

    assert!(all(&drift).all(Findings::is_empty) && drift.reach.is_empty());
    // Other bits of a NaN, and nothing else.
    let moved: Vec<_> = drift.rows.iter().filter(|row| row.values.moved()).collect();
    assert!(moved.len() == 1 && moved[0].values.within == 1 && moved[0].values.judged.is_empty());
    assert_eq!(moved[0].values.most.as_ref().map(|most| most.ulp), Some(0.0));
    let [announcement] = &drift.announcements[..] else { panic!("there is one announcement") };
    assert!(announcement.is_new);
    assert_eq!(announcement.names, ["gamma_init", "beta_init"]);
}

#[test]
fn a_version_does_not_drift_from_itself() {
    for name in mapping().file.golden.clone() {
        let (suite, drift) = drift(&name, &name);
        assert!(drift.no_answer_moved() && drift.same_signature(), "{name}");
        assert!(drift.calls > 250 && all(&drift).all(Findings::is_empty), "{name}");
        let text = report::drift(&suite, &drift);
        assert!(text.contains("\nno answer moved\n") && text.lines().count() < 8, "{text}");
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool can be made");
        let (suite, drift) = pool.install(|| drift("mindspore-2.0.0", "mindspore-2.7.0"));
        report::drift(&suite, &drift)
    };
    assert_eq!(on(1), on(2));
}
