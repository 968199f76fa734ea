//! `cargo xtask tolerances`, as it is typed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The specs, with a tolerance added to the case `number` of gamma_init.
fn specs_with(folder: &Path, tolerance: &str) -> String {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/group_norm");
    for entry in fs::read_dir(specs).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let mut content = fs::read_to_string(&path).expect("it can be read");
        if path.ends_with("gamma_init.yaml") {
            let from = "  - name: number\n";
            assert!(content.contains(from));
            content = content.replace(from, &format!("{from}    tolerance: [{tolerance}]\n"));
        }
        fs::write(folder.join(path.file_name().expect("a file has a name")), content).expect("it can be written");
    }
    folder.display().to_string()
}

#[test]
fn every_side_engine_and_dtype_has_a_line() {
    let all = xtask(&["tolerances", "--stored", "dtype/"]);
    assert!(all.status.success(), "{}", text(&all.stderr));
    let all = text(&all.stdout);
    for line in
        [["MindSpore", "rust", "f16"], ["MindSpore", "mindspore-2.7.0", "f64"], ["PyTorch", "torch-2.13.0", "f16"]]
    {
        assert!(all.lines().any(|known| known.split_whitespace().take(3).eq(line)), "{line:?} in\n{all}");
    }
    assert!(all.contains("under a tenth is ever used"), "{all}");
}

#[test]
fn a_wide_tolerance_that_is_hardly_used_is_a_failure() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // A reason that has its Chinese already.
    let specs = specs_with(folder.path(), "{ engine: rust, ulp: 300, why: the statistics are in f32 }");
    let wide = xtask(&["tolerances", "--stored", "gamma_init/number", "--specs", &specs]);
    assert!(!wide.status.success());
    let said = text(&wide.stdout);
    assert!(
        said.contains("/gamma_init/number, y of rust: <1% used, wider than 3 ULP: the statistics are in f32"),
        "{said}"
    );
    assert!(said.contains("under a tenth of it is used: remove it, or let it be narrower"), "{said}");
}

#[test]
fn a_wider_tolerance_needs_its_reason_in_the_same_place() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let specs = specs_with(folder.path(), "{ engine: rust, ulp: 3.5 }");
    let unexplained = xtask(&["tolerances", "--stored", "gamma_init/number", "--specs", &specs]);
    assert!(!unexplained.status.success());
    let said = text(&unexplained.stderr);
    assert!(said.contains("a wider tolerance without a reason") && said.contains("gamma_init.yaml:"), "{said}");
}
