//! `cargo xtask drift`, as it is typed.

use std::process::{Command, Output};

fn drift(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).arg("drift").args(arguments).output().expect("xtask starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_drift_is_no_failure() {
    let found = drift(&["torch-1.8.1", "torch-2.13.0", "not_a_divisor"]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    assert!(text(&found.stdout).contains("RuntimeError -> ValueError: not_a_divisor/f32"), "{}", text(&found.stdout));
    let none = drift(&["torch-2.13.0", "torch-2.13.0", "eps/"]);
    assert!(none.status.success());
    assert!(text(&none.stdout).contains("no answer moved"), "{}", text(&none.stdout));
}

#[test]
fn what_cannot_be_compared_is_said_with_what_can() {
    let unknown = drift(&["torch-2.13.0", "torch-9"]);
    assert!(!unknown.status.success());
    assert!(text(&unknown.stderr).contains("`torch-9`: say one of torch-1.8.1, "), "{}", text(&unknown.stderr));
    let two = drift(&["torch-2.13.0", "mindspore-2.7.0"]);
    assert!(!two.status.success());
    assert!(text(&two.stderr).contains("say two of torch-1.8.1, torch-2.13.0"), "{}", text(&two.stderr));
}

#[test]
fn without_stored_answers_there_is_nothing_to_compare() {
    let empty = tempfile::tempdir().expect("a folder can be made");
    let golden = empty.path().display().to_string();
    let nothing = drift(&["torch-1.8.1", "torch-2.13.0", "--golden", &golden]);
    assert!(!nothing.status.success());
    assert!(text(&nothing.stderr).contains("no call could be compared"), "{}", text(&nothing.stderr));
    let told = text(&nothing.stdout);
    assert!(told.contains("run `cargo xtask golden --engine torch-2.13.0`") && !told.contains("no answer"), "{told}");
}
