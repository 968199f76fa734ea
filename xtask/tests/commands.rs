//! The commands, as they are typed.

use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn copy(from: &str, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(from);
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a file has a name"))).expect("it can be copied");
    }
}

#[test]
fn check_succeeds_only_when_every_row_holds() {
    let held = xtask(&["check", "--stored"]);
    assert!(held.status.success(), "{}{}", text(&held.stdout), text(&held.stderr));

    let empty = tempfile::tempdir().expect("a folder can be made");
    let golden = empty.path().display().to_string();
    let unchecked = xtask(&["check", "--stored", "--golden", &golden]);
    assert!(!unchecked.status.success());
    assert!(text(&unchecked.stdout).contains("unchecked"), "{}", text(&unchecked.stdout));

    let allowed = xtask(&["check", "--stored", "--golden", &golden, "--allow", "unchecked"]);
    assert!(allowed.status.success());
    assert!(text(&allowed.stdout).contains("--allow unchecked"), "{}", text(&allowed.stdout));
}

#[test]
fn one_check_is_run_by_the_name_that_a_report_gives() {
    let one = xtask(&["check", "--stored", "group_norm/eps/integer/f32/rust"]);
    assert!(text(&one.stdout).contains("1 rows: 1 holds; 1 checks"), "{}", text(&one.stdout));
    let none = xtask(&["check", "--stored", "no_such_check"]);
    assert!(!none.status.success());
    assert!(text(&none.stderr).contains("no check's name contains `no_such_check`"), "{}", text(&none.stderr));
}

#[test]
fn the_number_of_threads_does_not_show() {
    let one = xtask(&["check", "--stored", "--threads", "1"]);
    let two = xtask(&["check", "--stored", "--threads", "2"]);
    assert!(!one.stdout.is_empty());
    assert_eq!(text(&one.stdout), text(&two.stdout));
}

#[test]
fn new_adds_a_case_that_runs() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = folder.path().join("group_norm");
    copy("specs/group_norm", &specs);
    let specs = specs.display().to_string();
    let added = xtask(&["new", "eps", "fresh_case", "--specs", &specs]);
    assert!(added.status.success(), "{}", text(&added.stderr));
    assert!(text(&added.stdout).contains("cargo xtask check eps/fresh_case"));

    let run = xtask(&["check", "--stored", "--specs", &specs, "eps/fresh_case"]);
    assert!(
        text(&run.stdout).contains("has no stored answer: run `cargo xtask golden --engine torch-1.8.1`"),
        "{}",
        text(&run.stdout)
    );

    let again = xtask(&["new", "eps", "fresh_case", "--specs", &specs]);
    assert!(text(&again.stderr).contains("has a case `fresh_case` already"), "{}", text(&again.stderr));
    let unknown = xtask(&["new", "epsilon", "a", "--specs", &specs]);
    assert!(text(&unknown.stderr).contains("there is no row `epsilon`"), "{}", text(&unknown.stderr));
    let unnamed = xtask(&["new", "eps", "No Name", "--specs", &specs]);
    assert!(text(&unnamed.stderr).contains("is no name of a case"), "{}", text(&unnamed.stderr));
}

#[test]
fn mistakes_in_specs_are_all_shown() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = folder.path().join("group_norm");
    copy("specs/group_norm", &specs);
    for (file, from, to) in [("eps.yaml", "dtypes:", "dtype:"), ("affine.yaml", "gradients:", "gradient:")] {
        let path = specs.join(file);
        let changed = std::fs::read_to_string(&path).expect("it can be read").replacen(from, to, 1);
        std::fs::write(&path, changed).expect("it can be written");
    }
    let shown = xtask(&["check", "--stored", "--specs", &specs.display().to_string()]);
    assert!(!shown.status.success());
    let shown = text(&shown.stderr);
    assert!(shown.contains("did you mean `dtypes`") && shown.contains("did you mean `gradients`"), "{shown}");
    assert!(shown.contains("2 mistakes"), "{shown}");
}

#[test]
fn generated_files_are_fresh() {
    let schema = xtask(&["schema", "--check"]);
    assert!(schema.status.success(), "{}", text(&schema.stderr));
}

#[test]
fn a_report_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("report.json");
    let path = file.display().to_string();
    let written = xtask(&["check", "--stored", "device/", "--format", "json", "--output", &path]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains(&format!("written to {path}")), "{}", text(&written.stdout));
    let report = std::fs::read_to_string(&file).expect("it is there");
    assert!(report.starts_with("{\"format\":2,") && report.ends_with("}\n"), "{report}");

    let nowhere = folder.path().join("no/such/report.json").display().to_string();
    for option in ["--output", "--html"] {
        let refused = xtask(&["check", "--stored", "device/", option, &nowhere]);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains("there is no folder"), "{}", text(&refused.stderr));
        let refused = xtask(&["check", "--stored", "device/", option, &folder.path().display().to_string()]);
        assert!(text(&refused.stderr).contains("is a folder"), "{}", text(&refused.stderr));
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("it can be listed").count(), 1, "nothing is left behind");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let check = |variables: &[(&str, &str)]| {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(["check", "--stored", "device/"]).envs(variables.iter().copied());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            if variables.iter().all(|(set, _)| *set != name) {
                xtask.env_remove(name);
            }
        }
        text(&xtask.output().expect("xtask starts").stdout)
    };
    let plain = check(&[]);
    assert!(plain.contains("holds") && !plain.contains('\x1b'), "{plain}");
    assert!(check(&[("CLICOLOR_FORCE", "1")]).contains("\x1b[32mholds"));
    assert_eq!(check(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), plain);
}

#[test]
fn what_holds_has_no_smallest_call() {
    let holds = xtask(&["shrink", "--stored", "group_norm/eps/half/f32/rust"]);
    assert!(!holds.status.success());
    assert!(text(&holds.stderr).contains("eps/half/f32: the check holds"), "{}", text(&holds.stderr));
}

#[test]
fn a_wrong_claim_is_told_from_a_wrong_answer() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = folder.path().join("group_norm");
    copy("specs/group_norm", &specs);
    let path = specs.join("eps.yaml");
    let changed = std::fs::read_to_string(&path).expect("it can be read");
    let changed =
        changed.replace("rejected: { mindspore: TypeError, torch: TypeError }", "rejected: { torch: TypeError }");
    std::fs::write(&path, changed).expect("it can be written");
    let specs = specs.display().to_string();
    let shrunk = xtask(&["check", "--stored", "--shrink", "--specs", &specs, "eps/text"]);
    let shown = text(&shrunk.stdout);
    assert!(!shrunk.status.success());
    assert!(shown.contains("smallest  eps/text/f32\nwhat fails is what the case claims"), "{shown}");
}

#[test]
fn exploring_is_the_same_on_every_run() {
    let explore = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["explore", "--calls", "300", "--seed", "5"]).env("RAYON_NUM_THREADS", threads);
        text(&command.output().expect("xtask starts").stdout)
    };
    let once = explore("1");
    assert!(once.starts_with("rust beside exact: 300 calls of seed 5; "), "{once}");
    assert_eq!(once, explore("2"));
}
