//! PyTorch's functional core, as libtorch 2.13.0 has it: torch.nn.functional.group_norm behind the
//! module's keywords. The module's own checks, in Python, are not part of it.

use super::{Binding, Refusal, affordable, held, only, required};
use crate::call::{Answer, Call, Effective};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// The source's reading of a call, by libtorch.
#[derive(Clone, Copy, Debug)]
pub struct TorchCore;

/// The keywords as the typed signature takes them.
pub(crate) struct Typed<'a> {
    pub num_groups: i64,
    pub eps: f64,
    /// weight and bias in the dtype of the input; none where affine is false.
    pub parameters: Option<[Tensor; 2]>,
    pub input: &'a Tensor,
}

impl TorchCore {
    /// Reads the keywords into the typed signature. What it has no types for is inexpressible.
    pub(crate) fn typed(call: &Call) -> Result<Typed<'_>, Refusal> {
        only(call, &["num_groups", "num_channels", "eps", "affine"], "input")?;
        let input = &call.input.1;
        let int = |name: &str| match required(call, name)? {
            Value::Int(n) => Ok(*n),
            other => Err(untyped(name, "an int", other)),
        };
        let (num_groups, num_channels) = (int("num_groups")?, int("num_channels")?);
        let eps = match call.argument("eps") {
            None => 1e-5,
            Some(Value::Float(eps)) => *eps,
            Some(Value::Int(eps)) => *eps as f64,
            Some(other) => return Err(untyped("eps", "a float", other)),
        };
        let affine = match call.argument("affine") {
            None => true,
            Some(Value::Bool(affine)) => *affine,
            Some(other) => return Err(untyped("affine", "a bool", other)),
        };
        // What the module does not have cannot be filled: a user has nothing to write there.
        let parameters = if affine {
            let weight = parameter(call, "weight", 1.0, num_channels, input.dtype())?;
            Some([weight, parameter(call, "bias", 0.0, num_channels, input.dtype())?])
        } else {
            None
        };
        if !affine && call.backward.as_ref().is_some_and(|b| b.wanted.gamma || b.wanted.beta) {
            return Err(Refusal::Inexpressible("there are no parameters where affine is False".to_owned()));
        }
        Ok(Typed { num_groups, eps, parameters, input })
    }
}

impl Binding for TorchCore {
    fn side(&self) -> Side {
        Side::Torch
    }

    fn effective(&self, call: &Call, _built: Option<&Answer>) -> Result<Effective, Refusal> {
        let typed = Self::typed(call)?;
        let shape = typed.input.shape();
        let refused = |text: String| Err(Refusal::new(Exception::RuntimeError, text));
        if shape.len() < 2 {
            return refused(format!("at least 2 dimensions are expected, but got {}", shape.len()));
        }
        let channels = shape[1];
        let num_groups = match usize::try_from(typed.num_groups) {
            Ok(n) if n > 0 => n,
            _ => return refused(format!("num_groups must be greater than 0, but got {}", typed.num_groups)),
        };
        if channels % num_groups != 0 {
            return refused(format!("{channels} channels are not divisible by num_groups {num_groups}"));
        }
        if let Some(parameters) = &typed.parameters
            && parameters[0].shape() != [channels]
        {
            let text = format!("weight has shape {:?}, but the input has {channels} channels", parameters[0].shape());
            return refused(text);
        }
        let [gamma, beta] = match &typed.parameters {
            Some(parameters) => [held(&parameters[0], typed.input.dtype()), held(&parameters[1], typed.input.dtype())],
            None => [vec![1.0; channels], vec![0.0; channels]],
        };
        let backward = call.backward.as_ref().map(|b| (b.dy.contiguous(), b.wanted));
        Ok(Effective { x: typed.input.contiguous(), num_groups, gamma, beta, eps: typed.eps, backward })
    }
}

fn untyped(name: &str, expected: &str, got: &Value) -> Refusal {
    Refusal::Inexpressible(format!("libtorch's typed signature takes {expected} for {name}, not {got}"))
}

/// weight or bias after construction and filling, in the dtype of the input and in the layout that the filling has.
fn parameter(call: &Call, name: &str, initial: f64, channels: i64, dtype: DType) -> Result<Tensor, Refusal> {
    let Ok(channels) = usize::try_from(channels) else {
        let text = format!("Trying to create tensor with negative dimension {channels}: [{channels}]");
        return Err(Refusal::new(Exception::RuntimeError, text));
    };
    let channels = affordable(channels)?;
    let filling = call.fill.iter().find(|(attribute, _)| attribute == name).map(|(_, value)| value);
    let constant = |value: f64| {
        let tensor = Tensor::from_f64(dtype, &[channels], &vec![value; channels]);
        Ok(tensor.expect("one value for each channel"))
    };
    match filling {
        None => constant(initial),
        Some(Value::Float(value)) => constant(*value),
        Some(Value::Tensor(tensor)) if tensor.shape() != [channels] => {
            let text = format!("{name} of shape [{channels}] cannot be filled with shape {:?}", tensor.shape());
            Err(Refusal::new(Exception::RuntimeError, text))
        }
        Some(Value::Tensor(tensor)) if tensor.dtype() == dtype => Ok(tensor.clone()),
        Some(Value::Tensor(tensor)) => Ok(tensor.cast(dtype)),
        Some(other) => Err(untyped(name, "a number or a tensor", other)),
    }
}
