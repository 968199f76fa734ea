//! candle-nn's GroupNorm put to the test: `cargo run --release -- report`.

use std::process::ExitCode;

use candle_core::{Device, Result, Tensor, Var, WithDType};
use candle_nn::{GroupNorm, Module};
use half::{bf16, f16};
use mapcheck::call::{Answer, Output};
use mapcheck::conformance;
use mapcheck::engine::{Declined, Operator, TypedCall};
use mapcheck::tensor::{DType, Element, Strided};

struct Candle;

fn main() -> ExitCode {
    conformance::main(Candle)
}

impl Operator for Candle {
    fn name(&self) -> &str {
        "candle"
    }

    fn call(&self, call: &TypedCall<'_>) -> std::result::Result<Answer, Declined> {
        Ok(match call.x.dtype() {
            DType::F16 => compute::<f16>(call)?,
            DType::BF16 => compute::<bf16>(call)?,
            DType::F32 => compute::<f32>(call)?,
            DType::F64 => compute::<f64>(call)?,
        })
    }
}

fn compute<T: Element + WithDType>(call: &TypedCall<'_>) -> Result<Answer> {
    // What candle's module does not have, it has with the values that change nothing.
    let parameter = |tensor: &Option<_>, without: f64| match tensor {
        Some(tensor) => Laid::of::<T>(tensor),
        None => Laid::contiguous(vec![<T as Element>::rounded(without); call.num_channels], &[call.num_channels]),
    };
    let (x, gamma, beta) = (Laid::of::<T>(call.x)?, parameter(&call.gamma, 1.0)?, parameter(&call.beta, 0.0)?);
    let norm = GroupNorm::new(gamma.tensor()?, beta.tensor()?, call.num_channels, call.num_groups, call.eps)?;
    let y = norm.forward(&x.tensor()?)?;
    let mut answer = Answer::new(from_candle::<T>(&y)?);
    if let Some(dy) = call.dy {
        // The loss is the sum of y*dy, so that its gradient in y is dy.
        let gradients = (y * Laid::of::<T>(dy)?.tensor()?)?.sum_all()?.backward()?;
        let wanted = [
            (call.wanted.x, Output::Dx, &x),
            (call.wanted.gamma, Output::Dgamma, &gamma),
            (call.wanted.beta, Output::Dbeta, &beta),
        ];
        for (_, output, laid) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
            if let Some(gradient) = gradients.get(&laid.storage) {
                answer = answer.with(output, from_candle::<T>(&laid.view(gradient)?)?);
            }
        }
    }
    Ok(answer)
}

/// A tensor's storage as a variable, and how the tensor lies in it.
struct Laid {
    storage: Var,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
}

impl Laid {
    fn of<T: Element + WithDType>(tensor: &mapcheck::tensor::Tensor) -> Result<Self> {
        let strided = T::strided(tensor).ok_or_else(|| candle_core::Error::Msg("mixed dtypes".to_owned()))?;
        let laid = Self::new(strided.storage().to_vec(), tensor.shape(), strided.strides(), strided.offset())?;
        // A gradient in what is stored once and read often would be a sum; other layouts candle has no name for.
        if strided.strides().contains(&0) || laid.tensor().is_err() {
            return Self::contiguous(strided.view().iter().copied().collect(), tensor.shape());
        }
        Ok(laid)
    }

    fn contiguous<T: WithDType>(values: Vec<T>, shape: &[usize]) -> Result<Self> {
        Self::new(values, shape, &mapcheck::tensor::contiguous_strides(shape), 0)
    }

    fn new<T: WithDType>(values: Vec<T>, shape: &[usize], strides: &[usize], offset: usize) -> Result<Self> {
        let length = values.len();
        let storage = Var::from_vec(values, length, &Device::Cpu)?;
        Ok(Self { storage, shape: shape.to_vec(), strides: strides.to_vec(), offset })
    }

    fn tensor(&self) -> Result<Tensor> {
        self.view(&self.storage)
    }

    /// The tensor, out of something stored likewise: dimensions of even steps, in any order.
    fn view(&self, storage: &Tensor) -> Result<Tensor> {
        let count: usize = self.shape.iter().product();
        let mut order: Vec<usize> = (0..self.shape.len()).collect();
        order.sort_by_key(|&d| std::cmp::Reverse((self.strides[d], self.shape[d])));
        let step = self.strides.iter().copied().min().unwrap_or(1);
        let mut sizes: Vec<usize> = order.iter().map(|&d| self.shape[d]).collect();
        sizes.push(step);
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &d)| back[d] = at);
        let last = order.len();
        let tensor = storage
            .narrow(0, self.offset, count * step)?
            .reshape(sizes)?
            .narrow(last, 0, 1)?
            .squeeze(last)?
            .permute(back)?;
        let same = |d: usize| count == 0 || self.shape[d] < 2 || tensor.stride()[d] == self.strides[d];
        if !(0..last).all(same) {
            candle_core::bail!("steps that are not even: {:?}", self.strides)
        }
        Ok(tensor)
    }
}

fn from_candle<T: Element + WithDType>(tensor: &Tensor) -> Result<mapcheck::tensor::Tensor> {
    let values = tensor.flatten_all()?.to_vec1::<T>()?;
    let strided = Strided::contiguous(values, tensor.dims());
    strided.map(T::tensor).ok_or_else(|| candle_core::Error::Msg("an answer of another size".to_owned()))
}
