//! `cargo xtask schema`: JSON Schemas of specs for editors, and of reports for who reads them; generated from the types.

use std::path::Path;
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
        let folder = Path::new("specs/schema");
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let mut stale = Vec::new();
        let schemas =
            [("mapping.json", mapping_schema()), ("row.json", row_schema()), ("report.json", report::schema())];
        for (name, text) in schemas {
            let path = folder.join(name);
            if std::fs::read_to_string(&path).ok().as_deref() == Some(&text) {
                continue;
            }
            if !self.check {
                std::fs::create_dir_all(folder)?;
                std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
                println!("wrote {}", path.display());
            }
            stale.push(path.display().to_string());
        }
        if self.check && !stale.is_empty() {
            eprintln!("error: not up to date: {}; run `cargo xtask schema` and commit", stale.join(", "));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}
