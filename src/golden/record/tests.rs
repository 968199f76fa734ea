//! Recording that is stopped on the way, that goes on, and by two at once.

use std::ffi::OsString;
use std::fs;
use std::sync::LazyLock;

use rayon::prelude::*;

use super::*;
use crate::call::{Answer, Output, Rejection};
use crate::golden::Store;
use crate::python::Exception;
use crate::tensor::DType;

const WRITTEN: Options = Options { force: false, dry_run: false, partial: false };

/// One answer a row.
fn answers(rows: &[(&str, f64)]) -> Vec<Recorded> {
    let recorded = rows.iter().map(|&(row, value)| {
        let tensor = Tensor::from_f64(DType::F32, &[2, 300], &[value; 600]).unwrap();
        let arrays = [(Output::Y, Array::from(tensor.clone()))].into();
        Recorded {
            row: row.to_owned(),
            check: format!("{row}/case/f32"),
            call: Call { arguments: vec![], fill: vec![], input: ("x".to_owned(), tensor), backward: None },
            groups: 1,
            outcome: Outcome::Answered(Answer { arrays, printed: None }),
        }
    });
    recorded.collect()
}

/// What the second engine answers, always.
fn of_two() -> Vec<Recorded> {
    answers(&[("affine", 1.0), ("eps", 3.0)])
}

/// What the first engine answered before, and what it answers now: of its rows one is as it was, one is another,
/// one is new and one is gone.
fn of_one() -> [Vec<Recorded>; 2] {
    [answers(&[("affine", 1.5), ("eps", 2.0), ("input", 4.0)]), answers(&[("affine", 1.5), ("eps", 2.5), ("x", 5.0)])]
}

fn provenance() -> Provenance {
    let [framework, version, recorder, platform] = ["none", "1", "mapcheck", "any"].map(str::to_owned);
    Provenance { framework, version, recorder, platform, python: None, numpy: None, signature: None }
}

fn recording(engine: &str, answers: Vec<Recorded>) -> Recording {
    let listed = ["one", "two"].map(str::to_owned).to_vec();
    Recording { engine: engine.to_owned(), provenance: provenance(), answers, listed }
}

fn write_answers(folder: &Path, engine: &str, answers: Vec<Recorded>) -> Changes {
    record(folder, recording(engine, answers), WRITTEN).unwrap()
}

fn plan(folder: &Path, engine: &str, answers: Vec<Recorded>) -> Transaction {
    prepare(folder, recording(engine, answers), WRITTEN).unwrap().1
}

/// The files of a folder where both engines have answered.
static BEFORE: LazyLock<Vec<(OsString, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    write_answers(folder.path(), "one", of_one()[0].clone());
    write_answers(folder.path(), "two", of_two());
    let files = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect()
});

/// Such a folder, written without waiting for the disk.
fn before() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    BEFORE.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
    folder
}

/// Whether the folder gives these answers of an engine, bit for bit.
fn has(folder: &Path, engine: &str, answers: &[Recorded]) -> bool {
    let store = Store::open(folder);
    answers.iter().all(|recorded| {
        let outcome = store.answer(engine, &recorded.row, &recorded.check, &recorded.call, || 1);
        let values = |outcome: &Outcome| Some(outcome.answer()?.get(Output::Y)?.values.clone());
        values(&outcome).is_some_and(|there| there.same_bits(&values(&recorded.outcome).unwrap()))
    })
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The folder holds its manifest and what that lists, and recording once more would change nothing.
fn assert_whole(folder: &Path, engine: &str, answers: Vec<Recorded>) {
    let manifest = Manifest::read(&folder.join(manifest::FILE)).unwrap();
    let mut listed: Vec<_> = manifest.files.keys().cloned().chain([manifest::FILE.to_owned()]).collect();
    listed.sort();
    assert_eq!(names(folder), listed);
    for (file, hash) in &manifest.files {
        assert!(Archive::read(&folder.join(file), hash).is_ok(), "{file}");
    }
    assert_eq!(write_answers(folder, engine, answers), Changes::default());
}

#[test]
fn a_stop_after_any_step_loses_no_answer() {
    let [old, new] = of_one();
    let steps = plan(before().path(), "one", new.clone()).len();
    assert_eq!(steps, 7, "three files are written and placed, one is removed");
    for stop in 0..=steps {
        for (next, next_answers) in [("one", new.clone()), ("two", of_two())] {
            let folder = before();
            let folder = folder.path();
            plan(folder, "one", new.clone()).run_and_stop(stop);
            let is_new = has(folder, "one", &new);
            assert_eq!(is_new, stop > 3, "the first step after three files are written counts");
            let answered = if is_new { &new } else { &old };
            assert!(has(folder, "one", answered) && has(folder, "two", &of_two()), "after {stop} steps");

            write_answers(folder, next, next_answers.clone());
            let answered = if next == "one" { &new } else { answered };
            assert!(has(folder, "one", answered) && has(folder, "two", &of_two()), "{next} after {stop} steps");
            assert_whole(folder, next, next_answers);
        }
    }
}

#[test]
fn a_recorder_that_goes_on_may_be_stopped_too() {
    let [old, new] = of_one();
    let others = answers(&[("affine", 1.0), ("eps", 3.5)]);
    // Side by side, as they wait for the disk.
    (0..7).into_par_iter().for_each(|stop| {
        for (next, next_answers) in [("one", &new), ("two", &others)] {
            for stop_again in 0.. {
                let folder = before();
                let folder = folder.path();
                plan(folder, "one", new.clone()).run_and_stop(stop);
                let transaction = plan(folder, next, next_answers.clone());
                if stop_again > transaction.len() {
                    break;
                }
                transaction.run_and_stop(stop_again);
                let place = format!("{next} after {stop} and {stop_again} steps");
                assert!(has(folder, "one", &new) || has(folder, "one", &old), "{place}");
                let two = if has(folder, "two", &others) { &others } else { &of_two() };
                assert!(has(folder, "two", two), "{place}");
                write_answers(folder, "one", new.clone());
                assert!(has(folder, "one", &new) && has(folder, "two", two), "{place}");
                assert_whole(folder, "one", new.clone());
            }
        }
    });
}

#[test]
fn two_recorders_at_once_are_both_stored() {
    for _ in 0..10 {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("golden");
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for (engine, answers) in [("one", of_one()[1].clone()), ("two", of_two())] {
                let (folder, start) = (&folder, &start);
                scope.spawn(move || {
                    start.wait();
                    write_answers(folder, engine, answers)
                });
            }
        });
        assert!(has(&folder, "one", &of_one()[1]) && has(&folder, "two", &of_two()));
        assert_whole(&folder, "two", of_two());
    }
}

#[test]
fn a_dry_run_says_what_is_left_to_do_and_writes_nothing() {
    let new = &of_one()[1];
    let dry_run = |folder: &Path| {
        let options = Options { dry_run: true, ..WRITTEN };
        record(folder, recording("one", new.clone()), options).unwrap().written
    };
    let folder = before();
    let folder = folder.path();
    fs::write(folder.join(".tmpaB3xYz"), "").unwrap();
    plan(folder, "one", new.clone()).run_and_stop(4);
    let there = names(folder);
    let left = ["eps.npz", "x.npz", ".tmpaB3xYz (removed)", "input.npz (removed)"];
    assert_eq!(dry_run(folder), left);
    assert_eq!(names(folder), there);
    assert_eq!(write_answers(folder, "one", new.clone()).written, left);
    assert_eq!(dry_run(folder), [""; 0]);

    let nowhere = folder.join("nowhere");
    assert_eq!(dry_run(&nowhere).len(), 4);
    assert!(!nowhere.exists());
}

#[test]
fn what_is_not_of_recorders_stays() {
    let folder = before();
    fs::write(folder.path().join("README.md"), "ours").unwrap();
    write_answers(folder.path(), "one", of_one()[1].clone());
    assert!(folder.path().join("README.md").exists());
}

/// One answer to one call.
fn answered(outcome: Outcome) -> Vec<Recorded> {
    vec![Recorded { outcome, ..answers(&[("eps", 0.0)]).remove(0) }]
}

fn rejected(class: Exception, message: &str) -> Vec<Recorded> {
    answered(Outcome::Rejected(Rejection::new(class, message)))
}

/// y, with what it prints.
fn printed(y: f64, printed: &str) -> Vec<Recorded> {
    let answer = Answer::new(Tensor::from_f64(DType::F32, &[1], &[y]).unwrap());
    answered(Outcome::Answered(Answer { printed: Some(printed.to_owned()), ..answer }))
}

#[test]
fn what_moved_within_the_tolerance_is_left_as_it_is() {
    let step = 2.0 * f64::from(f32::EPSILON);
    let before = printed(2.0, "2");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(write_answers(folder, "one", before.clone()).new, ["eps/case/f32"]);
    let changes = write_answers(folder, "one", printed(2.0 + 3.0 * step, "2"));
    assert_eq!(changes, Changes { moved: vec![("eps/case/f32".to_owned(), 3.0)], ..Changes::default() });
    assert!(changes.is_fresh() && has(folder, "one", &before));

    let forced =
        record(folder, recording("one", printed(2.0 + step, "2")), Options { force: true, ..WRITTEN }).unwrap();
    assert_eq!(forced.changed, ["eps/case/f32"]);
    assert!(!forced.is_fresh() && has(folder, "one", &printed(2.0 + step, "2")));
}

#[test]
fn what_is_another_answer_is_written() {
    let text = Answer::new(Tensor::from_f64(DType::F32, &[1], &[2.0]).unwrap());
    let more = text.clone().with(Output::Dx, Tensor::from_f64(DType::F32, &[1], &[1.0]).unwrap());
    let mut of_another_call = printed(2.0, "2");
    of_another_call[0].call.arguments = vec![("eps".to_owned(), crate::python::Value::Float(0.5))];
    let answers = [
        printed(2.0, "2"),
        printed(2.0, "2."),
        printed(2.1, "2."),
        answered(Outcome::Answered(text)),
        answered(Outcome::Answered(more)),
        rejected(Exception::ValueError, "no"),
        rejected(Exception::TypeError, "no"),
        rejected(Exception::TypeError, "never"),
        of_another_call,
    ];
    let folder = tempfile::tempdir().unwrap();
    for (number, answers) in answers.iter().enumerate() {
        let changes = write_answers(folder.path(), "one", answers.clone());
        assert_eq!(changes.changed.len(), usize::from(number > 0), "{number}");
        assert!(changes.moved.is_empty() && !changes.is_fresh(), "{number}");
        assert_whole(folder.path(), "one", answers.clone());
    }
    // Who was not asked, or could not be, has answered nothing.
    let changes = write_answers(folder.path(), "one", answered(Outcome::Absent("nobody is there".to_owned())));
    assert_eq!((changes.new.len(), changes.gone), (0, vec!["eps/case/f32".to_owned()]));
}

#[test]
fn where_some_checks_were_asked_the_others_stay() {
    let folder = before();
    let folder = folder.path();
    let partial = Options { partial: true, ..WRITTEN };
    let changes = record(folder, recording("one", answers(&[("eps", 7.0)])), partial).unwrap();
    assert_eq!((changes.changed.len(), changes.gone.len()), (1, 0));
    assert!(has(folder, "one", &answers(&[("affine", 1.5), ("eps", 7.0), ("input", 4.0)])));
    assert_eq!(write_answers(folder, "one", answers(&[("eps", 7.0)])).gone, ["affine/case/f32", "input/case/f32"]);
}

#[test]
fn the_answers_of_an_engine_that_the_mapping_does_not_list_go() {
    let folder = before();
    let alone = Recording { listed: vec!["one".to_owned()], ..recording("one", of_one()[0].clone()) };
    record(folder.path(), alone, WRITTEN).unwrap();
    let manifest = Manifest::read(&folder.path().join(manifest::FILE)).unwrap();
    assert!(manifest.engines.keys().eq(["one"]) && manifest.answers.keys().eq(["one"]));
}

#[test]
fn what_is_damaged_is_made_anew() {
    let [old, _] = of_one();
    let folder = before();
    let folder = folder.path();
    fs::write(folder.join("input.npz"), "damaged").unwrap();
    let changes = write_answers(folder, "one", old.clone());
    assert!(changes.mended.len() == 1 && changes.mended[0].contains("input.npz"), "{changes:?}");
    assert!(has(folder, "one", &old) && has(folder, "two", &of_two()));
    fs::write(folder.join(manifest::FILE), "damaged").unwrap();
    let changes = write_answers(folder, "one", old.clone());
    assert!(changes.mended.len() == 1 && changes.mended[0].contains(manifest::FILE), "{changes:?}");
    assert_whole(folder, "one", old);
}

#[test]
fn some_elements_are_kept_of_a_large_array() {
    let values: Vec<f64> = (0..6000).map(f64::from).collect();
    for size in [4096, 4098, 6000] {
        let mut recorded = printed(0.0, "0");
        let y = Tensor::from_f64(DType::F32, &[2, size / 2], &values[..size]).unwrap();
        recorded[0].outcome = Outcome::Answered(Answer::new(y));
        let folder = tempfile::tempdir().unwrap();
        write_answers(folder.path(), "one", recorded.clone());
        let Recorded { row, check, call, .. } = &recorded[0];
        let store = Store::open(folder.path());
        let outcome = store.answer("one", row, check, call, || 1);
        let y = outcome.answer().unwrap().get(Output::Y).unwrap();
        assert_eq!(y.shape, [2, size / 2]);
        assert_eq!(y.kept.is_some(), size > 4096, "{size}");
        let indices = y.kept.clone().unwrap_or_else(|| (0..y.values.len()).collect());
        assert_eq!(y.values.to_f64(), indices.iter().map(|&i| values[i]).collect::<Vec<_>>());
    }
}
