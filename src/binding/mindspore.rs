//! mindspore.nn.GroupNorm, as MindSpore 2.7.0 and 2.10.0 were measured on a CPU.

use super::{Binding, Refusal, affordable, drawn, held, only, required};
use crate::call::{Answer, Call, Effective, Output};
use crate::mapping::Side;
use crate::python::{Exception, Value};
use crate::tensor::{DType, Tensor};

/// The target's reading of a call.
#[derive(Clone, Copy, Debug)]
pub struct Mindspore {
    /// Whether eps is narrowed to f32, as MindSpore does for every dtype; the Rust operator does not.
    pub narrows_eps: bool,
}

const KEYWORDS: [&str; 6] = ["num_groups", "num_channels", "eps", "affine", "gamma_init", "beta_init"];

impl Binding for Mindspore {
    fn side(&self) -> Side {
        Side::Mindspore
    }

    fn effective(&self, call: &Call, built: Option<&Answer>) -> Result<Effective, Refusal> {
        if !call.fill.is_empty() {
            return Err(Refusal::Inexpressible("parameters are initialised, not filled".to_owned()));
        }
        only(call, &KEYWORDS, "x")?;
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
            let built = drawn(built, output);
            initial(name, call.argument(name).unwrap_or(&Value::Float(default)), num_channels, built)
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
        Ok(Effective {
            x: x.contiguous(),
            num_groups,
            gamma: held(&gamma, x.dtype()),
            beta: held(&beta, x.dtype()),
            eps: if self.narrows_eps { f64::from(eps as f32) } else { eps },
            backward: call.backward.as_ref().map(|b| (b.dy.contiguous(), b.wanted)),
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

/// A parameter as an initialiser makes it: f32, or a tensor in its own dtype.
fn initial(name: &str, initialiser: &Value, channels: usize, drawn: Option<&Tensor>) -> Result<Tensor, Refusal> {
    let constant = |value: f64| {
        let tensor = Tensor::from_f64(DType::F32, &[channels], &vec![value; channels]);
        Ok(tensor.expect("one value for each channel"))
    };
    match initialiser {
        Value::Bool(v) => constant(f64::from(u8::from(*v))),
        Value::Int(v) => constant(*v as f64),
        Value::Float(v) => constant(*v),
        Value::Tensor(tensor) if tensor.shape() == [channels] => Ok(tensor.clone()),
        Value::Tensor(tensor) => {
            let text = format!("'{name}' has shape {:?}, but the parameter has [{channels}]", tensor.shape());
            Err(Refusal::new(Exception::ValueError, text))
        }
        Value::Str(kind) => match kind.to_ascii_lowercase().as_str() {
            "one" | "ones" => constant(1.0),
            "zero" | "zeros" => constant(0.0),
            "normal" | "uniform" => drawn.cloned().ok_or_else(|| {
                Refusal::Inexpressible(format!("'{name}' is drawn at random, and the parameter as built is not known"))
            }),
            "xavier_uniform" | "xavier_normal" | "he_uniform" | "he_normal" => {
                Err(Refusal::new(Exception::ValueError, "fan_in and fan_out need at least two dimensions"))
            }
            _ => Err(Refusal::new(Exception::ValueError, format!("there is no initialiser '{kind}'"))),
        },
        Value::None | Value::List(_) => Err(mistyped(name, "Tensor, number, string or initializer", initialiser)),
    }
}
