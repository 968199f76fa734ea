//! `cargo xtask signature`: what a running framework says of its own module.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::environment;
use crate::worker::Worker;

/// Print the signature of a framework's module.
#[derive(Args)]
pub struct Signature {
    /// The framework, in a Python environment of its own, which is made where it is missing
    #[arg(value_parser = engine_names())]
    engine: String,
}

fn engine_names() -> clap::builder::PossibleValuesParser {
    environment::engines().collect::<Vec<_>>().into()
}

impl Signature {
    /// Starts the framework, and prints its parameters and what its documentation announces.
    pub fn run(self) -> Result<ExitCode> {
        let signature = Worker::start(&self.engine)?.signature()?;
        println!("{}: {signature}", self.engine);
        for announcement in signature.announcements {
            println!("announced: {announcement}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
