//! Real processes that are killed on the way, or are two at once: no file is damaged, no earlier answer is lost, and
//! the next run completes.
//!
//! A real framework takes gigabytes; here a small worker speaks the protocol of `xtask/workers/protocol.py` and answers
//! every call with one number, which tells the recordings apart.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use mapcheck::call::Output;
use mapcheck::golden::{Manifest, Store};
use mapcheck::mapping;
use mapcheck::random::Generator;
use tempfile::TempDir;

/// Who is recorded, and at times another at once.
const ENGINES: [&str; 2] = ["torch-2.13.0", "mindspore-2.10.0"];

/// One row of the specs: enough to write two files, and quickly asked.
const FILTER: &str = "bias/";

const WORKER: &str = r#"
import base64, json, os, struct, sys
framework, version = os.environ["MAPCHECK_TEST_ENGINE"].split("-")
print(json.dumps({"framework": framework, "version": version, "python": "3", "numpy": "2", "platform": "any"}), flush=True)
number = float(os.environ["MAPCHECK_TEST_NUMBER"])
pack = {"f16": lambda v: struct.pack("<e", v), "bf16": lambda v: struct.pack("<f", v)[2:],
        "f32": lambda v: struct.pack("<f", v), "f64": lambda v: struct.pack("<d", v)}
for line in sys.stdin:
    request = json.loads(line)
    if request.get("signature"):
        print(json.dumps({"signature": {"constructor": [], "forward": [], "announcements": []}}), flush=True)
        continue
    x = request["input"][1]
    count = 1
    for size in x["shape"]:
        count *= size
    storage = base64.b64encode(pack[x["dtype"]](number) * count).decode()
    y = {"dtype": x["dtype"], "shape": x["shape"], "storage": storage}
    print(json.dumps({"id": request["id"], "arrays": {"y": y}, "printed": None}), flush=True)
"#;

/// The golden files of this crate, to record into, and the environments of two engines.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["golden", "temporary"] {
            fs::create_dir(place.path(folder)).unwrap();
        }
        for entry in fs::read_dir(crate_folder().join("../golden/group_norm")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.golden().join(entry.file_name())).unwrap();
        }
        fs::write(place.path("worker.py"), WORKER).unwrap();
        for engine in ENGINES {
            // On macOS the cache folder is another one, in the user's own folder.
            for caches in ["cache", "Library/Caches"] {
                let environment = place.path(&format!("{caches}/mapcheck/environments/{engine}"));
                fs::create_dir_all(environment.join("bin")).unwrap();
                let requirements = crate_folder().join(format!("workers/requirements/{engine}.txt"));
                fs::copy(requirements, environment.join("requirements.txt")).unwrap();
                let python = environment.join("bin/python");
                let script = format!(
                    "#!/bin/sh\nMAPCHECK_TEST_ENGINE={engine} exec python3 '{}'\n",
                    place.path("worker.py").display()
                );
                fs::write(&python, script).unwrap();
                fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn golden(&self) -> PathBuf {
        self.path("golden")
    }

    fn xtask(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).arg("--golden").arg(self.golden());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("HOME", self.folder.path());
        // What a killed run leaves in the temporary folder goes with the test's.
        command.env("TMPDIR", self.path("temporary")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The folders in which workers run.
    fn workers(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("temporary")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Records an engine that answers with a number.
    fn record(&self, engine: &str, number: u64) -> Child {
        let mut command = self.xtask(&["golden", "--engine", engine, FILTER]);
        command.env("MAPCHECK_TEST_NUMBER", number.to_string()).spawn().unwrap()
    }

    fn recorded(&self, engine: &str, number: u64) {
        assert!(self.record(engine, number).wait().unwrap().success(), "{engine}");
        assert_eq!(self.answered(engine), Some(number), "{engine}");
    }

    /// The number with which all calls were answered; `None` where the answers are those of the real framework.
    fn answered(&self, engine: &str) -> Option<u64> {
        let (store, suite) = (Store::open(&self.golden()), suite());
        let mut numbers: Vec<Option<u64>> = Vec::new();
        for check in suite.checks().iter().filter(|check| check.name.starts_with(FILTER)) {
            let side = mapcheck::binding::of(engine).side();
            let Some(call) = suite.question(check, side) else { continue };
            let row = &suite.mapping().rows[check.row].name;
            let outcome = store.answer(engine, row, &check.name, &call, || 1);
            let answer = outcome.answer().map(|answer| answer.get(Output::Y).unwrap().values.to_f64());
            numbers.push(answer.filter(|values| values.iter().all(|v| *v == values[0])).map(|values| values[0] as u64));
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "{engine}: answers of one recording, and of one only");
        numbers[0]
    }

    /// Every archive is as the manifest says, and the answers of all others are what they were.
    fn assert_kept(&self, recorded: &[&str]) {
        let (now, before) = (Store::open(&self.golden()), Store::open(&crate_folder().join("../golden/group_norm")));
        let (now, before) = (now.manifest().expect("the manifest is whole"), before.manifest().unwrap());
        for (engine, answers) in &before.answers {
            for (check, entry) in answers {
                let is_asked = recorded.contains(&engine.as_str()) && check.starts_with(FILTER);
                assert!(is_asked || now.answers[engine].get(check) == Some(entry), "{engine}: {check}");
            }
        }
        let fresh = self.xtask(&["golden", "--check", "eps/"]).status().unwrap();
        assert!(fresh.success(), "the row that nobody recorded has all of its answers");
    }

    /// Nothing is left over of what was killed.
    fn assert_whole(&self) {
        let manifest = Manifest::read(&self.golden().join("manifest.json")).unwrap();
        let mut listed: Vec<String> = manifest.files.keys().cloned().chain(["manifest.json".to_owned()]).collect();
        let mut there: Vec<String> =
            fs::read_dir(self.golden()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        listed.sort();
        there.sort();
        assert_eq!(there, listed);
    }
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn suite() -> mapcheck::check::Suite {
    let mapping = mapping::read(&crate_folder().join("../specs/group_norm")).expect("the specs have no mistakes");
    mapcheck::check::Suite::new(mapping, Box::new(mapcheck::engine::Rust), Vec::new())
}

/// Waits for a moment of a run. Half of them lie anywhere in it, the other half in the short while in which it writes.
fn moment(generator: &mut Generator, golden: &Path, child: &mut Child, whole: Duration) {
    if generator.bits().is_multiple_of(2) {
        return std::thread::sleep(whole.mul_f64(generator.uniform()));
    }
    let is_writing = || {
        let mut names = fs::read_dir(golden).unwrap().flatten().map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().starts_with("manifest.json."))
    };
    while !is_writing() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(100));
    }
    std::thread::sleep(Duration::from_millis(20).mul_f64(generator.uniform()));
}

/// Kills a recorder so many times; at every third, another engine is recorded at the same time.
fn recorders_are_killed(times: u64) {
    let place = Place::new();
    let started = std::time::Instant::now();
    place.recorded(ENGINES[0], 1);
    let whole = started.elapsed();
    place.recorded(ENGINES[1], 1);
    let mut generator = Generator::new(times);
    let (mut answered, mut other) = (1, 1);
    let mut told = [0, 0];
    for number in 2..times + 2 {
        let mut killed = place.record(ENGINES[0], number);
        let at_once = (number % 3 == 0).then(|| place.record(ENGINES[1], number));
        moment(&mut generator, &place.golden(), &mut killed, whole);
        killed.kill().unwrap();
        killed.wait().unwrap();
        if let Some(mut at_once) = at_once {
            assert!(at_once.wait().unwrap().success(), "who is not killed completes");
            other = number;
        }
        let now = place.answered(ENGINES[0]).expect("the worker's answers");
        assert!(now == answered || now == number, "all answers of {answered} or all of {number}, not {now}");
        told[usize::from(now == number)] += 1;
        answered = now;
        assert_eq!(place.answered(ENGINES[1]), Some(other));
        place.assert_kept(&ENGINES);
        if number % 5 == 0 {
            place.recorded(ENGINES[0], number + 1000);
            place.assert_whole();
            answered = number + 1000;
        }
    }
    place.recorded(ENGINES[0], 5000);
    place.assert_whole();
    place.assert_kept(&ENGINES);
    println!("killed {times} times: {} before the answers counted, {} after", told[0], told[1]);
}

#[test]
fn a_killed_recorder_loses_nothing() {
    recorders_are_killed(6);
}

/// Minutes: `cargo test -p xtask --test interrupted -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn a_recorder_that_is_killed_a_hundred_times_loses_nothing() {
    recorders_are_killed(100);
}

#[test]
fn the_folder_of_a_killed_worker_is_removed_by_a_run_of_a_later_day() {
    let place = Place::new();
    let mut killed = place.record(ENGINES[0], 1);
    while place.workers().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = place.workers();
    place.recorded(ENGINES[0], 2);
    assert_eq!(place.workers(), left, "of today: it might still be running");
    let two_days_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    fs::File::open(&left[0]).unwrap().set_modified(two_days_ago).unwrap();
    place.recorded(ENGINES[0], 3);
    assert!(place.workers().is_empty());
}

/// Kills so many times a command that reads: it writes nothing, and its next run says the same.
fn readers_are_killed(arguments: &[&str], times: u64) {
    let place = Place::new();
    let files = || {
        let names = fs::read_dir(place.golden()).unwrap().map(|entry| entry.unwrap().path());
        names.map(|path| (path.clone(), fs::read(path).unwrap())).collect::<std::collections::BTreeMap<_, _>>()
    };
    let reader = || place.xtask(arguments);
    let before = files();
    let started = std::time::Instant::now();
    let said = reader().stdout(Stdio::piped()).output().unwrap().stdout;
    let whole = started.elapsed();
    assert!(!said.is_empty());
    let mut generator = Generator::new(times);
    for _ in 0..times {
        let mut killed = reader().spawn().unwrap();
        std::thread::sleep(whole.mul_f64(generator.uniform()));
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert!(files() == before);
    }
    assert_eq!(reader().stdout(Stdio::piped()).output().unwrap().stdout, said);
    println!("{} killed {times} times", arguments[0]);
}

const CHECK: [&str; 3] = ["check", "--stored", FILTER];

/// As many calls as find something, and take about a second.
const EXPLORE: [&str; 3] = ["explore", "--calls", "2000"];

#[test]
fn a_killed_check_leaves_everything_as_it_was() {
    readers_are_killed(&CHECK, 3);
}

#[test]
#[ignore = "takes a minute"]
fn a_check_that_is_killed_a_hundred_times_leaves_everything_as_it_was() {
    readers_are_killed(&CHECK, 100);
}

#[test]
fn a_killed_explorer_leaves_everything_as_it_was() {
    readers_are_killed(&EXPLORE, 3);
}

#[test]
#[ignore = "takes minutes"]
fn an_explorer_that_is_killed_a_hundred_times_leaves_everything_as_it_was() {
    readers_are_killed(&EXPLORE, 100);
}

#[test]
fn two_recorders_at_once_are_both_stored_and_who_reads_meanwhile_finds_one_recording() {
    let place = Place::new();
    ENGINES.iter().for_each(|engine| place.recorded(engine, 1));
    for number in 2..4 {
        let mut recorders = ENGINES.map(|engine| place.record(engine, number));
        while recorders.iter_mut().any(|recorder| recorder.try_wait().unwrap().is_none()) {
            for engine in ENGINES {
                let now = place.answered(engine);
                assert!([Some(number - 1), Some(number)].contains(&now), "{engine}: {now:?}");
            }
        }
        for (mut recorder, engine) in recorders.into_iter().zip(ENGINES) {
            assert!(recorder.wait().unwrap().success());
            assert_eq!(place.answered(engine), Some(number));
        }
        place.assert_whole();
        place.assert_kept(&ENGINES);
    }
}
