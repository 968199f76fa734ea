//! PyTorch's functional core, as libtorch 2.13.0 has it: torch.nn.functional.group_norm behind the
//! module's keywords. The module's own checks, in Python, are not part of it.

use super::{Binding, Refusal, affordable, held, only};
use crate::call::{Answer, Call, DTypes, Effective};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// The reading of a call by libtorch.
#[derive(Clone, Copy, Debug)]
pub struct TorchCore;

/// weight and bias as the core is handed them; none where the module has none.
pub(crate) struct Parameters {
    pub weight: Option<Tensor>,
    pub bias: Option<Tensor>,
}

/// The keywords as the typed signature takes them.
pub(crate) struct Typed {
    pub num_groups: i64,
    pub num_channels: i64,
    pub eps: f64,
    /// In the dtype of the input.
    pub parameters: Parameters,
}

impl TorchCore {
    /// Reads the keywords into the typed signature. What it has no types for is inexpressible.
    pub(crate) fn typed(call: &Call) -> Result<Typed, Refusal> {
        Self::read(call, parameter)
    }

    /// The same, with parameters of whatever shape they are filled with.
    pub(crate) fn unchecked(call: &Call) -> Result<Typed, Refusal> {
        Self::read(call, written)
    }

    fn read(call: &Call, parameter: Made) -> Result<Typed, Refusal> {
        only(call, &["num_groups", "num_channels", "eps", "affine"], "input")
            .map_err(|refusal| Refusal::Inexpressible(format!("libtorch's typed signature: {refusal}")))?;
        let input = &call.input.1;
        let int = |name: &str| match call.argument(name) {
            Some(Value::Int(n)) => Ok(*n),
            Some(other) => Err(untyped(name, "an int", other)),
            None => Err(Refusal::Inexpressible(format!("libtorch's typed signature cannot be without {name}"))),
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
        let made = |name, initial| {
            let parameter = || parameter(call, name, initial, num_channels, input.dtype());
            affine.then(parameter).transpose()
        };
        let parameters = Parameters { weight: made("weight", 1.0)?, bias: made("bias", 0.0)? };
        Ok(Typed { num_groups, num_channels, eps, parameters })
    }
}

impl Binding for TorchCore {
    fn side(&self) -> Side {
        Side::Torch
    }

    fn effective(&self, call: &Call, _built: Option<&Answer>) -> Result<Effective, Refusal> {
        let typed = Self::typed(call)?;
        core(call, typed.num_groups, typed.eps, &typed.parameters)
    }
}

/// What the core makes of its arguments.
pub(super) fn core(call: &Call, num_groups: i64, eps: f64, parameters: &Parameters) -> Result<Effective, Refusal> {
    let x = &call.input.1;
    let shape = x.shape();
    let refused = |text: String| Err(Refusal::new(Exception::RuntimeError, text));
    if shape.len() < 2 {
        return refused(format!("at least 2 dimensions are expected, but got {}", shape.len()));
    }
    let channels = shape[1];
    let num_groups = match usize::try_from(num_groups) {
        Ok(n) if n > 0 => n,
        _ => return refused(format!("num_groups must be greater than 0, but got {num_groups}")),
    };
    if !channels.is_multiple_of(num_groups) {
        return refused(format!("{channels} channels are not divisible by num_groups {num_groups}"));
    }
    let Parameters { weight, bias } = parameters;
    if let Some(other) = [weight, bias].into_iter().flatten().find(|parameter| parameter.shape() != [channels]) {
        return refused(format!("weight or bias has shape {:?}, but the input has {channels} channels", other.shape()));
    }
    let wanted = |of: fn(&crate::call::Wanted) -> bool| call.backward.as_ref().is_some_and(|b| of(&b.wanted));
    if weight.is_none() && wanted(|w| w.gamma) || bias.is_none() && wanted(|w| w.beta) {
        return Err(Refusal::Inexpressible("there is no parameter of which the gradient is asked".to_owned()));
    }
    let values = |parameter: &Option<Tensor>, without: f64| match parameter {
        Some(parameter) => held(parameter, parameter.dtype()),
        None => vec![without; channels],
    };
    let dtype = |parameter: &Option<Tensor>| parameter.as_ref().map_or(x.dtype(), Tensor::dtype);
    Ok(Effective {
        x: x.contiguous(),
        num_groups,
        gamma: values(weight, 1.0),
        beta: values(bias, 0.0),
        eps,
        backward: call.backward.as_ref().map(|b| (b.dy.contiguous(), b.wanted)),
        dtypes: DTypes { y: x.dtype(), gamma: dtype(weight), beta: dtype(bias) },
    })
}

fn untyped(name: &str, expected: &str, got: &Value) -> Refusal {
    Refusal::Inexpressible(format!("libtorch's typed signature takes {expected} for {name}, not {got}"))
}

/// How weight or bias is made of a call: its name, what it starts from, how many channels, its dtype.
type Made = fn(&Call, &str, f64, i64, DType) -> Result<Tensor, Refusal>;

/// weight or bias after construction and filling, in `dtype` and in the layout that the filling has.
pub(super) fn parameter(call: &Call, name: &str, initial: f64, channels: i64, dtype: DType) -> Result<Tensor, Refusal> {
    let parameter = written(call, name, initial, channels, dtype)?;
    if usize::try_from(channels).is_ok_and(|channels| parameter.shape() == [channels]) {
        return Ok(parameter);
    }
    let text = format!("{name} of shape [{channels}] cannot be filled with shape {:?}", parameter.shape());
    Err(Refusal::new(Exception::RuntimeError, text))
}

/// The same, of whatever shape the filling has.
fn written(call: &Call, name: &str, initial: f64, channels: i64, dtype: DType) -> Result<Tensor, Refusal> {
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
        Some(Value::Tensor(tensor)) if tensor.dtype() == dtype => Ok(tensor.clone()),
        Some(Value::Tensor(tensor)) => Ok(tensor.cast(dtype)),
        Some(other) => Err(untyped(name, "a number or a tensor", other)),
    }
}
