//! What candle and burn take: timed by a program of its own, out of `examples/others`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use mapcheck::tensor::DType;
use serde::Deserialize;

use super::case::{Direction, Layout, Shape};
use super::race::THREADS;
use super::row::Row;
use crate::suite::root;

/// A line of what the program prints: seconds for a call.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Line {
    shape: String,
    candle: f64,
    burn: f64,
}

/// The lines for each number of threads, by shape.
#[derive(Default)]
pub struct Others(Vec<BTreeMap<String, Line>>);

impl Others {
    /// Builds the program, which takes minutes the first time, and runs it with each number of threads.
    ///
    /// It does not take turns with ours: its runs come before all rounds.
    pub fn measure(shapes: &[Shape]) -> Result<Self> {
        eprintln!("building and timing candle and burn");
        THREADS.into_iter().map(|threads| lines(&run(shapes, threads)?)).collect::<Result<_>>().map(Self)
    }

    /// Gives a row their times, where it is of what they were timed on.
    pub fn add_to(&self, row: &mut Row) {
        let case = row.case;
        if (case.dtype, case.layout, row.direction) != (DType::F32, Layout::Contiguous, Direction::Forward) {
            return;
        }
        for (at, lines) in self.0.iter().enumerate() {
            let line = lines.get(&case.shape.to_string());
            (row.candle[at], row.burn[at]) = (line.map(|line| line.candle), line.map(|line| line.burn));
        }
    }
}

fn run(shapes: &[Shape], threads: usize) -> Result<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--release", "--locked"]);
    cargo.arg("--manifest-path").arg(root().join("examples/others/Cargo.toml"));
    cargo.arg("--target-dir").arg(root().join("target/others"));
    cargo.arg("--").args(shapes.iter().map(Shape::to_string)).env("RAYON_NUM_THREADS", threads.to_string());
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo could not be started")?;
    ensure!(output.status.success(), "candle and burn could not be timed (see above): leave out --others");
    Ok(String::from_utf8(output.stdout)?)
}

fn lines(text: &str) -> Result<BTreeMap<String, Line>> {
    let line = |line: &str| {
        let line: Line = serde_json::from_str(line).with_context(|| format!("examples/others printed `{line}`"))?;
        Ok((line.shape.clone(), line))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn times_go_to_the_rows_of_the_same_shape() -> Result<()> {
        let text = r#"{"shape":"2x64x16x16/32","candle":3.0,"burn":12.0}"#;
        let others = Others(vec![lines(text)?, lines("")?]);
        let mut forward = row(Direction::Forward);
        others.add_to(&mut forward);
        assert_eq!((forward.to_candle(), forward.to_burn()), ([Some(0.5), None], [Some(2.0), None]));
        let mut backward = row(Direction::Backward);
        others.add_to(&mut backward);
        assert_eq!(backward.candle, [None; 2]);
        assert!(lines("warning").unwrap_err().to_string().contains("printed `warning`"));
        Ok(())
    }
}
