//! The operator of this crate, asked as an FFI would ask it: by keyword.

use ndarray::ArrayD;

use super::{Engine, Question};
use crate::binding::{Binding, Mindspore};
use crate::call::{Answer, Call, Outcome, Output, Rejection};
use crate::compare::Precision;
use crate::group_norm::{Error, GroupNorm};
use crate::python::Exception;
use crate::tensor::{Element, Tensor};

/// [`crate::group_norm`]: speaks for MindSpore, but for eps, which it does not narrow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rust;

impl Engine for Rust {
    fn name(&self) -> &str {
        "rust"
    }

    fn binding(&self) -> &dyn Binding {
        &Mindspore::OPERATOR
    }

    fn precision(&self) -> Precision {
        Precision::Ulp
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let call = question.call;
        if call.input.0 != "x" {
            let text = format!("forward() got an unexpected keyword argument '{}'", call.input.0);
            return Outcome::Rejected(Rejection::new(Exception::TypeError, text));
        }
        let answer = crate::tensor::of_dtype!(&call.input.1, x => compute(call, x.view()));
        match answer {
            Ok(answer) => Outcome::Answered(answer),
            Err(error) => Outcome::Rejected(Rejection::new(error.class(), error.to_string())),
        }
    }
}

fn compute<T: Element>(call: &Call, x: ndarray::ArrayViewD<'_, T>) -> Result<Answer, Error> {
    let norm = GroupNorm::from_keywords(call.arguments.iter().cloned())?;
    let y: ArrayD<T> = norm.forward(x.view())?;
    let mut answer = Answer::default();
    let mut put = |output, tensor: Tensor| drop(answer.arrays.insert(output, tensor.into()));
    put(Output::Y, Tensor::from_array(&y));
    put(Output::Gamma, norm.gamma().clone());
    put(Output::Beta, norm.beta().clone());
    if let Some(backward) = &call.backward
        && let Some(dy) = T::strided(&backward.dy)
    {
        let gradients = norm.backward(x, dy.view(), backward.wanted)?;
        let dx = gradients.dx.as_ref().map(Tensor::from_array);
        for (output, gradient) in
            [(Output::Dx, dx), (Output::Dgamma, gradients.dgamma), (Output::Dbeta, gradients.dbeta)]
        {
            if let Some(gradient) = gradient {
                put(output, gradient);
            }
        }
    }
    Ok(answer)
}
