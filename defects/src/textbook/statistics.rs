//! Mean and deviation of a group.

use mapcheck::double_double::Double;
use mapcheck::dtype::DType;

use super::answer::Work;
use super::groups::Group;
use crate::Flaw;

/// The mean of a group, and the reciprocal of its deviation.
#[derive(Clone, Copy)]
pub(super) struct Statistics {
    pub mean: Double,
    pub rstd: Double,
    /// The variance, without eps.
    pub variance: Double,
}

/// The statistics of a group.
pub(super) fn of(work: &Work<'_>, group: &Group) -> Statistics {
    let &Work { flaw, eps, dtype, .. } = work;
    let counted = group.counted.as_ref().unwrap_or(&group.members);
    let values = || counted.iter().map(|&i| Double::from(work.x[i]));
    let count = Double::from(group.count as f64);
    let is_half = matches!(dtype, DType::F16 | DType::BF16);
    let running = match flaw {
        Some(Flaw::SequentialF32) if dtype != DType::F64 => Some(DType::F32),
        Some(Flaw::F16Sums) if dtype == DType::F16 => Some(DType::F16),
        Some(Flaw::Bf16Moments) if dtype == DType::BF16 => Some(DType::BF16),
        _ => None,
    };
    let mut mean = sum(values(), running) / count;
    match flaw {
        Some(Flaw::MeanInDTypeOfX) if is_half => mean = mean.round(dtype).into(),
        Some(Flaw::NoCentring) => mean = Double::default(),
        _ => {}
    }
    let square = |x: Double| {
        let deviation = x - mean;
        if flaw == Some(Flaw::F16Squares) && dtype == DType::F16 {
            let deviation = deviation.round(DType::F16);
            return DType::F16.round(deviation * deviation).into();
        }
        if flaw == Some(Flaw::MeanAbsoluteDeviation) {
            return if deviation.hi < 0.0 { -deviation } else { deviation };
        }
        deviation * deviation
    };
    let squares = sum(values().map(square), running) + Double::from(group.zeros as f64) * mean * mean;
    let mut variance = match flaw {
        Some(Flaw::UnbiasedVariance) => squares / (count - 1.0.into()),
        Some(Flaw::EpsOverCount) => (squares + eps) / count - eps.into(),
        _ => squares / count,
    };
    match flaw {
        Some(Flaw::OnePassF32) if dtype != DType::F64 => {
            variance = one_pass(values(), count, DType::F32).max(0.0).into()
        }
        Some(Flaw::OnePassF32NoClamp) if dtype != DType::F64 && one_pass(values(), count, DType::F32) + eps < 0.0 => {
            variance = f64::NAN.into();
        }
        Some(Flaw::OnePassF64) => variance = one_pass(values(), count, DType::F64).max(0.0).into(),
        Some(Flaw::VarianceInF32) if dtype != DType::F64 => variance = variance.round(DType::F32).into(),
        Some(Flaw::VarianceFloor) if variance.hi < 1e-10 => variance = 1e-10.into(),
        Some(Flaw::MeanAbsoluteDeviation) => variance = variance * variance,
        Some(Flaw::RootNotTaken) => variance = variance * variance,
        _ => {}
    }
    Statistics { mean, rstd: reciprocal_deviation(work, variance), variance }
}

/// The reciprocal of the root of variance and eps.
fn reciprocal_deviation(work: &Work<'_>, variance: Double) -> Double {
    let &Work { flaw, eps, .. } = work;
    let one = Double::from(1.0);
    let under_the_root = match flaw {
        Some(Flaw::EpsOutsideTheRoot) => return one / (variance.sqrt() + eps),
        Some(Flaw::EpsOfDeviation) => {
            let deviation = variance.sqrt();
            return one / if deviation.hi < eps { eps.into() } else { deviation };
        }
        Some(Flaw::EpsIsFloor) if variance.hi < eps => eps.into(),
        Some(Flaw::EpsIsFloor) => variance,
        _ => variance + eps,
    };
    let rstd = one / under_the_root.sqrt();
    match flaw {
        Some(Flaw::RstdInHalf) => rstd.round(DType::BF16).into(),
        Some(Flaw::FastReciprocalRoot) => rstd * 1.001,
        Some(Flaw::ZeroOverZeroIsZero) if under_the_root.hi == 0.0 => Double::default(),
        _ => rstd,
    }
}

/// The mean of squares less the square of the mean, each rounded.
fn one_pass(values: impl Iterator<Item = Double> + Clone, count: Double, dtype: DType) -> f64 {
    let mean = (sum(values.clone(), None) / count).round(dtype);
    let squares = (sum(values.map(|x| x * x), None) / count).round(dtype);
    dtype.round(squares - dtype.round(mean * mean))
}

/// A sum; where a dtype is given, one running sum that is rounded to it.
pub(super) fn sum(values: impl Iterator<Item = Double>, running: Option<DType>) -> Double {
    match running {
        None => values.sum(),
        Some(dtype) => values.fold(0.0, |sum: f64, value| dtype.round(sum + dtype.round(value.hi))).into(),
    }
}
