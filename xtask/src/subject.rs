//! `cargo xtask subject`: the pages on other people's operators, which are built in folders of their own.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use mapcheck::conformance::Exploration;

use crate::schema::generate;
use crate::suite::root;

/// Write the page on an operator of another crate: docs/candle.md, docs/burn.md.
#[derive(Args)]
pub struct Subject {
    /// The folder of `examples`: candle, burn
    name: String,
    /// Write nothing; fail where the page is not up to date
    #[arg(long)]
    check: bool,
}

impl Subject {
    /// Builds the example, which takes minutes the first time, and writes what it prints, or holds the page to it.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let name = &self.name;
        let command = format!("cargo xtask subject {name}");
        let mut cargo = cargo(name)?;
        cargo.args(["page", &command]);
        let output = cargo.stderr(Stdio::inherit()).output().context("cargo could not be started")?;
        ensure!(output.status.success(), "{name} could not be put to the test (see above)");
        let page = String::from_utf8(output.stdout).context("the page is no text")?;
        generate([(PathBuf::from(format!("docs/{name}.md")), page)], self.check, &command)
    }
}

/// The same exploration by the program that has the operator.
pub fn explore(name: &str, how: &Exploration) -> Result<ExitCode> {
    let mut cargo = cargo(name)?;
    cargo.arg("explore").args(["--seconds", &how.seconds.to_string(), "--seed", &how.seed.to_string()]);
    cargo.args(["--reference", &how.reference]);
    cargo.args(how.calls.iter().flat_map(|calls| ["--calls".to_owned(), calls.to_string()]));
    let status = cargo.status().context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs an example, when its arguments follow.
fn cargo(name: &str) -> Result<Command> {
    let manifest: PathBuf = root().join("examples").join(name).join("Cargo.toml");
    ensure!(manifest.is_file() && name != "others", "there is no operator `{name}`; there are candle, burn");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--release", "--locked", "--manifest-path"]).arg(manifest);
    cargo.arg("--target-dir").arg(root().join("target/subjects")).arg("--");
    Ok(cargo)
}
