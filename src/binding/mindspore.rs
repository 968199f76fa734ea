//! mindspore.nn.GroupNorm, as it was measured on a CPU.

use super::{Binding, Refusal, affordable, drawn, held, only, required};
use crate::call::{Answer, Call, DTypes, Effective, Output};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// The target's reading of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mindspore {
    /// Whether eps is narrowed to f32, as MindSpore does for every dtype; the Rust operator does not.
    pub narrows_eps: bool,
    /// Whether gamma and beta enter as they are, and y is of the widest dtype of x, gamma and beta (2.0.0);
    /// otherwise both are cast to the dtype of x, and so is y.
    pub promotes: bool,
    /// Whether there is a parameter `dtype`.
    pub has_dtype: bool,
}

const KEYWORDS: [&str; 7] = ["num_groups", "num_channels", "eps", "affine", "gamma_init", "beta_init", "dtype"];

impl Mindspore {
    /// 2.7.0 and 2.10.0.
    pub const CURRENT: Self = Self { narrows_eps: true, promotes: false, has_dtype: true };
    /// 2.0.0.
    pub const FIRST: Self = Self { narrows_eps: true, promotes: true, has_dtype: false };
    /// The operator of this crate.
    pub const OPERATOR: Self = Self { narrows_eps: false, ..Self::CURRENT };
}

impl Binding for Mindspore {
    fn side(&self) -> Side {
        Side::Mindspore
    }

    fn effective(&self, call: &Call, built: Option<&Answer>) -> Result<Effective, Refusal> {
        if !call.fill.is_empty() {
            return Err(Refusal::Inexpressible("parameters are initialised, not filled".to_owned()));
        }
        only(call, if self.has_dtype { &KEYWORDS } else { &KEYWORDS[..6] }, "x")?;
        // Python looks whether all are there before MindSpore looks at any.
        required(call, "num_groups").and(required(call, "num_channels"))?;
        let num_groups = positive(call, "num_groups")?;
        let num_channels = affordable(positive(call, "num_channels")?)?;
        if num_channels % num_groups != 0 {
            let text = format!("'num_channels' {num_channels} is not divisible by 'num_groups' {num_groups}");
            return Err(Refusal::new(Exception::ValueError, text));
        }
        let eps = match call.argument("eps") {
            None => 1e-5,
            Some(Value::Float(eps)) => *eps,
            Some(other) => return Err(mistyped("eps", "float", other)),
        };
        let affine = match call.argument("affine") {
            None => true,
            Some(Value::Bool(affine)) => *affine,
            Some(other) => return Err(mistyped("affine", "bool", other)),
        };
        let x = &call.input.1;
        let parameter = |name: &str, default: f64, output: Output| {
            let initialiser = call.argument(name).cloned().unwrap_or(Value::Float(default));
            initial(name, &initialiser, num_channels, call.argument("dtype"), drawn(built, output))
        };
        let gamma = parameter("gamma_init", 1.0, Output::Gamma)?;
        let beta = parameter("beta_init", 0.0, Output::Beta)?;

        let shape = x.shape();
        if !(2..=8).contains(&shape.len()) {
            let text = format!("the rank of the input must be between 2 and 8, but got {}", shape.len());
            return Err(Refusal::new(Exception::RuntimeError, text));
        }
        if shape[1] != num_channels {
            let text = format!("gamma and beta are of shape [{num_channels}], but the input has {} channels", shape[1]);
            return Err(Refusal::new(Exception::ValueError, text));
        }
        if shape[2..].contains(&0) {
            return Err(Refusal::new(Exception::RuntimeError, "the spatial size can not be zero"));
        }
        if !affine && call.backward.as_ref().is_some_and(|b| b.wanted.gamma || b.wanted.beta) {
            let text = "MindSpore's list of gradients has that of x alone where affine is False";
            return Err(Refusal::Inexpressible(text.to_owned()));
        }
        let dtypes = DTypes {
            y: if self.promotes { x.dtype().promoted(gamma.dtype()).promoted(beta.dtype()) } else { x.dtype() },
            gamma: gamma.dtype(),
            beta: beta.dtype(),
        };
        Ok(Effective {
            x: x.contiguous(),
            num_groups,
            gamma: held(&gamma, dtypes.y),
            beta: held(&beta, dtypes.y),
            eps: if self.narrows_eps { f64::from(eps as f32) } else { eps },
            backward: call.backward.as_ref().map(|b| (b.dy.contiguous(), b.wanted)),
            dtypes,
        })
    }
}

fn positive(call: &Call, name: &str) -> Result<usize, Refusal> {
    match required(call, name)? {
        Value::Int(n) if *n > 0 => Ok(*n as usize),
        Value::Int(n) => Err(Refusal::new(Exception::ValueError, format!("'{name}' must be > 0, but got {n}"))),
        other => Err(mistyped(name, "int", other)),
    }
}

fn mistyped(name: &str, expected: &str, got: &Value) -> Refusal {
    let text = format!("'{name}' must be of type {expected}, but got {got} of type {}", got.type_name());
    Refusal::new(Exception::TypeError, text)
}

/// A parameter as an initialiser makes it: in `dtype`, or a tensor in its own dtype.
fn initial(
    name: &str,
    initialiser: &Value,
    channels: usize,
    dtype: Option<&Value>,
    drawn: Option<&Tensor>,
) -> Result<Tensor, Refusal> {
    let value = match initialiser {
        Value::Bool(v) => f64::from(u8::from(*v)),
        Value::Int(v) => *v as f64,
        Value::Float(v) => *v,
        Value::Tensor(tensor) if tensor.shape() == [channels] => return Ok(tensor.clone()),
        Value::Tensor(tensor) => {
            let text = format!("'{name}' has shape {:?}, but the parameter has [{channels}]", tensor.shape());
            return Err(Refusal::new(Exception::ValueError, text));
        }
        Value::Str(kind) => match kind.to_ascii_lowercase().as_str() {
            "one" | "ones" => 1.0,
            "zero" | "zeros" => 0.0,
            "normal" | "uniform" => {
                return drawn.cloned().ok_or_else(|| {
                    let text = format!("'{name}' is drawn at random, and the parameter as built is not known");
                    Refusal::Inexpressible(text)
                });
            }
            "xavier_uniform" | "xavier_normal" | "he_uniform" | "he_normal" => {
                return Err(Refusal::new(Exception::ValueError, "fan_in and fan_out need at least two dimensions"));
            }
            _ => return Err(Refusal::new(Exception::ValueError, format!("there is no initialiser '{kind}'"))),
        },
        Value::None | Value::List(_) | Value::DType(_) => {
            return Err(mistyped(name, "Tensor, number, string or initializer", initialiser));
        }
    };
    let dtype = match dtype {
        None => DType::F32,
        Some(Value::DType(dtype)) => *dtype,
        Some(Value::None) => return Err(Refusal::new(Exception::ValueError, "'dtype' must have a value")),
        Some(other) => return Err(mistyped("dtype", "dtype", other)),
    };
    Ok(Tensor::from_f64(dtype, &[channels], &vec![value; channels]).expect("one value for each channel"))
}
