//! Every `cargo xtask` command that the documentation shows in a block is run as it is typed there. (The Rust code of
//! docs/check-your-operator.md is a doctest; of the README's commands, those that fetch or measure are left out.)

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the README shows that takes the network, minutes, or this test suite itself.
const LEFT_OUT: [&str; 1] = ["cargo xtask test"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The commands in the blocks of a page, each with whether it is said to fail.
fn commands(page: &str) -> Vec<(String, bool)> {
    let mut is_fenced = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        }
        if (is_fenced || line.starts_with("    ")) && line.trim_start().starts_with("cargo xtask ") {
            let (command, comment) = line.trim().split_once('#').unwrap_or((line.trim(), ""));
            commands.push((command.trim().to_owned(), comment.trim_start().starts_with("fails")));
        }
    }
    commands
}

/// Runs the commands of a page one after the other: they work in a folder of their own, on a copy of the specs.
fn run(page: &str) -> usize {
    let text = std::fs::read_to_string(root().join(page)).expect("the page is there");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = folder.path().join("group_norm");
    std::fs::create_dir(&specs).expect("a folder can be made");
    for entry in std::fs::read_dir(root().join("specs/group_norm")).expect("the specs are there") {
        let path = entry.expect("it can be listed").path();
        std::fs::copy(&path, specs.join(path.file_name().expect("a file has a name"))).expect("it can be copied");
    }
    let mut count = 0;
    for (command, fails) in commands(&text) {
        if LEFT_OUT.contains(&command.as_str()) {
            continue;
        }
        let arguments: Vec<&str> = command.split_whitespace().skip(2).collect();
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        xtask.args(&arguments).current_dir(folder.path());
        if ["check", "new"].contains(&arguments[0]) {
            xtask.arg("--specs").arg(&specs);
        }
        let output = xtask.output().expect("xtask starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.success(), !fails, "{page}: {command}\n{said}");
        count += 1;
    }
    count
}

#[test]
fn who_maintains_a_table_can_type_what_the_page_shows() {
    assert!(run("docs/maintain-a-table.md") >= 6);
}

#[test]
fn who_has_written_an_operator_can_type_what_the_page_shows() {
    assert!(run("docs/check-your-operator.md") >= 1);
}

#[test]
fn who_ports_a_model_can_type_what_the_page_shows() {
    assert!(run("docs/port-a-model.md") >= 4);
}

#[test]
fn the_readme_can_be_typed() {
    assert!(run("README.md") >= 3);
}
