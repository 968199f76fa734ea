//! libtorch's group_norm, called with as little around it as tch allows.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context, Result};
use mapcheck::call::Output;
use mapcheck::tensor::{DType, Element};
use ndarray::Array4;
use tch::{Kind, Tensor};

use super::race::{Contender, Entry, THREADS, timed};
use super::subject::Subject;

/// The arguments of a call.
struct Call {
    groups: i64,
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: f64,
}

impl Call {
    fn new<T: Element>(subject: &Subject<T>) -> Result<Self> {
        let kind = kind(T::DTYPE);
        let parameter = |values: &[f64]| anyhow::Ok(Tensor::f_from_slice(values)?.f_to_kind(kind)?);
        Ok(Self {
            groups: subject.norm.num_groups() as i64,
            x: tensor(&subject.x)?,
            gamma: parameter(&subject.norm.gamma().to_f64())?,
            beta: parameter(&subject.norm.beta().to_f64())?,
            eps: subject.norm.eps(),
        })
    }

    /// The same with arguments of which gradients can be taken.
    fn leaves(&self) -> Result<Self> {
        let leaf = |tensor: &Tensor| anyhow::Ok(tensor.f_detach()?.f_set_requires_grad(true)?);
        Ok(Self { x: leaf(&self.x)?, gamma: leaf(&self.gamma)?, beta: leaf(&self.beta)?, ..*self })
    }

    fn differentiable(&self) -> [&Tensor; 3] {
        [&self.x, &self.gamma, &self.beta]
    }

    fn forward(&self) -> Result<Tensor> {
        Ok(self.x.f_group_norm(self.groups, Some(&self.gamma), Some(&self.beta), self.eps, false)?)
    }

    /// y, mean and inverse deviation; into those of an earlier call where they are given.
    fn native(&self, out: Option<&[Tensor; 3]>) -> Result<[Tensor; 3]> {
        let sizes = self.x.size();
        let (n, c, hxw) = (sizes[0], sizes[1], sizes[2..].iter().product());
        let (gamma, beta) = (Some(&self.gamma), Some(&self.beta));
        let (y, mean, rstd) = match out {
            Some([y, mean, rstd]) => {
                self.x.f_native_group_norm_out(y, mean, rstd, gamma, beta, n, c, hxw, self.groups, self.eps)?
            }
            None => self.x.f_native_group_norm(gamma, beta, n, c, hxw, self.groups, self.eps)?,
        };
        Ok([y, mean, rstd])
    }
}

/// libtorch's four contenders. It takes its own threads, not ours.
pub fn entries<T: Element>(subject: &Subject<T>) -> Result<Vec<Entry<'static>>> {
    let call = Rc::new(Call::new(subject)?);
    let out = Rc::new(call.native(None)?);
    let mut entries = Vec::new();
    for threads in THREADS {
        let shared = Rc::clone(&call);
        entries.push(entry(Contender::TorchForward, threads, move || shared.forward()));
        let (shared, out) = (Rc::clone(&call), Rc::clone(&out));
        entries.push(entry(Contender::TorchOut, threads, move || shared.native(Some(&out))));
        entries.extend(backward(&call, threads)?);
    }
    Ok(entries)
}

/// The backward pass, which tch reaches only through autograd, and that autograd with next to nothing in it.
///
/// `run_backward` fills a gradient of ones for the root, walks the graph from there, calls the backward
/// function of each node on the way, and hands out the gradients of the leaves. With y as the root, that
/// is a fill of the size of y, one node, and three leaves; the node is `native_group_norm_backward`, which
/// allocates dx, dgamma and dbeta. What is subtracted is measured on the same elements with another node:
/// the three leaves, x flattened, put one after the other by `cat`. That too is a fill of the size of y
/// (and of the parameters), one node and three leaves, but its backward function only gives views into
/// that fill. Those views take some 2 microseconds, so that rather too much is subtracted: libtorch is
/// made the faster by it.
fn backward(call: &Call, threads: usize) -> Result<[Entry<'static>; 2]> {
    let (call, bare) = (call.leaves()?, Call { x: call.x.f_flatten(0, -1)?, ..call.leaves()? }.leaves()?);
    let (y, joined) = (call.forward()?, Tensor::f_cat(&bare.differentiable(), 0)?);
    let with = move || gradients(&y, &call);
    let without = move || gradients(&joined, &bare);
    Ok([entry(Contender::TorchBackward, threads, with), entry(Contender::TorchAutograd, threads, without)])
}

fn entry<R>(contender: Contender, threads: usize, mut call: impl FnMut() -> Result<R> + 'static) -> Entry<'static> {
    Entry::new(contender, threads, move |calls| {
        tch::set_num_threads(threads as i32);
        timed(calls, &mut call)
    })
}

/// The three gradients of the sum of the root. The graph is kept for the next call.
fn gradients(root: &Tensor, call: &Call) -> Result<Vec<Tensor>> {
    Ok(Tensor::f_run_backward(&[root], &call.differentiable(), true, false)?)
}

/// y and the three gradients, in index order.
pub fn answers<T: Element>(subject: &Subject<T>) -> Result<BTreeMap<Output, Vec<f64>>> {
    tch::set_num_threads(1);
    let call = Call::new(subject)?.leaves()?;
    let y = call.forward()?;
    // The gradient of this loss in y is dy.
    let loss = y.f_mul(&tensor(&subject.dy)?)?.f_sum(None)?;
    let arrays = [y.f_detach()?].into_iter().chain(gradients(&loss, &call)?);
    [Output::Y, Output::Dx, Output::Dgamma, Output::Dbeta]
        .into_iter()
        .zip(arrays)
        .map(|(output, array)| Ok((output, values(&array)?)))
        .collect()
}

fn kind(dtype: DType) -> Kind {
    match dtype {
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
    }
}

/// The same values in the same layout.
fn tensor<T: Element>(array: &Array4<T>) -> Result<Tensor> {
    let memory = array.as_slice_memory_order().context("the array has no gaps")?;
    let values: Vec<f64> = memory.iter().map(|value| value.to_f64()).collect();
    let sizes: Vec<i64> = array.shape().iter().map(|&size| size as i64).collect();
    let strides: Vec<i64> = array.strides().iter().map(|&stride| stride as i64).collect();
    Ok(Tensor::f_from_slice(&values)?.f_to_kind(kind(T::DTYPE))?.f_as_strided(sizes, strides, 0)?)
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    let tensor = tensor.f_to_kind(Kind::Double)?.f_contiguous()?;
    let mut values = vec![0.0; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}
