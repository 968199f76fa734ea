//! burn's GroupNorm put to the test, on its ndarray backend: `cargo run --release -- report`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use burn::module::Param;
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{DType as BurnDType, Device, Element as BurnElement, Tensor, TensorData};
use mapcheck::call::{Answer, Output};
use mapcheck::conformance;
use mapcheck::engine::{Declined, Operator, TypedCall};
use mapcheck::tensor::{DType, Element, Strided};

struct Burn;

fn main() -> ExitCode {
    // burn refuses by panicking. That is an answer here, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    conformance::main(Burn)
}

impl Operator for Burn {
    fn name(&self) -> &str {
        "burn"
    }

    fn call(&self, call: &TypedCall<'_>) -> Result<Answer, Declined> {
        let answer = catch_unwind(AssertUnwindSafe(|| match call.x.dtype() {
            DType::F32 => of_rank::<f32>(call, BurnDType::F32),
            DType::F64 => of_rank::<f64>(call, BurnDType::F64),
            DType::F16 | DType::BF16 => Err(Declined::NotAsked("the ndarray backend has f32 and f64 alone".to_owned())),
        }));
        answer.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
            Err(Declined::Rejected(text.lines().find(|line| !line.trim().is_empty()).unwrap_or(text).to_owned()))
        })
    }
}

/// The rank of a tensor is part of its type.
fn of_rank<T: Element + BurnElement>(call: &TypedCall<'_>, dtype: BurnDType) -> Result<Answer, Declined> {
    match call.x.shape().len() {
        1 => compute::<T, 1>(call, dtype),
        2 => compute::<T, 2>(call, dtype),
        3 => compute::<T, 3>(call, dtype),
        4 => compute::<T, 4>(call, dtype),
        5 => compute::<T, 5>(call, dtype),
        6 => compute::<T, 6>(call, dtype),
        7 => compute::<T, 7>(call, dtype),
        8 => compute::<T, 8>(call, dtype),
        9 => compute::<T, 9>(call, dtype),
        rank => Err(Declined::NotAsked(format!("rank {rank} has no type here"))),
    }
}

fn compute<T: Element + BurnElement, const D: usize>(
    call: &TypedCall<'_>,
    dtype: BurnDType,
) -> Result<Answer, Declined> {
    // The successor of ndarray is burn's `flex`; both are on the CPU, in Rust alone.
    #[expect(deprecated, reason = "the ndarray backend is the one that is put to the test")]
    let device = Device::ndarray().autodiff();
    let x = to_burn::<T, D>(call.x, &device, dtype)?.require_grad();
    let affine = call.gamma.is_some() && call.beta.is_some();
    let config = GroupNormConfig::new(call.num_groups, call.num_channels).with_epsilon(call.eps);
    let mut norm: GroupNorm = config.with_affine(affine).init(&device);
    let parameter = |tensor: &Option<_>| {
        tensor.as_ref().map(|tensor| to_burn::<T, 1>(tensor, &device, dtype).map(Param::from_tensor)).transpose()
    };
    (norm.gamma, norm.beta) = (parameter(&call.gamma)?, parameter(&call.beta)?);
    let y = norm.forward(x.clone());
    let mut answer = Answer::new(from_burn::<T, D>(y.clone())?);
    if let Some(dy) = call.dy {
        // The loss is the sum of y*dy, so that its gradient in y is dy.
        let gradients = (y * to_burn::<T, D>(dy, &device, dtype)?).sum().backward();
        if call.wanted.x
            && let Some(dx) = x.grad(&gradients)
        {
            answer = answer.with(Output::Dx, from_burn::<T, D>(dx)?);
        }
        let parameters =
            [(call.wanted.gamma, Output::Dgamma, &norm.gamma), (call.wanted.beta, Output::Dbeta, &norm.beta)];
        for (_, output, parameter) in parameters.into_iter().filter(|(wanted, ..)| *wanted) {
            if let Some(gradient) = parameter.as_ref().and_then(|parameter| parameter.val().grad(&gradients)) {
                answer = answer.with(output, from_burn::<T, 1>(gradient)?);
            }
        }
    }
    Ok(answer)
}

/// The same values; where they lie in another order of the dimensions, likewise permuted.
fn to_burn<T: Element + BurnElement, const D: usize>(
    tensor: &mapcheck::tensor::Tensor,
    device: &Device,
    dtype: BurnDType,
) -> Result<Tensor<D>, Declined> {
    let strided = T::strided(tensor).ok_or_else(|| Declined::Rejected("mixed dtypes".to_owned()))?;
    let (shape, strides) = (tensor.shape(), tensor.strides());
    if shape.len() != D {
        return Err(Declined::NotAsked(format!("a parameter of rank {} has no type here", shape.len())));
    }
    let mut order: Vec<usize> = (0..D).collect();
    order.sort_by_key(|&d| std::cmp::Reverse((strides[d], shape[d])));
    let view = strided.view().permuted_axes(order.clone());
    let mut back = [0; D];
    order.iter().enumerate().for_each(|(at, &d)| back[d] = at as isize);
    let data = TensorData::new(view.iter().copied().collect::<Vec<T>>(), view.shape().to_vec());
    Ok(Tensor::<D>::from_data(data, (device, dtype)).permute(back))
}

fn from_burn<T: Element + BurnElement, const D: usize>(
    tensor: Tensor<D>,
) -> Result<mapcheck::tensor::Tensor, Declined> {
    let data = tensor.into_data();
    let shape = data.shape().to_vec();
    let values = data.try_to_vec::<T>().map_err(|error| Declined::Rejected(format!("{error:?}")))?;
    let strided = Strided::contiguous(values, &shape);
    strided.map(T::tensor).ok_or_else(|| Declined::Rejected("an answer of another size".to_owned()))
}
