//! What a maintainer of mapcheck runs: `cargo xtask COMMAND`.
//!
//! It is built without libtorch; where a command needs live answers, cargo is run again with the
//! feature `libtorch`.

mod bench;
mod cache;
mod check;
mod defects;
mod docs;
mod drift;
mod environment;
mod explore;
mod file;
mod golden;
mod import;
mod libtorch;
mod live;
mod new;
mod schema;
mod shrink;
mod signature;
mod subject;
mod suite;
mod test;
mod tolerances;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Checks API mappings, and keeps what they are checked against"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the mapping and print a verdict for every row; live too where libtorch has been fetched
    Check(check::Check),
    /// Print the smallest call that fails as a check does
    Shrink(shrink::Shrink),
    /// Draw calls at random, and print what is answered wrongly once for each cause
    Explore(explore::Explore),
    /// Write the page on an operator of another crate: candle, burn
    Subject(subject::Subject),
    /// Record the answers of a real framework into the golden folder, or check that all are there
    Golden(golden::Golden),
    /// Say what a recorded version of a framework answers otherwise than another
    Drift(drift::Drift),
    /// Make each known defect the subject of the whole suite; all have to be caught
    Defects(defects::Defects),
    /// Say how much of each tolerance is used, by engine, dtype and row
    Tolerances(tolerances::Tolerances),
    /// Make the specs of a mapping from the page that publishes it
    Import(import::Import),
    /// Measure the harness or the operator, side by side with what else does its job
    Bench(bench::Bench),
    /// Fetch the CPU libtorch, once, into the user's cache
    Libtorch,
    /// Run the whole test suite, with live libtorch
    Test(test::Test),
    /// Add the skeleton of a case to a row
    New(new::New),
    /// Print the signature of a real framework's module
    Signature(signature::Signature),
    /// Write the mapping page, in both languages
    Docs(docs::Docs),
    /// Write the JSON Schemas of the spec files
    Schema(schema::Schema),
}

fn main() -> ExitCode {
    let run = match Arguments::parse().command {
        Command::Check(check) => check.run(),
        Command::Shrink(shrink) => shrink.run(),
        Command::Explore(explore) => explore.run(),
        Command::Subject(subject) => subject.run(),
        Command::Golden(golden) => golden.run(),
        Command::Drift(drift) => drift.run(),
        Command::Defects(defects) => defects.run(),
        Command::Tolerances(tolerances) => tolerances.run(),
        Command::Import(import) => import.run(),
        Command::Bench(bench) => bench.run(),
        Command::Libtorch => libtorch::fetch().map(|folder| {
            println!("libtorch {} is in {}", libtorch::VERSION, folder.display());
            ExitCode::SUCCESS
        }),
        Command::Test(test) => test.run(),
        Command::New(new) => new.run(),
        Command::Docs(docs) => docs.run(),
        Command::Schema(schema) => schema.run(),
        Command::Signature(signature) => signature.run(),
    };
    run.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
