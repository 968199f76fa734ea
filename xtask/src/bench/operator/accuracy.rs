//! How far our answers and libtorch's are from `exact`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use mapcheck::call::{DTypes, Effective, Output, Wanted};
use mapcheck::exact::{self, Expected};
use mapcheck::group_norm;
use mapcheck::tensor::{Element, Tensor};
use ndarray::{Array4, Ix4};

use super::case::{Case, Direction};
use super::subject::Subject;
use super::torch;

/// The means of the inputs. Far from 0 an operator that squares what it is given loses digits.
pub const OFFSETS: [f64; 2] = [0.0, 1e4];

/// `exact` takes its time: larger inputs are left out.
const LARGEST: usize = 100_000;

/// Of a few elements chance decides who is closer: so many are drawn at the least.
const LEAST: usize = 1 << 14;

/// An error, in the unit in the last place that `exact` gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Error {
    /// The root of the mean of the squares.
    pub rms: f64,
    /// The largest.
    pub max: f64,
}

/// Both sides, on the same input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Of our operator.
    pub ours: Error,
    /// Of libtorch.
    pub theirs: Error,
}

/// For each of [`OFFSETS`], where it was computed.
pub type Accuracy = [Option<Errors>; 2];

/// Forward (y) and backward (the worst of dx, dgamma and dbeta).
pub fn measure<T: Element>(case: Case) -> Result<BTreeMap<Direction, Accuracy>> {
    let mut found: BTreeMap<Direction, Accuracy> = BTreeMap::new();
    if case.shape.elements() > LARGEST {
        return Ok(found);
    }
    for (at, offset) in OFFSETS.into_iter().enumerate() {
        let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
        for draw in 0..LEAST.div_ceil(case.shape.elements()) {
            let subject = Subject::<T>::new(case, offset, draw as u64)?;
            let expected = exact::answer(&effective(&subject)?);
            add(&mut ours, &answers(&subject)?, &expected)?;
            add(&mut theirs, &torch::answers(&subject)?, &expected)?;
        }
        for direction in Direction::ALL {
            let errors = Errors { ours: worst(&ours, direction), theirs: worst(&theirs, direction) };
            found.entry(direction).or_default()[at] = Some(errors);
        }
    }
    Ok(found)
}

/// What `exact` is asked.
fn effective<T: Element>(subject: &Subject<T>) -> Result<Effective> {
    let tensor = |array: &Array4<T>| {
        let values: Vec<f64> = array.iter().map(|value| value.to_f64()).collect();
        Tensor::from_f64(T::DTYPE, array.shape(), &values).context("a value for each element")
    };
    let norm = &subject.norm;
    Ok(Effective {
        x: tensor(&subject.x)?,
        num_groups: norm.num_groups(),
        gamma: norm.gamma().to_f64(),
        beta: norm.beta().to_f64(),
        eps: norm.eps(),
        backward: Some((tensor(&subject.dy)?, Wanted::ALL)),
        dtypes: DTypes::all(T::DTYPE),
    })
}

/// What our operator answers, in index order.
fn answers<T: Element>(subject: &Subject<T>) -> Result<BTreeMap<Output, Vec<f64>>> {
    let y = subject.norm.forward(subject.x.view())?;
    let gradients: group_norm::Gradients<T, Ix4> =
        subject.norm.backward(subject.x.view(), subject.dy.view(), Wanted::ALL)?;
    let values = |array: Array4<T>| array.iter().map(|value| value.to_f64()).collect();
    let given = [
        (Output::Y, Some(values(y))),
        (Output::Dx, gradients.dx.map(values)),
        (Output::Dgamma, gradients.dgamma.map(|tensor| tensor.to_f64())),
        (Output::Dbeta, gradients.dbeta.map(|tensor| tensor.to_f64())),
    ];
    given
        .into_iter()
        .map(|(output, values)| Ok((output, values.with_context(|| format!("{output} is missing"))?)))
        .collect()
}

/// The errors of an array, over all draws.
#[derive(Clone, Copy, Default)]
struct Sums {
    elements: usize,
    squares: f64,
    max: f64,
}

/// Adds the errors of a draw.
fn add(
    sums: &mut BTreeMap<Output, Sums>,
    actual: &BTreeMap<Output, Vec<f64>>,
    expected: &BTreeMap<Output, Expected>,
) -> Result<()> {
    for (output, expected) in expected {
        let actual = actual.get(output).with_context(|| format!("{output} is missing"))?;
        ensure!(actual.len() == expected.values.len(), "{output} has {} elements", actual.len());
        let sums = sums.entry(*output).or_default();
        for (&actual, (exact, &unit)) in actual.iter().zip(expected.values.iter().zip(&expected.unit)) {
            let ulp = ((actual - exact.hi) - exact.lo).abs() / expected.dtype.ulp(unit);
            let ulp = if ulp.is_nan() { f64::INFINITY } else { ulp };
            *sums = Sums { elements: sums.elements + 1, squares: sums.squares + ulp * ulp, max: sums.max.max(ulp) };
        }
    }
    Ok(())
}

/// The larger errors of the arrays of one pass.
fn worst(sums: &BTreeMap<Output, Sums>, direction: Direction) -> Error {
    let of_pass = |output: &Output| (*output == Output::Y) == (direction == Direction::Forward);
    let of_pass = sums.iter().filter(|(output, _)| of_pass(output));
    of_pass.fold(Error::default(), |worst, (_, sums)| Error {
        rms: worst.rms.max((sums.squares / sums.elements.max(1) as f64).sqrt()),
        max: worst.max.max(sums.max),
    })
}
