//! `cargo xtask signature`: what a running framework says of its own module.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::environment;
use crate::worker::{Kind, Parameter, Worker};

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
        println!("{}: ({}) called with ({})", self.engine, list(&signature.constructor), list(&signature.forward));
        for announcement in signature.announcements {
            println!("announced: {announcement}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The parameters as Python writes them.
fn list(parameters: &[Parameter]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut by_keyword = false;
    for parameter in parameters {
        if parameter.kind == Kind::KeywordOnly && !by_keyword {
            by_keyword = true;
            words.push("*".to_owned());
        }
        let default = parameter.default.as_ref().map(|default| format!("={default}")).unwrap_or_default();
        let stars = match parameter.kind {
            Kind::VarPositional => "*",
            Kind::VarKeyword => "**",
            Kind::PositionalOnly | Kind::PositionalOrKeyword | Kind::KeywordOnly => "",
        };
        words.push(format!("{stars}{}{default}", parameter.name));
    }
    words.join(", ")
}
