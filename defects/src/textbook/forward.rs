//! y.

use mapcheck::double_double::Double;
use mapcheck::dtype::DType;

use super::answer::Work;
use super::groups::Group;
use super::statistics::Statistics;
use crate::Flaw;

/// y, each element where it belongs, not yet rounded.
pub(super) fn y(work: &Work<'_>, groups: &[Group], statistics: &[Statistics]) -> Vec<Double> {
    let flaw = work.flaw;
    let of_sample = groups.len() / work.samples.max(1);
    let mut y = vec![Double::default(); work.x.len()];
    for (position, (group, of_group)) in groups.iter().zip(statistics).enumerate() {
        if flaw == Some(Flaw::GroupsBeyond65535Unwritten) && position > 65_535 {
            continue;
        }
        let plain = flaw == Some(Flaw::GroupsBeyond64Unnormalised) && position % of_sample >= 64;
        let length = group.members.len();
        let written = match flaw {
            Some(Flaw::OutputTailUnwritten) if length > 8 => length - length % 8,
            _ => length,
        };
        for &i in &group.members[..written] {
            if flaw == Some(Flaw::SpaceOf16Bits) && i % work.inner >= 65_536 {
                continue;
            }
            y[i] = if plain { work.x[i].into() } else { element(work, of_group, i) };
        }
    }
    match flaw {
        Some(Flaw::NanSpreads) => spread(&mut y, work.channels * work.inner),
        Some(Flaw::NanSpreadsOverBatch) => {
            let all = y.len();
            spread(&mut y, all);
        }
        Some(Flaw::NanIsZero) => y.iter_mut().filter(|y| y.hi.is_nan()).for_each(|y| *y = 0.0.into()),
        _ => {}
    }
    y
}

fn element(work: &Work<'_>, statistics: &Statistics, i: usize) -> Double {
    let (gamma, beta) = (work.gamma_at(i), work.beta_at(i));
    let x_hat = x_hat(work, statistics, i);
    match work.flaw {
        Some(Flaw::BetaSubtracted) => x_hat * gamma - beta.into(),
        Some(Flaw::BetaScaled) => (x_hat + beta) * gamma,
        Some(Flaw::ScaleAndShift) if work.dtype != DType::F64 => {
            let scale = (statistics.rstd * gamma).round(DType::F32);
            let shift = (Double::from(beta) - statistics.mean * scale).round(DType::F32);
            (Double::from(work.x[i]) * scale + shift).round(DType::F32).into()
        }
        _ => x_hat * gamma + beta,
    }
}

/// An element of x, normalised.
pub(super) fn x_hat(work: &Work<'_>, statistics: &Statistics, i: usize) -> Double {
    (Double::from(work.x[i]) - statistics.mean) * statistics.rstd
}

/// A sample with one NaN is NaN.
fn spread(y: &mut [Double], sample: usize) {
    for sample in y.chunks_mut(sample.max(1)) {
        if sample.iter().any(|y| y.hi.is_nan()) {
            sample.fill(f64::NAN.into());
        }
    }
}
