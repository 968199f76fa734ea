//! What a parameter starts from.

use super::Error;
use crate::random::Generator;
use crate::tensor::{DType, Tensor};

/// What `gamma` or `beta` starts from. Whether it can is checked when the GroupNorm is built.
///
/// Made by `into()` from a name, a number (a bool counts as 0 or 1) or a tensor.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Initializer {
    /// By name, in upper or lower case: `ones` or `one`, `zeros` or `zero`, `normal` (mean 0, deviation
    /// 0.01) or `uniform` (from -0.07 to 0.07). MindSpore's `xavier_uniform`, `xavier_normal`,
    /// `he_uniform` and `he_normal` are known and refused, as they are there: they need two dimensions.
    Name(String),
    /// Every element is this number, rounded to the parameter's dtype.
    Number(f64),
    /// The elements themselves, shape `(num_channels,)`; the parameter takes its dtype.
    Tensor(Tensor),
}

/// The names that can start a parameter of one dimension.
pub(super) const ACCEPTED_NAMES: [&str; 6] = ["ones", "one", "zeros", "zero", "normal", "uniform"];

impl Initializer {
    /// Refuses, without making anything, all that needs no dtype to be known as wrong: a tensor of
    /// another shape, or a name that does not exist. `argument` is the one it was given for.
    pub(super) fn check(&self, argument: &'static str, num_channels: usize) -> Result<(), Error> {
        match self {
            Initializer::Name(name) => Rule::named(name)
                .map(drop)
                .ok_or_else(|| Error::UnknownInitializer { name: argument, given: name.clone() }),
            Initializer::Number(_) => Ok(()),
            Initializer::Tensor(tensor) if tensor.shape() == [num_channels] => Ok(()),
            Initializer::Tensor(tensor) => {
                Err(Error::Shape { name: argument, expected: vec![num_channels], given: tensor.shape().to_vec() })
            }
        }
    }

    /// Refuses a name that needs two dimensions, which is found once the dtype is known.
    pub(super) fn check_dimensions(&self, argument: &'static str) -> Result<(), Error> {
        match self {
            Initializer::Name(given) if matches!(Rule::named(given), Some(Rule::Fan)) => {
                Err(Error::NoFan { name: argument, given: given.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The parameter: shape `(num_channels,)`, contiguous.
    pub(super) fn tensor(
        &self,
        argument: &'static str,
        num_channels: usize,
        dtype: DType,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.check(argument, num_channels)?;
        self.check_dimensions(argument)?;
        let rule = match self {
            Initializer::Tensor(tensor) => return Ok(tensor.contiguous()),
            Initializer::Number(value) => Rule::Constant(*value),
            Initializer::Name(name) => Rule::named(name).expect("checked just above"),
        };
        let mut draw: Box<dyn FnMut() -> f64> = match rule {
            Rule::Constant(value) => Box::new(move || value),
            Rule::Normal => Box::new(|| 0.01 * generator.normal()),
            Rule::Uniform => Box::new(|| 0.07 * (2.0 * generator.uniform() - 1.0)),
            Rule::Fan => unreachable!("refused just above"),
        };
        let mut values = Vec::new();
        values.try_reserve_exact(num_channels).map_err(|_| Error::Memory { num_channels })?;
        values.extend((0..num_channels).map(|_| draw()));
        Ok(Tensor::from_f64(dtype, &[num_channels], &values).expect("as many values as channels"))
    }
}

/// What a name stands for.
enum Rule {
    Constant(f64),
    Normal,
    Uniform,
    /// Scaled by the numbers of inputs and outputs, which a parameter of one dimension has not.
    Fan,
}

impl Rule {
    /// MindSpore registers each initialiser by its class, and some by an alias as well.
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "ones" | "one" => Rule::Constant(1.0),
            "zeros" | "zero" => Rule::Constant(0.0),
            "normal" => Rule::Normal,
            "uniform" => Rule::Uniform,
            "xavier_uniform" | "xavier_normal" | "he_uniform" | "he_normal" => Rule::Fan,
            "xavieruniform" | "xaviernormal" | "heuniform" | "henormal" => Rule::Fan,
            _ => return None,
        })
    }
}

impl From<&str> for Initializer {
    fn from(name: &str) -> Self {
        Initializer::Name(name.to_owned())
    }
}

impl From<String> for Initializer {
    fn from(name: String) -> Self {
        Initializer::Name(name)
    }
}

impl From<f64> for Initializer {
    fn from(value: f64) -> Self {
        Initializer::Number(value)
    }
}

impl From<i64> for Initializer {
    fn from(value: i64) -> Self {
        Initializer::Number(value as f64)
    }
}

impl From<i32> for Initializer {
    fn from(value: i32) -> Self {
        Initializer::Number(value.into())
    }
}

impl From<bool> for Initializer {
    fn from(value: bool) -> Self {
        Initializer::Number(value.into())
    }
}

impl From<Tensor> for Initializer {
    fn from(tensor: Tensor) -> Self {
        Initializer::Tensor(tensor)
    }
}

impl From<&Tensor> for Initializer {
    fn from(tensor: &Tensor) -> Self {
        Initializer::Tensor(tensor.clone())
    }
}
