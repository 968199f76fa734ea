//! `cargo xtask schema`: JSON Schemas of specs for editors, and of reports for who reads them; generated from the types.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use mapcheck::mapping::{mapping_schema, row_schema};
use mapcheck::report;

use crate::suite::root;

/// Write the JSON Schemas.
#[derive(Args)]
pub struct Schema {
    /// Write nothing; fail where a file is not up to date
    #[arg(long)]
    check: bool,
}

impl Schema {
    /// Writes what is not up to date, or fails naming it.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let folder = Path::new("specs/schema");
        let files = [("mapping.json", mapping_schema()), ("row.json", row_schema()), ("report.json", report::schema())];
        generate(files.map(|(name, text)| (folder.join(name), text)), self.check, "cargo xtask schema")
    }
}

/// Writes the generated files that are not up to date; where they are only to be checked, fails naming them.
pub fn generate(
    files: impl IntoIterator<Item = (PathBuf, String)>,
    only_check: bool,
    command: &str,
) -> Result<ExitCode> {
    let mut stale = Vec::new();
    for (path, text) in files {
        if std::fs::read_to_string(&path).ok().as_deref() == Some(&text) {
            continue;
        }
        if !only_check {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
            println!("wrote {}", path.display());
        }
        stale.push(path.display().to_string());
    }
    if only_check && !stale.is_empty() {
        eprintln!("error: not up to date: {}; run `{command}` and commit", stale.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
