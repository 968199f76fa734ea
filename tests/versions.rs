//! What a run says where a version, its signature or its documentation is not as the specs claim.

use std::sync::Arc;

use crate::common::ours::{GOLDEN, case, copied, mapping, row, store, suite};
use mapcheck::binding::{self, Binding};
use mapcheck::call::{Outcome, Output};
use mapcheck::check::{Outcomes, Suite, Verdict};
use mapcheck::engine::{Engine, Golden, Question};
use mapcheck::golden::Store;
use mapcheck::mapping::{Differs, How, Mapping};
use mapcheck::python::Exception;
use mapcheck::report;
use mapcheck::tensor::{DType, Tensor};

/// The mapping with each case in one dtype and layout only: what is asked of all rows at once takes no more.
fn light() -> Mapping {
    let mut mapping = mapping();
    for case in mapping.rows.iter_mut().flat_map(|row| &mut row.file.cases) {
        let of_f32 = case.dtypes.iter().position(|dtype| *dtype == DType::F32);
        case.dtypes = vec![case.dtypes[of_f32.unwrap_or(0)]];
        case.layouts.truncate(1);
    }
    mapping
}

/// The mapping with the cases of one row only.
fn only(row: &str) -> Mapping {
    let mut mapping = mapping();
    mapping.rows.iter_mut().filter(|other| other.name != row).for_each(|other| other.file.cases.clear());
    mapping
}

fn run(mapping: Mapping, filter: &str) -> (Suite, Outcomes) {
    let suite = suite(mapping, &store(), Vec::new());
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name.starts_with(filter)).collect();
    let outcomes = suite.run(&checks);
    (suite, outcomes)
}

/// Every finding, with who it is about.
fn findings(outcomes: &Outcomes) -> Vec<String> {
    let asked = outcomes.checks.iter().flat_map(|result| result.engines.iter().chain(&result.sides));
    let told = asked.flat_map(|asked| asked.findings.iter().map(move |finding| format!("{}: {finding}", asked.engine)));
    told.collect()
}

#[test]
fn a_limit_that_is_gone_is_refuted() {
    let mut mapping = mapping();
    let limit = mapping.file.limits.iter_mut().find(|limit| limit.when.rank_not == Some(4)).expect("there is one");
    limit.engines = vec!["mindspore-2.7.0".to_owned()];
    let (_, outcomes) = run(mapping, "input/rank_2/f32");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("limit_gone", findings(&outcomes).join("\n"));
}

#[test]
fn a_limit_that_nothing_shows_is_vacuous() {
    let mut limit = mapping().file.limits[0].clone();
    (limit.engines, limit.when.empty) = (vec!["torch".to_owned()], true);
    let mut mapping = light();
    mapping.file.limits.push(limit);
    let (suite, outcomes) = run(mapping, "");
    assert_eq!(outcomes.verdict(), Verdict::Vacuous);
    let text = report::text(&suite, &outcomes);
    let told: Vec<&str> = text.split("\n\n").filter(|part| part.starts_with("vacuous")).collect();
    insta::assert_snapshot!("limit_unshown", told.join("\n"));
}

#[test]
fn a_limit_is_shown_of_each_version_by_itself() {
    let mut mapping = only("num_groups");
    // 1.8.1 has no half precision, so that nothing shows it of that one.
    let mut limit = mapping.file.limits.iter().find(|limit| limit.differs.is_some()).expect("there is one").clone();
    limit.engines = vec!["torch".to_owned()];
    mapping.file.limits.push(limit);
    let (_, outcomes) = run(mapping, "");
    let shown = outcomes.limits.iter().filter(|shown| shown.engine.starts_with("torch-") && shown.limit == 8);
    let verdicts: Vec<(&str, Verdict)> = shown.map(|shown| (shown.engine.as_str(), shown.verdict())).collect();
    assert_eq!(verdicts, [("torch-1.8.1", Verdict::Vacuous), ("torch-2.13.0", Verdict::Holds)]);
}

#[test]
fn what_is_not_recorded_of_one_version_says_nothing_of_another() {
    let mut mapping = only("num_groups");
    mapping.file.golden.push("mindspore-2.4.10".to_owned());
    let (_, outcomes) = run(mapping, "");
    let of_it = |engine: &str| engine == "mindspore-2.4.10";
    assert!(outcomes.limits.iter().any(|shown| of_it(&shown.engine)));
    assert!(outcomes.limits.iter().all(|shown| shown.unchecked == of_it(&shown.engine)));
}

#[test]
fn what_is_printed_has_to_be_recorded() {
    let unprinted = |text: String| text.replace("\"printed\":", "\"message\":");
    let outcomes = with_manifest(unprinted, "example/as_on_the_page/");
    assert_eq!(outcomes.verdict(), Verdict::Stale);
}

#[test]
fn a_difference_of_dtypes_that_is_not_stated_is_refuted() {
    let mut mapping = mapping();
    mapping.file.limits.retain(|limit| limit.differs.is_none());
    let (_, outcomes) = run(mapping, "num_groups/two_groups_of_three/f16");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("dtype_differs", findings(&outcomes).join("\n"));
}

#[test]
fn a_difference_of_one_version_is_held_to_that_version() {
    let differs = |versions: &[&str]| {
        let mut mapping = mapping();
        let versions = versions.iter().map(|&name| name.to_owned()).collect();
        let why = "a test".to_owned();
        case(&mut mapping, "gamma_init", "tensor_in_bf16").differs =
            Some(Differs { how: How::Rejection, versions, why });
        findings(&run(mapping, "gamma_init/tensor_in_bf16/f32").1).join("\n")
    };
    assert_eq!(differs(&["mindspore-2.0.0"]), "");
    insta::assert_snapshot!("differs_by_version", format!("{}\n{}", differs(&[]), differs(&["mindspore-2.7.0"])));
}

#[test]
fn a_rejection_of_one_version_is_held_to_that_version() {
    let mut mapping = mapping();
    let rejected = &mut case(&mut mapping, "num_groups", "not_a_divisor").rejected;
    rejected.remove("torch-1.8.1");
    rejected.remove("torch-2.13.0");
    rejected.insert("torch".to_owned(), Exception::ValueError);
    let (_, outcomes) = run(mapping, "num_groups/not_a_divisor/f32");
    insta::assert_snapshot!("rejected_by_version", findings(&outcomes).join("\n"));
}

#[test]
fn a_parameter_that_is_there_after_all_is_refuted() {
    let mut mapping = mapping();
    row(&mut mapping, "dtype").file.missing.push("mindspore-2.10.0".to_owned());
    let (_, outcomes) = run(mapping, "dtype/");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    let told: std::collections::BTreeSet<String> = findings(&outcomes).into_iter().collect();
    insta::assert_snapshot!("missing_is_there", told.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_announcement_is_held_to_the_documentation() {
    let mut mapping = mapping();
    row(&mut mapping, "gamma_init").file.announced = None;
    let mut told = findings(&run(mapping.clone(), "gamma_init/signature").1);
    let mut announced = row(&mut mapping, "beta_init").file.announced.clone().expect("it is announced");
    announced.engines.push("mindspore-2.7.0".to_owned());
    row(&mut mapping, "beta_init").file.announced = Some(announced);
    told.extend(findings(&run(mapping, "beta_init/signature").1));
    insta::assert_snapshot!("announcements", told.join("\n"));
}

#[test]
fn signatures_of_two_sides_are_not_held_to_each_other() {
    let (_, outcomes) = run(mapping(), "eps/signature");
    let sides = outcomes.checks[0].sides.as_ref().expect("the sides are spoken of");
    assert_eq!((sides.verdict, sides.note.is_some()), (Verdict::NotAsked, true));
}

/// The findings on a golden folder whose manifest is another.
fn with_manifest(change: impl Fn(String) -> String, filter: &str) -> Outcomes {
    let copy = copied(GOLDEN);
    let manifest = copy.path().join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("it can be read");
    std::fs::write(&manifest, sealed(&change(unsealed(&text)))).expect("it can be written");
    let suite = suite(mapping(), &Arc::new(Store::open(copy.path())), Vec::new());
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name.starts_with(filter)).collect();
    suite.run(&checks)
}

/// A manifest without the seals of its lines: as a framework might have answered it.
fn unsealed(text: &str) -> String {
    let line = |line: &str| match line.split_once(": [\"") {
        Some((name, rest)) if rest.get(16..19) == Some("\", ") => {
            let (value, comma) = rest[19..].strip_suffix(',').map_or((&rest[19..], ""), |value| (value, ","));
            format!("{name}: {}{comma}\n", value.strip_suffix(']').expect("the list ends"))
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The same with the seals that its lines have to have.
fn sealed(text: &str) -> String {
    let (mut section, mut engine) = ("", "");
    let mut sealed = String::new();
    for line in text.lines() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        match rest.split_once(": ") {
            Some((name, "{")) if indent.len() == 2 => (section, engine) = (name, ""),
            Some((name, "{")) if section == "\"answers\"" => engine = name.trim_matches('"'),
            Some((name, value)) if indent.len() > 2 => {
                let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
                let seal = blake3::hash(format!("{engine} {name}: {value}").as_bytes()).to_hex();
                sealed += &format!("{indent}{name}: [\"{}\", {value}]{comma}\n", &seal[..16]);
                continue;
            }
            _ => {}
        }
        sealed += line;
        sealed.push('\n');
    }
    sealed
}

#[test]
fn an_announced_removal_that_has_happened_is_refuted() {
    let parameter = r#"{"name":"gamma_init","kind":"positional_or_keyword","default":{"str":"ones"}},"#;
    let removed = |text: String| {
        let (before, after) = text.split_once(r#""mindspore-2.7.0": {"framework""#).expect("it is recorded");
        format!(r#"{before}"mindspore-2.7.0": {{"framework"{}"#, after.replacen(parameter, "", 1))
    };
    let outcomes = with_manifest(removed, "gamma_init/signature");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("announced_removal", findings(&outcomes).join("\n"));
}

#[test]
fn a_signature_that_is_not_as_the_row_says_is_refuted() {
    let changed = |text: String| {
        let eps = r#"{"name":"eps","kind":"positional_or_keyword","default":{"float":"1e-05"}}"#;
        let affine = r#"{"name":"affine","kind":"positional_or_keyword","default":{"bool":true}}"#;
        let other = r#"{"name":"eps","kind":"positional_or_keyword","default":{"float":"0.001"}}"#;
        text.replacen(&format!("{eps},{affine}"), &format!("{affine},{other}"), 1)
    };
    let outcomes = with_manifest(changed, "eps/signature");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("signature_differs", findings(&outcomes).join("\n"));
}

#[test]
fn a_parameter_that_no_row_has_is_refuted() {
    let mut mapping = only("bias");
    mapping.rows.retain(|row| row.name != "bias");
    let (suite, outcomes) = run(mapping, "");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    let text = report::text(&suite, &outcomes);
    let told = text.split("\n\n").filter(|part| part.starts_with("refuted"));
    insta::assert_snapshot!("unmapped_parameter", told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_the_example_prints_is_held_to_the_page() {
    let mut mapping = mapping();
    let prints = &mut case(&mut mapping, "example", "as_on_the_page").prints;
    *prints = prints.as_ref().map(|text| text.replacen("0.", "1.", 1));
    let (_, outcomes) = run(mapping, "example/as_on_the_page/");
    let engines = &outcomes.checks[0].engines;
    assert!(engines.iter().all(|asked| asked.verdict == Verdict::Refuted));
    insta::assert_snapshot!("printed", engines[0].findings[0]);
}

/// Gives the recorded answers again, with one element so many ULP away.
struct Nearly {
    recorded: Golden,
    ulp: f64,
}

impl Engine for Nearly {
    fn name(&self) -> &str {
        "live"
    }

    fn binding(&self) -> &dyn Binding {
        binding::of("torch-2.13.0")
    }

    fn reproduces(&self) -> Option<&str> {
        Some("torch-2.13.0")
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let mut outcome = self.recorded.answer(question);
        if let Outcome::Answered(answer) = &mut outcome
            && let Some(y) = answer.arrays.get_mut(&Output::Y)
        {
            let mut values = y.values.to_f64();
            values[2] += self.ulp * y.values.dtype().ulp(values[2]);
            y.values = Tensor::from_f64(y.values.dtype(), &y.shape, &values).expect("as many values as before");
        }
        outcome
    }
}

#[test]
fn a_live_engine_is_held_to_what_was_recorded_of_its_version() {
    let told = |ulp| {
        let recorded = Golden::new("torch-2.13.0", store());
        let suite = suite(mapping(), &store(), vec![Box::new(Nearly { recorded, ulp })]);
        let check = suite.checks().into_iter().find(|check| check.name == "num_groups/three_groups_of_two/f32");
        findings(&suite.run(&[check.expect("the check is there")])).join("\n")
    };
    assert_eq!(told(1.0), "");
    insta::assert_snapshot!("not_reproduced", told(2.0));
}
