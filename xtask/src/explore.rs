//! `cargo xtask explore`: calls that nobody wrote, held to `exact` or to another engine.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, ValueEnum};
use mapcheck::conformance;

use crate::check::print;
use crate::suite::{Folders, root};
use crate::{libtorch, live, subject};

/// Draw calls at random, and print what is answered wrongly once for each cause.
#[derive(Args)]
pub struct Explore {
    #[command(flatten)]
    how: conformance::Exploration,
    /// Whose answers are looked at
    #[arg(long, value_enum, default_value_t = Subject::Rust)]
    subject: Subject,
    #[command(flatten)]
    folders: Folders,
}

/// What can be explored.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Subject {
    Rust,
    Libtorch,
    Candle,
    Burn,
}

impl Explore {
    /// Explores; success only when every answer was right.
    pub fn run(self) -> Result<ExitCode> {
        match self.subject {
            Subject::Candle => return subject::explore("candle", &self.how),
            Subject::Burn => return subject::explore("burn", &self.how),
            Subject::Rust | Subject::Libtorch => {}
        }
        let is_live = self.subject == Subject::Libtorch || self.how.reference == "libtorch";
        if is_live && !live::IS_BUILT {
            ensure!(libtorch::find().is_some(), "libtorch is not there: `cargo xtask libtorch` fetches it");
            return live::again("dev");
        }
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(live::engine())?;
        let name = if self.subject == Subject::Libtorch { "libtorch" } else { "rust" };
        let (text, holds) = self.how.run(&suite, name).map_err(|why| anyhow!(why))?;
        print(&text)?;
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
