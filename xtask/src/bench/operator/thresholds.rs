//! `cargo xtask bench thresholds`: what each threshold of the operator's kernel comes to.
//!
//! A threshold is where an input begins to be taken another way. Both ways are timed on sizes from below it to beyond:
//! where the other way becomes the faster one is where the threshold belongs. A process has one setting, so each
//! time is taken by a process of its own; the two settings take turns, and the least of all rounds counts.

use std::fmt::{self, Write as _};
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
    of: Of,
    layout: Layout,
    direction: Direction,
    threads: &'static [usize],
    /// From below it to beyond.
    ladder: &'static [Shape],
}

/// What is compared with a threshold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Input,
    /// Its elements as what is computed with.
    InputInF32,
    Group,
    /// Two groups, the least that are a batch.
    TwoGroups,
}

impl Of {
    /// Its size, in bytes.
    fn bytes(self, case: Case) -> usize {
        match self {
            Of::Input => case.bytes(),
            Of::InputInF32 => 4 * case.shape.elements(),
            Of::Group => case.bytes() / case.shape.sizes[0] / case.shape.groups,
            Of::TwoGroups => 2 * Of::Group.bytes(case),
        }
    }

    /// Whether that is beyond a threshold: groups are taken one way up to one, inputs the other from one on.
    fn is_beyond(self, case: Case, threshold: usize) -> bool {
        if matches!(self, Of::Group | Of::TwoGroups) {
            self.bytes(case) > threshold
        } else {
            self.bytes(case) >= threshold
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Of::Input => "the input",
            Of::InputInF32 => "the input, in f32",
            Of::Group => "a group",
            Of::TwoGroups => "two groups, the least that are a batch",
        })
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Inputs of 128 channels, four in a group, from 1 to 64 MiB of f32.
const INPUTS: [Shape; 7] = [
    Shape::new([8, 128, 16, 16], 32),
    Shape::new([8, 128, 16, 32], 32),
    Shape::new([8, 128, 32, 32], 32),
    Shape::new([8, 128, 32, 64], 32),
    Shape::new([8, 128, 64, 64], 32),
    Shape::new([8, 128, 64, 128], 32),
    Shape::new([8, 128, 128, 128], 32),
];

const THRESHOLDS: [Threshold; 6] = [
    Threshold {
        name: "shared",
        beyond: "all threads share the input out",
        below: "one thread does it all",
        of: Of::InputInF32,
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[2],
        ladder: &[
            Shape::new([2, 64, 4, 8], 32),
            Shape::new([2, 64, 8, 8], 32),
            Shape::new([2, 64, 8, 16], 32),
            Shape::new([2, 64, 12, 16], 32),
            Shape::new([2, 64, 16, 16], 32),
            Shape::new([2, 64, 16, 32], 32),
            Shape::new([2, 64, 32, 32], 32),
        ],
    },
    Threshold {
        name: "batched",
        beyond: "groups are taken one by one",
        below: "as many groups as come to no more, up to eight, are summed before the first is written",
        of: Of::TwoGroups,
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1],
        ladder: &[
            Shape::new([2, 64, 4, 8], 32),
            Shape::new([2, 64, 8, 8], 32),
            Shape::new([2, 64, 8, 16], 32),
            Shape::new([2, 64, 16, 16], 32),
            Shape::new([2, 64, 16, 32], 32),
            Shape::new([2, 64, 32, 32], 32),
            Shape::new([2, 64, 32, 64], 32),
            Shape::new([2, 64, 64, 64], 32),
        ],
    },
    Threshold {
        name: "held",
        beyond: "a group is written piece by piece while the next one is summed",
        below: "a group is written at once, and the next one is fetched meanwhile",
        of: Of::Group,
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &[
            Shape::new([1, 1024, 64, 256], 1024),
            Shape::new([1, 1024, 64, 256], 512),
            Shape::new([1, 1024, 64, 256], 256),
            Shape::new([1, 1024, 64, 256], 128),
            Shape::new([1, 1024, 64, 256], 64),
            Shape::new([1, 1024, 64, 256], 16),
        ],
    },
    Threshold {
        name: "streamed",
        beyond: "the output is written past the caches",
        below: "the output is written through the caches",
        of: Of::Input,
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &INPUTS,
    },
    Threshold {
        name: "fetched",
        beyond: "the next group is fetched while one is written, and the pages of what comes later are looked up",
        below: "nothing is fetched",
        of: Of::Input,
        layout: Layout::Contiguous,
        direction: Direction::Forward,
        threads: &[1, 2],
        ladder: &INPUTS,
    },
    Threshold {
        name: "fetched",
        beyond: "fewer rows of interleaved channels are taken together, and the next ones or their pages are fetched",
        below: "nothing is fetched",
        of: Of::Input,
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
        let mut names = THRESHOLDS.map(|threshold| threshold.name).to_vec();
        names.dedup();
        ensure!(!chosen.is_empty(), "no threshold is called {}: there are {}", self.filter, names.join(", "));
        let mut page = format!("{}\n", machine::description());
        for threshold in chosen {
            page += &threshold.section()?;
        }
        println!("{page}");
        if self.write {
            let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
            let path = root().join("docs/thresholds.md");
            fs::write(&path, format!("{HEAD}\n    cargo xtask {command}\n\n{LEGEND}\n{page}"))
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
        let head = |&threads| if threads == 1 { " 1 thread |".to_owned() } else { format!(" {threads} threads |") };
        text += &format!("| dtype | shape | size |{}\n", self.threads.iter().map(head).collect::<String>());
        text += &format!("|:---|:---|---:|{}\n", "---:|".repeat(self.threads.len()));
        for dtype in DTYPES {
            for &shape in self.ladder {
                let case = Case { dtype, layout: self.layout, shape };
                eprintln!("{}: {case}", self.name);
                write!(text, "| {dtype} | {shape} | {} |", bytes(self.of.bytes(case)))?;
                for &threads in self.threads {
                    let timed = Timed { case, direction: self.direction, threads };
                    let [below, beyond] = self.both(timed)?;
                    let ratio = format!("{:.2}", below / beyond);
                    let shown = if self.of.is_beyond(case, usual) { format!("**{ratio}**") } else { ratio };
                    write!(text, " {shown} |")?;
                }
                text.push('\n');
            }
        }
        Ok(text)
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

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.case, self.direction, self.threads)
    }
}

impl FromStr for Timed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let threads = [1, 2];
        THRESHOLDS
            .iter()
            .flat_map(|threshold| threshold.ladder.iter().map(move |&shape| (threshold, shape)))
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
        let case = Case { dtype: DType::BF16, layout: Layout::ChannelsLast, shape: INPUTS[3] };
        let timed = Timed { case, direction: Direction::Backward, threads: 2 };
        assert_eq!(timed.to_string(), "bf16 channels_last 8x128x32x64/32 backward 2");
        assert_eq!(timed.to_string().parse(), Ok(timed));
        assert!("bf16 8x128x32x64/32".parse::<Timed>().is_err());
    }

    #[test]
    fn a_ladder_leads_from_below_a_threshold_to_beyond() {
        for threshold in &THRESHOLDS {
            let usual = threshold.usual().unwrap();
            for dtype in DTYPES {
                let case = |&shape| Case { dtype, layout: threshold.layout, shape };
                let cases = threshold.ladder.iter().map(case);
                let sides: Vec<bool> = cases.map(|case| threshold.of.is_beyond(case, usual)).collect();
                assert!(!sides[0] && sides[sides.len() - 1], "{}: {dtype}", threshold.name);
                assert!(sides.is_sorted(), "{}: {dtype}", threshold.name);
            }
        }
    }

    #[test]
    fn sizes_are_of_what_they_are_said_to_be_of() {
        let case = Case { dtype: DType::BF16, layout: Layout::Contiguous, shape: Shape::new([8, 128, 16, 16], 32) };
        let sizes = [Of::Input, Of::InputInF32, Of::Group, Of::TwoGroups].map(|of| bytes(of.bytes(case)));
        assert_eq!(sizes, ["512 KiB", "1 MiB", "2 KiB", "4 KiB"]);
        assert!(Of::Input.is_beyond(case, 512 << 10) && !Of::Group.is_beyond(case, 2 << 10));
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!([bytes(256), bytes(96 << 10), bytes(8 << 20)], ["256 B", "96 KiB", "8 MiB"]);
    }
}
