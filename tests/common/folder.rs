//! A folder of specs without a mistake, for tests that put one in.

use std::fs;
use std::path::Path;

use mapcheck::mapping::{Diagnostic, Mapping, read};
use tempfile::TempDir;

/// `mapping.yaml` of that folder.
pub const MAPPING: &str = "\
apis:
  torch:
    name: torch.nn.GroupNorm
    documented: 1.8.1
    constructor: [num_groups, num_channels, eps]
    forward: [input]
  mindspore:
    name: mindspore.nn.GroupNorm
    documented: 2.4.10
    constructor: [num_groups, num_channels, eps, gamma_init]
    forward: [x]
plain: { num_groups: 3, num_channels: 6 }
golden: [torch-1.8.1, torch-2.13.0, mindspore-2.0.0, mindspore-2.7.0]
";

/// A row's cases without a mistake.
pub const CASES: &str = "cases: [{ name: plain, call: { num_groups: 3, num_channels: 6 } }]\n";

/// A folder with a row for every parameter, all of them right.
pub fn right() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("num_groups", "row: 1\nnames: { torch: num_groups, mindspore: num_groups }"),
        ("num_channels", "row: 2\nnames: { torch: num_channels, mindspore: num_channels }"),
        ("eps", "row: 3\nnames: { torch: eps, mindspore: eps }"),
        ("gamma_init", "row: 4\nnames: { torch: ~, mindspore: gamma_init }\nin_torch: { fill: weight }"),
        ("input", "row: 5\ncategory: input\nnames: { torch: input, mindspore: x }"),
    ];
    fs::write(folder.path().join("mapping.yaml"), MAPPING).unwrap();
    for (name, head) in rows {
        fs::write(folder.path().join(format!("{name}.yaml")), format!("{head}\n{CASES}")).unwrap();
    }
    folder
}

/// Reads that folder with these files instead of, or beside, the right ones.
pub fn read_with(files: &[(&str, &str)]) -> (TempDir, Result<Mapping, Vec<Diagnostic>>) {
    let folder = right();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let result = read(folder.path());
    (folder, result)
}

/// All diagnostics as a user sees them, without the temporary folder.
pub fn shown(folder: &Path, diagnostics: &[Diagnostic]) -> String {
    let text = diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n");
    text.replace(&format!("{}/", folder.display()), "").replace(&folder.display().to_string(), "specs")
}

/// All diagnostics of these files beside the right ones, as a user sees them.
pub fn render(files: &[(&str, &str)]) -> String {
    let (folder, result) = read_with(files);
    shown(folder.path(), &result.expect_err("these files have mistakes"))
}

/// The row of eps with these cases.
pub fn eps(cases: &str) -> String {
    format!("row: 3\nnames: {{ torch: eps, mindspore: eps }}\ncases:{cases}")
}
