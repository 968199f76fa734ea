//! A call as a script, to ask the framework itself.

use std::fmt::Write;

use crate::call::Call;
use crate::mapping::{Mapping, Side};
use crate::python::Value;
use crate::tensor::{DType, Element, Tensor, of_dtype};

/// Tensors of more elements are given by their bytes.
const MOST_WRITTEN: usize = 64;

/// The call as a script of the framework of a side, which prints what is answered.
pub fn python(mapping: &Mapping, call: &Call, side: Side) -> String {
    let mut text = String::from(match side {
        Side::Torch => "import torch\n\n",
        Side::Mindspore => "import mindspore\nimport numpy\n\n",
    });
    let argument = |(name, value): &(String, Value)| format!("{name}={}", written(value, side));
    let arguments: Vec<String> = call.arguments.iter().map(argument).collect();
    let _ = writeln!(text, "net = {}({})", mapping.api(side).name, arguments.join(", "));
    let (name, x) = &call.input;
    match side {
        Side::Torch => torch(&mut text, call, name, x),
        Side::Mindspore => mindspore(&mut text, call, name, x),
    }
    text
}

fn torch(text: &mut String, call: &Call, name: &str, x: &Tensor) {
    if call.argument("dtype").is_none() && x.dtype() != DType::F32 {
        let _ = writeln!(text, "net.to({})", dtype(x.dtype(), Side::Torch));
    }
    // A module without affine or bias has None there, and nothing to fill.
    let is_optional = call.argument("affine").is_some() || call.argument("bias").is_some();
    for (parameter, value) in &call.fill {
        if is_optional {
            let _ = write!(text, "if net.{parameter} is not None: ");
        }
        let _ = match value {
            Value::Tensor(tensor) => {
                writeln!(text, "net.{parameter}.data = {}", of_torch(&tensor.cast(x.dtype()), tensor))
            }
            value => writeln!(text, "torch.nn.init.constant_(net.{parameter}, {})", written(value, Side::Torch)),
        };
    }
    let _ = writeln!(text, "x = {}", of_torch(x, x));
    let Some(backward) = &call.backward else {
        let _ = writeln!(text, "print(net({name}=x))");
        return;
    };
    let leaves = [(backward.wanted.x, "x"), (backward.wanted.gamma, "net.weight"), (backward.wanted.beta, "net.bias")];
    if backward.wanted.x {
        text.push_str("x.requires_grad_()\n");
    }
    let _ = writeln!(text, "y = net({name}=x)");
    let _ = writeln!(text, "y.backward({})", of_torch(&backward.dy, &backward.dy));
    text.push_str("print(y)\n");
    for (_, leaf) in leaves.into_iter().filter(|(wanted, _)| *wanted) {
        let _ = writeln!(text, "print({leaf}.grad)");
    }
}

fn mindspore(text: &mut String, call: &Call, name: &str, x: &Tensor) {
    let _ = writeln!(text, "x = {}", of_mindspore(x));
    let _ = writeln!(text, "print(net({name}=x))");
    let Some(backward) = &call.backward else { return };
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
    let _ = writeln!(text, "print(gradient(net{weights})(x, {}))", of_mindspore(&backward.dy));
}

/// A value as it is written in Python.
fn written(value: &Value, side: Side) -> String {
    match (value, side) {
        (Value::Tensor(tensor), Side::Torch) => of_torch(tensor, tensor),
        (Value::Tensor(tensor), Side::Mindspore) => of_mindspore(tensor),
        (Value::DType(value), side) => dtype(*value, side),
        (Value::List(items), side) => {
            let items: Vec<String> = items.iter().map(|item| written(item, side)).collect();
            format!("[{}]", items.join(", "))
        }
        (value, _) => value.to_string(),
    }
}

fn dtype(dtype: DType, side: Side) -> String {
    match side {
        Side::Torch => format!("torch.{}", dtype.framework_name()),
        Side::Mindspore => format!("mindspore.{}", dtype.framework_name()),
    }
}

/// The values, lying as `laid` does where that is not contiguous.
fn of_torch(tensor: &Tensor, laid: &Tensor) -> String {
    let kind = dtype(tensor.dtype(), Side::Torch);
    let is_contiguous = laid.strides() == crate::tensor::contiguous_strides(laid.shape()) || laid.is_empty();
    if is_contiguous || tensor.dtype() != laid.dtype() {
        let shape = tensor.shape();
        return match literal(tensor) {
            Some(values) if shape.len() == 1 => format!("torch.tensor({values}, dtype={kind})"),
            Some(values) => format!("torch.tensor({values}, dtype={kind}).reshape({shape:?})"),
            None => {
                format!("torch.frombuffer(bytearray.fromhex(\"{}\"), dtype={kind}).reshape({shape:?})", hex(tensor))
            }
        };
    }
    let (stored, offset) = of_dtype!(laid, s => (stored(s.storage()), s.offset()));
    let (shape, strides) = (laid.shape(), laid.strides());
    format!("torch.tensor({stored}, dtype={kind}).as_strided({shape:?}, {strides:?}, {offset})")
}

/// The values; there is no layout to give.
fn of_mindspore(tensor: &Tensor) -> String {
    let shape = tensor.shape();
    // numpy has no bfloat16, and all of its values in float32.
    let (through, cast) = match tensor.dtype() {
        DType::BF16 => (tensor.cast(DType::F32), ".astype(mindspore.bfloat16)"),
        _ => (tensor.contiguous(), ""),
    };
    let kind = format!("numpy.{}", through.dtype().framework_name());
    match literal(&through) {
        Some(values) if shape.len() == 1 => format!("mindspore.Tensor(numpy.array({values}, {kind})){cast}"),
        Some(values) => format!("mindspore.Tensor(numpy.array({values}, {kind}).reshape({shape:?})){cast}"),
        None => format!(
            "mindspore.Tensor(numpy.frombuffer(bytes.fromhex(\"{}\"), {kind}).reshape({shape:?})){cast}",
            hex(&through)
        ),
    }
}

/// The values as a list; `None` where there are too many.
fn literal(tensor: &Tensor) -> Option<String> {
    (tensor.len() <= MOST_WRITTEN).then(|| of_dtype!(&tensor.contiguous(), s => stored(s.storage())))
}

fn stored<T: Element>(values: &[T]) -> String {
    let written: Vec<String> = values.iter().map(|value| Value::Float(shown(*value)).to_string()).collect();
    format!("[{}]", written.join(", "))
}

/// The shortest number that is rounded to this one.
fn shown<T: Element>(value: T) -> f64 {
    let wide = value.to_f64();
    let short = (0..17).filter_map(|digits| format!("{wide:.digits$e}").parse::<f64>().ok());
    short.into_iter().find(|short| T::rounded(*short).bits() == value.bits()).unwrap_or(wide)
}

fn hex(tensor: &Tensor) -> String {
    let bytes: Vec<u8> =
        of_dtype!(&tensor.contiguous(), s => s.storage().iter().flat_map(|v| v.to_le_bytes()).collect());
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
