//! An operator as a user would write it for the suite, with a defect or none.

use crate::common::ours::{mapping, store, suite_of};
use mapcheck::call::{Answer, Output};
use mapcheck::check::Suite;
use mapcheck::engine::{Declined, Engine, Operator, Own, TypedCall};
use mapcheck::mapping::Mapping;
use mapcheck::tensor::Tensor;

/// What is wrong with the operator below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Defect {
    None,
    EpsOutsideTheSquareRoot,
    GammaPerGroup,
    DxWithoutStatistics,
    NoVectors,
    PanicsWithoutSamples,
    TakesEveryDivisor,
    LayoutIgnored,
}

/// GroupNorm as a user would write it for the suite: in f64, with a defect.
pub struct Mine(pub Defect);

impl Operator for Mine {
    fn name(&self) -> &str {
        "mine"
    }

    fn call(&self, call: &TypedCall<'_>) -> Result<Answer, Declined> {
        let (shape, dtype) = (call.x.shape(), call.x.dtype());
        let has = |defect| self.0 == defect;
        if shape.len() < 2 || has(Defect::NoVectors) && shape.len() == 2 {
            return Err(Declined::Rejected(format!("no input of rank {}", shape.len())));
        }
        assert!(shape[0] > 0 || !has(Defect::PanicsWithoutSamples), "no samples");
        let channels = shape[1];
        let right = |p: &Tensor| p.shape() == [channels] && channels == call.num_channels;
        let fits = |p: &Option<Tensor>| p.as_ref().is_none_or(right);
        if call.num_groups == 0 || !fits(&call.gamma) || !fits(&call.beta) {
            return Err(Declined::Rejected("parameters that do not fit".to_owned()));
        }
        if channels % call.num_groups != 0 && !has(Defect::TakesEveryDivisor) {
            return Err(Declined::Rejected("num_groups is no divisor".to_owned()));
        }
        let values = |p: &Option<Tensor>, d: f64| p.as_ref().map_or(vec![d; channels], Tensor::to_f64);
        let (gamma, beta) = (values(&call.gamma, 1.0), values(&call.beta, 0.0));
        let x = match call.x {
            Tensor::F32(s) if has(Defect::LayoutIgnored) => {
                s.storage().iter().cycle().take(call.x.len()).map(|&v| f64::from(v)).collect()
            }
            x => x.to_f64(),
        };
        let dy = call.dy.map(Tensor::to_f64);
        let inner: usize = shape[2..].iter().product();
        let each = channels / call.num_groups;
        let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
        for group in 0..shape[0] * call.num_groups {
            let members = group * each * inner..(group + 1) * each * inner;
            let channel = |i: usize| i / inner % channels;
            let of = |c: usize| if has(Defect::GammaPerGroup) { gamma[c / each] } else { gamma[c] };
            let count = members.len() as f64;
            let mean = members.clone().map(|i| x[i]).sum::<f64>() / count;
            let variance = members.clone().map(|i| (x[i] - mean).powi(2)).sum::<f64>() / count;
            let rstd = match self.0 {
                Defect::EpsOutsideTheSquareRoot => 1.0 / (variance.sqrt() + call.eps),
                _ => 1.0 / (variance + call.eps).sqrt(),
            };
            for i in members.clone() {
                y[i] = (x[i] - mean) * rstd * of(channel(i)) + beta[channel(i)];
            }
            let Some(dy) = &dy else { continue };
            let g = |i: usize| dy[i] * of(channel(i));
            let mean_g = members.clone().map(g).sum::<f64>() / count;
            let mean_gx = members.clone().map(|i| g(i) * (x[i] - mean) * rstd).sum::<f64>() / count;
            for i in members {
                let x_hat = (x[i] - mean) * rstd;
                let statistics = if has(Defect::DxWithoutStatistics) { 0.0 } else { mean_g + x_hat * mean_gx };
                dx[i] = rstd * (g(i) - statistics);
                dgamma[channel(i)] += dy[i] * x_hat;
                dbeta[channel(i)] += dy[i];
            }
        }
        let tensor = |shape: &[usize], values: &[f64]| {
            Tensor::from_f64(dtype, shape, values).ok_or_else(|| Declined::Rejected("another size".to_owned()))
        };
        let mut answer = Answer::new(tensor(shape, &y)?);
        let wanted = [
            (call.wanted.x, Output::Dx, tensor(shape, &dx)?),
            (call.wanted.gamma, Output::Dgamma, tensor(&[channels], &dgamma)?),
            (call.wanted.beta, Output::Dbeta, tensor(&[channels], &dbeta)?),
        ];
        for (_, output, array) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
            answer = answer.with(output, array);
        }
        Ok(answer)
    }
}

/// The suite with it as the subject.
pub fn suite(defect: Defect) -> Suite {
    suite_with(defect, mapping(), Vec::new())
}

/// The same with another mapping, and more engines.
pub fn suite_with(defect: Defect, mapping: Mapping, more: Vec<Box<dyn Engine>>) -> Suite {
    suite_of(Box::new(Own(Mine(defect))), mapping, &store(), more)
}
