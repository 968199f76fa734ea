//! `cargo xtask bench harness`: what a check costs, beside numpy.testing.assert_allclose.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mapcheck::check::{Check, Suite, Verdict};
use mapcheck::engine::{Engine, Question, Rust};
use mapcheck::golden::{Options, Provenance, Recorded, Recording, record};
use mapcheck::report;
use rayon::prelude::*;

use crate::suite::{Folders, root};
use crate::{cache, libtorch, live};

/// Measure what a check costs.
#[derive(Args)]
pub struct Harness {
    /// How many calls to generate, each with three checks
    #[arg(long, default_value_t = 3_400)]
    calls: usize,
    /// How many times each side is measured, in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// The engine whose answers are read.
const STORED: &str = "torch-2.13.0";

/// What a row says of versions that are not read here.
const VERSIONED: [&str; 2] = ["missing:", "announced:"];

/// numpy has no bf16.
const DTYPES: [&str; 3] = ["f16", "f32", "f64"];

impl Harness {
    /// Generates a spec folder, records it, and times both sides.
    pub fn run(&self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let python = numpy()?;
        let Some(libtorch) = live::engine() else { bail!("this xtask was built without libtorch") };
        let temporary = tempfile::tempdir()?;
        let folder = |name: &str| temporary.path().join(name);
        let folders = Folders { specs: folder("group_norm"), golden: folder("libtorch") };
        generate(Path::new("specs/group_norm"), &folders.specs, self.calls)?;
        let suite = folders.suite(None)?;
        let checks = cases(&suite);
        for (engine, golden) in [(&*libtorch, &folders.golden), (&Rust as &dyn Engine, &folder("rust"))] {
            record(golden, recording(&suite, &checks, engine), Options::default()).map_err(anyhow::Error::msg)?;
        }
        let (mut ours, mut theirs, mut compared, mut held) = (Vec::new(), Vec::new(), 0, 0_usize);
        for round in 0..=self.rounds {
            let started = Instant::now();
            let suite = folders.suite(None)?;

            let checks = cases(&suite);
            let outcomes = suite.run(&checks);

            let seconds = started.elapsed().as_secs_f64();
            // affine is always stated as its default here: that row can only be vacuous.
            ensure!(outcomes.verdict() <= Verdict::Vacuous, "{}", report::text(&suite, &outcomes));
            let output = Command::new(&python)
                .arg(root().join("xtask/bench/assert_allclose.py"))
                .args([folder("rust"), folders.golden.clone()])
                .arg("1")
                .output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8_lossy(&output.stdout);
            let mut words = text.split_whitespace();
            let numpy: f64 = words.next().context("the script printed nothing")?.parse()?;
            compared = words.next().context("the script printed no count")?.parse::<usize>()?;
            // The first round only warms up.
            if round > 0 {
                held = outcomes.checks.iter().map(|result| result.engines.len() + result.sides.iter().len()).sum();
                ours.push(seconds * 1e6 / held as f64);
                theirs.push(numpy * 1e6 / compared as f64);
            }
        }
        let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours).collect();
        println!(
            "{} calls, {held} checks of them (operator, stored answers, the sides held to each other),",
            checks.len()
        );
        println!("{compared} comparisons by numpy, {} rounds in turn; microseconds for each:", self.rounds);
        println!("  mapcheck (specs read, archives hashed, calls made, operator, exact)  {}", spread(ours));
        println!("  numpy.testing.assert_allclose (both members read from .npz)          {}", spread(theirs));
        println!("  ratio, round by round                                                {}", spread(ratios));
        Ok(ExitCode::SUCCESS)
    }
}

/// The checks that make a call each.
fn cases(suite: &Suite) -> Vec<Check> {
    suite.checks().into_iter().filter(|check| suite.case(check).is_some()).collect()
}

/// What an engine answers to the checks, to be stored under the name that is read.
fn recording(suite: &Suite, checks: &[Check], engine: &dyn Engine) -> Recording {
    let answer = |check: &Check| {
        let call = suite.question(check, engine.binding().side())?;
        let row = suite.mapping().rows[check.row].name.clone();
        let groups = engine.binding().effective(&call, None).map_or(1, |e| e.groups());
        let outcome = engine.answer(Question { row: &row, check: &check.name, call: &call });
        Some(Recorded { row, check: check.name.clone(), call, groups, outcome })
    };
    let text = |text: &str| text.to_owned();
    let provenance = Provenance {
        framework: text(engine.name()),
        version: text(libtorch::VERSION),
        recorder: text("cargo xtask bench"),
        platform: text(std::env::consts::ARCH),
        python: None,
        numpy: None,
        signature: None,
    };
    let answers = checks.par_iter().filter_map(answer).collect();
    Recording { engine: text(STORED), provenance, answers, listed: Vec::new() }
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
    format!("median {median:.1} ({first:.1} to {last:.1})")
}

/// The rows of the real mapping, each with generated cases that differ in their seed.
fn generate(from: &Path, to: &Path, calls: usize) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut rows: Vec<PathBuf> = fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    rows.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    rows.sort();
    let count = calls.div_ceil((rows.len() - 1) * DTYPES.len());
    for (r, path) in rows.iter().enumerate() {
        let text = fs::read_to_string(path)?;
        let name = path.file_name().context("a file has a name")?;
        let Some((head, _)) = text.split_once("\ncases:") else {
            let (head, _) = text.split_once("\ngolden:").context("mapping.yaml lists its golden engines")?;
            fs::write(to.join(name), format!("{head}\ngolden: [{STORED}]\n"))?;
            continue;
        };
        let head = without_versions(head);
        let mut generated = format!("{head}cases:\n");
        for case in 0..count {
            let groups = [1, 2, 3, 6][case % 4];
            generated.push_str(&format!(
                "  - {{ name: c{case}, call: {{ num_groups: {groups}, num_channels: 6, gamma_init: {{ tensor: steps }}, \
                 beta_init: 0.5, eps: 1.0e-3, affine: true }}, x: {{ shape: [2, 6, 7], values: {{ ramp: {{ seed: {} }} }} }}, dtypes: [{}] }}\n",
                r * count + case + 1,
                DTYPES.join(", ")
            ));
        }
        fs::write(to.join(name), generated)?;
    }
    Ok(())
}

/// A row less what it says of versions that are not read here; what belongs to a key is indented.
fn without_versions(head: &str) -> String {
    let mut is_kept = true;
    let mut kept = String::new();
    for line in head.lines() {
        if !line.starts_with(' ') {
            is_kept = !VERSIONED.iter().any(|key| line.starts_with(key));
        }
        if is_kept {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A Python with numpy, in the user's cache.
fn numpy() -> Result<PathBuf> {
    let folder = cache::folder()?.join("numpy");
    let python = folder.join("bin/python");
    let has_numpy = || Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success());
    if !has_numpy() {
        let run = |command: &mut Command| -> Result<()> {
            let output =
                command.output().context("python3 could not be started: install Python 3 with venv and pip")?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "numpy"]))?;
    }
    Ok(python)
}
