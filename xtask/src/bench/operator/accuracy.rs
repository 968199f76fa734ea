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
        let subject = Subject::<T>::new(case, offset)?;
        let expected = exact::answer(&effective(&subject)?);
        let (ours, theirs) = (answers(&subject)?, torch::answers(&subject)?);
        for direction in Direction::ALL {
            let errors =
                Errors { ours: worst(&ours, &expected, direction)?, theirs: worst(&theirs, &expected, direction)? };
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

/// The larger errors of the arrays of one pass.
fn worst(
    actual: &BTreeMap<Output, Vec<f64>>,
    expected: &BTreeMap<Output, Expected>,
    direction: Direction,
) -> Result<Error> {
    let of_pass = |output: &Output| (*output == Output::Y) == (direction == Direction::Forward);
    let mut worst = Error::default();
    for (output, expected) in expected.iter().filter(|(output, _)| of_pass(output)) {
        let actual = actual.get(output).with_context(|| format!("{output} is missing"))?;
        ensure!(actual.len() == expected.values.len(), "{output} has {} elements", actual.len());
        let error = error(actual, expected);
        worst = Error { rms: worst.rms.max(error.rms), max: worst.max.max(error.max) };
    }
    Ok(worst)
}

fn error(actual: &[f64], expected: &Expected) -> Error {
    let ulps = actual.iter().zip(expected.values.iter().zip(&expected.unit)).map(|(&actual, (exact, &unit))| {
        let error = ((actual - exact.hi) - exact.lo).abs() / expected.dtype.ulp(unit);
        if error.is_nan() { f64::INFINITY } else { error }
    });
    let (count, sum, max) = ulps
        .fold((0, 0.0, 0.0), |(count, sum, max): (usize, f64, f64), ulp| (count + 1, sum + ulp * ulp, max.max(ulp)));
    Error { rms: (sum / count.max(1) as f64).sqrt(), max }
}
