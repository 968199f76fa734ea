//! What a flaw refuses that is right, and how it refuses what is wrong.

use mapcheck::call::{Call, Outcome, Rejection};
use mapcheck::dtype::DType;
use mapcheck::python::{Exception, Value};
use mapcheck::tensor::{Tensor, contiguous_strides};

use crate::Flaw;

/// The refusal of a call that is right.
pub(super) fn of(flaw: Option<Flaw>, call: &Call) -> Option<Rejection> {
    let x = &call.input.1;
    let (shape, dtype) = (x.shape(), x.dtype());
    let whole = |name: &str| match call.argument(name) {
        Some(Value::Int(v)) if *v > 0 => Some(*v as usize),
        _ => None,
    };
    let group_channels =
        whole("num_channels").zip(whole("num_groups")).filter(|(c, g)| c % g == 0).map_or(0, |(c, g)| c / g);
    let initialisers = || ["gamma_init", "beta_init"].into_iter().filter_map(|name| call.argument(name));
    let is_strided = |tensor: &Tensor| tensor.strides() != contiguous_strides(tensor.shape());
    let is_half = matches!(dtype, DType::F16 | DType::BF16);
    let eps = match call.argument("eps") {
        Some(Value::Float(eps)) => *eps,
        _ => 1e-5,
    };
    let held = || match call.argument("dtype") {
        Some(Value::DType(dtype)) => *dtype,
        _ => DType::F32,
    };
    let refuses = match flaw? {
        Flaw::Rank2Rejected => shape.len() == 2,
        Flaw::Rank4Only => matches!(shape.len(), 2 | 3 | 5..=8),
        Flaw::RankBeyond5Rejected => (6..=8).contains(&shape.len()),
        Flaw::RankBeyond7Rejected => shape.len() == 8,
        Flaw::NoSampleRejected => shape.first() == Some(&0),
        Flaw::SingleElementRejected => {
            shape.len() >= 2 && shape[0] == 1 && group_channels * shape[2..].iter().product::<usize>() == 1
        }
        Flaw::StridedRejected => is_strided(x),
        Flaw::StridedGammaRejected => matches!(call.argument("gamma_init"), Some(Value::Tensor(t)) if is_strided(t)),
        Flaw::MixedRejected => initialisers().any(|value| match value {
            Value::Tensor(tensor) => tensor.dtype() != dtype,
            _ => held() != dtype,
        }),
        Flaw::F64Rejected => dtype == DType::F64,
        Flaw::Bf16Rejected => dtype == DType::BF16,
        Flaw::HalfGradientRejected => is_half && call.backward.is_some(),
        Flaw::EpsZeroRejected => eps == 0.0,
        Flaw::EpsNegativeRejected => eps < 0.0,
        Flaw::EpsInfiniteRejected => !eps.is_finite(),
        Flaw::OddGroupSizeRejected => group_channels % 2 == 1,
        Flaw::OneGroupRejected => whole("num_groups") == Some(1),
        Flaw::ManyGroupsRejected => whole("num_groups") > Some(64),
        Flaw::AffineFalseRejected => matches!(call.argument("affine"), Some(Value::Bool(false))),
        Flaw::CaseSensitiveNames => initialisers()
            .any(|value| matches!(value, Value::Str(name) if known(name) && *name != name.to_ascii_lowercase())),
        Flaw::SingularNames => {
            initialisers().any(|value| matches!(value, Value::Str(name) if ["one", "zero"].contains(&name.as_str())))
        }
        Flaw::BoolInitRejected => initialisers().any(|value| matches!(value, Value::Bool(_))),
        Flaw::IntInitRejected => initialisers().any(|value| matches!(value, Value::Int(_))),
        Flaw::NanRejected => x.to_f64().iter().any(|x| x.is_nan()),
        _ => false,
    };
    refuses.then(|| Rejection::new(Exception::RuntimeError, "it is not supported"))
}

/// Whether an initialiser of this name can start a parameter.
fn known(name: &str) -> bool {
    ["ones", "one", "zeros", "zero", "normal", "uniform"].contains(&name.to_ascii_lowercase().as_str())
}

/// The refusal of a call that is wrong, as a flaw tells it.
pub(super) fn told(flaw: Option<Flaw>, rejection: Rejection) -> Outcome {
    let class = match (flaw, rejection.class) {
        (Some(Flaw::RefusalCrashes), _) => return Outcome::Broken(rejection.message),
        (Some(Flaw::ValueErrorIsRuntimeError), Exception::ValueError) => Exception::RuntimeError,
        (Some(Flaw::TypeErrorIsValueError), Exception::TypeError) => Exception::ValueError,
        (Some(Flaw::RuntimeErrorIsValueError), Exception::RuntimeError) => Exception::ValueError,
        (_, class) => class,
    };
    Outcome::Rejected(Rejection { class, ..rejection })
}
