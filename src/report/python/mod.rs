//! A call as a script, to read and to ask the framework itself.

mod array;
mod recipe;

use std::fmt::{self, Write};

use array::Arrays;
use serde::{Serialize, Serializer};

use crate::call::Call;
use crate::mapping::{Case, Mapping, Side};
use crate::python::Value;
use crate::tensor::DType;

/// A script of Python that runs as it stands and prints what is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What is imported and defined first, ending in an empty line; many scripts have the same.
    pub setup: String,
    /// The call.
    pub call: String,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.setup)?;
        f.write_str(&self.call)
    }
}

impl Serialize for Script {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A call of a case as a script of the framework of a side. Large tensors are made by their recipe in the case, to the
/// same bits.
pub fn python(mapping: &Mapping, case: &Case, call: &Call, side: Side) -> Script {
    let writer = Writer { call, side, arrays: Arrays { mapping, case, side } };
    let mut text = String::new();
    let argument = |(name, value): &(String, Value)| format!("{name}={}", writer.value(name, value));
    let arguments: Vec<String> = call.arguments.iter().map(argument).collect();
    let _ = writeln!(text, "net = {}({})", mapping.api(side).name, arguments.join(", "));
    match side {
        Side::Torch => writer.torch(&mut text),
        Side::Mindspore => writer.mindspore(&mut text),
    }
    Script { setup: setup(side, &text), call: text }
}

struct Writer<'a> {
    call: &'a Call,
    side: Side,
    arrays: Arrays<'a>,
}

impl Writer<'_> {
    fn torch(&self, text: &mut String) {
        let Call { fill, input: (name, x), backward, .. } = self.call;
        if self.call.argument("dtype").is_none() && x.dtype() != DType::F32 {
            let _ = writeln!(text, "net.to({})", self.dtype(x.dtype()));
        }
        // A module without affine or bias has None there, and nothing to fill.
        let is_optional = self.call.argument("affine").is_some() || self.call.argument("bias").is_some();
        for (parameter, value) in fill {
            if is_optional {
                let _ = write!(text, "if net.{parameter} is not None: ");
            }
            let _ = match value {
                Value::Tensor(tensor) => {
                    writeln!(text, "net.{parameter}.data = {}", self.arrays.filling(parameter, tensor, x.dtype()))
                }
                value => {
                    writeln!(text, "torch.nn.init.constant_(net.{parameter}, {})", self.value(parameter, value))
                }
            };
        }
        let _ = writeln!(text, "x = {}", self.arrays.input(x));
        let Some(backward) = backward else {
            let _ = writeln!(text, "print(net({name}=x))");
            return;
        };
        let wanted = backward.wanted;
        let leaves = [(wanted.x, "x"), (wanted.gamma, "net.weight"), (wanted.beta, "net.bias")];
        if wanted.x {
            text.push_str("x.requires_grad_()\n");
        }
        let _ = writeln!(text, "dy = {}", self.arrays.gradient(&backward.dy));
        let _ = writeln!(text, "y = net({name}=x)\ny.backward(dy)\nprint(y)");
        for (_, leaf) in leaves.into_iter().filter(|(wanted, _)| *wanted) {
            let _ = writeln!(text, "print({leaf}.grad)");
        }
    }

    fn mindspore(&self, text: &mut String) {
        let Call { input: (name, x), backward, .. } = self.call;
        let _ = writeln!(text, "x = {}", self.arrays.input(x));
        let _ = writeln!(text, "print(net({name}=x))");
        let Some(backward) = backward else { return };
        let named = [(backward.wanted.gamma, "net.gamma"), (backward.wanted.beta, "net.beta")];
        let weights: Vec<&str> = named.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect();
        let flag = |is: bool| if is { "True" } else { "False" };
        let _ = writeln!(
            text,
            "gradient = mindspore.ops.GradOperation(get_all={}, get_by_list={}, sens_param=True)",
            flag(backward.wanted.x),
            flag(!weights.is_empty())
        );
        let weights = match weights.is_empty() {
            true => String::new(),
            false => format!(", mindspore.ParameterTuple([{}])", weights.join(", ")),
        };
        let _ = writeln!(text, "dy = {}", self.arrays.gradient(&backward.dy));
        let _ = writeln!(text, "print(gradient(net{weights})(x, dy))");
    }

    /// The value of an argument as it is written in Python.
    fn value(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Tensor(tensor) => self.arrays.argument(name, tensor),
            Value::DType(value) => self.dtype(*value),
            Value::List(items) => {
                // What is in a list has no recipe of its own.
                let items: Vec<String> = items.iter().map(|item| self.value("", item)).collect();
                format!("[{}]", items.join(", "))
            }
            value => value.to_string(),
        }
    }

    fn dtype(&self, dtype: DType) -> String {
        format!("{}.{}", self.side.key(), dtype.framework_name())
    }
}

/// The functions by which tensors are made, in an order in which each uses those before it.
const FUNCTIONS: &str = include_str!("recipes.py");

/// What a script imports and defines before its call.
fn setup(side: Side, call: &str) -> String {
    let mut needed: Vec<&str> = Vec::new();
    for function in FUNCTIONS.split("\n\n\n").collect::<Vec<_>>().into_iter().rev() {
        let name = function.trim_start_matches("def ").split('(').next().unwrap_or_default();
        let is_called = |text: &str| {
            let mut calls = text.match_indices(name).filter(|(at, _)| text[at + name.len()..].starts_with('('));
            calls.any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._".contains(c)))
        };
        if is_called(call) || needed.iter().any(|needed| is_called(needed)) {
            needed.insert(0, function.trim_end());
        }
    }
    let is_numpy = call.contains("numpy.") || needed.iter().any(|needed| needed.contains("numpy."));
    let mut text = if is_numpy { "import numpy\n".to_owned() } else { String::new() };
    // In the order of the alphabet.
    match side {
        Side::Torch => text.push_str("import torch\n"),
        Side::Mindspore => text.insert_str(0, "import mindspore\n"),
    }
    for function in needed {
        let _ = write!(text, "\n\n{function}\n");
    }
    text.push('\n');
    if text.contains("\ndef ") {
        text.push('\n');
    }
    text
}
