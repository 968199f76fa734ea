//! Recipes as numpy follows them, to the same bits in f64.

use crate::mapping::{Normal, Ramp, Recipe, Set, Steps, Uniform, Values};
use crate::python::Value;

/// How numpy makes the values of a tensor; `None` where a list gives them.
pub(super) fn drawn(values: &Values, role: &str, shape: &[usize], set: &[Set]) -> Option<String> {
    let seeded = |seed: u64| format!("{shape:?}, {:#x}", Values::seed(role, seed));
    let made = match values.recipe()? {
        Recipe::Ramp(ramp) => format!("ramp({}{})", seeded(ramp.seed), keywords(&ramp)),
        // The same bits as with a mean of 0 and a deviation of 1.
        Recipe::Normal(Normal { mean: 0.0, std: 1.0, seed }) => format!("bell({})", seeded(seed)),
        Recipe::Normal(Normal { mean, std, seed }) => {
            format!("{} + {} * bell({})", float(mean), float(std), seeded(seed))
        }
        Recipe::Uniform(Uniform { low: 0.0, high: 1.0, seed }) => format!("uniform({})", seeded(seed)),
        Recipe::Uniform(Uniform { low, high, seed }) => {
            let low = float(low);
            format!("{low} + ({} - {low}) * uniform({})", float(high), seeded(seed))
        }
        Recipe::Steps(Steps { from, by }) => format!("steps({shape:?}, {}, {})", float(from), float(by)),
        Recipe::Constant(value) => format!("numpy.full({shape:?}, {})", float(value)),
    };
    if set.is_empty() {
        return Some(made);
    }
    let elements: Vec<String> = set.iter().map(|Set { at, to }| format!("({}, {})", index(at), float(*to))).collect();
    Some(format!("with_elements({made}, {})", elements.join(", ")))
}

/// The numbers of a ramp that are not its defaults.
fn keywords(ramp: &Ramp) -> String {
    let default = Ramp::default();
    let numbers = [
        ("mean", ramp.mean, default.mean),
        ("std", ramp.std, default.std),
        ("channel_offset", ramp.channel_offset, default.channel_offset),
        ("channel_scale", ramp.channel_scale, default.channel_scale),
        ("sample_offset", ramp.sample_offset, default.sample_offset),
    ];
    let stated = numbers.into_iter().filter(|(_, number, default)| number != default);
    stated.map(|(name, number, _)| format!(", {name}={}", float(number))).collect()
}

/// Numbers as a list.
pub(super) fn floats(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| float(*value)).collect();
    format!("[{}]", values.join(", "))
}

fn float(value: f64) -> String {
    Value::Float(value).to_string()
}

/// An index as a tuple.
fn index(at: &[usize]) -> String {
    let at: String = at.iter().map(|at| format!("{at}, ")).collect();
    format!("({})", at.trim_end())
}
