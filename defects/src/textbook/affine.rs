//! gamma and beta: how they are drawn, held and applied.

use mapcheck::call::{Answer, Call, Effective, Output};
use mapcheck::dtype::DType;
use mapcheck::python::Value;
use mapcheck::random::Generator;
use mapcheck::tensor::Tensor;

use super::memory;
use crate::Flaw;

/// The parameters of a call that are drawn at random.
pub(super) fn drawn(flaw: Option<Flaw>, call: &Call) -> Answer {
    let mut drawn = Answer::default();
    let channels = match call.argument("num_channels") {
        Some(Value::Int(channels)) => usize::try_from(*channels).unwrap_or(0).min(1 << 24),
        _ => 0,
    };
    let dtype = match call.argument("dtype") {
        Some(Value::DType(dtype)) => *dtype,
        _ => DType::F32,
    };
    for (name, output, seed) in [("gamma_init", Output::Gamma, 1), ("beta_init", Output::Beta, 2)] {
        let Some(Value::Str(kind)) = call.argument(name) else { continue };
        let mut generator = Generator::new(seed);
        let deviation = if flaw == Some(Flaw::NormalOfDeviationOne) { 1.0 } else { 0.01 };
        let mut draw = || match kind.to_ascii_lowercase().as_str() {
            "normal" => Some(deviation * generator.normal()),
            "uniform" => Some(match flaw {
                Some(Flaw::UniformFromZero) => 0.07 * generator.uniform(),
                Some(Flaw::UniformToOne) => 2.0 * generator.uniform() - 1.0,
                _ => 0.07 * (2.0 * generator.uniform() - 1.0),
            }),
            _ => None,
        };
        let values: Option<Vec<f64>> = if flaw == Some(Flaw::RandomIsConstant) {
            draw().map(|value| vec![value; channels])
        } else {
            (0..channels).map(|_| draw()).collect()
        };
        let tensor = values.and_then(|values| Tensor::from_f64(dtype, &[channels], &values));
        drawn.arrays.extend(tensor.map(|tensor| (output, tensor.into())));
    }
    drawn
}

/// gamma and beta as they are applied, of each channel.
pub(super) fn parameters(flaw: Option<Flaw>, call: &Call, effective: &Effective, affine: bool) -> [Vec<f64>; 2] {
    let (mut gamma, mut beta) = (effective.gamma.clone(), effective.beta.clone());
    let tensor = |name: &str| match call.argument(name) {
        Some(Value::Tensor(tensor)) => Some(tensor),
        _ => None,
    };
    let is_strided = |tensor: &&Tensor| tensor.strides() == [0];
    let count = gamma.len();
    let of = |dtype: DType, values: &mut Vec<f64>| values.iter_mut().for_each(|v| *v = dtype.round(*v));
    match flaw {
        Some(Flaw::GammaStridesIgnored) => gamma = tensor("gamma_init").map_or(gamma, memory::from_the_start),
        Some(Flaw::BetaStridesIgnored) => beta = tensor("beta_init").map_or(beta, memory::from_the_start),
        Some(Flaw::GammaExpandedIsOne) if tensor("gamma_init").as_ref().is_some_and(is_strided) => gamma[1..].fill(1.0),
        Some(Flaw::BetaExpandedIsZero) if tensor("beta_init").as_ref().is_some_and(is_strided) => beta[1..].fill(0.0),
        Some(Flaw::GammaHeldInF16) => of(DType::F16, &mut gamma),
        Some(Flaw::BetaHeldInF16) => of(DType::F16, &mut beta),
        Some(Flaw::GammaHeldInF32) => of(DType::F32, &mut gamma),
        Some(Flaw::BetaHeldInF32) => of(DType::F32, &mut beta),
        Some(Flaw::AffineIgnored) => (gamma, beta) = (vec![1.0; count], vec![0.0; count]),
        Some(Flaw::AffineFalseDropsBoth) if !affine => (gamma, beta) = (vec![1.0; count], vec![0.0; count]),
        Some(Flaw::AffineDefaultFalse) if call.argument("affine").is_none() => {
            (gamma, beta) = (vec![1.0; count], vec![0.0; count]);
        }
        Some(Flaw::AffineFalseDropsGamma) if !affine => gamma.fill(1.0),
        Some(Flaw::AffineFalseDropsBeta) if !affine => beta.fill(0.0),
        Some(Flaw::GammaIsOffsetFromOne) => gamma.iter_mut().for_each(|g| *g += 1.0),
        Some(Flaw::GammaAbsolute) => gamma.iter_mut().for_each(|g| *g = g.abs()),
        Some(Flaw::GammaZeroIsOne) => gamma.iter_mut().filter(|g| **g == 0.0).for_each(|g| *g = 1.0),
        Some(Flaw::GammaIgnored) => gamma.fill(1.0),
        Some(Flaw::BetaIgnored) => beta.fill(0.0),
        Some(Flaw::GammaBetaSwapped) => std::mem::swap(&mut gamma, &mut beta),
        Some(Flaw::ChannelsBeyond1024Plain) if count > 1024 => {
            gamma[1024..].fill(1.0);
            beta[1024..].fill(0.0);
        }
        _ => {}
    }
    [gamma, beta]
}
