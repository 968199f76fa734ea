//! What a run says when a row, a case or a stored answer is not as it should be.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use crate::common::altered::{Altered, with_y};
use crate::common::ours::{GOLDEN, case, copied, mapping, row, store, suite};
use mapcheck::binding::Binding;
use mapcheck::call::{Outcome, Output, Rejection};
use mapcheck::check::{Check, Finding, Held, Kind, Outcomes, Suite, Verdict};
use mapcheck::compare::Tolerance;
use mapcheck::engine::{Engine, Golden, Question, Rust};
use mapcheck::golden::Store;
use mapcheck::mapping::{Argument, Case, Differs, How, Loosened, Mapping, Side};
use mapcheck::python::Exception;
use mapcheck::report::{self, Report};

fn run_on(mapping: Mapping, store: Arc<Store>, filter: &str) -> (Suite, Outcomes) {
    let suite = suite(mapping, &store, Vec::new());
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name.starts_with(filter)).collect();
    let outcomes = suite.run(&checks);
    (suite, outcomes)
}

fn run(mapping: Mapping, filter: &str) -> (Suite, Outcomes) {
    run_on(mapping, store(), filter)
}

/// The whole run, on two threads.
static WHOLE: LazyLock<(Suite, Outcomes)> = LazyLock::new(|| on_threads(2));

fn on_threads(threads: usize) -> (Suite, Outcomes) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool can be made");
    pool.install(|| run(mapping(), ""))
}

/// What is said below the table.
fn said(suite: &Suite, outcomes: &Outcomes) -> String {
    let text = report::text(suite, outcomes);
    let below = text.strip_prefix(&report::matrix(suite, outcomes)).expect("the matrix comes first");
    below.trim().to_owned()
}

/// The row with this one case only.
fn keep(mapping: &mut Mapping, name: &str, kept: &str) {
    let row = row(mapping, name);
    let at = row.file.cases.iter().position(|case| case.name == kept).expect("the case is there");
    row.file.cases = vec![row.file.cases[at].clone()];
    row.lines = vec![row.lines[at]];
}

#[test]
fn every_row_holds() {
    let (suite, outcomes) = &*WHOLE;
    insta::assert_snapshot!("table", report::text(suite, outcomes));
    assert_eq!(outcomes.verdict(), Verdict::Holds);
    assert!(outcomes.checks.iter().all(|check| check.sides.is_some()));
    // A heat map is made where it has something to show: of what is known to be off.
    let comparisons = || outcomes.checks.iter().flat_map(|check| &check.engines).flat_map(|engine| &engine.comparisons);
    assert!(comparisons().all(|compared| compared.map.is_some() == (compared.comparison.beyond > 0)));
    assert!(comparisons().any(|compared| compared.map.is_some()));
}

/// Answers in another order of the same sums on every call, as a careless parallel reduction does.
fn unsteady() -> Box<dyn Engine> {
    let times = AtomicU32::new(0);
    Box::new(Altered(move |_: Question<'_>, answer| {
        let odd = f64::from(times.fetch_add(1, Ordering::Relaxed) % 2);
        with_y(answer, |values| values[0] *= 1.0 + f64::from(f32::EPSILON) * odd)
    }))
}

#[test]
fn only_the_subject_is_held_to_the_invariants() {
    let run = |subject: Box<dyn Engine>, other: Box<dyn Engine>| {
        let suite = Suite::new(mapping(), subject, vec![other]);
        let check = suite.checks().into_iter().find(|check| check.name.ends_with("two_groups_of_three/f32"));
        suite.run(&[check.expect("the check is there")]).checks.remove(0)
    };
    let result = run(unsteady(), Box::new(Rust));
    let findings: Vec<String> = result.engines[0].findings.iter().map(ToString::to_string).collect();
    assert!(findings.contains(&"two runs give other bits of y".to_owned()), "{findings:?}");
    let result = run(Box::new(Rust), unsteady());
    assert!(result.engines.iter().all(|engine| engine.verdict == Verdict::Holds));
}

/// Whose last sample is another in a batch of this size.
fn batched(samples: usize) -> Box<dyn Engine> {
    Box::new(Altered(move |question: Question<'_>, answer| {
        let is_it = question.call.input.1.shape()[0] == samples;
        with_y(answer, |values| {
            if let Some(last) = values.last_mut().filter(|_| is_it) {
                *last *= 1.0 + f64::from(f32::EPSILON);
            }
        })
    }))
}

#[test]
fn a_batch_is_held_to_its_samples() {
    for (samples, name) in [(2, "affine/left_out/f32"), (3, "input/rank_4_three_samples/f32")] {
        for size in [samples, 9] {
            let suite = Suite::new(mapping(), batched(size), Vec::new());
            let check = suite.checks().into_iter().find(|check| check.name == name).expect("the check is there");
            assert_eq!(suite.question(&check, Side::Mindspore).expect("it can be asked").input.1.shape()[0], samples);
            let findings = &suite.run(&[check]).checks[0].engines[0].findings;
            if size == 9 {
                assert!(findings.is_empty(), "{findings:?}");
                continue;
            }
            let [Finding::Invariant(what)] = findings.as_slice() else { panic!("{findings:?}") };
            let elements = 6 * if samples == 2 { 7 } else { 28 };
            let start = format!("y of sample {} is Some(", samples - 1);
            assert!(
                what.starts_with(&start) && what.contains(&format!("at element {} within", elements - 1)),
                "{what}"
            );
        }
    }
}

/// Panics over everything.
struct Fragile;

impl Engine for Fragile {
    fn name(&self) -> &str {
        "fragile"
    }

    fn binding(&self) -> &dyn Binding {
        Rust.binding()
    }

    fn answer(&self, _: Question<'_>) -> Outcome {
        panic!("index out of bounds")
    }
}

#[test]
fn a_subject_that_panics_is_refuted_and_the_run_goes_on() {
    let suite = Suite::new(mapping(), Box::new(Fragile), vec![Box::new(Rust)]);
    let is_asked = |check: &Check| check.name.starts_with("num_groups/") && check.kind != Kind::Signature;
    let checks: Vec<_> = suite.checks().into_iter().filter(is_asked).collect();
    let outcomes = suite.run(&checks);
    assert_eq!(outcomes.checks.len(), checks.len());
    for result in &outcomes.checks {
        // Rejections too: a panic is not the exception that is claimed.
        assert_eq!(result.engines[0].verdict, Verdict::Refuted, "{}", result.check.name);
        assert_eq!(result.engines[0].findings[0].to_string(), "the engine panicked: index out of bounds");
        assert_ne!(result.engines[1].verdict, Verdict::Refuted, "{}", result.check.name);
    }
}

#[test]
fn the_readme_shows_this_run() {
    let (suite, outcomes) = &*WHOLE;
    let readme = std::fs::read_to_string("README.md").expect("the README is there");
    let matrix = report::matrix(suite, outcomes);
    assert!(readme.contains(matrix.trim()), "paste the table that `cargo xtask check --stored` prints");
}

#[test]
fn the_number_of_threads_does_not_show() {
    let of = |(suite, outcomes): &(Suite, Outcomes)| {
        let report = Report::of(suite, outcomes);
        [report.json().expect("it can be written"), report.html().expect("it can be made")]
    };
    assert_eq!(of(&on_threads(1)), of(&WHOLE));
}

#[test]
fn a_renamed_input_is_refuted() {
    let mut mapping = mapping();
    row(&mut mapping, "input").file.names.mindspore = Some("data".to_owned());
    let (_, outcomes) = run(mapping, "input/");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    let finding = outcomes.checks[0].engines[0].findings[0].to_string();
    insta::assert_snapshot!("renamed_input", finding);
}

#[test]
fn a_wrong_default_is_refuted() {
    let mut mapping = mapping();
    let default = Argument::Str("zeros".to_owned());
    row(&mut mapping, "gamma_init").file.default.insert(Side::Mindspore, default);
    let (suite, outcomes) = run(mapping, "gamma_init/default");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("wrong_default", said(&suite, &outcomes));
}

#[test]
fn a_wrong_default_of_pytorch_is_refuted() {
    let mut mapping = mapping();
    row(&mut mapping, "eps").file.default.insert(Side::Torch, Argument::Float(1e-3));
    let (suite, outcomes) = run(mapping, "eps/default");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("wrong_default_of_pytorch", said(&suite, &outcomes));
}

#[test]
fn a_default_that_is_refused_is_told_with_the_refusal() {
    let mut mapping = mapping();
    row(&mut mapping, "affine").file.default.insert(Side::Mindspore, Argument::Int(1));
    let (_, outcomes) = run(mapping, "affine/default");
    let findings = &outcomes.checks[0].engines[0].findings;
    let told = "leaving the parameter out is not the same as stating `affine: 1`: a call is rejected with TypeError";
    assert!(findings.len() == 1 && findings[0].to_string().starts_with(told), "{findings:?}");
}

#[test]
fn a_row_of_rejections_is_vacuous() {
    let mut mapping = mapping();
    row(&mut mapping, "num_groups").file.cases.retain(|case| !case.rejected.is_empty());
    let (suite, outcomes) = run(mapping, "num_groups/");
    assert_eq!(outcomes.verdict(), Verdict::Vacuous);
    insta::assert_snapshot!("vacuous", said(&suite, &outcomes));
}

#[test]
fn what_is_accepted_is_what_mindspore_takes_whoever_is_the_subject() {
    let accepted = |outcomes: &Outcomes| outcomes.rows.iter().map(|row| row.accepted).collect::<Vec<_>>();
    let suite = Suite::new(mapping(), Box::new(Golden::new("torch-2.13.0", store())), Vec::new());
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name.starts_with("affine/")).collect();
    let (_, by_mindspore) = run(mapping(), "affine/");
    assert_eq!(accepted(&suite.run(&checks)), accepted(&by_mindspore));
}

#[test]
fn a_call_that_is_asked_twice_is_refused() {
    let mut mapping = mapping();
    let first = mapping.rows[0].file.cases[0].clone();
    mapping.rows[0].file.cases.push(Case { name: "the_same_again".to_owned(), ..first });
    let line = mapping.rows[0].lines[0];
    mapping.rows[0].lines.push(line);
    let (_, outcomes) = run(mapping, "num_groups/");
    let identical: Vec<String> = outcomes
        .checks
        .iter()
        .filter(|result| result.check.name.contains("the_same_again"))
        .flat_map(|result| result.sides.iter().flat_map(|sides| sides.findings.iter().map(ToString::to_string)))
        .collect();
    assert!(!identical.is_empty());
    insta::assert_snapshot!("identical", identical[0]);
}

#[test]
fn a_difference_that_is_not_there_is_refuted() {
    let mut mapping = mapping();
    let name = mapping.rows[0].file.cases[0].name.clone();
    keep(&mut mapping, "num_groups", &name);
    case(&mut mapping, "num_groups", &name).differs =
        Some(Differs { how: How::Values, versions: Vec::new(), why: "a test".to_owned() });
    let (_, outcomes) = run(mapping, "num_groups/");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    let sides = outcomes.checks[0].sides.as_ref().expect("the sides were held to each other");
    insta::assert_snapshot!("no_difference", sides.findings[0]);
}

#[test]
fn a_difference_that_is_not_stated_is_refuted() {
    let mut mapping = mapping();
    keep(&mut mapping, "affine", "kept_when_not_affine");
    case(&mut mapping, "affine", "kept_when_not_affine").differs = None;
    let (suite, outcomes) = run(mapping, "affine/kept");
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
    insta::assert_snapshot!("sides_differ", said(&suite, &outcomes));
}

#[test]
fn off_is_bounded_from_both_sides() {
    // Each is off by somewhere between a fifth of the stated bound and the bound.
    for (factor, is_within) in [(1.0, true), (0.1, false), (10.0, false), (f64::INFINITY, false)] {
        let mut mapping = mapping();
        let off = &mut case(&mut mapping, "input", "mean_1e2").off;
        assert!(!off.is_empty());
        off.iter_mut().for_each(|off| off.bound *= factor);
        let (_, outcomes) = run(mapping, "input/mean_1e2/");
        assert_eq!(outcomes.verdict() == Verdict::Holds, is_within, "{factor}");
    }
}

#[test]
fn a_tolerance_is_of_one_array_of_one_engine() {
    let mut mapping = mapping();
    let wider = Loosened {
        engine: "rust".to_owned(),
        array: Output::Dgamma,
        ulp: Some(1e3),
        rtol: None,
        atol: None,
        why: Some("to see who takes it".to_owned()),
    };
    case(&mut mapping, "num_groups", "two_groups_of_three").tolerance.push(wider);
    let (_, outcomes) = run(mapping, "num_groups/two_groups_of_three/f32");
    let mut taken = Vec::new();
    for engine in &outcomes.checks[0].engines {
        let loosened = |held: &Held| matches!(held, Held::Within(Tolerance::Ulp(ulp)) if *ulp == 1e3);
        taken.extend(engine.comparisons.iter().filter(|c| loosened(&c.to)).map(|c| (engine.engine.as_str(), c.output)));
    }
    assert_eq!(taken, [("rust", Output::Dgamma)]);
}

#[test]
fn an_infinite_error_is_off_by_an_infinite_bound_alone() {
    for (bound, is_within) in [(f64::INFINITY, true), (f64::MAX, false)] {
        let mut mapping = mapping();
        let off = &mut case(&mut mapping, "input", "f32_squares_beyond_its_range").off;
        let of_one_pass = off.iter_mut().find(|off| off.engine == "torch-1.8.1").expect("it is off");
        of_one_pass.bound = bound;
        let (_, outcomes) = run(mapping, "input/f32_squares_beyond_its_range/");
        assert_eq!(outcomes.verdict() == Verdict::Holds, is_within, "{bound}");
    }
}

#[test]
fn a_rejection_is_held_to_its_class() {
    let mut mapping = mapping();
    let is_rejected = |case: &&Case| case.rejected.get("mindspore") == Some(&Exception::ValueError);
    let name = mapping.rows[0].file.cases.iter().find(is_rejected).expect("there is one").name.clone();
    case(&mut mapping, "num_groups", &name).rejected.insert("mindspore".to_owned(), Exception::TypeError);
    let (_, outcomes) = run(mapping, &format!("num_groups/{name}"));
    assert_eq!(outcomes.verdict(), Verdict::Refuted);
}

#[test]
fn without_stored_answers_nothing_is_let_pass() {
    let empty = tempfile::tempdir().expect("a folder can be made");
    let (suite, outcomes) = run_on(mapping(), Arc::new(Store::open(empty.path())), "eps/");
    assert_eq!(outcomes.verdict(), Verdict::Unchecked);
    let said = said(&suite, &outcomes).replace(&empty.path().display().to_string(), "EMPTY");
    insta::assert_snapshot!("unchecked", said);
}

/// A copy of the golden folder, changed.
fn altered(change: impl Fn(&Path)) -> (Verdict, String) {
    let copy = copied(GOLDEN);
    change(copy.path());
    let (suite, outcomes) = run_on(mapping(), Arc::new(Store::open(copy.path())), "eps/");
    let note = outcomes
        .checks
        .iter()
        .flat_map(|result| &result.engines)
        .find(|engine| matches!(engine.verdict, Verdict::Unchecked | Verdict::Stale));
    let note = note.and_then(|engine| engine.note.clone()).unwrap_or_else(|| report::text(&suite, &outcomes));
    (outcomes.verdict(), note.replace(&copy.path().display().to_string(), "GOLDEN"))
}

#[test]
fn damaged_golden_files_are_named_with_what_mends_them() {
    let edit = |name: &'static str, edit: fn(Vec<u8>) -> Vec<u8>| {
        move |folder: &Path| {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).expect("it can be read");
            std::fs::write(&path, edit(bytes)).expect("it can be written");
        }
    };
    let truncated: fn(Vec<u8>) -> Vec<u8> = |mut bytes| {
        bytes.truncate(60);
        bytes
    };
    let flipped: fn(Vec<u8>) -> Vec<u8> = |mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        bytes
    };
    let of_other_calls: fn(Vec<u8>) -> Vec<u8> = |bytes| {
        let text = String::from_utf8(bytes).expect("the manifest is text");
        text.replace("{\"call\":\"", "{\"call\":\"f").into_bytes()
    };
    let foreign: fn(Vec<u8>) -> Vec<u8> =
        |_| b"{\"format\": 99, \"engines\": {}, \"files\": {}, \"answers\": {}}".to_vec();
    let mut told = String::new();
    let mut tell = |what: &str, (verdict, note): (Verdict, String)| {
        assert_ne!(verdict, Verdict::Holds, "{what}");
        told.push_str(&format!("{what}: {verdict}: {note}\n"));
    };
    tell("archive truncated", altered(edit("eps.npz", truncated)));
    tell("archive altered", altered(edit("eps.npz", flipped)));
    tell("archive gone", altered(|folder| std::fs::remove_file(folder.join("eps.npz")).expect("it can be removed")));
    tell("manifest truncated", altered(edit("manifest.json", truncated)));
    tell("manifest of another format", altered(edit("manifest.json", foreign)));
    tell("manifest altered", altered(edit("manifest.json", of_other_calls)));
    insta::assert_snapshot!("damaged_golden", told);
}

#[test]
fn a_rejection_reads_as_python_prints_it() {
    let rejection = Rejection::new(Exception::ValueError, "no");
    assert_eq!(rejection.to_string(), "ValueError: no");
}

/// Of nearly every call what the specs state. Where they say it another way (the versions by name), or more than is known
/// of the APIs, the snapshot shows both.
#[test]
fn what_has_to_be_stated_of_the_calls_of_the_specs_is_what_they_state() {
    let (suite, _) = run(mapping(), "no such check");
    let mut otherwise = String::new();
    for case in suite.mapping().rows.iter().flat_map(|row| &row.file.cases) {
        let bare = Case { rejected: Default::default(), differs: None, ..case.clone() };
        let stated = suite.stated(&bare, true);
        let told = |case: &Case| {
            let differs = case.differs.as_ref().map(|differs| (differs.how, &differs.versions));
            format!("{:?}, {differs:?}", case.rejected)
        };
        if told(&stated) != told(case) {
            otherwise.push_str(&format!("{}\n  found  {}\n  stated {}\n", case.name, told(&stated), told(case)));
        }
    }
    insta::assert_snapshot!("stated", otherwise);
}
