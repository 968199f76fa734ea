//! `cargo xtask test`: the whole test suite, live.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::libtorch;
use crate::suite::root;

/// Run the whole test suite.
#[derive(Args)]
pub struct Test {
    /// Passed on to `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Test {
    /// Fetches libtorch where it is not there, then runs every test with it.
    pub fn run(self) -> Result<ExitCode> {
        if libtorch::find().is_none() {
            libtorch::fetch()?;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--workspace", "--features", "libtorch"]).args(&self.arguments).current_dir(root());
        let status = libtorch::same_environment(&mut cargo).status().context("cargo could not be started")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
