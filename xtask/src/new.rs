//! `cargo xtask new ROW CASE`: the skeleton of a case.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::suite::{Folders, root};

/// Add the skeleton of a case to a row.
#[derive(Args)]
pub struct New {
    /// The row's file without its ending: eps
    row: String,
    /// What the case is for, in lower case and underscores: tiny_deviation
    case: String,
    #[command(flatten)]
    folders: Folders,
}

impl New {
    /// Appends the case to the row's file and says what to do next.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let mapping = self.folders.mapping()?;
        let Some(row) = mapping.rows.iter().find(|row| row.name == self.row) else {
            let rows: Vec<&str> = mapping.rows.iter().map(|row| row.name.as_str()).collect();
            bail!("there is no row `{}`; there are {}", self.row, rows.join(", "));
        };
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.case.is_empty() || !self.case.chars().all(well_formed) {
            bail!("`{}` is no name of a case: use lower-case letters, digits and underscores", self.case);
        }
        if row.file.cases.iter().any(|case| case.name == self.case) {
            bail!("{} has a case `{}` already", row.path.display(), self.case);
        }
        let plain: Vec<String> =
            mapping.file.plain.0.iter().map(|(name, value)| format!("{name}: {}", value.to_yaml())).collect();
        let mut text = std::fs::read_to_string(&row.path)?;
        // A row that was read off a page has no case yet.
        if let Some(before) = text.trim_end().strip_suffix("cases: []") {
            text = format!("{before}cases:\n");
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!(
            "  - name: {}\n    call: {{ {} }}\n    # x, dtypes, layouts, gradients, rejected, differs, off: see CONTRIBUTING.md\n",
            self.case,
            plain.join(", ")
        ));
        let folder = row.path.parent().unwrap_or(std::path::Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&row.path)?;
        let name = format!("{}/{}", self.row, self.case);
        println!("added {name} at the end of {}", row.path.display());
        println!("next: state what makes it different, then");
        println!("  cargo xtask check {name}     runs it (what is stored is missing yet)");
        println!("  cargo xtask golden {name}    records libtorch's answer");
        Ok(ExitCode::SUCCESS)
    }
}
