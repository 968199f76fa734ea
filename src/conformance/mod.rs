//! An operator of your own put to the test, in one file: the specs and the stored answers come with this crate.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use mapcheck::call::Answer;
//! use mapcheck::conformance;
//! use mapcheck::engine::{Declined, Operator, TypedCall};
//! use mapcheck::tensor::Tensor;
//!
//! struct Mine;
//!
//! impl Operator for Mine {
//!     fn name(&self) -> &str {
//!         "mine"
//!     }
//!
//!     fn call(&self, call: &TypedCall<'_>) -> Result<Answer, Declined> {
//!         if call.wanted.any() {
//!             return Err(Declined::NotAsked("it has no gradients".to_owned()));
//!         }
//!         let y: Vec<f64> = call.x.to_f64(); // … what your operator makes of it
//!         let y = Tensor::from_f64(call.x.dtype(), call.x.shape(), &y);
//!         y.map(Answer::new).ok_or_else(|| Declined::Rejected("another shape".to_owned()))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     conformance::main(Mine)
//! }
//! ```
//!
//! As a test with `harness = false` it is one test a check and engine for `cargo test` and nextest. Its first
//! argument may be a command instead: `report`, `shrink` or `explore`, each with `--help`.

mod commands;
mod page;
mod trials;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

pub use commands::{Exploration, selected, shrink};
pub use trials::trials;

use crate::check::Suite;
use crate::engine::{Engine, Golden, Operator, Own, Rust};
use crate::golden::Store;
use crate::mapping::{self, Diagnostic};

/// The specs of GroupNorm, as they come with this crate.
pub fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/group_norm")
}

/// The stored answers to them.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/group_norm")
}

/// `subject` and the stored answers beside it, and then `live`.
///
/// # Errors
/// Every mistake in the specs.
pub fn suite(
    subject: Box<dyn Engine>,
    specs: &Path,
    golden: &Path,
    live: impl IntoIterator<Item = Box<dyn Engine>>,
) -> Result<Suite, Vec<Diagnostic>> {
    let mapping = mapping::read(specs)?;
    let store = Arc::new(Store::open(golden));
    let recorded = mapping.file.golden.iter();
    let mut others: Vec<Box<dyn Engine>> =
        recorded.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
    others.extend(live);
    Ok(Suite::new(mapping, subject, others))
}

/// Runs the suite on an operator: as tests, or as the first argument says.
pub fn main(operator: impl Operator + 'static) -> ExitCode {
    // Rust's own operator beside it is what `explore` may hold it to.
    let live: [Box<dyn Engine>; 1] = [Box::new(Rust)];
    match suite(Box::new(Own(operator)), &specs(), &golden(), live) {
        Ok(suite) => run(suite.with_command(&command())),
        Err(mistakes) => refused(&mistakes),
    }
}

/// Runs a suite of your own making likewise.
pub fn run(suite: Suite) -> ExitCode {
    let is_command = |word: &String| commands::WORDS.contains(&word.as_str());
    if !std::env::args().nth(1).as_ref().is_some_and(is_command) {
        let arguments = libtest_mimic::Arguments::from_args();
        return libtest_mimic::run(&arguments, trials(&Arc::new(suite))).exit_code();
    }
    match commands::Arguments::parse().run(&suite) {
        Ok((text, holds)) => {
            // A reader that goes away early is no error.
            drop(std::io::stdout().lock().write_all(text.as_bytes()));
            if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// How the program that runs was started, as far as it can tell: as a test, or as a program of its own.
fn command() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let is_test = program.parent().is_some_and(|folder| folder.ends_with("deps"));
    let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match name.rsplit_once('-') {
        Some((name, _)) if is_test => format!("cargo test --test {name} -- report"),
        _ => "cargo run -- report".to_owned(),
    }
}

/// Says what is wrong with the specs.
pub fn refused(mistakes: &[Diagnostic]) -> ExitCode {
    for mistake in mistakes {
        eprintln!("{mistake}\n");
    }
    ExitCode::FAILURE
}
