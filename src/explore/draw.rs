//! Calls drawn at random, over all that can be written in a case: most are right, some are not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::mapping::{
    Argument, Arguments, Case, Gradients, Input, Layout, Normal, OutputGradient, Ramp, Recipe, RecipeName, Set, Steps,
    TensorRecipe, Uniform, Values, Variable,
};
use crate::tensor::DType;

/// The call of a number; that of a seed and a number is the same on every run.
pub(super) fn call(seed: u64, number: u64) -> Option<Case> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    cases().new_tree(&mut runner).ok().map(|tree| tree.current())
}

/// Samples, groups, channels of each group, and what follows the channels.
type Sizes = (usize, usize, usize, Vec<usize>);

fn cases() -> impl Strategy<Value = Case> {
    let space = prop_oneof![
        8 => prop::collection::vec(1usize..=6, 0..=3),
        1 => prop::collection::vec(1usize..=2, 4..=7),
        1 => select(vec![vec![0], vec![3, 0], vec![64], vec![257], vec![33, 31]]),
    ];
    let samples = prop_oneof![6 => 1usize..=3, 1 => 0usize..=0, 1 => 4usize..=40];
    let channels = prop_oneof![8 => 1usize..=4, 1 => 5usize..=17];
    (samples, 1usize..=4, channels, space).prop_flat_map(case_of)
}

fn case_of(sizes: Sizes) -> impl Strategy<Value = Case> {
    let (samples, groups, each, space) = sizes;
    let channels = groups * each;
    let mut shape = vec![samples, channels];
    shape.extend(space);
    let shape = prop_oneof![
        20 => Just(shape.clone()),
        1 => Just(shape[..1].to_vec()),
        1 => Just(vec![samples, channels + 1, 2]),
        1 => Just(vec![samples, 1, 1, 1, 1, 1, 1, 1, channels]),
    ];
    (arguments(groups, channels), shape, dtypes(), layouts(), gradients()).prop_flat_map(
        |(call, shape, dtype, layout, gradients)| {
            let dy = (values(), layouts(), set(shape.clone()));
            (values(), set(shape.clone()), dy).prop_map(move |(values, set, dy)| Case {
                name: "found".to_owned(),
                why: None,
                code: BTreeMap::new(),
                call: call.clone(),
                // A sample that is stored once cannot have an element of its own.
                x: Input {
                    shape: Some(shape.clone()),
                    values,
                    set: if layout == Layout::Expanded { Vec::new() } else { set },
                },
                dy: OutputGradient {
                    values: dy.0,
                    set: if dy.1 == Layout::Expanded { Vec::new() } else { dy.2 },
                    layout: dy.1,
                },
                dtypes: vec![dtype],
                layouts: vec![layout],
                gradients: gradients.clone(),
                rejected: Default::default(),
                differs: None,
                off: Vec::new(),
                tolerance: Vec::new(),
                built: None,
                prints: None,
            })
        },
    )
}

fn dtypes() -> impl Strategy<Value = DType> {
    select(DType::ALL.to_vec())
}

fn layouts() -> impl Strategy<Value = Layout> {
    let others = vec![Layout::ChannelsLast, Layout::Transposed, Layout::Stepped, Layout::Expanded];
    prop_oneof![2 => Just(Layout::Contiguous), 1 => select(others)]
}

fn gradients() -> impl Strategy<Value = Gradients> {
    let variables = prop::sample::subsequence(vec![Variable::X, Variable::Gamma, Variable::Beta], 1..=2);
    prop_oneof![
        2 => Just(Gradients::All(true)),
        2 => Just(Gradients::All(false)),
        1 => variables.prop_map(Gradients::Of),
    ]
}

/// The constructor's keywords: each right, left out, or wrong.
fn arguments(groups: usize, channels: usize) -> impl Strategy<Value = Arguments> {
    let count = |n: usize| Argument::Int(n as i64);
    let num_groups = prop_oneof![
        40 => Just(Some(count(groups))),
        1 => Just(Some(count(groups + 1))),
        1 => Just(Some(Argument::Int(0))),
        1 => Just(Some(Argument::Int(-(groups as i64)))),
        1 => wrong().prop_map(Some),
        1 => Just(None),
    ];
    let num_channels = prop_oneof![
        60 => Just(Some(count(channels))),
        1 => Just(Some(Argument::Int(0))),
        1 => Just(Some(Argument::Int(-(channels as i64)))),
        1 => wrong().prop_map(Some),
        1 => Just(None),
    ];
    let eps = select(vec![1e-5, 1e-3, 0.5, 1e-8, 1e-12, 0.0, -0.5, f64::INFINITY, f64::NAN, 1e39, 1e-50]);
    let eps = prop_oneof![
        12 => Just(None),
        12 => eps.prop_map(|eps| Some(Argument::Float(eps))),
        1 => wrong().prop_map(Some),
        1 => Just(Some(Argument::Int(1))),
    ];
    let affine = prop_oneof![
        12 => Just(None),
        6 => any::<bool>().prop_map(|affine| Some(Argument::Bool(affine))),
        1 => wrong().prop_map(Some),
    ];
    let dtype = prop_oneof![12 => Just(None), 1 => dtypes().prop_map(|dtype| Some(Argument::DType(dtype)))];
    let parameters = (parameter(channels), parameter(channels));
    (num_groups, num_channels, eps, affine, parameters, dtype).prop_map(
        |(num_groups, num_channels, eps, affine, (gamma, beta), dtype)| {
            let named = [
                ("num_groups", num_groups),
                ("num_channels", num_channels),
                ("eps", eps),
                ("affine", affine),
                ("gamma_init", gamma),
                ("beta_init", beta),
                ("dtype", dtype),
            ];
            Arguments(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        },
    )
}

/// What is no number.
fn wrong() -> impl Strategy<Value = Argument> {
    select(vec![
        Argument::None,
        Argument::Bool(true),
        Argument::Float(2.0),
        Argument::Str("2".to_owned()),
        Argument::List(vec![Argument::Int(2)]),
        Argument::DType(DType::F32),
        Argument::Tensor(TensorRecipe { values: Values::List(vec![2.0]), ..TensorRecipe::default() }),
    ])
}

/// gamma_init or beta_init.
fn parameter(channels: usize) -> impl Strategy<Value = Option<Argument>> {
    let names = ["ones", "ZEROS", "one", "bogus", "xavier_uniform", ""];
    let lengths = prop_oneof![12 => Just(channels), 1 => Just(channels + 1), 1 => Just(1)];
    let dtype = prop_oneof![4 => Just(None), 1 => dtypes().prop_map(Some)];
    let tensor = (values(), lengths, dtype, layouts()).prop_map(|(values, length, dtype, layout)| {
        Argument::Tensor(TensorRecipe { shape: Some(vec![length]), values, set: Vec::new(), dtype, layout })
    });
    prop_oneof![
        6 => Just(None),
        12 => tensor.prop_map(Some),
        4 => number().prop_map(|value| Some(Argument::Float(value))),
        1 => (-3i64..=3).prop_map(|value| Some(Argument::Int(value))),
        1 => select(names.to_vec()).prop_map(|name| Some(Argument::Str(name.to_owned()))),
        1 => wrong().prop_map(Some),
    ]
}

/// Numbers of every magnitude, and what is none.
fn number() -> impl Strategy<Value = f64> {
    let special = select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-40, 65504.0, 1e30, 1e150]);
    prop_oneof![
        6 => select(vec![0.0, 1.0, -1.0, 0.5, 3.0, -7.0, 40.0]),
        3 => -10.0..10.0f64,
        1 => special,
    ]
}

fn values() -> impl Strategy<Value = Values> {
    let mean = prop_oneof![4 => Just(0.0), 2 => -10.0..10.0f64, 1 => select(vec![1e2, -1e3, 1e4, 1e6])];
    let std = prop_oneof![4 => Just(1.0), 2 => 0.01..10.0f64, 1 => select(vec![1e-3, 1e-6, 1e3, 1e20, 1e-30])];
    let normal = (mean, std, 0u64..1000).prop_map(|(mean, std, seed)| Recipe::Normal(Normal { mean, std, seed }));
    let ramp = (0u64..1000).prop_map(|seed| Recipe::Ramp(Ramp { seed, ..Ramp::default() }));
    let uniform = (-5.0..5.0f64, 0.1..10.0f64, 0u64..1000)
        .prop_map(|(low, width, seed)| Recipe::Uniform(Uniform { low, high: low + width, seed }));
    let steps = (-3.0..3.0f64, -2.0..2.0f64).prop_map(|(from, by)| Recipe::Steps(Steps { from, by }));
    prop_oneof![
        4 => normal.prop_map(Values::Recipe),
        4 => ramp.prop_map(Values::Recipe),
        2 => uniform.prop_map(Values::Recipe),
        2 => steps.prop_map(Values::Recipe),
        1 => number().prop_map(|value| Values::Recipe(Recipe::Constant(value))),
        1 => Just(Values::Named(RecipeName::Steps)),
    ]
}

/// Now and then one element that is something else.
fn set(shape: Vec<usize>) -> impl Strategy<Value = Vec<Set>> {
    let is_empty = shape.contains(&0);
    (any::<prop::sample::Index>(), number(), 0u8..8).prop_map(move |(at, to, often)| {
        if is_empty || often > 0 {
            return Vec::new();
        }
        let mut flat = at.index(shape.iter().product::<usize>().max(1));
        let mut index = vec![0; shape.len()];
        for d in (0..shape.len()).rev() {
            index[d] = flat % shape[d];
            flat /= shape[d];
        }
        vec![Set { at: index, to }]
    })
}
