//! What Python's values and exceptions look like from Rust.
//!
//! Both APIs of a mapping are Python APIs: a call by keyword keeps the difference between `1`,
//! `1.0` and `True`, and a refusal is an exception of a class.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tensor::{DType, Tensor};

/// A value given by keyword.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`; Python's bool is an int too, but APIs tell them apart.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Str(String),
    /// A `list`.
    List(Vec<Value>),
    /// A tensor of the framework that is called.
    Tensor(Tensor),
    /// A dtype of the framework that is called: `torch.float16`, `mindspore.float16`.
    DType(DType),
}

impl Value {
    /// The name of the type, as Python's error messages give it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::List(_) => "list",
            Value::Tensor(_) => "Tensor",
            Value::DType(_) => "dtype",
        }
    }

    /// Feeds its type and its value to a hash.
    pub fn hash_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(self.type_name().as_bytes());
        match self {
            Value::None => {}
            Value::Bool(v) => drop(hasher.update(&[u8::from(*v)])),
            Value::Int(v) => drop(hasher.update(&v.to_le_bytes())),
            Value::Float(v) => drop(hasher.update(&v.to_le_bytes())),
            Value::Str(v) => drop(hasher.update(&(v.len() as u64).to_le_bytes()).update(v.as_bytes())),
            Value::List(v) => {
                hasher.update(&(v.len() as u64).to_le_bytes());
                v.iter().for_each(|v| v.hash_into(hasher));
            }
            Value::Tensor(v) => v.hash_into(hasher),
            Value::DType(v) => drop(hasher.update(v.name().as_bytes())),
        }
    }
}

impl fmt::Display for Value {
    /// As it is written in Python; a tensor by dtype and shape, a dtype by the name that both frameworks give it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(v) => write!(f, "{v}"),
            Value::Float(v) if v.is_nan() => f.write_str("float('nan')"),
            Value::Float(v) if v.is_infinite() => write!(f, "float('{v}')"),
            Value::Float(v) => write!(f, "{v:?}"),
            Value::Str(v) => write!(f, "'{}'", v.escape_default()),
            Value::List(v) => {
                f.write_str("[")?;
                for (i, v) in v.iter().enumerate() {
                    write!(f, "{}{v}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Tensor(v) => write!(f, "Tensor({}, {:?})", v.dtype(), v.shape()),
            Value::DType(v) => f.write_str(v.framework_name()),
        }
    }
}

/// A float as Python prints it.
pub fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e').filter(|_| value.is_finite() && value != 0.0) else {
        return format!("{value:?}");
    };
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..16).contains(&power) => {
            format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
        }
        _ => format!("{value:?}"),
    }
}

/// The class of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Exception {
    /// A value of the right type that is not allowed.
    ValueError,
    /// A value of a wrong type, or a keyword that does not exist.
    TypeError,
    /// What a kernel or a shape inference refuses.
    RuntimeError,
    /// `//` or `%` by zero.
    ZeroDivisionError,
    /// A dimension that is not there.
    IndexError,
    /// An attribute that is not there.
    AttributeError,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
