//! Calls that are simpler than a given one in one way, the simplest first.

use super::size::{reshape, shape};
use crate::mapping::{
    Argument, Case, Gradients, Layout, Normal, OutputGradient, Ramp, Recipe, RecipeName, Steps, TensorRecipe, Uniform,
    Values, Variable,
};
use crate::tensor::DType;

/// Simpler calls than a call.
pub(super) type Choices = fn(&Case) -> Vec<Case>;

/// Tensors of so many elements are written out.
const LONGEST_LIST: usize = 24;

/// The call, changed.
fn with(case: &Case, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = case.clone();
    change(&mut case);
    case
}

/// No gradient, or one.
pub(super) fn gradients(case: &Case) -> Vec<Case> {
    let Some(wanted) = case.gradients.wanted() else { return Vec::new() };
    let each = [(Variable::X, wanted.x), (Variable::Gamma, wanted.gamma), (Variable::Beta, wanted.beta)];
    let each: Vec<Variable> = each.into_iter().filter(|(_, wanted)| *wanted).map(|(variable, _)| variable).collect();
    let mut fewer = vec![Gradients::All(false)];
    if each.len() > 1 {
        fewer.extend(each.into_iter().map(|variable| Gradients::Of(vec![variable])));
    }
    let change = |case: &mut Case, gradients: Gradients| {
        if gradients.wanted().is_none() {
            case.dy = OutputGradient::default();
        }
        case.gradients = gradients;
    };
    fewer.into_iter().map(|gradients| with(case, |case| change(case, gradients))).collect()
}

/// One argument fewer, and as many channels as x has.
pub(super) fn arguments(case: &Case) -> Vec<Case> {
    let mut simpler: Vec<Case> =
        (0..case.call.0.len()).map(|at| with(case, |case| drop(case.call.0.remove(at)))).collect();
    if let Some(channels) = shape(case).get(1).and_then(|&channels| i64::try_from(channels).ok()) {
        let named = case.call.0.iter().position(|(name, _)| name == "num_channels");
        let other = named.filter(|&at| case.call.0[at].1 != Argument::Int(channels));
        simpler.extend(other.map(|at| with(case, |case| case.call.0[at].1 = Argument::Int(channels))));
    }
    simpler
}

/// No dimension of 0, or one dimension fewer: left out, or flattened into the one before.
pub(super) fn ranks(case: &Case) -> Vec<Case> {
    let old = shape(case);
    let filled: Vec<usize> = old.iter().map(|&n| n.max(1)).collect();
    let last = old.len().saturating_sub(1);
    let without = |d: usize| {
        let mut new = old.clone();
        new.remove(d);
        new
    };
    let flattened = (3..old.len()).rev().map(|d| {
        let mut new = without(d);
        new[d - 1] *= old[d];
        new
    });
    let left_out = (2..=last).rev().map(without);
    std::iter::once(filled)
        .chain(left_out)
        .chain(flattened)
        .map(|new| with(case, |case| reshape(case, &old, new)))
        .collect()
}

/// A plainer dtype.
pub(super) fn dtypes(case: &Case) -> Vec<Case> {
    let plain = [DType::F32, DType::F64, DType::F16, DType::BF16];
    let now = case.dtype();
    let plainer = plain.into_iter().take_while(|dtype| *dtype != now);
    plainer.map(|dtype| with(case, |case| case.dtypes = vec![dtype])).collect()
}

/// Contiguous tensors.
pub(super) fn layouts(case: &Case) -> Vec<Case> {
    let mut simpler = Vec::new();
    if case.layouts != [Layout::Contiguous] {
        simpler.push(with(case, |case| case.layouts = vec![Layout::Contiguous]));
    }
    if case.dy.layout != Layout::Contiguous {
        simpler.push(with(case, |case| case.dy.layout = Layout::Contiguous));
    }
    for (at, (_, argument)) in case.call.0.iter().enumerate() {
        if matches!(argument, Argument::Tensor(TensorRecipe { layout, .. }) if *layout != Layout::Contiguous) {
            simpler.push(with(case, |case| tensor(case, at, |recipe| recipe.layout = Layout::Contiguous)));
        }
    }
    simpler
}

/// A plainer recipe for x, for dy, and for each parameter.
pub(super) fn recipes(case: &Case) -> Vec<Case> {
    let of_x = plainer(&case.x.values).into_iter().map(|values| with(case, |case| case.x.values = values));
    let dy = case.gradients.wanted().map(|_| plainer(&case.dy.values)).unwrap_or_default();
    let of_dy = dy.into_iter().map(|values| with(case, |case| case.dy.values = values));
    let mut simpler: Vec<Case> = of_x.chain(of_dy).collect();
    for (at, (_, argument)) in case.call.0.iter().enumerate() {
        let Argument::Tensor(recipe) = argument else { continue };
        let plainer = plainer(&recipe.values).into_iter();
        simpler.extend(plainer.map(|values| with(case, |case| tensor(case, at, |recipe| recipe.values = values))));
        if recipe.dtype.is_some() {
            simpler.push(with(case, |case| tensor(case, at, |recipe| recipe.dtype = None)));
        }
    }
    simpler
}

/// Recipes in the order in which they are plain, up to a given one; its numbers rounded, where it has some.
fn plainer(values: &Values) -> Vec<Values> {
    let constant = |value| Values::Recipe(Recipe::Constant(value));
    let plain = [
        constant(0.0),
        constant(1.0),
        Values::Named(RecipeName::Steps),
        Values::Named(RecipeName::Normal),
        Values::Named(RecipeName::Ramp),
    ];
    let now = match values {
        Values::List(_) => return Vec::new(),
        Values::Named(RecipeName::Steps) | Values::Recipe(Recipe::Steps(_)) => 2,
        Values::Recipe(Recipe::Constant(0.0)) => 0,
        Values::Recipe(Recipe::Constant(1.0)) => 1,
        Values::Recipe(Recipe::Constant(_)) => 2,
        Values::Named(RecipeName::Normal) => 3,
        Values::Named(RecipeName::Ramp) => 4,
        Values::Named(RecipeName::Uniform) | Values::Recipe(_) => 5,
    };
    let mut plainer: Vec<Values> = plain.into_iter().take(now).collect();
    let rounded = |value: f64| rounded(value).into_iter();
    match values {
        Values::Recipe(Recipe::Constant(value)) => plainer.extend(rounded(*value).map(constant)),
        Values::Recipe(Recipe::Normal(normal)) => {
            let recipe = |normal| Values::Recipe(Recipe::Normal(normal));
            plainer.extend(
                [Normal { seed: 0, ..normal.clone() }, Normal { std: 1.0, ..normal.clone() }].into_iter().map(recipe),
            );
            plainer.extend(rounded(normal.mean).map(|mean| recipe(Normal { mean, ..normal.clone() })));
            plainer.extend(rounded(normal.std).map(|std| recipe(Normal { std, ..normal.clone() })));
        }
        Values::Recipe(Recipe::Uniform(uniform)) => {
            plainer.push(Values::Recipe(Recipe::Uniform(Uniform { seed: 0, ..uniform.clone() })));
        }
        Values::Recipe(Recipe::Ramp(ramp)) => {
            plainer.push(Values::Recipe(Recipe::Ramp(Ramp { seed: 0, ..ramp.clone() })));
            let (mean, std) = (ramp.mean, ramp.std);
            plainer.push(Values::Recipe(Recipe::Normal(Normal { mean, std, seed: 0 })));
        }
        Values::Recipe(Recipe::Steps(steps)) => {
            let recipe = |steps| Values::Recipe(Recipe::Steps(steps));
            plainer.extend(rounded(steps.from).map(|from| recipe(Steps { from, ..steps.clone() })));
            plainer.extend(rounded(steps.by).map(|by| recipe(Steps { by, ..steps.clone() })));
        }
        Values::List(_) | Values::Named(_) => {}
    }
    // Only what is said in fewer words, or is plainer in kind, is simpler.
    let length = values.to_yaml().len();
    plainer.retain(|plainer| plainer != values && (plainer.to_yaml().len() <= length || now > 2));
    plainer
}

/// One single element less that is set.
pub(super) fn sets(case: &Case) -> Vec<Case> {
    let of_x = (0..case.x.set.len()).map(|at| with(case, |case| drop(case.x.set.remove(at))));
    let of_dy = (0..case.dy.set.len()).map(|at| with(case, |case| drop(case.dy.set.remove(at))));
    let mut simpler: Vec<Case> = of_x.chain(of_dy).collect();
    for (at, (_, argument)) in case.call.0.iter().enumerate() {
        let Argument::Tensor(TensorRecipe { set, .. }) = argument else { continue };
        let without = |set: usize| with(case, |case| tensor(case, at, |recipe| drop(recipe.set.remove(set))));
        simpler.extend((0..set.len()).map(without));
    }
    simpler
}

/// The values of a small tensor written out, so that each can be made simpler.
pub(super) fn lists(case: &Case) -> Vec<Case> {
    let dtype = case.dtype();
    let shape = shape(case);
    let listed = |role: &str, values: &Values, shape: &[usize], set: &[_], dtype| {
        let is_long = shape.iter().product::<usize>() > LONGEST_LIST;
        let is_plain = matches!(values, Values::List(_) | Values::Named(RecipeName::Steps));
        if is_long || is_plain && set.is_empty() || matches!(values, Values::Recipe(Recipe::Constant(_))) {
            return None;
        }
        let tensor = values.realize(role, shape, set, dtype, Layout::Contiguous).ok()?;
        Some(Values::List(tensor.to_f64().into_iter().map(|value| shortest(value, dtype)).collect()))
    };
    let x = listed("x", &case.x.values, &shape, &case.x.set, dtype);
    let x = x.map(|values| with(case, |case| (case.x.values, case.x.set) = (values, Vec::new())));
    let dy = case.gradients.wanted().and_then(|_| listed("dy", &case.dy.values, &shape, &case.dy.set, dtype));
    let dy = dy.map(|values| with(case, |case| (case.dy.values, case.dy.set) = (values, Vec::new())));
    x.into_iter().chain(dy).collect()
}

/// Every value of a list, and one value after the other, simpler.
pub(super) fn values(case: &Case) -> Vec<Case> {
    let of_x = simpler_lists(&case.x.values).into_iter().map(|values| with(case, |case| case.x.values = values));
    let of_dy = simpler_lists(&case.dy.values).into_iter().map(|values| with(case, |case| case.dy.values = values));
    let mut simpler: Vec<Case> = of_x.chain(of_dy).collect();
    for (at, (_, argument)) in case.call.0.iter().enumerate() {
        let Argument::Tensor(recipe) = argument else { continue };
        let lists = simpler_lists(&recipe.values).into_iter();
        simpler.extend(lists.map(|values| with(case, |case| tensor(case, at, |recipe| recipe.values = values))));
    }
    simpler
}

fn simpler_lists(values: &Values) -> Vec<Values> {
    let Values::List(list) = values else { return Vec::new() };
    let mut simpler = Vec::new();
    if let Some(first) = list.first().filter(|first| list.iter().all(|value| value == *first)) {
        simpler.push(Values::Recipe(Recipe::Constant(*first)));
    }
    for digits in 1..5 {
        let all: Vec<f64> = list.iter().map(|&value| to_digits(value, digits)).collect();
        if all != *list {
            simpler.push(Values::List(all));
        }
    }
    for (at, &value) in list.iter().enumerate() {
        for other in rounded(value) {
            let mut list = list.clone();
            list[at] = other;
            simpler.push(Values::List(list));
        }
    }
    // A recipe that says it in fewer words.
    let length = values.to_yaml().len();
    let recipes = [Values::Named(RecipeName::Steps), Values::Named(RecipeName::Normal)];
    simpler.extend(recipes.into_iter().filter(|_| length > 60));
    simpler
}

/// A plainer value of an argument.
pub(super) fn parameters(case: &Case) -> Vec<Case> {
    let mut simpler = Vec::new();
    for (at, (name, argument)) in case.call.0.iter().enumerate() {
        let plainer: Vec<Argument> = match argument {
            // Sizes are made smaller on their own.
            Argument::Int(value) if *value > 0 && name.starts_with("num_") => continue,
            Argument::Int(value) => {
                let smaller = [0, 1, -1, value / 2].into_iter();
                smaller.filter(|other| other.abs() < value.abs()).map(Argument::Int).collect()
            }
            Argument::Float(value) => rounded(*value).into_iter().map(Argument::Float).collect(),
            Argument::List(items) if !items.is_empty() => {
                vec![Argument::List(Vec::new()), Argument::List(items[..items.len() - 1].to_vec())]
            }
            Argument::Tensor(recipe) => {
                let is_steps = recipe.values == Values::Named(RecipeName::Steps);
                let plain = [Argument::Float(0.0), Argument::Float(1.0), Argument::Float(2.0)].into_iter();
                let steps = TensorRecipe { values: Values::Named(RecipeName::Steps), ..TensorRecipe::default() };
                plain.chain((!is_steps).then_some(Argument::Tensor(steps))).collect()
            }
            Argument::None
            | Argument::Bool(_)
            | Argument::Str(_)
            | Argument::List(_)
            | Argument::DType(_)
            | Argument::Python(_) => continue,
        };
        simpler.extend(plainer.into_iter().map(|argument| with(case, |case| case.call.0[at].1 = argument)));
    }
    simpler
}

/// Plainer numbers than a number, the plainest first: nearer to 0, or of fewer digits.
fn rounded(value: f64) -> Vec<f64> {
    let plain = [0.0, 1.0, -1.0, 2.0, value.trunc()];
    let digits = (1..5).map(|digits| to_digits(value, digits));
    let length = |value: f64| (format!("{value:?}").len(), value.abs());
    let is_plainer = |other: &f64| value.is_nan() || length(*other) < length(value);
    let mut plainer: Vec<f64> = plain.into_iter().chain(digits).filter(is_plainer).collect();
    plainer.dedup();
    plainer
}

/// A number to so many decimal digits.
fn to_digits(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// The number of fewest digits that a dtype holds as this one.
fn shortest(value: f64, dtype: DType) -> f64 {
    let same = |other: &f64| dtype.round(*other).to_bits() == value.to_bits();
    (1..17).map(|digits| to_digits(value, digits)).find(same).unwrap_or(value)
}

fn tensor(case: &mut Case, at: usize, change: impl FnOnce(&mut TensorRecipe)) {
    if let Argument::Tensor(recipe) = &mut case.call.0[at].1 {
        change(recipe);
    }
}
