//! Runs checks over engines, in parallel, to a report that is the same on every run.

mod arbiter;
mod ask;
mod beside;
mod built;
mod claim;
mod default;
mod finding;
mod invariant;
mod limits;
mod printed;
mod reproduced;
mod sensitivity;
mod sides;
mod signature;
mod stated;
mod verdict;

use std::collections::{BTreeMap, HashMap};

use ask::is_random;
use rayon::prelude::*;

pub use beside::RECORDED;
pub use finding::{By, Finding};
pub use limits::Shown;

pub use verdict::Verdict;

use crate::binding::{self, Binding};
use crate::call::{Call, CallHash, Outcome, Output};
use crate::compare::{Comparison, HeatMap, Tolerance};
use crate::engine::{self, Engine, Question};
use crate::mapping::{Case, Category, Layout, Mapping, Row, Side};
use crate::tensor::DType;

/// The name under which the two sides stand in results.
pub const SIDES: &str = "sides";

/// A mapping, its subject, and the engines that are asked beside it.
pub struct Suite {
    mapping: Mapping,
    /// The subject first.
    engines: Vec<Box<dyn Engine>>,
    /// What runs a check again, when its name follows.
    command: String,
}

/// One case at one dtype and layout, or what is asked of a row as such.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// `eps/inside_the_square_root/f32`: row, case, dtype and, where it is not contiguous, layout.
    pub name: String,
    /// Index of the row.
    pub row: usize,
    /// What is asked.
    pub kind: Kind,
}

/// What a check asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A case of the row.
    Case {
        /// Index of the case.
        case: usize,
        /// The dtype of x.
        dtype: DType,
        /// The layout of x.
        layout: Layout,
    },
    /// That leaving the row's parameter out is the same as stating its default.
    Default,
    /// That the recorded signatures have the row's parameter as the row says.
    Signature,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// Hash of the target's call.
    pub call: Option<CallHash>,
    /// Shape of x.
    pub shape: Vec<usize>,
    /// Channels of a group, where the call is accepted.
    pub group_channels: Option<usize>,
    /// What came of each engine that was asked, in the order of the suite.
    pub engines: Vec<EngineResult>,
    /// What came of holding the two sides to each other.
    pub sides: Option<EngineResult>,
    /// Whether the call is accepted: by the target or, of a parameter that the source alone has, by the source.
    pub accepted: bool,
}

/// What came of asking one engine.
#[derive(Clone, Debug)]
pub struct EngineResult {
    /// The engine.
    pub engine: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What is not as claimed.
    pub findings: Vec<Finding>,
    /// Each array against `exact`; of the sides, those arrays in whose numbers two versions differ.
    pub comparisons: Vec<Compared>,
    /// The limits of the mapping, by index, that are shown to be so, each with the version of which it is shown.
    pub shows: Vec<(usize, String)>,
    /// Why the engine was not asked, or is unchecked or stale.
    pub note: Option<String>,
}

impl CheckResult {
    /// The worst of all that were asked, and of the sides.
    pub fn verdict(&self) -> Verdict {
        let asked = self.engines.iter().chain(&self.sides);
        asked.map(|asked| asked.verdict).max().unwrap_or(Verdict::NotAsked)
    }

    /// Before anything was asked.
    fn of(check: &Check) -> Self {
        Self {
            check: check.clone(),
            call: None,
            shape: Vec::new(),
            group_channels: None,
            engines: Vec::new(),
            sides: None,
            accepted: false,
        }
    }
}

impl EngineResult {
    fn new(engine: &str, verdict: Verdict, note: Option<String>) -> Self {
        Self { note, verdict, ..Self::of(engine, Vec::new()) }
    }

    fn of(engine: &str, findings: Vec<Finding>) -> Self {
        let verdict = if findings.is_empty() { Verdict::Holds } else { Verdict::Refuted };
        let (comparisons, shows) = (Vec::new(), Vec::new());
        Self { engine: engine.to_owned(), verdict, findings, comparisons, shows, note: None }
    }

    /// The largest share of a tolerance that an array uses.
    pub fn used(&self) -> f64 {
        let held = self.comparisons.iter().filter(|compared| matches!(compared.to, Held::Within(_)));
        held.map(|compared| compared.comparison.used).fold(0.0, f64::max)
    }
}

/// One array against `exact`.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The array.
    pub output: Output,
    /// What it is held to.
    pub to: Held,
    /// By how much it differs.
    pub comparison: Comparison,
    /// Where it does, of an array that is beyond the tolerance.
    pub map: Option<HeatMap>,
}

/// What an array is held to.
#[derive(Clone, Debug)]
pub enum Held {
    /// A tolerance.
    Within(Tolerance),
    /// A stated error, for the reason that is given.
    Off(String),
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// A result for each row that was asked, in the order of the page.
    pub rows: Vec<RowResult>,
    /// A result for each check, in the order of the checks.
    pub checks: Vec<CheckResult>,
    /// Where each limit of the mapping is shown, by engine; empty unless every check was run.
    pub limits: Vec<Shown>,
    /// Parameters of recorded signatures that no row has, each with its engine; empty unless every check was run.
    pub unmapped: Vec<(String, String)>,
}

/// What came of a row.
#[derive(Clone, Debug)]
pub struct RowResult {
    /// Index of the row.
    pub row: usize,
    /// The worst of all.
    pub verdict: Verdict,
    /// The verdict on each engine of the suite, and the largest share of a tolerance used.
    pub engines: Vec<(Verdict, f64)>,
    /// The verdict of the two sides held to each other.
    pub sides: Verdict,
    /// Cases whose answer moves when the row's parameter does.
    pub sensitive: usize,
    /// Cases that the target accepts.
    pub accepted: usize,
    /// Whether all checks of the row were run; only then is it known whether it is vacuous.
    pub complete: bool,
}

impl Outcomes {
    /// The worst verdict of all rows; `Unchecked` where nothing was run.
    pub fn verdict(&self) -> Verdict {
        let rows = self.rows.iter().map(|row| row.verdict);
        let limits = self.limits.iter().map(Shown::verdict);
        let unmapped = self.unmapped.iter().map(|_| Verdict::Refuted);
        rows.chain(limits).chain(unmapped).max().unwrap_or(Verdict::Unchecked)
    }
}

impl Suite {
    /// A suite in which `subject` is put to the test, beside `others`.
    pub fn new(mapping: Mapping, subject: Box<dyn Engine>, others: Vec<Box<dyn Engine>>) -> Self {
        let engines = std::iter::once(subject).chain(others).collect();
        Self { mapping, engines, command: "cargo xtask check".to_owned() }
    }

    /// The same suite, of which checks are run again by another command.
    #[must_use]
    pub fn with_command(self, command: &str) -> Self {
        Self { command: command.to_owned(), ..self }
    }

    /// What runs a check again, when its name follows.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The engine that is put to the test.
    pub fn subject(&self) -> &dyn Engine {
        &*self.engines[0]
    }

    /// The mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The engines, the subject first.
    pub fn engines(&self) -> impl Iterator<Item = &dyn Engine> {
        self.engines.iter().map(|engine| &**engine)
    }

    /// Every check, in the order of the page and of the files.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for (row, Row { name, file, .. }) in self.mapping.rows.iter().enumerate() {
            for (case, spec) in file.cases.iter().enumerate() {
                for &dtype in &spec.dtypes {
                    for &layout in &spec.layouts {
                        let mut name = format!("{name}/{}/{dtype}", spec.name);
                        if layout != Layout::Contiguous {
                            name = format!("{name}-{}", layout.name());
                        }
                        checks.push(Check { name, row, kind: Kind::Case { case, dtype, layout } });
                    }
                }
            }
            if !file.default.is_empty() {
                checks.push(Check { name: format!("{name}/default"), row, kind: Kind::Default });
            }
            if file.category != Category::Example {
                checks.push(Check { name: format!("{name}/signature"), row, kind: Kind::Signature });
            }
        }
        checks
    }

    /// The case of a check; `None` where the row as such is asked about.
    pub fn case(&self, check: &Check) -> Option<&Case> {
        match check.kind {
            Kind::Case { case, .. } => Some(&self.mapping.rows[check.row].file.cases[case]),
            Kind::Default | Kind::Signature => None,
        }
    }

    /// The call of a check as a side writes it; `None` where there is none, or not one.
    pub fn question(&self, check: &Check, side: Side) -> Option<Call> {
        let target = self.target_question(check)?;
        if side == Side::Mindspore { Some(target) } else { self.source_question(check, &target) }
    }

    /// The call of a check as the target writes it.
    pub(crate) fn target_question(&self, check: &Check) -> Option<Call> {
        let Kind::Case { dtype, layout, .. } = check.kind else { return None };
        self.mapping.target_call(self.case(check)?, dtype, layout).ok()
    }

    /// The same as the source writes it.
    pub(crate) fn source_question(&self, check: &Check, target: &Call) -> Option<Call> {
        let name = &self.mapping.rows[check.row].name;
        let drawn = self.drawn(target, Question { row: name, check: &check.name, call: target });
        self.mapping.source_call(target, drawn.as_ref().and_then(Outcome::answer)).ok()
    }

    /// What the target makes of a call: the subject, or where it speaks for the source, the newest version.
    fn on_target(&self) -> &dyn Binding {
        let subject = self.engines[0].binding();
        if subject.side() == Side::Mindspore { subject } else { binding::newest(Side::Mindspore) }
    }

    /// The subject's answer where a parameter is drawn at random: only the subject knows what it drew.
    fn drawn(&self, target: &Call, question: Question<'_>) -> Option<Outcome> {
        is_random(target).then(|| engine::ask(&*self.engines[0], question))
    }

    /// Runs checks in parallel. The result does not depend on the number of threads.
    pub fn run(&self, checks: &[Check]) -> Outcomes {
        self.run_with(checks, || {})
    }

    /// Runs checks in parallel and calls `done` after each.
    pub fn run_with(&self, checks: &[Check], done: impl Fn() + Sync) -> Outcomes {
        let run = |check: &Check| {
            let result = self.run_check(check, |_| true);
            done();
            result
        };
        let mut results: Vec<CheckResult> = checks.par_iter().map(run).collect();
        refuse_identical(&mut results);
        let rows = (0..self.mapping.rows.len()).filter_map(|row| self.row(row, checks, &results)).collect();
        let is_complete = results.len() == self.checks().len();
        let (limits, unmapped) = if is_complete {
            (self.shown(&results.iter().collect::<Vec<_>>()), self.unmapped())
        } else {
            Default::default()
        };
        Outcomes { rows, checks: results, limits, unmapped }
    }

    /// Runs one check on the engines that `only` names; `sides` is the two sides held to each other.
    pub fn run_check(&self, check: &Check, only: impl Fn(&str) -> bool) -> CheckResult {
        match check.kind {
            Kind::Case { dtype, layout, .. } => self.run_case(check, dtype, layout, only),
            Kind::Default => self.run_default(check, only),
            Kind::Signature => self.run_signature(check, only),
        }
    }

    fn row(&self, row: usize, checks: &[Check], results: &[CheckResult]) -> Option<RowResult> {
        let of_row: Vec<&CheckResult> =
            checks.iter().zip(results).filter(|(check, _)| check.row == row).map(|(_, result)| result).collect();
        if of_row.is_empty() {
            return None;
        }
        let worst = |verdicts: &mut dyn Iterator<Item = Verdict>| verdicts.max().unwrap_or(Verdict::NotAsked);
        let engine = |engine: usize| {
            let results = || of_row.iter().filter_map(move |result| result.engines.get(engine));
            (worst(&mut results().map(|r| r.verdict)), results().map(EngineResult::used).fold(0.0, f64::max))
        };
        let engines: Vec<(Verdict, f64)> = (0..self.engines.len()).map(engine).collect();
        let sides = worst(&mut of_row.iter().filter_map(|result| result.sides.as_ref()).map(|sides| sides.verdict));

        let mut cases: BTreeMap<usize, Vec<&Check>> = BTreeMap::new();
        for result in of_row.iter().filter(|result| result.accepted) {
            if let Kind::Case { case, .. } = result.check.kind {
                cases.entry(case).or_default().push(&result.check);
            }
        }
        let cases: Vec<Vec<&Check>> = cases.into_values().collect();
        let is_sensitive = |checks: &&Vec<&Check>| checks.iter().any(|check| self.is_sensitive(check));
        let sensitive = cases.par_iter().filter(is_sensitive).count();
        let complete = of_row.len() == self.checks().iter().filter(|check| check.row == row).count();
        let vacuous = complete && sensitive == 0;
        let verdict = worst(&mut engines.iter().map(|(verdict, _)| *verdict).chain([sides]));
        Some(RowResult {
            row,
            verdict: if vacuous { verdict.max(Verdict::Vacuous) } else { verdict },
            engines,
            sides,
            sensitive,
            accepted: cases.len(),
            complete,
        })
    }
}

/// Two checks with the same call are one check that seems to be two.
fn refuse_identical(results: &mut [CheckResult]) {
    let mut first: HashMap<CallHash, String> = HashMap::new();
    for result in results {
        let Some(call) = &result.call else { continue };
        if let Some(other) = first.get(call) {
            let mut identical = EngineResult::of(SIDES, vec![Finding::Identical(other.clone())]);
            identical.findings.extend(result.sides.take().into_iter().flat_map(|sides| sides.findings));
            result.sides = Some(identical);
        } else {
            first.insert(call.clone(), result.check.name.clone());
        }
    }
}

/// Whether a row is about the input of the forward call.
fn is_input(row: &Row) -> bool {
    matches!(row.file.category, Category::Input | Category::Example)
}
