//! The tensors of a call, as they are written in Python: by their values, by their recipe, or by their bytes.

use std::fmt::Write;

use super::recipe::{drawn, floats};
use crate::mapping::{Argument, Case, Mapping, Side};
use crate::tensor::{DType, Element, Tensor, contiguous_strides, of_dtype};

/// Tensors of more elements are not written by their values.
const MOST_WRITTEN: usize = 64;

/// Writes the tensors of one call.
pub(super) struct Arrays<'a> {
    pub mapping: &'a Mapping,
    pub case: &'a Case,
    pub side: Side,
}

impl Arrays<'_> {
    /// x.
    pub fn input(&self, x: &Tensor) -> String {
        let made = drawn(&self.case.x.values, "x", x.shape(), &self.case.x.set);
        self.tensor(x, x.dtype(), made)
    }

    /// dy.
    pub fn gradient(&self, dy: &Tensor) -> String {
        let made = drawn(&self.case.dy.values, "dy", dy.shape(), &self.case.dy.set);
        self.tensor(dy, dy.dtype(), made)
    }

    /// The tensor that an argument is.
    pub fn argument(&self, name: &str, tensor: &Tensor) -> String {
        self.tensor(tensor, tensor.dtype(), self.recipe(name, tensor))
    }

    /// The tensor that a parameter of a PyTorch module is filled with, in the dtype of the module.
    pub fn filling(&self, parameter: &str, tensor: &Tensor, dtype: DType) -> String {
        let is_it = |instead: &str| instead == parameter;
        let row = self.mapping.rows.iter().find(|row| row.file.in_torch.as_ref().is_some_and(|of| is_it(&of.fill)));
        let argument = row.and_then(|row| row.file.name(Side::Mindspore)).unwrap_or_default();
        self.tensor(tensor, dtype, self.recipe(argument, tensor))
    }

    /// How numpy makes the tensor of an argument; `None` where the case does not say it.
    fn recipe(&self, name: &str, tensor: &Tensor) -> Option<String> {
        match self.case.call.get(name) {
            Some(Argument::Tensor(recipe)) => drawn(&recipe.values, name, tensor.shape(), &recipe.set),
            _ => None,
        }
    }

    /// A tensor, converted to a dtype; `made` is how numpy makes its values in f64.
    fn tensor(&self, tensor: &Tensor, dtype: DType, made: Option<String>) -> String {
        match self.side {
            Side::Torch => torch(tensor, dtype, made),
            Side::Mindspore => mindspore(tensor, made),
        }
    }
}

/// Lying in memory as the tensor does, unless it is converted, which makes it contiguous.
fn torch(tensor: &Tensor, dtype: DType, made: Option<String>) -> String {
    let (shape, kind) = (tensor.shape(), format!("torch.{}", dtype.framework_name()));
    let is_contiguous = tensor.strides() == contiguous_strides(shape) || tensor.is_empty() || tensor.dtype() != dtype;
    let (strides, offset, length) = of_dtype!(tensor, s => (s.strides(), s.offset(), s.storage().len()));
    if tensor.len() <= MOST_WRITTEN && !is_contiguous {
        let stored = of_dtype!(tensor, s => floats(&shortest(s.storage())));
        return format!("torch.tensor({stored}, dtype={kind}).as_strided({shape:?}, {strides:?}, {offset})");
    }
    if tensor.len() <= MOST_WRITTEN {
        let values = values(&tensor.cast(dtype));
        let tensor = format!("torch.tensor({values}, dtype={kind})");
        return if shape.len() == 1 { tensor } else { format!("{tensor}.reshape({shape:?})") };
    }
    let cast = if dtype == DType::BF16 { ".to(torch.bfloat16)" } else { "" };
    let tensor = format!("torch.from_numpy({}){cast}", numpy(tensor, dtype, made));
    match strides {
        _ if is_contiguous => tensor,
        [0, ..] => format!("{tensor}[:1].expand({shape:?})"),
        _ => format!("laid({tensor}, {length}, {strides:?}, {offset})"),
    }
}

/// There is no layout to give.
fn mindspore(tensor: &Tensor, made: Option<String>) -> String {
    let cast = if tensor.dtype() == DType::BF16 { ".astype(mindspore.bfloat16)" } else { "" };
    let (dtype, shape) = (tensor.dtype(), tensor.shape());
    let array = if tensor.len() <= MOST_WRITTEN {
        let array = format!("numpy.array({}, {})", values(&through(tensor, dtype)), numpy_dtype(dtype));
        if shape.len() == 1 { array } else { format!("{array}.reshape({shape:?})") }
    } else {
        let array = numpy(tensor, dtype, made);
        match tensor.strides() {
            [0, ..] => format!("numpy.broadcast_to({array}[:1], {shape:?}).copy()"),
            _ => array,
        }
    };
    format!("mindspore.Tensor({array}){cast}")
}

/// An array of numpy with the values of a tensor in a dtype; of one that repeats its first sample, the first counts.
fn numpy(tensor: &Tensor, dtype: DType, made: Option<String>) -> String {
    let Some(made) = made else {
        let (bytes, kind) = (hex(&through(tensor, dtype)), numpy_dtype(dtype));
        return format!("numpy.frombuffer(bytearray.fromhex(\"{bytes}\"), {kind}).reshape({:?})", tensor.shape());
    };
    let own = rounded(&made, tensor.dtype());
    if dtype == tensor.dtype() { own } else { rounded(&own, dtype) }
}

/// A tensor in a dtype, as numpy can hold it.
fn through(tensor: &Tensor, dtype: DType) -> Tensor {
    let tensor = tensor.cast(dtype);
    if dtype == DType::BF16 { tensor.cast(DType::F32) } else { tensor }
}

/// numpy has no bfloat16, and all of its values in float32.
fn numpy_dtype(dtype: DType) -> String {
    let through = if dtype == DType::BF16 { DType::F32 } else { dtype };
    format!("numpy.{}", through.framework_name())
}

/// An array of numpy, rounded once to a dtype.
fn rounded(array: &str, dtype: DType) -> String {
    match dtype {
        DType::BF16 => format!("bfloat16({array})"),
        dtype => format!("{}.astype({})", bracketed(array), numpy_dtype(dtype)),
    }
}

/// A sum is bracketed where a method follows.
fn bracketed(array: &str) -> String {
    let mut depth = 0;
    let is_sum = array.chars().any(|c| {
        depth += match c {
            '(' | '[' => 1,
            ')' | ']' => -1,
            _ => 0,
        };
        depth == 0 && c == ' '
    });
    if is_sum { format!("({array})") } else { array.to_owned() }
}

/// The values in the order of their indices, as a list.
fn values(tensor: &Tensor) -> String {
    of_dtype!(&tensor.contiguous(), s => floats(&shortest(s.storage())))
}

/// The shortest numbers that are rounded to these.
fn shortest<T: Element>(values: &[T]) -> Vec<f64> {
    let shortest = |value: &T| {
        let wide = value.to_f64();
        let short = (0..17).filter_map(|digits| format!("{wide:.digits$e}").parse::<f64>().ok());
        short.into_iter().find(|short| T::rounded(*short).bits() == value.bits()).unwrap_or(wide)
    };
    values.iter().map(shortest).collect()
}

fn hex(tensor: &Tensor) -> String {
    let bytes: Vec<u8> =
        of_dtype!(&tensor.contiguous(), s => s.storage().iter().flat_map(|v| v.to_le_bytes()).collect());
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
