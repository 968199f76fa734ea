//! One test a check and engine, by name: `group_norm/gamma_init/number/f32/libtorch-2.13.0`.
//!
//! `cargo test gamma_init` filters them, nextest lists, runs and partitions them. Stored answers
//! are always asked; with the feature `libtorch` live ones are too, in the same process.

use std::path::Path;
use std::process::ExitCode;

use mapcheck::conformance;
use mapcheck::engine::{Engine, Rust};

fn main() -> ExitCode {
    #[cfg(feature = "libtorch")]
    let live: [Box<dyn Engine>; 1] = [Box::new(mapcheck::engine::Libtorch::default())];
    #[cfg(not(feature = "libtorch"))]
    let live: [Box<dyn Engine>; 0] = [];
    // Not `conformance::specs()`: what is said of a spec names it as it is in this folder.
    match conformance::suite(Box::new(Rust), Path::new("specs/group_norm"), Path::new("golden/group_norm"), live) {
        Ok(suite) => conformance::run(suite),
        Err(mistakes) => conformance::refused(&mistakes),
    }
}
