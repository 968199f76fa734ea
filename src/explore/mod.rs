//! Calls that nobody wrote: drawn at random, held to `exact` or to another engine, and told by their cause.
//!
//! What the specs record already is not told again: rejections are those of the engine's binding, an engine that is
//! stated as off may be off on calls of that kind, and two engines of different sides may differ as their sides do.

mod draw;
mod group;
mod known;

use rayon::prelude::*;

pub use group::{Group, Groups};

use crate::check::{EngineResult, Finding, SIDES, Suite, Verdict};
use crate::engine::Engine;
use crate::mapping::Case;
use crate::shrink::Reason;
use known::Known;

/// Calls are asked in parallel, so many at a time.
const BATCH: u64 = 64;

/// What is explored.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The engine that is asked, by its name.
    pub subject: &'a str,
    /// The engine that it is held to; `exact` where there is none.
    pub reference: Option<&'a str>,
    /// The calls of a seed are the same on every run.
    pub seed: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// How many calls were made.
    pub calls: usize,
    /// Of how many there is nothing to say, as the engine has no way to express them.
    pub not_asked: usize,
    /// How many differ in a way that is recorded.
    pub recorded: usize,
    /// Those that differ otherwise, by their cause; those with the most calls first.
    pub groups: Vec<Group>,
}

/// Why nothing can be explored: an engine that is not there, or has recorded answers alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no live engine `{0}`; there are {1}")]
pub struct NoEngine(String, String);

/// One call, judged.
enum Judged {
    Right,
    NotAsked,
    Recorded,
    Differs(Reason),
}

impl Suite {
    /// Draws calls for as long as `goes_on`, which is told how many there were, and holds the answers.
    ///
    /// # Errors
    /// An engine that is named is not there, or not live.
    pub fn explore(&self, options: &Options<'_>, goes_on: impl Fn(usize) -> bool) -> Result<Explored, NoEngine> {
        let subject = self.live(options.subject)?;
        let reference = options.reference.map(|name| self.live(name)).transpose()?;
        let explorer = Explorer { suite: self, subject, reference, known: Known::of(self, subject) };
        let mut explored = Explored { calls: 0, not_asked: 0, recorded: 0, groups: Vec::new() };
        let mut groups = Groups::default();
        while goes_on(explored.calls) {
            let from = explored.calls as u64;
            let numbers: Vec<u64> = (from..from + BATCH).collect();
            let judge = |number| {
                let case = draw::call(options.seed, number);
                let judged = case.as_ref().map_or(Judged::NotAsked, |case| explorer.judged(case));
                (number, case, judged)
            };
            let judged: Vec<(u64, Option<Case>, Judged)> = numbers.into_par_iter().map(judge).collect();
            for (number, case, judged) in judged {
                if !goes_on(explored.calls) {
                    break;
                }
                explored.calls += 1;
                match (judged, case) {
                    (Judged::Differs(reason), Some(case)) => {
                        groups.add(self, &number.to_string(), &case, &reason, &|case| explorer.results(case).0);
                    }
                    (Judged::Recorded, _) => explored.recorded += 1,
                    (Judged::NotAsked, _) => explored.not_asked += 1,
                    (Judged::Right | Judged::Differs(_), _) => {}
                }
            }
        }
        explored.groups = groups.largest_first();
        Ok(explored)
    }

    fn live(&self, name: &str) -> Result<&dyn Engine, NoEngine> {
        let live = || self.engines().filter(|engine| !engine.is_recorded());
        live().find(|engine| engine.name() == name).ok_or_else(|| {
            let names: Vec<&str> = live().map(Engine::name).collect();
            NoEngine(name.to_owned(), names.join(", "))
        })
    }
}

struct Explorer<'a> {
    suite: &'a Suite,
    subject: &'a dyn Engine,
    reference: Option<&'a dyn Engine>,
    known: Known,
}

impl Explorer<'_> {
    /// What is amiss with a call and not recorded, and whether something is recorded.
    fn results(&self, case: &Case) -> (Vec<EngineResult>, bool) {
        let (subject, suite) = (self.subject, self.suite);
        let results = match self.reference {
            None => suite.ask_alone(case, |name| name == subject.name() && name != SIDES),
            Some(reference) => suite.ask_beside(case, subject, reference).map(|result| vec![result]),
        };
        let mut results = results.unwrap_or_default();
        let mut recorded = results.iter().any(|result| result.note.as_deref() == Some(crate::check::RECORDED));
        for result in &mut results {
            result.findings.retain(|finding| {
                let Finding::Beyond { output, comparison, .. } = finding else { return true };
                let explained = self.known.explains(suite, subject, case, *output, comparison);
                recorded |= explained;
                !explained
            });
        }
        (results, recorded)
    }

    fn judged(&self, case: &Case) -> Judged {
        let (results, recorded) = self.results(case);
        let mut findings = results.iter().flat_map(|result| result.findings.iter().map(|f| (&result.engine, f)));
        if let Some(reason) = findings.find_map(|(engine, finding)| Reason::of(engine, finding)) {
            return Judged::Differs(reason);
        }
        if recorded {
            return Judged::Recorded;
        }
        let is_asked = results.iter().any(|result| result.verdict != Verdict::NotAsked);
        if is_asked { Judged::Right } else { Judged::NotAsked }
    }
}
