//! A GroupNorm from arguments by keyword, untyped: what stands behind an FFI.
//!
//! The checks, and their order, are MindSpore's: an argument that is wrong in two ways, or two wrong
//! arguments, give the same class of exception here and there.

use super::builder::{divisible, positive};
use super::{Error, GroupNorm, Initializer};
use crate::python::Value;

/// Every keyword, in the order in which the values are checked.
const NAMES: [&str; 7] = ["num_groups", "num_channels", "eps", "affine", "gamma_init", "beta_init", "dtype"];

impl GroupNorm {
    /// A GroupNorm from MindSpore's keywords, with types as strict as there: `num_groups` and
    /// `num_channels` take an int and no bool, `eps` only a float, `affine` only a bool, `gamma_init` and
    /// `beta_init` a tensor, a number or a name.
    ///
    /// `dtype` takes a dtype and is not looked at where both initialisers are tensors, as in MindSpore. A
    /// seed is chosen with [`GroupNorm::builder`].
    ///
    /// # Errors
    ///
    /// TypeError where a keyword is unknown, given twice or missing, or a value is of a wrong type;
    /// ValueError where `dtype` is `None`; otherwise as [`Builder::build`](super::Builder::build).
    pub fn from_keywords<K: AsRef<str>>(keywords: impl IntoIterator<Item = (K, Value)>) -> Result<Self, Error> {
        let mut values = [const { None }; NAMES.len()];
        for (keyword, value) in keywords {
            let keyword = keyword.as_ref();
            let at = NAMES
                .iter()
                .position(|&name| name == keyword)
                .ok_or_else(|| Error::UnexpectedArgument { name: keyword.to_owned() })?;
            if values[at].replace(value).is_some() {
                return Err(Error::RepeatedArgument { name: NAMES[at] });
            }
        }
        let [num_groups, num_channels, eps, affine, gamma_init, beta_init, dtype] = values;
        let num_groups = num_groups.ok_or(Error::MissingArgument { name: "num_groups" })?;
        let num_channels = num_channels.ok_or(Error::MissingArgument { name: "num_channels" })?;

        let num_groups = count("num_groups", num_groups)?;
        let num_channels = count("num_channels", num_channels)?;
        let channels = positive("num_channels", num_channels)?;
        divisible(positive("num_groups", num_groups)?, channels)?;
        let mut builder = Self::builder(num_groups, num_channels);
        match eps {
            None => {}
            Some(Value::Float(eps)) => builder = builder.eps(eps),
            Some(other) => return Err(Error::Type { name: "eps", allowed: "'float'", given: other.type_name() }),
        }
        match affine {
            None => {}
            Some(Value::Bool(affine)) => builder = builder.affine(affine),
            Some(other) => return Err(Error::Type { name: "affine", allowed: "'bool'", given: other.type_name() }),
        }
        if let Some(Value::DType(dtype)) = dtype {
            builder = builder.dtype(dtype);
        }
        if let Some(init) = initializer("gamma_init", gamma_init, channels, dtype.as_ref())? {
            builder = builder.gamma_init(init);
        }
        if let Some(init) = initializer("beta_init", beta_init, channels, dtype.as_ref())? {
            builder = builder.beta_init(init);
        }
        builder.build()
    }
}

/// An int that is positive; a bool is an int in Python, and refused by name.
fn count(name: &'static str, value: Value) -> Result<i64, Error> {
    match value {
        Value::Int(given) => positive(name, given).map(|_| given),
        Value::Bool(given) => Err(Error::BoolCount { name, given }),
        other => Err(Error::Type { name, allowed: "'int'", given: other.type_name() }),
    }
}

/// The initialiser, where one was given. `dtype` is looked at where the parameter has to be made.
fn initializer(
    name: &'static str,
    value: Option<Value>,
    num_channels: usize,
    dtype: Option<&Value>,
) -> Result<Option<Initializer>, Error> {
    let init = match value {
        None => None,
        Some(Value::Str(name)) => Some(name.into()),
        Some(Value::Int(value)) => Some(value.into()),
        Some(Value::Float(value)) => Some(value.into()),
        Some(Value::Bool(value)) => Some(value.into()),
        Some(Value::Tensor(tensor)) => Some(Initializer::Tensor(tensor)),
        Some(other @ (Value::None | Value::List(_) | Value::DType(_))) => {
            return Err(Error::Type { name, allowed: "'Tensor', 'number' or 'str'", given: other.type_name() });
        }
    };
    if let Some(init) = &init {
        init.check(name, num_channels)?;
    }
    match dtype {
        None | Some(Value::DType(_)) => {}
        Some(_) if matches!(init, Some(Initializer::Tensor(_))) => {}
        Some(Value::None) => return Err(Error::NoDType),
        Some(other) => {
            return Err(Error::Type { name: "dtype", allowed: "'mindspore.dtype'", given: other.type_name() });
        }
    }
    // MindSpore makes gamma before it looks at beta_init.
    if let Some(init) = &init {
        init.check_dimensions(name)?;
    }
    Ok(init)
}
