//! The two sides held to each other, every recorded version of one to every one of the other: they agree,
//! or differ in exactly the way that is stated.

use std::collections::BTreeMap;

use super::arbiter::Arbiter;
use super::claim::{Claims, Speaker};
use super::{By, Compared, EngineResult, Finding, Held, SIDES, Suite, Verdict};
use crate::binding::{Binding, Refusal};
use crate::call::{Answer, Call, Effective, Output};
use crate::compare::{HeatMap, Precision, Tolerance, compare_exact, shares_exact};
use crate::mapping::{How, Side, Untranslatable};

/// What a version makes of a call.
#[derive(Clone, Debug, PartialEq)]
enum Reading {
    /// It computes this.
    Means(Box<Effective>),
    /// It rejects the call: what is said and by whom.
    Rejects(String),
    /// It cannot do that at all, and that is said elsewhere for all such calls.
    Limited,
}

/// What is so between two versions.
#[derive(Clone, Debug)]
enum Between {
    /// Nothing can be said: one of them is limited.
    Nothing,
    /// One rejects what the other accepts.
    Rejection(Side, String),
    /// The arrays that differ in numbers, with how much, and the first of which the dtypes differ.
    Answers(Vec<Compared>, Option<Output>),
}

impl Suite {
    pub(super) fn hold_sides(
        &self,
        claims: Claims<'_>,
        source: Result<&Call, &Untranslatable>,
        built: Option<&Answer>,
        arbiter: &mut Arbiter,
    ) -> EngineResult {
        let unknown = |why: String| match &claims.case.differs {
            Some(_) => EngineResult::of(SIDES, vec![Finding::NoDifference(format!("it cannot be shown, as {why}"))]),
            None => EngineResult::new(SIDES, Verdict::NotAsked, Some(why)),
        };
        let source = match source {
            Ok(source) => source,
            Err(why) => return unknown(why.to_string()),
        };
        let read = |side, call: &Call| -> Result<Vec<(&str, Reading)>, String> {
            let versions = self.versions(side).into_iter();
            versions.map(|(name, binding)| Ok((name, reading(claims, name, binding, call, built)?))).collect()
        };
        match (read(Side::Torch, source), read(Side::Mindspore, claims.call)) {
            (Ok(torch), Ok(mindspore)) => hold_pairs(claims, &torch, &mindspore, arbiter),
            (Err(why), _) | (_, Err(why)) => unknown(why),
        }
    }

    /// The recorded versions of a side, or what is known of its newest where none is recorded.
    pub(super) fn versions(&self, side: Side) -> Vec<(&str, &'static dyn Binding)> {
        let recorded = self.mapping().file.golden.iter().map(|name| (name.as_str(), crate::binding::of(name)));
        let mut versions: Vec<_> = recorded.filter(|(_, binding)| binding.side() == side).collect();
        if versions.is_empty() {
            versions.push((side.key(), crate::binding::newest(side)));
        }
        versions
    }
}

fn reading(
    claims: Claims<'_>,
    name: &str,
    binding: &dyn Binding,
    call: &Call,
    built: Option<&Answer>,
) -> Result<Reading, String> {
    if let Some(claimed) = claims.rejection(Speaker::version(name, binding)) {
        return Ok(match claimed.by {
            By::Case => Reading::Rejects(format!("{name} raises {}", claimed.class)),
            By::Table | By::Limit(_) | By::Binding => Reading::Limited,
        });
    }
    match binding.effective(call, built) {
        Ok(effective) => Ok(Reading::Means(Box::new(effective))),
        Err(Refusal::Rejected(rejection)) => Ok(Reading::Rejects(format!("{name} raises {rejection}"))),
        Err(Refusal::Inexpressible(why)) => Err(why),
    }
}

/// Every pair; of findings that are alike the first is given.
fn hold_pairs(
    claims: Claims<'_>,
    torch: &[(&str, Reading)],
    mindspore: &[(&str, Reading)],
    arbiter: &mut Arbiter,
) -> EngineResult {
    let mut result = EngineResult::of(SIDES, Vec::new());
    let mut known: Vec<(&Reading, &Reading, Between)> = Vec::new();
    for (source, torch) in torch {
        for (target, mindspore) in mindspore {
            let same = |(t, m, _): &&(&Reading, &Reading, Between)| *t == torch && *m == mindspore;
            let between = match known.iter().find(same) {
                Some((_, _, between)) => between.clone(),
                None => {
                    let between = compare(claims, torch, mindspore, arbiter);
                    known.push((torch, mindspore, between.clone()));
                    between
                }
            };
            hold_pair(claims, [source, target], &between, &mut result);
        }
    }
    if !result.findings.is_empty() {
        result.verdict = Verdict::Refuted;
    }
    result
}

/// Holds what is so between two versions to what is stated.
fn hold_pair(claims: Claims<'_>, pair: [&str; 2], between: &Between, result: &mut EngineResult) {
    let by_case = claims.differs(pair);
    let of_version = |name| claims.limits(name).filter_map(move |(at, limit)| Some((at, name, limit.differs?)));
    let everywhere: Vec<(usize, &str, How)> = pair.into_iter().flat_map(of_version).collect();
    let hows: BTreeMap<How, Finding> = match between {
        Between::Nothing => return,
        Between::Rejection(side, what) => {
            [(How::Rejection, Finding::SidesReject { side: *side, what: what.clone() })].into()
        }
        Between::Answers(values, dtype) => {
            let between = pair.map(str::to_owned);
            if result.comparisons.is_empty() {
                result.comparisons.clone_from(values);
            }
            let values = values.first().map(|Compared { output, comparison, .. }| {
                (
                    How::Values,
                    Finding::SidesDiffer { output: *output, comparison: comparison.clone(), between: between.clone() },
                )
            });
            let dtype = dtype.map(|output| (How::DType, Finding::SidesDType { output, between: between.clone() }));
            values.into_iter().chain(dtype).collect()
        }
    };
    for (index, name, how) in &everywhere {
        let shown = (*index, (*name).to_owned());
        if hows.contains_key(how) && !result.shows.contains(&shown) {
            result.shows.push(shown);
        }
    }
    let is_stated = |how: &How| by_case == Some(*how) || everywhere.iter().any(|(.., known)| known == how);
    for (how, finding) in &hows {
        if !is_stated(how) && !result.findings.iter().any(|known| known.is_like(finding)) {
            result.findings.push(finding.clone());
        }
    }
    if let Some(how) = by_case.filter(|how| !hows.contains_key(how)) {
        let [source, target] = pair;
        let finding = Finding::NoDifference(format!("{source} and {target} do not differ in {}", how.word()));
        if !result.findings.iter().any(|known| known.is_like(&finding)) {
            result.findings.push(finding);
        }
    }
}

fn compare(claims: Claims<'_>, torch: &Reading, mindspore: &Reading, arbiter: &mut Arbiter) -> Between {
    match (torch, mindspore) {
        (Reading::Limited, _) | (_, Reading::Limited) => Between::Nothing,
        (Reading::Rejects(_), Reading::Rejects(_)) => Between::Answers(Vec::new(), None),
        (Reading::Rejects(what), _) => Between::Rejection(Side::Torch, what.clone()),
        (_, Reading::Rejects(what)) => Between::Rejection(Side::Mindspore, what.clone()),
        (Reading::Means(torch), Reading::Means(mindspore)) => {
            let (expected, actual) = (arbiter.answer(torch), arbiter.answer(mindspore));
            let both =
                || expected.iter().filter_map(|(output, expected)| Some((*output, expected, actual.get(output)?)));
            let dtype = both().find(|(_, expected, actual)| expected.dtype != actual.dtype).map(|(output, ..)| output);
            let values = both().filter_map(|(output, expected, actual)| {
                let through = expected.through.less_precise(actual.through);
                let table = Tolerance::of(Precision::AssertClose, through, output);
                let tolerance = claims.tolerance(SIDES, output, table);
                let comparison = compare_exact(actual, expected, tolerance);
                (comparison.beyond > 0).then(|| {
                    let shares = shares_exact(actual, expected, tolerance);
                    let map = Some(HeatMap::of(&expected.shape, mindspore.num_groups, shares));
                    Compared { output, to: Held::Within(tolerance), comparison, map }
                })
            });
            Between::Answers(values.collect(), dtype)
        }
    }
}
