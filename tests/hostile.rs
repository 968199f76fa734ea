//! Specs and golden files that nobody wrote by mistake: each is read, or refused in bounded time and memory with an
//! error that names the place. What is inside of an archive is in `src/golden/hostile.rs`.

use std::fs::{self, File};
use std::path::Path;

use crate::common::folder::{CASES, MAPPING, eps, read_with, render, right, shown};
use crate::common::mutate::{mutated, numbers};
use crate::common::over::write_over;
use mapcheck::call::{Answer, Array, Call, Outcome, Output};
use mapcheck::check::Suite;
use mapcheck::golden::{Options, Provenance, Recorded, Recording, Store, record};
use mapcheck::mapping::{Mapping, read};
use mapcheck::tensor::{DType, Tensor};
use mapcheck::{engine, report};

/// A row in which every key of a case is used.
fn row() -> String {
    eps(r#"
  - name: a
    why: 中文
    call: &c { num_groups: 3, num_channels: 6, eps: 1.0e-3, gamma_init: { tensor: [1, 2, 3, 4, 5, 6] } }
    x: { shape: [2, 6], values: { normal: { std: 3.0e-3 } }, set: [{ at: [0, 0], to: .nan }] }
    dtypes: [f32, f64]
    layouts: [contiguous, stepped]
    gradients: [x, gamma]
    rejected: {}
    off: [{ engine: 'rust', bound: 1, why: "w" }]
  - name: b
    call: *c
"#)
}

/// Every mistake can be shown; what has none is run, if it is small.
fn look_at(folder: &Path) {
    let mapping = match read(folder) {
        Ok(mapping) => mapping,
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                assert!(diagnostic.to_string().starts_with("error: "));
                diagnostic.styled();
            }
            return;
        }
    };
    let suite = Suite::new(mapping, Box::new(engine::Rust), Vec::new());
    let mut checks = suite.checks();
    checks.retain(|check| check.name.starts_with("eps/") && is_small(&suite, check));
    report::text(&suite, &suite.run(&checks));
}

fn is_small(suite: &Suite, check: &mapcheck::check::Check) -> bool {
    let Some(case) = suite.case(check) else { return true };
    let has_large_number = |text: String| {
        text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse().is_ok_and(|number: u128| number > 99))
    };
    !has_large_number(format!("{:?}", case.x.shape)) && !has_large_number(format!("{:?}", case.call))
}

#[test]
fn a_spec_cut_at_any_byte_is_read_or_refused() {
    let text = row();
    let folder = right();
    for end in 0..text.len() {
        write_over(&folder.path().join("eps.yaml"), &text.as_bytes()[..end]);
        look_at(folder.path());
    }
    let folder = right();
    for end in 0..MAPPING.len() {
        write_over(&folder.path().join("mapping.yaml"), &MAPPING.as_bytes()[..end]);
        look_at(folder.path());
    }
}

/// Which part of the rows is damaged depends on the number: `MAPCHECK_MUTATED` makes as many as one likes.
#[test]
fn damaged_specs_never_panic() {
    let (row, folder) = (row(), right());
    for number in numbers(2000) {
        let (name, text) = if number % 4 == 3 { ("mapping.yaml", MAPPING) } else { ("eps.yaml", row.as_str()) };
        write_over(&folder.path().join(name), &mutated(text.as_bytes(), number));
        let looked = std::panic::catch_unwind(|| look_at(folder.path()));
        assert!(looked.is_ok(), "the input number {number}");
        write_over(&folder.path().join(name), text.as_bytes());
    }
}

/// The cases that a mapping has, whatever file they were read from.
fn cases(mapping: &Mapping) -> String {
    mapping.rows.iter().map(|row| format!("{} {:?}\n", row.name, row.file.cases)).collect()
}

#[test]
fn other_ends_of_lines_and_a_byte_order_mark_change_nothing() {
    let text = row();
    let expected = cases(&read_with(&[("eps.yaml", &text)]).1.unwrap());
    for (name, text) in
        [("crlf", text.replace('\n', "\r\n")), ("cr", text.replace('\n', "\r")), ("bom", format!("\u{feff}{text}"))]
    {
        let (folder, result) = read_with(&[("eps.yaml", &text)]);
        let result = result.unwrap_or_else(|diagnostics| panic!("{name}: {}", shown(folder.path(), &diagnostics)));
        assert_eq!(cases(&result), expected, "{name}");
    }
}

#[test]
fn tensors_that_no_machine_holds_are_refused_where_they_are_written() {
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let cases = format!(
        r"
  - name: trillions
    call: {{ num_groups: 3, num_channels: 6 }}
    x: {{ shape: [1000000, 1000000] }}
  - name: beyond_64_bits
    call: {{ num_groups: 3, num_channels: 6 }}
    x: {{ shape: [8589934592, 1099511627776] }}
  - name: empty_and_beyond
    call: {{ num_groups: 3, num_channels: 6 }}
    x: {{ shape: [0, 1099511627776, 1099511627776] }}
  - name: many_dimensions
    call: {{ num_groups: 3, num_channels: 6 }}
    x: {{ shape: [{ones}] }}
  - name: channels
    call: {{ num_groups: 3, num_channels: 16000000 }}
  - name: gamma
    call: {{ num_groups: 3, num_channels: 6, gamma_init: {{ tensor: {{ shape: [8589934592] }} }} }}
  - name: gamma_by_number
    call: {{ num_groups: 3, num_channels: 6, gamma_init: {{ tensor: {{ values: [1, 2], shape: [3] }} }} }}
  - name: many_tensors
    call: {{ num_groups: 3, num_channels: 6, gamma_init: [&t {{ tensor: {{ shape: [16777216] }} }}, *t, *t, *t, *t, *t] }}
  - name: set_outside
    call: {{ num_groups: 3, num_channels: 6 }}
    x: {{ shape: [2, 6], set: [{{ at: [18446744073709551615, 0], to: 0 }}] }}
  - name: deep
    call: {{ num_groups: 3, num_channels: 6, eps: {deep} }}
",
        ones = "1,".repeat(33)
    );
    insta::assert_snapshot!(render(&[("eps.yaml", &eps(&cases))]));
}

#[test]
fn defaults_that_no_machine_holds_are_refused_where_they_are_written() {
    let mapping = MAPPING
        .replace("plain: { num_groups: 3, num_channels: 6 }", "plain: { num_groups: 3, num_channels: 16000000 }");
    let row = format!(
        "row: 3\nnames: {{ torch: eps, mindspore: eps }}\ndefault: {{ mindspore: {{ tensor: {{ shape: [1099511627776] }} }} }}\n{CASES}"
    );
    insta::assert_snapshot!(render(&[("mapping.yaml", &mapping), ("eps.yaml", &row)]));
}

/// Calls of numbers that no tensor bounds are answered or refused, and quickly.
#[test]
fn absurd_numbers_are_answered_or_rejected() {
    let cases = r"
  - { name: groups, call: { num_groups: 4611686018427387904, num_channels: 0 }, x: { shape: [4, 0, 3] } }
  - { name: channels, call: { num_groups: 1, num_channels: 1000000000000 }, x: { shape: [2, 6] } }
  - { name: least, call: { num_groups: -1, num_channels: -9223372036854775808 }, x: { shape: [2, 6] } }
  - { name: least_groups, call: { num_groups: -9223372036854775808, num_channels: 6 }, x: { shape: [2, 6] } }
  - { name: most, call: { num_groups: 9223372036854775807, num_channels: 9223372036854775807 }, x: { shape: [2, 6] } }
  - { name: rank_9, call: { num_groups: 3, num_channels: 6 }, x: { shape: [2, 6, 1, 1, 1, 1, 1, 1, 2] } }
  - { name: rank_0, call: { num_groups: 3, num_channels: 6 }, x: { shape: [] } }
  - { name: empty, call: { num_groups: 3, num_channels: 6 }, x: { shape: [0, 6, 0] }, gradients: true }
  - { name: nested, call: { num_groups: 3, num_channels: 6, gamma_init: [[[[1.0, { tensor: [1, 2] }]]]] } }
  - { name: huge_eps, call: { num_groups: 3, num_channels: 6, eps: 1.0e+308 }, gradients: true }
";
    let (folder, result) = read_with(&[("eps.yaml", &eps(cases))]);
    let mapping = result.unwrap_or_else(|diagnostics| panic!("{}", shown(folder.path(), &diagnostics)));
    let golden = std::sync::Arc::new(Store::open(folder.path()));
    let stored = |name: &String| -> Box<dyn engine::Engine> { Box::new(engine::Golden::new(name, golden.clone())) };
    let others = mapping.file.golden.iter().map(stored).collect();
    let suite = Suite::new(mapping, Box::new(engine::Rust), others);
    let mut checks = suite.checks();
    checks.retain(|check| suite.case(check).is_some() && check.name.starts_with("eps/"));
    assert_eq!(checks.len(), 10);
    let outcomes = suite.run(&checks);
    let told = outcomes.checks.iter().map(|result| {
        let findings = result.engines[0].findings.iter().map(|finding| format!("{finding:?}"));
        let told = findings.chain(result.engines[0].note.clone()).next().unwrap_or_else(|| "answered".to_owned());
        format!("{}: {}", result.check.name, told.chars().take(160).collect::<String>())
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
    assert!(!report::text(&suite, &outcomes).is_empty());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_a_link_to_a_file_is_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("eps.yaml"), row()).unwrap();
    let folder = right();
    let place = folder.path().join("eps.yaml");
    let link = |to: &Path| {
        fs::remove_file(&place).unwrap();
        symlink(to, &place).unwrap();
    };
    link(&outside.path().join("eps.yaml"));
    assert!(read(folder.path()).is_ok());
    let mut told = Vec::new();
    for to in [Path::new("/dev/zero"), Path::new("nowhere"), Path::new("eps.yaml"), outside.path()] {
        link(to);
        told.push(shown(folder.path(), &read(folder.path()).unwrap_err()));
    }
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_hundred_megabytes_are_refused_unread() {
    let folder = right();
    File::create(folder.path().join("eps.yaml")).unwrap().set_len(100 << 20).unwrap();
    let found = read(folder.path()).unwrap_err();
    assert_eq!(found[0].title, "the file is too large");
    assert_eq!(found[0].label, "a spec has at most 1024 KiB; this file has 102400");
}

/// A golden folder with an answer and a rejection.
fn golden() -> (tempfile::TempDir, Call) {
    let tensor = Tensor::from_f64(DType::F32, &[1, 2], &[0.5, -1.5]).unwrap();
    let call = Call { arguments: vec![], fill: vec![], input: ("x".to_owned(), tensor.clone()), backward: None };
    let answer = Answer { arrays: [(Output::Y, Array::from(tensor))].into(), printed: Some("[[0.5 -1.5]]".to_owned()) };
    let refused = mapcheck::call::Rejection::new(mapcheck::python::Exception::ValueError, "no");
    let recorded = |check: &str, outcome| Recorded {
        row: "eps".to_owned(),
        check: check.to_owned(),
        call: call.clone(),
        groups: 1,
        outcome,
    };
    let [framework, version, recorder, platform] = ["torch", "1", "mapcheck", "any"].map(str::to_owned);
    let provenance = Provenance { framework, version, recorder, platform, python: None, numpy: None, signature: None };
    let answers =
        vec![recorded("eps/a/f32", Outcome::Answered(answer)), recorded("eps/b/f32", Outcome::Rejected(refused))];
    let engine = "torch-1".to_owned();
    let recording = Recording { engine: engine.clone(), provenance, answers, listed: vec![engine] };
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), recording, Options::default()).unwrap();
    (folder, call)
}

/// What the folder says of the two calls; the problems of the answer and of the rejection where there are any.
fn told(folder: &Path, call: &Call) -> [Result<(), String>; 2] {
    let store = Store::open(folder);
    ["eps/a/f32", "eps/b/f32"].map(|check| match store.answer("torch-1", "eps", check, call, || 1) {
        Outcome::Answered(_) | Outcome::Rejected(_) => Ok(()),
        Outcome::Stale(why) | Outcome::Absent(why) => Err(why.replace(&format!("{}/", folder.display()), "")),
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_golden_file_altered_in_any_byte_is_never_accepted() {
    let (folder, call) = golden();
    assert_eq!(told(folder.path(), &call), [Ok(()), Ok(())]);
    for (file, of_both) in [("eps.npz", false), ("manifest.json", true)] {
        let path = folder.path().join(file);
        let bytes = fs::read(&path).unwrap();
        let refused = |altered: &[u8], place: &str| {
            write_over(&path, altered);
            let [answer, rejection] = told(folder.path(), &call);
            assert!(answer.is_err() && (rejection.is_err() || !of_both), "{file}: {place}");
        };
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            let values = (0..8).map(|bit| bytes[at] ^ 1 << bit).chain([0, b' ', b'0', b'"', 0xFF]);
            for value in values.filter(|value| *value != bytes[at]) {
                altered[at] = value;
                refused(&altered, &format!("byte {at} is {value}"));
            }
            refused(&bytes[..at], &format!("cut at byte {at}"));
            refused(&[&bytes[..at], b" ", &bytes[at..]].concat(), &format!("a space before byte {at}"));
        }
        refused(&[&bytes[..], b"\n"].concat(), "a line more");
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(told(folder.path(), &call), [Ok(()), Ok(())]);
}

#[test]
fn an_answer_of_another_call_is_stale() {
    let (folder, mut call) = golden();
    call.input.0 = "input".to_owned();
    let store = Store::open(folder.path());
    let Outcome::Stale(why) = store.answer("torch-1", "eps", "eps/a/f32", &call, || 1) else { panic!("it is stale") };
    assert_eq!(why, "the stored answer of torch-1 is of another call: run `cargo xtask golden --engine torch-1`");
}

#[test]
fn what_is_wrong_with_a_golden_folder_is_told_with_its_remedy() {
    let mut text = Vec::new();
    let mut add = |name: &str, damage: &dyn Fn(&Path)| {
        let (folder, call) = golden();
        damage(folder.path());
        let [answer, _] = told(folder.path(), &call);
        text.push(format!("{name}: {}", answer.expect_err(name)));
    };
    let replace = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |folder: &Path| {
            let path = folder.join("manifest.json");
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&from), "{text}");
            fs::write(path, text.replace(&from, &to)).unwrap();
        }
    };
    add("an altered message", &replace("\"no\"", "\"on\""));
    add("another engine", &replace("torch-1", "torch-2"));
    add("ends of lines", &replace("\n", "\r\n"));
    add("a byte order mark", &replace("{\n  \"format\"", "\u{feff}{\n  \"format\""));
    add("a path out of the folder", &replace("\"eps.npz\"", "\"../eps.npz\""));
    add("an absolute path", &replace("\"eps.npz\"", "\"/dev/zero\""));
    add("a negative size", &replace("f32[1, 2]", "f32[-1, 2]"));
    add("2^40 elements", &replace("f32[1, 2]", "f32[1099511627776]"));
    add("sizes beyond 64 bits", &replace("f32[1, 2]", "f32[8589934592, 8589934592]"));
    add("a key twice", &replace("\"files\": {", "\"files\": {},\n  \"files\": {"));
    add("an unknown key", &replace("\"files\"", "\"file\""));
    add("an earlier format", &replace("\"format\": 2", "\"format\": 1"));
    add("deep nesting", &|folder| fs::write(folder.join("manifest.json"), "[".repeat(100_000)).unwrap());
    add("no UTF-8", &|folder| fs::write(folder.join("manifest.json"), b"{\"format\": \xff}").unwrap());
    add("an empty manifest", &|folder| fs::write(folder.join("manifest.json"), "").unwrap());
    let grow =
        |folder: &Path, file: &str| File::options().write(true).open(folder.join(file)).unwrap().set_len(1 << 33);
    add("a manifest of 8 GB", &|folder| grow(folder, "manifest.json").unwrap());
    add("an archive of 8 GB", &|folder| grow(folder, "eps.npz").unwrap());
    add("no archive", &|folder| fs::remove_file(folder.join("eps.npz")).unwrap());
    add("a folder for an archive", &|folder| {
        fs::remove_file(folder.join("eps.npz")).unwrap();
        fs::create_dir(folder.join("eps.npz")).unwrap();
    });
    #[cfg(unix)]
    for (name, to) in [("an endless archive", "/dev/zero"), ("a link that leads to itself", "eps.npz")] {
        add(name, &|folder| {
            fs::remove_file(folder.join("eps.npz")).unwrap();
            std::os::unix::fs::symlink(to, folder.join("eps.npz")).unwrap();
        });
    }
    insta::assert_snapshot!(text.join("\n"));
}

#[cfg(unix)]
#[test]
fn a_recorder_writes_nothing_through_a_link() {
    use std::os::unix::fs::symlink;
    let (folder, call) = golden();
    let outside = tempfile::tempdir().unwrap();
    let (place, away) = (folder.path().join("eps.npz"), outside.path().join("away.npz"));
    fs::rename(&place, &away).unwrap();
    symlink(&away, &place).unwrap();
    assert_eq!(told(folder.path(), &call), [Ok(()), Ok(())], "the same content, wherever it lies");
    let before = fs::read(&away).unwrap();

    let tensor = Tensor::from_f64(DType::F32, &[1, 2], &[8.0, 9.0]).unwrap();
    let answer = Answer { arrays: [(Output::Y, Array::from(tensor))].into(), printed: None };
    let recorded =
        |outcome| Recorded { row: "eps".into(), check: "eps/a/f32".into(), call: call.clone(), groups: 1, outcome };
    let [framework, version, recorder, platform] = ["torch", "1", "mapcheck", "any"].map(str::to_owned);
    let provenance = Provenance { framework, version, recorder, platform, python: None, numpy: None, signature: None };
    let engine = "torch-1".to_owned();
    let answers = vec![recorded(Outcome::Answered(answer))];
    let recording = Recording { engine: engine.clone(), provenance, answers, listed: vec![engine] };
    record(folder.path(), recording, Options { partial: true, ..Options::default() }).unwrap();
    assert_eq!(fs::read(&away).unwrap(), before);
    assert!(!place.is_symlink());
    assert_eq!(told(folder.path(), &call), [Ok(()), Ok(())]);
}
