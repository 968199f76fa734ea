//! `cargo xtask bench thresholds`: what each threshold of the operator's kernel comes to.
//!
//! A threshold is where an input begins to be taken another way. Both ways are timed on sizes from below it to beyond:
//! where the other way becomes the faster one is where the threshold belongs. A process has one setting, so each
//! time is taken by a process of its own; the two settings take turns, and the least of all rounds counts.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use half::bf16;
use mapcheck::tensor::{DType, Element};

use super::case::{Case, Direction, Layout, Shape};
use super::machine;
use super::race::{Contender, Plan, race};
use super::subject::{Pools, Subject};
use crate::suite::root;

/// The variable by which the kernel's sizes are set; see `kernel::sizes` of the operator.
const VARIABLE: &str = "MAPCHECK_KERNEL_SIZES";

/// Measure both sides of each threshold of the operator's kernel.
#[derive(Args)]
pub struct Thresholds {
    /// Only the thresholds whose name contains this, as in streamed
    #[arg(value_name = "FILTER", default_value = "")]
    filter: String,
    /// Write docs/thresholds.md too
    #[arg(long)]
    write: bool,
    /// Time one and print the seconds: what the command runs for each of its times
    #[arg(long, hide = true)]
    time: Option<Timed>,
}

/// What is timed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timed {
    case: Case,
    direction: Direction,
    threads: usize,
}

/// One of the kernel's sizes and what is timed for it.
struct Threshold {
    /// The name of the size.
    name: &'static str,
    /// What is done from there on.
    beyond: &'static str,
    /// What is done below.
    below: &'static str,
    /// What its value is compared with.
    of: &'static str,
    layout: Layout,
    direction: Direction,
    threads: &'static [usize],
    /// Shapes, and in f32 the size of each that the threshold is about, in bytes.
    ladder: &'static [(Shape, usize)],
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Inputs of 128 channels, four in a group, from 1 to 64 MiB of f32.
const INPUTS: [(Shape, usize); 7] = [
    (Shape::new([8, 128, 16, 16], 32), MIB),
    (Shape::new([8, 128, 16, 32], 32), 2 * MIB),
    (Shape::new([8, 128, 32, 32], 32), 4 * MIB),
    (Shape::new([8, 128, 32, 64], 32), 8 * MIB),
    (Shape::new([8, 128, 64, 64], 32), 16 * MIB),
    (Shape::new([8, 128, 64, 128], 32), 32 * MIB),
    (Shape::new([8, 128, 128, 128], 32), 64 * MIB),
];

const THRESHOLDS: [Threshold; 6] = [
    Threshold {
        name: "shared",
        beyond: "all threads share the input out",
        below: "one thread does it all",
        of: "the input, in f32",
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[2],
        ladder: &[
            (Shape::new([2, 64, 4, 8], 32), 16 * KIB),
            (Shape::new([2, 64, 8, 8], 32), 32 * KIB),
            (Shape::new([2, 64, 8, 16], 32), 64 * KIB),
            (Shape::new([2, 64, 12, 16], 32), 96 * KIB),
            (Shape::new([2, 64, 16, 16], 32), 128 * KIB),
            (Shape::new([2, 64, 16, 32], 32), 256 * KIB),
            (Shape::new([2, 64, 32, 32], 32), 512 * KIB),
        ],
    },
    Threshold {
        name: "batched",
        beyond: "groups are taken one by one",
        below: "groups are taken in batches of eight",
        of: "a group",
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1],
        ladder: &[
            (Shape::new([2, 64, 4, 8], 32), 256),
            (Shape::new([2, 64, 8, 8], 32), 512),
            (Shape::new([2, 64, 8, 16], 32), KIB),
            (Shape::new([2, 64, 16, 16], 32), 2 * KIB),
            (Shape::new([2, 64, 16, 32], 32), 4 * KIB),
            (Shape::new([2, 64, 32, 32], 32), 8 * KIB),
        ],
    },
    Threshold {
        name: "held",
        beyond: "a group is written piece by piece while the next one is summed",
        below: "a group is written at once, and the next one is fetched meanwhile",
        of: "a group of an input of 64 MiB",
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &[
            (Shape::new([1, 512, 128, 256], 512), 128 * KIB),
            (Shape::new([1, 512, 128, 256], 256), 256 * KIB),
            (Shape::new([1, 512, 128, 256], 128), 512 * KIB),
            (Shape::new([1, 512, 128, 256], 64), MIB),
            (Shape::new([1, 512, 128, 256], 32), 2 * MIB),
            (Shape::new([1, 512, 128, 256], 16), 4 * MIB),
        ],
    },
    Threshold {
        name: "streamed",
        beyond: "the output is written past the caches",
        below: "the output is written through the caches",
        of: "the input",
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &INPUTS,
    },
    Threshold {
        name: "fetched",
        beyond: "the next group is fetched while one is written",
        below: "no group is fetched",
        of: "the input",
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &INPUTS,
    },
    Threshold {
        name: "memory",
        beyond: "fewer rows",
        below: "more rows of interleaved channels are taken together",
        of: "x, four times: that of x and dy, and of what is fetched of both",
        layout: Layout::ChannelsLast,
        direction: Direction::Backward,
        threads: &[1, 2],
        ladder: &INPUTS,
    },
];

/// A time is the least of so many processes.
const ROUNDS: usize = 3;

/// What one process may take.
const PLAN: Plan = Plan { slice: Duration::from_millis(30), budget: Duration::ZERO, fewest: 2, most: 2 };

/// f32, and the narrow type that is taken in most ways of its own.
const DTYPES: [DType; 2] = [DType::F32, DType::BF16];

impl Thresholds {
    /// Times both ways of each threshold that is asked for, and prints the tables.
    pub fn run(&self) -> Result<ExitCode> {
        if let Some(timed) = self.time {
            println!("{:e}", timed.seconds()?);
            return Ok(ExitCode::SUCCESS);
        }
        let chosen = THRESHOLDS.iter().filter(|threshold| threshold.name.contains(&self.filter)).collect::<Vec<_>>();
        let names = THRESHOLDS.map(|threshold| threshold.name).join(", ");
        ensure!(!chosen.is_empty(), "no threshold is called {}: there are {names}", self.filter);
        let mut page = format!("{}\n", machine::description());
        for threshold in chosen {
            page += &threshold.section()?;
        }
        println!("{page}");
        if self.write {
            let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
            let path = root().join("docs/thresholds.md");
            fs::write(&path, format!("{}\n    cargo xtask {command}\n\n{LEGEND}\n{page}", HEAD))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

const HEAD: &str = "# Thresholds

From which sizes on the operator takes an input another way, and what both ways come to, by
";

const LEGEND: &str = "A number says how many times as fast as the way below the threshold the way beyond it is: the times of
`forward_into`, or of `backward`, the least of all rounds. **Bold**: where the way beyond is the one that is taken. Ways are set by the variable
`MAPCHECK_KERNEL_SIZES`, in a process of its own; no bit of a result depends on it.
";

impl Threshold {
    /// Where it is, in bytes.
    fn usual(&self) -> Result<usize> {
        let sizes = mapcheck::group_norm::thresholds();
        let found = sizes.into_iter().find(|(name, _)| *name == self.name);
        found.map(|(_, bytes)| bytes).with_context(|| format!("the operator has no threshold {}", self.name))
    }

    /// Its heading and its table.
    fn section(&self) -> Result<String> {
        let usual = self.usual()?;
        let mut text = format!(
            "\n## {}: {}\n\nBelow, {}; beyond, {}. {}, {}. Size: of {}.\n\n",
            self.name,
            bytes(usual),
            self.below,
            self.beyond,
            self.direction,
            self.layout,
            self.of
        );
        let heads = self.threads.iter().map(|threads| format!(" {threads} threads |")).collect::<String>();
        text += &format!("| dtype | shape | size |{}\n", heads.replace(" 1 threads", " 1 thread"));
        text += &format!("|:---|:---|---:|{}\n", "---:|".repeat(self.threads.len()));
        for dtype in DTYPES {
            for &(shape, size) in self.ladder {
                let case = Case { dtype, layout: self.layout, shape };
                let size = self.size(dtype, size);
                eprintln!("{}: {case}", self.name);
                write!(text, "| {dtype} | {shape} | {} |", bytes(size))?;
                for &threads in self.threads {
                    let timed = Timed { case, direction: self.direction, threads };
                    let [below, beyond] = self.both(timed)?;
                    let ratio = format!("{:.2}", below / beyond);
                    let shown = if self.is_beyond(size, usual) { format!("**{ratio}**") } else { ratio };
                    write!(text, " {shown} |")?;
                }
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// The size that it is about, where that in f32 is known.
    fn size(&self, dtype: DType, in_f32: usize) -> usize {
        match (self.name, dtype) {
            // What is computed in counts, and x and dy together with what is fetched of them.
            ("shared", _) => in_f32,
            ("memory", DType::F32) => 4 * in_f32,
            ("memory", _) => 2 * in_f32,
            (_, DType::F32) => in_f32,
            _ => in_f32 / 2,
        }
    }

    /// Whether an input of that size is taken the way beyond.
    fn is_beyond(&self, size: usize, usual: usize) -> bool {
        // Groups that are as large as what holds them are held.
        if matches!(self.name, "batched" | "held") { size > usual } else { size >= usual }
    }

    /// The times below and beyond, in seconds.
    fn both(&self, timed: Timed) -> Result<[f64; 2]> {
        let mut least = [f64::INFINITY; 2];
        for _ in 0..ROUNDS {
            for (least, size) in least.iter_mut().zip([usize::MAX, 0]) {
                *least = least.min(timed.seconds_with(&format!("{}={size}", self.name))?);
            }
        }
        Ok(least)
    }
}

impl Timed {
    /// What a process takes whose kernel has these sizes.
    fn seconds_with(self, sizes: &str) -> Result<f64> {
        let mut command = Command::new(std::env::current_exe().context("this program cannot be found again")?);
        command.args(["bench", "thresholds", "--time"]).arg(self.to_string()).env(VARIABLE, sizes);
        let output = command.output().context("this program cannot be started again")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("{self}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        text.trim().parse().with_context(|| format!("{self}: no time was printed"))
    }

    /// What it takes here.
    fn seconds(self) -> Result<f64> {
        match self.case.dtype {
            DType::BF16 => self.seconds_of::<bf16>(),
            _ => self.seconds_of::<f32>(),
        }
    }

    fn seconds_of<T: Element>(self) -> Result<f64> {
        let (subject, pools) = (Subject::<T>::new(self.case, 0.0, 0)?, Pools::new()?);
        let contender = match self.direction {
            Direction::Forward => Contender::Into,
            Direction::Backward => Contender::Backward,
        };
        let mut entries = subject.entries(&pools);
        entries.retain(|entry| entry.is(contender, self.threads));
        race(entries, PLAN)?.least(contender, self.threads).context("nothing was timed")
    }
}

impl std::fmt::Display for Timed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.case, self.direction, self.threads)
    }
}

impl FromStr for Timed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let threads = [1, 2];
        THRESHOLDS
            .iter()
            .flat_map(|threshold| threshold.ladder.iter().map(move |(shape, _)| (threshold, *shape)))
            .flat_map(|(threshold, shape)| {
                DTYPES.map(|dtype| (Case { dtype, layout: threshold.layout, shape }, threshold.direction))
            })
            .flat_map(|(case, direction)| threads.map(|threads| Self { case, direction, threads }))
            .find(|timed| timed.to_string() == text)
            .ok_or("nothing of that name is timed".to_owned())
    }
}

/// Such as 96 KiB.
fn bytes(count: usize) -> String {
    match count {
        0..KIB => format!("{count} B"),
        KIB..MIB => format!("{} KiB", count / KIB),
        _ => format!("{} MiB", count / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_timed_is_found_again_by_its_name() {
        let case = Case { dtype: DType::BF16, layout: Layout::ChannelsLast, shape: INPUTS[3].0 };
        let timed = Timed { case, direction: Direction::Backward, threads: 2 };
        assert_eq!(timed.to_string(), "bf16 channels_last 8x128x32x64/32 backward 2");
        assert_eq!(timed.to_string().parse(), Ok(timed));
        assert!("bf16 8x128x32x64/32".parse::<Timed>().is_err());
    }

    #[test]
    fn the_sizes_of_shapes_are_what_is_said_of_them() {
        for threshold in &THRESHOLDS {
            let usual = threshold.usual().unwrap();
            let sizes = threshold.ladder.iter().map(|(shape, size)| {
                let elements = if threshold.of.contains("group") {
                    shape.elements() / shape.sizes[0] / shape.groups
                } else {
                    shape.elements()
                };
                assert_eq!(4 * elements, *size, "{shape}");
                threshold.size(DType::F32, *size)
            });
            let sides: Vec<bool> = sizes.map(|size| threshold.is_beyond(size, usual)).collect();
            assert!(sides.contains(&true) && sides.contains(&false), "{}: from below it to beyond", threshold.name);
            assert!(sides.is_sorted(), "{}", threshold.name);
        }
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!([bytes(256), bytes(96 << 10), bytes(8 << 20)], ["256 B", "96 KiB", "8 MiB"]);
    }
}
