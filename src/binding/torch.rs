//! torch.nn.GroupNorm, as it was measured on a CPU: what Python checks, and then the functional core.

use super::torch_core::{Parameters, core};
use super::{Binding, Refusal, only, required};
use crate::call::{Answer, Call, Effective};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// The source's reading of a call.
///
/// A module is taken to be converted to the dtype of the input, as users do (`net.to(x.dtype)`), unless the
/// call states a `dtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torch {
    /// Whether there are the parameters `device`, `dtype` and `bias`, and whether the constructor asks that
    /// num_groups divides num_channels (both 2.13.0).
    pub is_current: bool,
}

impl Torch {
    /// 2.13.0.
    pub const CURRENT: Self = Self { is_current: true };
    /// 1.8.1.
    pub const FIRST: Self = Self { is_current: false };
}

const KEYWORDS: [&str; 7] = ["num_groups", "num_channels", "eps", "affine", "device", "dtype", "bias"];

impl Binding for Torch {
    fn side(&self) -> Side {
        Side::Torch
    }

    fn effective(&self, call: &Call, _built: Option<&Answer>) -> Result<Effective, Refusal> {
        only(call, if self.is_current { &KEYWORDS } else { &KEYWORDS[..4] }, "input")?;
        let x = &call.input.1;
        let (num_groups, num_channels) = (int(call, "num_groups")?, int(call, "num_channels")?);
        if self.is_current {
            if num_groups == 0 {
                return Err(Refusal::new(Exception::ZeroDivisionError, "integer modulo by zero"));
            }
            // The least i64 by -1 is beyond the range, and divides.
            if num_channels.checked_rem(num_groups).unwrap_or(0) != 0 {
                let text = format!("num_channels ({num_channels}) must be divisible by num_groups ({num_groups})");
                return Err(Refusal::new(Exception::ValueError, text));
            }
        }
        let dtype = match call.argument("dtype") {
            None => x.dtype(),
            Some(Value::None) => DType::F32,
            Some(Value::DType(dtype)) => *dtype,
            Some(other) => return Err(mistyped("dtype", other)),
        };
        match call.argument("device") {
            None | Some(Value::None) => {}
            Some(Value::Str(device)) if device == "cpu" => {}
            Some(other) => return Err(Refusal::Inexpressible(format!("only a cpu is known, not {other}"))),
        }
        let parameters = Parameters {
            weight: self.parameter(call, "weight", num_channels, dtype)?,
            bias: self.parameter(call, "bias", num_channels, dtype)?,
        };
        if x.shape().len() < 2 {
            let class = if self.is_current { Exception::RuntimeError } else { Exception::IndexError };
            return Err(Refusal::new(class, "at least 2 dimensions are expected"));
        }
        let (samples, channels) = (x.shape()[0] as i64, x.shape()[1] as i64);
        let Some(groups_of_all) = (samples * channels).checked_div_euclid(num_groups) else {
            return Err(Refusal::new(Exception::ZeroDivisionError, "integer division or modulo by zero"));
        };
        if groups_of_all * x.shape()[2..].iter().product::<usize>() as i64 == 1 {
            return Err(Refusal::new(Exception::ValueError, "Expected more than 1 value per channel when training"));
        }
        let eps = match call.argument("eps") {
            None => 1e-5,
            Some(Value::Float(eps)) => *eps,
            Some(Value::Int(eps)) => *eps as f64,
            Some(Value::Bool(eps)) => f64::from(u8::from(*eps)),
            Some(other) => return Err(mistyped("eps", other)),
        };
        let half = [DType::F16, DType::BF16].contains(&x.dtype());
        let mixed = |parameter: &Tensor| parameter.dtype() != x.dtype() && !(half && parameter.dtype() == DType::F32);
        if [&parameters.weight, &parameters.bias].into_iter().flatten().any(mixed) {
            return Err(Refusal::new(Exception::RuntimeError, "mixed dtype: all inputs must share the same datatype"));
        }
        core(call, num_groups, eps, &parameters)
    }
}

impl Torch {
    /// weight or bias after construction and filling; none where there is none.
    fn parameter(&self, call: &Call, name: &str, channels: i64, dtype: DType) -> Result<Option<Tensor>, Refusal> {
        let switch = |name| call.argument(name).map_or(Ok(true), truth);
        if !switch("affine")? || name == "bias" && !switch("bias")? {
            return Ok(None);
        }
        let initial = if name == "weight" { 1.0 } else { 0.0 };
        super::torch_core::parameter(call, name, initial, channels, dtype).map(Some)
    }
}

/// A count, which Python's int alone can be.
fn int(call: &Call, name: &str) -> Result<i64, Refusal> {
    match required(call, name)? {
        Value::Int(n) => Ok(*n),
        other => Err(mistyped(name, other)),
    }
}

fn mistyped(name: &str, got: &Value) -> Refusal {
    Refusal::new(Exception::TypeError, format!("'{name}' cannot be {got} of type {}", got.type_name()))
}

/// Whether Python takes a value for true.
fn truth(value: &Value) -> Result<bool, Refusal> {
    Ok(match value {
        Value::None => false,
        Value::Bool(v) => *v,
        Value::Int(v) => *v != 0,
        Value::Float(v) => *v != 0.0,
        Value::Str(v) => !v.is_empty(),
        Value::List(v) => !v.is_empty(),
        Value::DType(_) => true,
        Value::Tensor(_) => return Err(Refusal::Inexpressible("the truth of a tensor is not known here".to_owned())),
    })
}
