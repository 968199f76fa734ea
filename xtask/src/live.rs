//! Live answers: the engine where it is built in, and how cargo is run again with it.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use mapcheck::engine::Engine;

use crate::libtorch;
use crate::suite::root;

/// Whether this xtask was built with libtorch.
pub const IS_BUILT: bool = cfg!(feature = "libtorch");

/// Live libtorch, where it is built in.
pub fn engine() -> Option<Box<dyn Engine>> {
    #[cfg(feature = "libtorch")]
    return Some(Box::new(mapcheck::engine::Libtorch::default()));
    #[cfg(not(feature = "libtorch"))]
    None
}

/// Runs the same command once more, built with libtorch, in one of cargo's profiles.
pub fn again(profile: &str) -> Result<ExitCode> {
    again_with(profile, [])
}

/// The same with more in its environment.
pub fn again_with<const E: usize>(profile: &str, environment: [(&str, &str); E]) -> Result<ExitCode> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--features", "libtorch", "--profile", profile]);
    cargo.arg("--manifest-path").arg(root().join("Cargo.toml")).arg("--").args(std::env::args_os().skip(1));
    cargo.envs(environment);
    let status = libtorch::same_environment(&mut cargo).status().context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
