//! Live libtorch through tch: PyTorch's functional core, its gradients by autograd.

use tch::{Kind, TchError};

use super::{Engine, Question};
use crate::binding::{Binding, Refusal, TorchCore, Typed};
use crate::call::{Answer, Call, Outcome, Output, Rejection};
use crate::python::Exception;
use crate::tensor::{DType, Element, Strided, Tensor, of_dtype, with_type};

/// The libtorch that this crate is linked to. It speaks for PyTorch.
///
/// The module's constructor checks are not imitated. What is rejected is a RuntimeError: a C++
/// exception has no class of Python's.
#[derive(Clone, Copy, Debug)]
pub struct Libtorch(());

impl Default for Libtorch {
    fn default() -> Self {
        // Checks run in parallel already, and one thread sums in one order.
        tch::set_num_threads(1);
        Self(())
    }
}

impl Engine for Libtorch {
    fn name(&self) -> &str {
        "libtorch"
    }

    fn binding(&self) -> &dyn Binding {
        &TorchCore
    }

    fn is_module(&self) -> bool {
        false
    }

    fn reproduces(&self) -> Option<&str> {
        Some("torch-2.13.0")
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let typed = match TorchCore::typed(question.call) {
            Ok(typed) => typed,
            Err(Refusal::Inexpressible(why)) => return Outcome::NotAsked(why),
            Err(Refusal::Rejected(rejection)) => return Outcome::Rejected(rejection),
        };
        if ends_the_process(question.call) {
            let why = "libtorch 2.13.0 ends the process: of an input that is channels last it takes the gradients of weight \
                       and bias only beside that of the input";
            return Outcome::NotAsked(why.to_owned());
        }
        match compute(question.call, &typed) {
            Ok(answer) => Outcome::Answered(answer),
            Err(error) => Outcome::Rejected(Rejection::new(Exception::RuntimeError, first_line(&error))),
        }
    }
}

/// Whether the backward pass writes a gradient of the input for which it has made no room (a segmentation fault in its
/// kernel for channels last, on a CPU). What libtorch takes for channels last has its places in space at least all
/// channels apart, whatever is between them.
fn ends_the_process(call: &Call) -> bool {
    let x = &call.input.1;
    let (shape, strides) = (x.shape(), x.strides());
    let is_channels_last =
        matches!(shape.len(), 4 | 5) && strides[2..].iter().all(|&stride| stride >= strides[1] * shape[1]);
    let wanted = call.backward.as_ref().map(|backward| backward.wanted);
    is_channels_last && wanted.is_some_and(|wanted| !wanted.x && (wanted.gamma || wanted.beta))
}

fn compute(call: &Call, typed: &Typed) -> Result<Answer, TchError> {
    let dtype = call.input.1.dtype();
    let wanted = call.backward.as_ref().map(|backward| backward.wanted);
    let leaf = |tensor: &Tensor, wanted: bool| to_torch(tensor)?.f_set_requires_grad(wanted);
    let input = leaf(&call.input.1, wanted.is_some_and(|w| w.x))?;
    let parameter = |parameter: &Option<Tensor>, wanted| parameter.as_ref().map(|p| leaf(p, wanted)).transpose();
    let weight = parameter(&typed.parameters.weight, wanted.is_some_and(|w| w.gamma))?;
    let bias = parameter(&typed.parameters.bias, wanted.is_some_and(|w| w.beta))?;
    let y = input.f_group_norm(typed.num_groups, weight.as_ref(), bias.as_ref(), typed.eps, false)?;
    let mut answer = Answer::default();
    answer.arrays.insert(Output::Y, from_torch(&y.f_detach()?, dtype)?.into());
    if let Some(backward) = &call.backward {
        if backward.dy.shape() != call.input.1.shape() {
            // The product below would broadcast it.
            return Err(TchError::Shape(format!("dy is of shape {:?}", backward.dy.shape())));
        }
        // The loss is the sum of y*dy, so that its gradient in y is dy.
        let loss = y.f_mul(&to_torch(&backward.dy)?)?.f_sum(None)?;
        let leaves = [(Output::Dx, Some(&input)), (Output::Dgamma, weight.as_ref()), (Output::Dbeta, bias.as_ref())];
        let leaves: Vec<_> = leaves
            .into_iter()
            .filter_map(|(output, leaf)| Some((output, leaf.filter(|leaf| leaf.requires_grad())?)))
            .collect();
        if leaves.is_empty() {
            return Ok(answer);
        }
        let inputs: Vec<&tch::Tensor> = leaves.iter().map(|(_, leaf)| *leaf).collect();
        for ((output, _), gradient) in leaves.iter().zip(tch::Tensor::f_run_backward(&[loss], &inputs, false, false)?) {
            answer.arrays.insert(*output, from_torch(&gradient, dtype)?.into());
        }
    }
    Ok(answer)
}

fn kind(dtype: DType) -> Kind {
    match dtype {
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
    }
}

/// The same storage, shape, strides and offset.
fn to_torch(tensor: &Tensor) -> Result<tch::Tensor, TchError> {
    let sizes = |sizes: &[usize]| sizes.iter().map(|&n| n as i64).collect::<Vec<_>>();
    let (bytes, length, offset): (Vec<u8>, usize, usize) = of_dtype!(tensor, s => {
        (s.storage().iter().flat_map(|v| v.to_ne_bytes()).collect(), s.storage().len(), s.offset())
    });
    tch::Tensor::f_from_data_size(&bytes, &[length as i64], kind(tensor.dtype()))?.f_as_strided(
        sizes(tensor.shape()),
        sizes(tensor.strides()),
        offset as i64,
    )
}

fn from_torch(tensor: &tch::Tensor, dtype: DType) -> Result<Tensor, TchError> {
    if tensor.f_kind()? != kind(dtype) {
        return Err(TchError::Kind(format!("the answer is of kind {:?}, expected {dtype}", tensor.f_kind()?)));
    }
    let shape: Vec<usize> = tensor.size().into_iter().map(|n| n as usize).collect();
    let tensor = tensor.f_contiguous()?;
    Ok(with_type!(dtype, T => {
        let mut bytes = vec![0u8; tensor.numel() * size_of::<T>()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let values: Vec<T> = bytes.chunks_exact(size_of::<T>()).map(|b| {
            T::from_ne_bytes(b.try_into().expect("chunks are of the size of the type"))
        }).collect();
        T::tensor(Strided::contiguous(values, &shape).expect("numel is the product of the sizes"))
    }))
}

/// The message without the C++ stack that follows it.
fn first_line(error: &TchError) -> String {
    let text = match error {
        TchError::Torch(text) => text.clone(),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Backward, Wanted};
    use crate::python::Value;

    #[test]
    fn what_would_end_the_process_is_not_asked() {
        let values: Vec<f32> = (0u8..24).map(f32::from).collect();
        let channels_last = f32::tensor(Strided::new(values.clone(), &[1, 4, 2, 3], &[24, 1, 12, 4], 0).unwrap());
        let contiguous = f32::tensor(Strided::new(values, &[1, 4, 2, 3], &[24, 6, 3, 1], 0).unwrap());
        let outcome = |x: &Tensor, wanted| {
            let call = Call {
                arguments: [("num_groups", 2), ("num_channels", 4)].map(|(n, v)| (n.to_owned(), Value::Int(v))).into(),
                fill: Vec::new(),
                input: ("input".to_owned(), x.clone()),
                backward: Some(Backward { dy: x.clone(), wanted }),
            };
            let question = Question { row: "input", check: "input/channels_last/f32", call: &call };
            matches!(Libtorch::default().answer(question), Outcome::Answered(_))
        };
        let of_gamma = Wanted { x: false, gamma: true, beta: false };
        assert!(!outcome(&channels_last, of_gamma));
        assert!(outcome(&channels_last, Wanted { x: true, ..of_gamma }));
        assert!(outcome(&contiguous, of_gamma));
    }
}
