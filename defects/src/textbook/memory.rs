//! How tensors are read from memory, and how answers are laid into it.

use mapcheck::dtype::DType;
use mapcheck::tensor::{Element, Strided, Tensor, contiguous_strides};

use crate::Flaw;

/// The values of x in index order.
pub(super) fn x(flaw: Option<Flaw>, x: &Tensor) -> Vec<f64> {
    let is_contiguous = x.strides() == contiguous_strides(x.shape());
    let rank = x.shape().len();
    let as_it_lies = match flaw {
        Some(Flaw::XStridesIgnored) => true,
        Some(Flaw::HalfStridesIgnored) => matches!(x.dtype(), DType::F16 | DType::BF16),
        Some(Flaw::NhwcReshape) => !is_contiguous && rank > 2 && x.strides()[1] == 1,
        Some(Flaw::XTransposedAsContiguous) => !is_contiguous && x.strides()[0] == 1 && rank > 1,
        Some(Flaw::XOffsetIgnored) => return by_strides(x, x.strides(), 0),
        Some(Flaw::ExpandedReadsOn) if rank > 0 && x.strides()[0] == 0 => {
            let mut values = x.to_f64();
            let sample = x.shape()[1..].iter().product::<usize>();
            values.iter_mut().skip(sample).for_each(|value| *value = 0.0);
            return values;
        }
        _ => false,
    };
    if as_it_lies { by_strides(x, &contiguous_strides(x.shape()), 0) } else { x.to_f64() }
}

/// The values of dy in index order.
pub(super) fn dy(flaw: Option<Flaw>, dy: &Tensor, x: &Tensor) -> Vec<f64> {
    match flaw {
        Some(Flaw::DyStridesIgnored) => by_strides(dy, &contiguous_strides(dy.shape()), 0),
        Some(Flaw::DyInTheOrderOfX) => by_strides(dy, x.strides(), storage(dy).1),
        Some(Flaw::DyTakenForOnes) => vec![1.0; dy.len()],
        _ => dy.to_f64(),
    }
}

/// A parameter's values as its buffer has them from the start.
pub(super) fn from_the_start(parameter: &Tensor) -> Vec<f64> {
    by_strides(parameter, &contiguous_strides(parameter.shape()), 0)
}

/// Values in the order in which the elements of `like` lie in memory.
pub(super) fn in_the_order_of(like: &Tensor, values: &[f64]) -> Vec<f64> {
    let places = places(like.shape(), like.strides(), 0);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|&i| places[i]);
    order.into_iter().map(|i| values[i]).collect()
}

/// What a tensor's buffer has at each index by these strides; beyond its end it starts again.
fn by_strides(tensor: &Tensor, strides: &[usize], offset: usize) -> Vec<f64> {
    let (buffer, _) = storage(tensor);
    places(tensor.shape(), strides, offset).into_iter().map(|at| buffer[at % buffer.len()]).collect()
}

/// Where each element lies, in index order.
fn places(shape: &[usize], strides: &[usize], offset: usize) -> Vec<usize> {
    let place = |i: usize| {
        let (mut rest, mut at) = (i, offset);
        for (&length, &stride) in shape.iter().zip(strides).rev() {
            at += rest % length * stride;
            rest /= length;
        }
        at
    };
    (0..shape.iter().product()).map(place).collect()
}

/// The buffer of a tensor, and where in it the first element lies.
fn storage(tensor: &Tensor) -> (Vec<f64>, usize) {
    fn of<T: Element>(strided: &Strided<T>) -> (Vec<f64>, usize) {
        (strided.storage().iter().map(|value| value.to_f64()).collect(), strided.offset())
    }
    match tensor {
        Tensor::F16(strided) => of(strided),
        Tensor::BF16(strided) => of(strided),
        Tensor::F32(strided) => of(strided),
        Tensor::F64(strided) => of(strided),
    }
}
