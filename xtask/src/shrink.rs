//! `cargo xtask shrink`: the smallest call that fails as a check does.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use mapcheck::conformance;

use crate::check::print;
use crate::suite::{Folders, root};
use crate::{libtorch, live};

/// Print the smallest call that fails as a check does.
#[derive(Args)]
pub struct Shrink {
    /// The check, by the name that a report gives
    check: String,
    /// Leave live libtorch out, also where it has been fetched
    #[arg(long)]
    stored: bool,
    #[command(flatten)]
    folders: Folders,
}

impl Shrink {
    /// Makes it smaller for as long as it fails for the same reason.
    pub fn run(self) -> Result<ExitCode> {
        if !self.stored && !live::IS_BUILT && libtorch::find().is_some() {
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(if self.stored { None } else { live::engine() })?;
        let text = conformance::shrink(&suite, &self.check).map_err(|why| anyhow!(why))?;
        print(&text).map(|()| ExitCode::SUCCESS)
    }
}
