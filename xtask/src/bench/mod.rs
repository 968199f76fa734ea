//! `cargo xtask bench`: what the harness costs, and how fast the operator is.

mod harness;
mod operator;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{libtorch, live};

/// Measure, side by side in one run.
#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Time per check of the harness, the operator and `exact` included
    Harness(harness::Harness),
    /// Time and accuracy of the operator beside libtorch, and beside copies of the same bytes
    Operator(operator::Operator),
    /// Both sides of each threshold from which on the operator takes an input another way
    Thresholds(operator::Thresholds),
}

/// glibc gives every thread memory of its own, which costs more than that of the main thread. Ours runs in threads of
/// a pool and libtorch in the main one: in one arena, new arrays cost both the same.
const ONE_ARENA: (&str, &str) = ("MALLOC_ARENA_MAX", "1");

impl Bench {
    /// Measures in the release profile with libtorch; cargo is run again to get there.
    pub fn run(self) -> Result<ExitCode> {
        if !live::IS_BUILT {
            if libtorch::find().is_none() {
                libtorch::fetch()?;
            }
            return live::again_with("release", [ONE_ARENA]);
        }
        match self.what {
            What::Harness(harness) => harness.run(),
            What::Operator(operator) => operator.run(),
            What::Thresholds(thresholds) => thresholds.run(),
        }
    }
}
