//! `cargo xtask defects`, as it is typed. That all defects are caught is a step of `.ci/run`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The specs with `from` replaced in the file of eps.
fn specs_with(folder: &Path, from: &str, to: &str) -> String {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/group_norm");
    for entry in fs::read_dir(specs).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let mut content = fs::read_to_string(&path).expect("it can be read");
        if path.ends_with("eps.yaml") {
            assert!(content.contains(from), "{from}");
            content = content.replace(from, to);
        }
        fs::write(folder.join(path.file_name().expect("a file has a name")), content).expect("it can be written");
    }
    folder.display().to_string()
}

#[test]
fn a_defect_is_shown_with_its_rows_and_the_first_case() {
    let one = xtask(&["defects", "eps-text-accepted"]);
    assert!(one.status.success(), "{}{}", text(&one.stdout), text(&one.stderr));
    insta::assert_snapshot!(text(&one.stdout));
}

#[test]
fn a_defect_that_a_row_of_its_own_does_not_catch_is_a_failure() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = specs_with(folder.path(), "eps: '1e-5'", "eps: ~");
    let missed = xtask(&["defects", "eps-text-accepted", "--specs", &specs]);
    assert!(!missed.status.success());
    insta::assert_snapshot!(text(&missed.stdout));
}

#[test]
fn a_textbook_that_is_refuted_without_a_defect_is_a_failure() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = specs_with(
        folder.path(),
        "eps: '1e-5' }\n    rejected: { mindspore: TypeError",
        "eps: '1e-5' }\n    rejected: { mindspore: ValueError",
    );
    let wrong = xtask(&["defects", "eps-text-accepted", "--specs", &specs]);
    assert!(!wrong.status.success());
    let said = text(&wrong.stderr);
    assert!(said.contains("the textbook without a defect is refuted in eps, first by eps/text/f32"), "{said}");
}

#[test]
fn no_defect_of_a_name_is_an_error() {
    let none = xtask(&["defects", "no-such-defect"]);
    assert!(!none.status.success());
    assert!(
        text(&none.stderr).contains("no defect's name, kind or row contains `no-such-defect`"),
        "{}",
        text(&none.stderr)
    );
}
