//! Every command that the documentation shows in a block is run as it is typed there, or left out for a reason. (The
//! Rust code of docs/check-your-operator.md is a doctest.)

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the pages show and is not run here, each with the reason.
const LEFT_OUT: [(&str, &str); 16] = [
    ("git clone <this repository> mapcheck", "another machine, and the network"),
    ("cd mapcheck", "another machine: the tests begin where that leads"),
    ("bash .ci/run", "runs this suite itself"),
    ("cargo xtask test", "runs this suite itself, and fetches libtorch"),
    ("cargo nextest run --test conformance --partition slice:1/4", "a tool of its own; the tests are in this suite"),
    ("MAPCHECK_MUTATED=500000 cargo test -p mapcheck damaged_", "minutes; this suite has the same test with fewer"),
    ("cargo test -p xtask --test interrupted -- --ignored --nocapture", "minutes"),
    ("cargo run --release --manifest-path examples/forks/Cargo.toml", "a measurement, out of the main build"),
    ("cargo xtask bench operator --write", "minutes, and a machine on which nothing else runs"),
    ("cargo xtask bench thresholds --write", "minutes, as above"),
    ("cargo mutants --in-place --baseline skip --timeout 120", "days, and another machine: it changes the sources"),
    ("cargo mutants --in-place --baseline skip --timeout 60 -F '^src/' -C --lib", "hours, as above"),
    (
        "cargo mutants --in-place --baseline skip --timeout 120 -F '^src/check' --iterate -C --test=suite -- -- verdicts:: versions:: contradictions:: --skip the_number_of_threads --skip the_readme",
        "hours, as above",
    ),
    (
        "cargo mutants --in-place --baseline skip --timeout 120 -F '^src/' --iterate -C --lib -C --test=suite",
        "hours, as above",
    ),
    (
        "cargo mutants --in-place --baseline skip --timeout 25 --package mapcheck-operators -C --lib -C --config -C profile.dev.package.mapcheck-operators.opt-level=0",
        "hours, as above",
    ),
    (
        "sed -i 's/target_arch = \"x86_64\"/target_arch = \"none\"/' operators/src/group_norm/kernel/*.rs",
        "it changes the sources",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The README, CONTRIBUTING and every page of docs/, by name.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).expect("the folder is there");
    let names = docs.map(|entry| entry.expect("it can be listed").file_name().into_string().expect("a name in UTF-8"));
    let mut pages: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.extend(["README.md", "CONTRIBUTING.md"].map(str::to_owned));
    pages.sort();
    pages
}

/// A line of a shell block.
#[derive(Debug, PartialEq)]
struct Shown {
    command: String,
    /// Whether its comment says so.
    fails: bool,
}

impl Shown {
    fn of(line: &str) -> Self {
        let (command, comment) = line.trim().split_once(" #").unwrap_or((line.trim(), ""));
        Self { command: command.trim().to_owned(), fails: comment.trim_start().starts_with("fails") }
    }

    fn is_left_out(&self) -> bool {
        LEFT_OUT.iter().any(|(command, _)| *command == self.command)
    }
}

/// The commands of a page: in fences that name a shell or no language, and in blocks that are indented.
fn commands(page: &str) -> Vec<Shown> {
    let (mut fence, mut is_block, mut commands) = (None, true, Vec::new());
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), fence) {
            (Some(language), None) => fence = Some(language.trim()),
            (Some(_), Some(_)) => fence = None,
            (None, Some("" | "sh" | "bash" | "shell" | "console")) if !line.trim().is_empty() => {
                commands.push(Shown::of(line));
            }
            (None, Some(_)) => {}
            (None, None) => {
                // What is indented without an empty line before it goes on with a paragraph.
                let is_indented = line.starts_with("    ");
                if is_indented && is_block && !line.trim().is_empty() {
                    commands.push(Shown::of(line));
                }
                is_block = line.trim().is_empty() || is_indented && is_block;
            }
        }
    }
    commands
}

fn shown(page: &str) -> Vec<Shown> {
    commands(&std::fs::read_to_string(root().join(page)).expect("the page is there"))
}

/// Runs the commands of a page one after the other: they work in a folder of their own, on a copy of the specs.
fn run(page: &str) -> usize {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = folder.path().join("group_norm");
    std::fs::create_dir(&specs).expect("a folder can be made");
    for entry in std::fs::read_dir(root().join("specs/group_norm")).expect("the specs are there") {
        let path = entry.expect("it can be listed").path();
        std::fs::copy(&path, specs.join(path.file_name().expect("a file has a name"))).expect("it can be copied");
    }
    let mut count = 0;
    for Shown { command, fails } in shown(page).into_iter().filter(|shown| !shown.is_left_out()) {
        let Some(arguments) = command.strip_prefix("cargo xtask ") else {
            panic!("{page}: `{command}` is neither run here nor left out for a reason")
        };
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
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
fn every_command_of_every_page_can_be_typed() {
    let pages = pages();
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let running: Vec<_> = pages.iter().map(|page| scope.spawn(|| run(page))).collect();
        running.into_iter().map(|page| page.join().unwrap_or_else(|said| std::panic::resume_unwind(said))).collect()
    });
    let least = [
        ("README.md", 3),
        ("docs/check-your-operator.md", 1),
        ("docs/maintain-a-table.md", 6),
        ("docs/port-a-model.md", 4),
    ];
    for (page, least) in least {
        let at = pages.iter().position(|known| known == page).expect("the page is there");
        assert!(counts[at] >= least, "{page}: {}", counts[at]);
    }
}

#[test]
fn what_is_left_out_is_shown_by_a_page() {
    let shown: Vec<Shown> = pages().iter().flat_map(|page| shown(page)).collect();
    for (command, reason) in LEFT_OUT {
        assert!(shown.iter().any(|shown| shown.command == command), "no page shows `{command}`, left out for {reason}");
    }
}

#[test]
fn commands_are_told_from_everything_else() {
    let page = "\
text
    and more of it

    one  # fails as it should

    two --with '#'

```sh
three
```

```yaml
four: 4
```

```
five
```
";
    let said: Vec<(String, bool)> = commands(page).into_iter().map(|shown| (shown.command, shown.fails)).collect();
    let command = |text: &str, fails| (text.to_owned(), fails);
    assert_eq!(
        said,
        [command("one", true), command("two --with '#'", false), command("three", false), command("five", false)]
    );
}
