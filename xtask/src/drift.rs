//! `cargo xtask drift`: one recorded version of a framework against another.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use mapcheck::{drift, report};

use crate::check::print;
use crate::suite::{Folders, root, selected};

/// Compare two recorded versions.
#[derive(Args)]
pub struct Drift {
    /// The version to compare with, of those that mapping.yaml lists in `golden`: torch-1.8.1
    before: String,
    /// The version to compare, of the same framework: torch-2.13.0
    after: String,
    /// Only checks whose name contains this: a row, a case, a dtype
    filter: Option<String>,
    #[command(flatten)]
    folders: Folders,
}

impl Drift {
    /// Compares and prints. That something drifted is no failure; that nothing could be compared is one.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(None)?;
        let checks = selected(&suite, self.filter.as_deref())?;
        let drift = drift::between(&suite, &checks, &self.before, &self.after)?;
        print(&report::drift(&suite, &drift))?;
        if drift.calls == 0 && !drift.unanswered.is_empty() {
            bail!("no call could be compared");
        }
        Ok(ExitCode::SUCCESS)
    }
}
