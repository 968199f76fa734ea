//! `cargo xtask defects`: what the suite catches of what has gone wrong with GroupNorms.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use defects::{Caught, DEFECTS, Defect, Scores, page, without_a_defect};

use crate::check::print;
use crate::suite::{Folders, root};

/// Make each defect the subject of the whole suite.
#[derive(Args)]
pub struct Defects {
    /// Only defects whose name, kind or row contains this
    filter: Option<String>,
    /// Write the page of results
    #[arg(long, conflicts_with = "filter")]
    write: bool,
    /// Write nothing; fail where the page of results is not up to date
    #[arg(long, conflicts_with_all = ["filter", "write"])]
    check: bool,
    #[command(flatten)]
    folders: Folders,
}

const PAGE: &str = "docs/defects.md";

impl Defects {
    /// Runs and prints; success only when every defect is caught in each of its rows, and the textbook without one
    /// is not refuted.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let mapping = self.folders.mapping()?;
        let defects: Vec<&'static Defect> = DEFECTS.iter().filter(|defect| self.is_asked(defect)).collect();
        if defects.is_empty() {
            bail!("no defect's name, kind or row contains `{}`", self.filter.unwrap_or_default());
        }
        for defect in &defects {
            for row in defect.rows {
                ensure!(
                    mapping.rows.iter().any(|known| known.name == *row),
                    "{} has to be caught by the row `{row}`, which is not in {}",
                    defect.name,
                    self.folders.specs.display()
                );
            }
        }
        let wrongly = without_a_defect(&mapping);
        for (row, check) in &wrongly {
            eprintln!("error: the textbook without a defect is refuted in {row}, first by {check}");
        }
        let scores = Scores::of(&mapping, &defects);
        print(&text(&scores))?;
        let is_fresh = self.page(&scores)?;
        let is_whole = wrongly.is_empty() && scores.total().is_full();
        Ok(if is_whole && is_fresh { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn is_asked(&self, defect: &Defect) -> bool {
        let Some(filter) = &self.filter else { return true };
        let kind = defect.kind.to_string();
        [defect.name, &kind].iter().chain(defect.rows).any(|known| known.contains(filter.as_str()))
    }

    /// Writes the page, or says whether it is up to date.
    fn page(&self, scores: &Scores) -> Result<bool> {
        if !self.write && !self.check {
            return Ok(true);
        }
        let page = page(scores);
        if std::fs::read_to_string(PAGE).ok().as_deref() == Some(&page) {
            return Ok(true);
        }
        if self.check {
            eprintln!("error: not up to date: {PAGE}; run `cargo xtask defects --write` and commit");
            return Ok(false);
        }
        std::fs::create_dir_all("docs").context("docs cannot be made")?;
        std::fs::write(PAGE, page).with_context(|| format!("{PAGE} cannot be written"))?;
        println!("wrote {PAGE}");
        Ok(true)
    }
}

/// A line for each defect, then the scores.
fn text(scores: &Scores) -> String {
    let mut text = String::new();
    let width = |of: &dyn Fn(&Caught) -> usize| scores.defects.iter().map(of).max().unwrap_or(0);
    let (names, kinds) = (width(&|c| c.defect.name.len()), width(&|c| c.defect.kind.to_string().len()));
    for caught in &scores.defects {
        let by: Vec<&str> = caught.by.iter().map(|(row, _)| row.as_str()).collect();
        let own = caught.by.iter().find(|(row, _)| caught.defect.rows.contains(&row.as_str())).or(caught.by.first());
        let first = own.map_or("nothing", |(_, check)| check);
        let _ = writeln!(
            text,
            "{:<names$}  {:<kinds$}  first by {first}; refuted in {}",
            caught.defect.name,
            caught.defect.kind.to_string(),
            if by.is_empty() { "no row".to_owned() } else { by.join(", ") }
        );
        for row in caught.missed_by() {
            let _ = writeln!(text, "{:names$}  MISSED by {row}: {}", "", caught.defect.what);
        }
    }
    let rows = scores.rows.iter().map(String::len).max().unwrap_or(0);
    let _ = writeln!(text, "\n{:<rows$}  its own   of all, refuted", "row");
    for row in &scores.rows {
        let own = scores.of_row(row);
        let share = format!("{}/{}", own.caught, own.of);
        let _ = writeln!(text, "{row:<rows$}  {share:<8}  {}/{}", scores.refuted_by(row), scores.defects.len());
    }
    let total = scores.total();
    let _ = writeln!(text, "\n{} of {} defects are caught, each by every row of its own", total.caught, total.of);
    text
}
