//! `cargo xtask test`: the whole test suite, live, and the report page of what it found.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;

use crate::libtorch;
use crate::suite::root;

/// Where the report page of the last test run is, in the workspace.
const PAGE: &str = "target/mapcheck.html";

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
        report_page();
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Writes the report page, whatever the tests say: it is wanted most where they fail.
fn report_page() {
    let folder = root().join("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--features", "libtorch", "--", "check"]);
    cargo.args(["--html", PAGE, "--format", "json", "--output"]).arg(folder.join("mapcheck.json")).current_dir(root());
    // Its exit code is that of the mapping, of which the tests have spoken already.
    if std::fs::create_dir_all(&folder).and_then(|()| libtorch::same_environment(&mut cargo).status()).is_err() {
        eprintln!("warning: the report page could not be written: cargo could not be started");
    }
}
