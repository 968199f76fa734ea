//! Failing calls by their cause: each is made as small as it goes, and what is alike then is told once.

use std::collections::HashMap;

use crate::check::{EngineResult, Suite};
use crate::mapping::{Argument, Case, Layout, Values};
use crate::shrink::{Reason, Smallest};
use crate::tensor::DType;

/// So many calls of one reason are made smaller; the others are counted with the first of them.
const MOST_OF_A_REASON: usize = 12;

/// Failing calls of one cause.
#[derive(Clone, Debug)]
pub struct Group {
    /// The first of them, made as small as it goes.
    pub smallest: Smallest,
    /// Their names, in the order in which they came.
    pub calls: Vec<String>,
}

/// Failing calls, grouped.
#[derive(Debug, Default)]
pub struct Groups {
    groups: Vec<Group>,
    /// The group of a cause, and of a call as it came, which need not be made smaller again.
    known: HashMap<String, usize>,
    /// The groups of a reason, by how many of its calls were made smaller.
    tried: HashMap<String, (usize, usize)>,
}

impl Groups {
    /// Adds a call that fails for a reason. `judge` says what is amiss with a call.
    pub fn add(
        &mut self,
        suite: &Suite,
        name: &str,
        case: &Case,
        reason: &Reason,
        judge: &dyn Fn(&Case) -> Vec<EngineResult>,
    ) {
        let as_it_came = format!("{reason} {}", features(case));
        let tried = self.tried.get(&reason.to_string()).copied();
        let full = tried.filter(|(times, _)| *times >= MOST_OF_A_REASON).map(|(_, group)| group);
        if let Some(group) = self.known.get(&as_it_came).copied().or(full) {
            self.groups[group].calls.push(name.to_owned());
            return;
        }
        let Some(smallest) = suite.smaller(case, reason, judge) else { return };
        let cause = format!("smallest: {reason} {}", features(&smallest.case));
        let new = self.groups.len();
        let group = *self.known.entry(cause).or_insert(new);
        if group == new {
            self.groups.push(Group { smallest, calls: Vec::new() });
        }
        self.groups[group].calls.push(name.to_owned());
        self.known.insert(as_it_came, group);
        self.tried.entry(reason.to_string()).or_insert((0, group)).0 += 1;
    }

    /// The groups, those with the most calls first.
    pub fn largest_first(mut self) -> Vec<Group> {
        self.groups.sort_by_key(|group| std::cmp::Reverse(group.calls.len()));
        self.groups
    }
}

/// What in a call may be the cause: after the search for the smallest, only what has to be there is.
fn features(case: &Case) -> String {
    let mut features: Vec<String> = Vec::new();
    for (name, argument) in &case.call.0 {
        let kind = match argument {
            Argument::None => "none",
            Argument::Bool(_) => "bool",
            Argument::Int(_) => "int",
            Argument::Float(v) if !v.is_finite() => "float that is not finite",
            Argument::Float(_) => "float",
            Argument::Str(_) => "str",
            Argument::List(_) => "list",
            Argument::Tensor(_) => "tensor",
            Argument::DType(_) => "dtype",
            Argument::Python(_) => "python",
        };
        features.push(format!("{name} {kind}"));
    }
    let shape = case.x.shape.clone().unwrap_or_default();
    features.push(match shape.len() {
        0 | 1 => "rank below 2".to_owned(),
        2 => "rank 2".to_owned(),
        3..=8 => "some rank".to_owned(),
        _ => "rank above 8".to_owned(),
    });
    if shape.contains(&0) {
        features.push("empty".to_owned());
    }
    let is_special = |values: &Values| matches!(values, Values::List(list) if list.iter().any(|v| !v.is_finite()));
    if is_special(&case.x.values) || case.x.set.iter().any(|set| !set.to.is_finite()) {
        features.push("no number".to_owned());
    }
    if case.dtypes != [DType::F32] {
        features.extend(case.dtypes.iter().map(|dtype| dtype.name().to_owned()));
    }
    if case.layouts != [Layout::Contiguous] || case.dy.layout != Layout::Contiguous {
        features.push("layout".to_owned());
    }
    features.join(", ")
}
