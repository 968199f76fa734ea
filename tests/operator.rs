//! The operator beside `exact` on calls drawn at random: shapes, groups, dtypes, layouts, offsets, parameters.

use std::collections::BTreeMap;

use half::{bf16, f16};
use mapcheck::call::{DTypes, Effective, Output, Wanted};
use mapcheck::compare::{Precision, Tolerance, compare};
use mapcheck::exact;
use mapcheck::group_norm::GroupNorm;
use mapcheck::python::{Exception, Value};
use mapcheck::random::Generator;
use mapcheck::tensor::{DType, Element, Tensor};
use ndarray::{Array3, ArrayD, Axis, IxDyn};

/// How many calls of each dtype.
const CALLS: u64 = 1000;

/// What is left of a number that was drawn.
fn below(generator: &mut Generator, bound: usize) -> usize {
    (generator.bits() % bound as u64) as usize
}

fn one_of<T: Copy>(generator: &mut Generator, values: &[T]) -> T {
    values[below(generator, values.len())]
}

/// Mean 0 and deviation 1; quick, and no value is beyond 3.
fn bell(generator: &mut Generator) -> f64 {
    2.0 * (0..3).map(|_| generator.uniform() - 0.5).sum::<f64>()
}

/// How many layouts there are.
const LAYOUTS: usize = 6;

/// An array in one of several layouts; its values do not depend on which.
fn laid_out<T: Element>(array: &ArrayD<T>, layout: usize) -> ArrayD<T> {
    let last = array.ndim() - 1;
    let space: Vec<usize> = (2..=last).collect();
    match layout {
        0 => array.clone(),
        // Channels last.
        1 => in_order(array, &[&[0], space.as_slice(), &[1]].concat()),
        // The dimensions of space in another order, contiguous and channels last.
        2 => in_order(array, &[0, 1].into_iter().chain(space.into_iter().rev()).collect::<Vec<_>>()),
        3 => in_order(array, &[0].into_iter().chain(space.into_iter().rev()).chain([1]).collect::<Vec<_>>()),
        // Backwards.
        4 => {
            let mut other = array.clone();
            other.invert_axis(Axis(last));
            let mut copy = other.as_standard_layout().into_owned();
            copy.invert_axis(Axis(last));
            copy
        }
        // Samples fastest.
        _ => in_order(array, &(0..=last).rev().collect::<Vec<_>>()),
    }
}

/// The same array, its axes lying in this order, the slowest first.
fn in_order<T: Element>(array: &ArrayD<T>, order: &[usize]) -> ArrayD<T> {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, &axis)| back[axis] = at);
    array.view().permuted_axes(IxDyn(order)).as_standard_layout().into_owned().permuted_axes(IxDyn(&back))
}

fn tensor<T: Element>(array: &ArrayD<T>) -> Tensor {
    Tensor::from_array(&array.as_standard_layout().into_owned())
}

/// One call; what is beyond the tolerance.
fn call<T: Element>(seed: u64) -> Result<(), String> {
    let mut generator = Generator::new(seed);
    let groups = one_of(&mut generator, &[1, 2, 3, 5, 8]);
    let channels = groups * one_of(&mut generator, &[1, 2, 3, 4, 7]);
    let mut shape = vec![below(&mut generator, 4), channels];
    for _ in 0..below(&mut generator, 4) {
        let most = match (shape.len(), below(&mut generator, 16)) {
            (2, 0) => 700,
            (2, _) => 70,
            _ => 3,
        };
        shape.push(1 + below(&mut generator, most));
    }
    let offset = one_of(&mut generator, &[0.0, 0.0, 1.0, -30.0, 1e3, 1e4]);
    let deviation = one_of(&mut generator, &[1.0, 1.0, 0.1, 1e-3, 50.0]);
    let count: usize = shape.iter().product();
    let drawn = |generator: &mut Generator, offset: f64, deviation: f64| -> ArrayD<T> {
        let values: Vec<T> = (0..count).map(|_| T::rounded(offset + deviation * bell(generator))).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), values).expect("as many values as elements")
    };
    let (x, dy) = (drawn(&mut generator, offset, deviation), drawn(&mut generator, 0.3, 1.0));
    let parameter = |generator: &mut Generator| {
        let values: Vec<f64> = (0..channels).map(|_| T::rounded(2.0 * bell(generator)).to_f64()).collect();
        Tensor::from_f64(T::DTYPE, &[channels], &values).expect("one value a channel")
    };
    let (gamma, beta) = (parameter(&mut generator), parameter(&mut generator));
    let eps = one_of(&mut generator, &[1e-5, 1e-5, 1e-3, 0.5, 1e-12]);
    let [layout, other] = [below(&mut generator, LAYOUTS), below(&mut generator, LAYOUTS)];
    // Half of the time both lie alike, and are taken where they lie.
    let layouts = [layout, one_of(&mut generator, &[layout, other])];

    let norm = GroupNorm::builder(groups as i64, channels as i64).eps(eps).gamma_init(&gamma).beta_init(&beta).build();
    let norm = norm.map_err(|error| error.to_string())?;
    let (x, dy) = (laid_out(&x, layouts[0]), laid_out(&dy, layouts[1]));
    let y = norm.forward(x.view()).map_err(|error| error.to_string())?;
    let gradients = norm.backward(x.view(), dy.view(), Wanted::ALL).map_err(|error| error.to_string())?;
    let arrays: BTreeMap<Output, Tensor> = [
        (Output::Y, Some(tensor(&y))),
        (Output::Dx, gradients.dx.as_ref().map(tensor)),
        (Output::Dgamma, gradients.dgamma),
        (Output::Dbeta, gradients.dbeta),
    ]
    .into_iter()
    .filter_map(|(output, array)| Some((output, array?)))
    .collect();

    let effective = Effective {
        x: tensor(&x),
        num_groups: groups,
        gamma: gamma.to_f64(),
        beta: beta.to_f64(),
        eps,
        backward: Some((tensor(&dy), Wanted::ALL)),
        dtypes: DTypes::all(T::DTYPE),
    };
    for (output, expected) in exact::answer(&effective) {
        let tolerance = Tolerance::of(Precision::Ulp, T::DTYPE, output);
        let comparison = compare(&arrays[&output].clone().into(), &expected, tolerance).map_err(|e| e.to_string())?;
        if comparison.beyond > 0 {
            let spot = comparison.ulp;
            return Err(format!(
                "seed {seed}, {:?} {shape:?}, {groups} groups, offset {offset}, deviation {deviation}, eps {eps}, layouts {layouts:?}: \
                 {output} is {} for {}, {} ULP off",
                T::DTYPE,
                spot.actual,
                spot.expected,
                spot.error
            ));
        }
    }
    Ok(())
}

fn calls<T: Element>() {
    let amiss: Vec<String> = (0..CALLS).filter_map(|seed| call::<T>(seed).err()).collect();
    assert!(amiss.is_empty(), "{} of {CALLS} calls, the first:\n{}", amiss.len(), amiss[0]);
}

#[test]
fn f16_beside_exact() {
    calls::<f16>();
}

#[test]
fn bf16_beside_exact() {
    calls::<bf16>();
}

#[test]
fn f32_beside_exact() {
    calls::<f32>();
}

#[test]
fn f64_beside_exact() {
    calls::<f64>();
}

#[test]
fn an_infinite_gamma_makes_each_gradient_of_its_group_nan() {
    let norm = GroupNorm::builder(1, 1).gamma_init(f64::NEG_INFINITY).build().unwrap();
    let x = Array3::from_shape_vec((1, 1, 4), vec![0f32, 0.0, 1.0, 0.0]).unwrap();
    let dy = Array3::from_shape_vec((1, 1, 4), vec![-1f32, 0.0, 0.0, 2.0]).unwrap();
    let dx = norm.backward(x.view(), dy.view(), Wanted::X).unwrap().dx.unwrap();
    assert!(dx.iter().all(|dx| dx.is_nan()), "{dx}");
}

#[test]
fn gradients_have_the_digits_of_their_parameters() {
    let zero = Tensor::from_f64(DType::F64, &[1], &[0.0]).unwrap();
    let norm = GroupNorm::builder(1, 1).beta_init(zero).build().unwrap();
    let x = Array3::from_elem((1, 1, 17), 0f32);
    let mut dy = x.clone();
    (dy[[0, 0, 15]], dy[[0, 0, 16]]) = (0.2, 1.0);
    let dbeta = norm.backward(x.view(), dy.view(), Wanted::PARAMETERS).unwrap().dbeta.unwrap();
    assert_eq!(dbeta.to_f64(), [f64::from(0.2f32) + 1.0]);
}

#[test]
fn gamma_is_made_before_beta_init_is_looked_at() {
    let keywords = [
        ("num_groups", Value::Int(1)),
        ("num_channels", Value::Int(1)),
        ("gamma_init", Value::Str("xavier_uniform".into())),
        ("beta_init", Value::None),
    ];
    assert_eq!(GroupNorm::from_keywords(keywords).unwrap_err().class(), Exception::ValueError);
}
