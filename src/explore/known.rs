//! What is recorded of an engine already: the kinds of calls on which the specs say that it is off.

use crate::call::{Effective, Output};
use crate::check::{Held, Kind, Suite};
use crate::compare::Comparison;
use crate::engine::{Engine, is_meant};
use crate::mapping::{Case, Side};
use crate::tensor::DType;

/// As hard as a call is for plain arithmetic in a dtype.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hardness {
    /// Whether squares of the input are beyond the range of what is computed in.
    overflows: bool,
    /// By how much a relative error of the input is multiplied: a group's largest value over its deviation.
    condition: f64,
}

/// A kind of being off that a spec has.
#[derive(Clone, Copy, Debug)]
struct Kept {
    output: Output,
    dtype: DType,
    is_infinite: bool,
    overflows: bool,
    /// Error in ULP for each unit of the condition.
    strength: f64,
}

/// Errors of so many times the recorded one are of its kind: its strength is that of one call.
const ALIKE: f64 = 10.0;

/// The recorded kinds of one engine.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<Kept>);

impl Known {
    /// Asks the engine every case in which it is stated as off.
    pub fn of(suite: &Suite, engine: &dyn Engine) -> Self {
        let mut kept = Vec::new();
        for check in suite.checks() {
            let (Some(case), Kind::Case { dtype, layout, .. }) = (suite.case(&check), check.kind) else { continue };
            let mut names = std::iter::once(engine.name()).chain(engine.reproduces());
            if !names.any(|name| case.off.iter().any(|off| is_meant(&off.engine, name))) {
                continue;
            }
            let hardness = hardness(suite, engine, &case.alone(dtype, layout));
            let result = suite.run_check(&check, |name| name == engine.name());
            for compared in result.engines.iter().flat_map(|asked| &asked.comparisons) {
                if matches!(compared.to, Held::Off(_)) {
                    kept.push(Kept::of(compared.output, dtype, hardness, &compared.comparison));
                }
            }
        }
        Self(kept)
    }

    /// Whether an array is off as it is recorded to be, on a call that is as hard.
    pub fn explains(&self, suite: &Suite, engine: &dyn Engine, case: &Case, output: Output, by: &Comparison) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let dtype = case.dtype();
        let new = Kept::of(output, dtype, hardness(suite, engine, case), by);
        self.0.iter().any(|kept| {
            let kind = |kept: &Kept| (kept.output, kept.dtype, kept.is_infinite, kept.overflows);
            kind(kept) == kind(&new) && (new.is_infinite || new.strength <= ALIKE * kept.strength)
        })
    }
}

impl Kept {
    fn of(output: Output, dtype: DType, hardness: Hardness, by: &Comparison) -> Self {
        let Hardness { overflows, condition } = hardness;
        let error = by.ulp.error;
        Self { output, dtype, is_infinite: !error.is_finite(), overflows, strength: error / condition.max(1.0) }
    }
}

/// How hard a call is, by what the engine makes of it.
fn hardness(suite: &Suite, engine: &dyn Engine, case: &Case) -> Hardness {
    let call = suite.mapping().target_call(case, case.dtype(), case.layout()).ok();
    let call = match engine.binding().side() {
        Side::Mindspore => call,
        Side::Torch => call.and_then(|call| suite.mapping().source_call(&call, None).ok()),
    };
    let effective = call.and_then(|call| engine.binding().effective(&call, None).ok());
    effective.map_or(Hardness { overflows: false, condition: 1.0 }, |effective| hardness_of(&effective))
}

fn hardness_of(call: &Effective) -> Hardness {
    let x = call.x.to_f64();
    let groups = call.x.shape()[0] * call.num_groups;
    let size = x.len().checked_div(groups).unwrap_or(0).max(1);
    // Half precision is computed in f32.
    let largest = if call.x.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let mut hardness = Hardness { overflows: false, condition: 1.0 };
    for group in x.chunks(size).filter(|group| group.iter().all(|value| value.is_finite())) {
        let count = group.len() as f64;
        let most = group.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let mean = group.iter().sum::<f64>() / count;
        let variance = group.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        hardness.overflows |= most > (largest / count).sqrt();
        let condition = most / (variance + call.eps).sqrt();
        if condition.is_finite() {
            hardness.condition = hardness.condition.max(condition);
        }
    }
    hardness
}
