//! `cargo xtask bench operator`: our GroupNorm beside libtorch's, and beside copies of the same bytes.
//!
//! Everybody is timed in the one process and takes turns, so that what else the machine does meets
//! all alike. What counts is the least time of all rounds.

mod accuracy;
mod case;
mod machine;
mod others;
mod page;
mod plot;
mod race;
mod row;
mod subject;
mod table;
mod thresholds;
#[cfg_attr(not(feature = "libtorch"), path = "absent.rs")]
mod torch;
mod wall;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use half::{bf16, f16};
use mapcheck::tensor::{DType, Element};

use case::{Case, DTYPES, Direction, Layout, SHAPES, Shape, Shapes};
use others::Others;
use race::{Plan, race};
use row::Row;
use subject::{Pools, Subject};
pub use thresholds::Thresholds;
use wall::Wall;

/// Measure the operator.
#[derive(Args)]
pub struct Operator {
    /// Only shapes whose name contains this, as in 8x256x56x56/32
    #[arg(long, value_name = "FILTER")]
    shapes: Option<Shapes>,
    /// Only these dtypes, as in f32,bf16
    #[arg(long, value_delimiter = ',', value_parser = case::dtype)]
    dtypes: Vec<DType>,
    /// Only this layout
    #[arg(long)]
    layout: Option<Layout>,
    /// Fewer rounds, and no shape of more than a million elements
    #[arg(long)]
    quick: bool,
    /// Print what everybody took: least, median and most of the rounds, in microseconds
    #[arg(long)]
    verbose: bool,
    /// Add candle and burn, which take minutes to build
    #[arg(long)]
    others: bool,
    /// Write docs/speed.md and docs/speed.svg too
    #[arg(long)]
    write: bool,
}

/// What a run may take, all cases together, is a few minutes.
const WHOLE: Plan = Plan { slice: Duration::from_millis(4), budget: Duration::from_secs(3), fewest: 3, most: 15 };

/// For a developer who waits for it.
const QUICK: Plan = Plan { slice: Duration::from_millis(2), budget: Duration::from_millis(800), fewest: 3, most: 5 };

/// The largest shape of a quick run, in elements.
const MIDDLE: usize = 1_000_000;

impl Operator {
    /// Times every case that is asked for, and prints the table.
    pub fn run(&self) -> Result<ExitCode> {
        let shapes = self.shapes()?;
        let others = if self.others { Others::measure(&shapes)? } else { Others::default() };
        let pools = Pools::new()?;
        let cases = self.cases(&shapes);
        let mut rows = Vec::new();
        for (at, &case) in cases.iter().enumerate() {
            eprintln!("{} of {}: {case}", at + 1, cases.len());
            rows.extend(match case.dtype {
                DType::F16 => self.measure::<f16>(case, &pools),
                DType::BF16 => self.measure::<bf16>(case, &pools),
                DType::F32 => self.measure::<f32>(case, &pools),
                DType::F64 => self.measure::<f64>(case, &pools),
            }?);
        }
        rows.iter_mut().for_each(|row| others.add_to(row));
        // Shapes stay in the order in which they were measured.
        rows.sort_by_key(|row| (DTYPES.iter().position(|d| *d == row.case.dtype), row.direction, row.case.layout));
        println!("{}", page::text(&rows));
        if self.write {
            page::write(&rows)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Both directions of a case.
    fn measure<T: Element>(&self, case: Case, pools: &Pools) -> Result<Vec<Row>> {
        let accuracy = accuracy::measure::<T>(case)?;
        let (subject, wall) = (Subject::<T>::new(case, 0.0, 0)?, Wall::new(case.bytes()));
        let mut entries = subject.entries(pools);
        entries.extend(torch::entries(&subject)?);
        entries.extend(wall.entries(pools));
        let times = race(entries, if self.quick { QUICK } else { WHOLE })?;
        if self.verbose {
            eprint!("{}", times.spread());
        }
        let row = |direction| {
            let accuracy = accuracy.get(&direction).copied().unwrap_or_default();
            Row { accuracy, ..Row::new(case, direction, &times) }
        };
        Ok(Direction::ALL.map(row).into())
    }

    fn shapes(&self) -> Result<Vec<Shape>> {
        let mut shapes = self.shapes.as_ref().map_or(SHAPES.to_vec(), |shapes| shapes.0.clone());
        shapes.retain(|shape| !self.quick || shape.elements() <= MIDDLE);
        ensure!(!shapes.is_empty(), "these shapes have more than a million elements: leave out --quick");
        Ok(shapes)
    }

    fn cases(&self, shapes: &[Shape]) -> Vec<Case> {
        let dtypes = DTYPES.into_iter().filter(|dtype| self.dtypes.is_empty() || self.dtypes.contains(dtype));
        let layouts = Layout::ALL.into_iter().filter(|layout| self.layout.is_none_or(|only| only == *layout));
        let layouts: Vec<Layout> = layouts.collect();
        let inputs = dtypes.flat_map(|dtype| layouts.iter().map(move |&layout| (dtype, layout)));
        inputs.flat_map(|(dtype, layout)| shapes.iter().map(move |&shape| Case { dtype, layout, shape })).collect()
    }
}
