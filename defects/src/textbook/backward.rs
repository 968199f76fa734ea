//! dx, dgamma and dbeta.

use mapcheck::call::Wanted;
use mapcheck::double_double::Double;
use mapcheck::dtype::DType;

use super::answer::Work;
use super::forward::x_hat;
use super::groups::Group;
use super::statistics::{Statistics, sum};
use crate::Flaw;

/// The gradients, not yet rounded.
pub(super) struct Gradients {
    pub dx: Vec<Double>,
    pub dgamma: Vec<Double>,
    pub dbeta: Vec<Double>,
}

/// The gradients of one output gradient.
pub(super) fn gradients(
    work: &Work<'_>,
    groups: &[Group],
    statistics: &[Statistics],
    y: &[Double],
    dy: &[f64],
    wanted: Wanted,
) -> Gradients {
    let overwritten: Vec<f64>;
    let of_sample = (groups.len() / work.samples.max(1)).max(1);
    let (mut again, mut statistics) = (work.clone(), statistics.to_vec());
    match work.flaw {
        Some(Flaw::DxFromOverwrittenX) => {
            overwritten = y.iter().map(|y| y.round(work.dtype)).collect();
            again.x = &overwritten;
        }
        Some(Flaw::DxOfOtherEps) => statistics.iter_mut().for_each(|s| s.rstd = Double::from(1.0) / s.variance.sqrt()),
        Some(Flaw::DxOfFirstStatistics) => {
            statistics = (0..groups.len()).map(|position| statistics[position % of_sample]).collect();
        }
        Some(Flaw::DxOfDefaultEps) => {
            statistics.iter_mut().for_each(|s| s.rstd = Double::from(1.0) / (s.variance + 1e-5).sqrt());
        }
        _ => {}
    }
    let work = &again;
    let mut dx = vec![Double::default(); work.x.len()];
    for (position, (group, of_group)) in groups.iter().zip(&statistics).enumerate() {
        if work.flaw == Some(Flaw::DxOfTheFirstGroup) && position % of_sample > 0 {
            continue;
        }
        of_input(work, group, of_group, dy, &mut dx);
    }
    let mut gradients = of_parameters(work, groups, &statistics, y, dy, &dx);
    severed(work, wanted, &mut dx, &mut gradients);
    let [dgamma, dbeta] = gradients;
    Gradients { dx, dgamma, dbeta }
}

/// dx of one group.
fn of_input(work: &Work<'_>, group: &Group, statistics: &Statistics, dy: &[f64], dx: &mut [Double]) {
    let flaw = work.flaw;
    let has = |of: Flaw| flaw == Some(of);
    let plain =
        has(Flaw::GammaAfterProjection) || has(Flaw::DxWithoutGamma) || has(Flaw::DxPlainWhenFrozen) && !work.affine;
    let g = |i: usize| {
        let product = if plain { dy[i].into() } else { Double::from(dy[i]) * work.gamma_at(i) };
        if has(Flaw::ProductsInHalf) { product.round(work.dtype).into() } else { product }
    };
    let count = match flaw {
        Some(Flaw::DxUnbiased) => group.members.len() as f64 - 1.0,
        _ => group.members.len() as f64,
    };
    let mean = |of: &dyn Fn(usize) -> Double| group.summed().iter().map(|&i| of(i)).sum::<Double>() / count.into();
    let (mut mean_g, mut mean_gx) = (mean(&g), mean(&|i| g(i) * x_hat(work, statistics, i)));
    if has(Flaw::DxWithoutStatistics) || has(Flaw::DxWithoutMeanTerm) {
        mean_g = Double::default();
    }
    if has(Flaw::DxWithoutStatistics) || has(Flaw::DxWithoutVarianceTerm) {
        mean_gx = Double::default();
    }
    let rstd = if has(Flaw::DxWithoutRstd) { 1.0.into() } else { statistics.rstd };
    if has(Flaw::DxCancels) && work.dtype != DType::F64 {
        let f32 = |value: Double| Double::from(value.round(DType::F32));
        let scale = f32(-(rstd * rstd * mean_gx));
        let shift = f32(-(scale * statistics.mean) - rstd * mean_g);
        for &i in &group.members {
            dx[i] = f32(f32(f32(rstd * g(i)) + f32(scale * work.x[i])) + shift);
        }
        return;
    }
    for &i in &group.members {
        dx[i] = rstd * (g(i) - mean_g - x_hat(work, statistics, i) * mean_gx);
        if has(Flaw::GammaAfterProjection) {
            dx[i] = dx[i] * work.gamma_at(i);
        }
    }
}

/// dgamma and dbeta.
fn of_parameters(
    work: &Work<'_>,
    groups: &[Group],
    statistics: &[Statistics],
    y: &[Double],
    dy: &[f64],
    dx: &[Double],
) -> [Vec<Double>; 2] {
    let &Work { flaw, channels, inner, samples, dtype, .. } = work;
    let has = |of: Flaw| flaw == Some(of);
    let is_half = matches!(dtype, DType::F16 | DType::BF16);
    let mut normalised = vec![Double::default(); work.x.len()];
    let mut of_element = vec![0; work.x.len()];
    for (position, (group, of_group)) in groups.iter().zip(statistics).enumerate() {
        for &i in &group.members {
            normalised[i] = x_hat(work, of_group, i);
            of_element[i] = position;
        }
    }
    let mut gradients = [vec![Double::default(); channels], vec![Double::default(); channels]];
    let from = if has(Flaw::DgammaLastSampleOnly) { samples.saturating_sub(1) } else { 0 };
    let to = match flaw {
        Some(Flaw::DgammaFirst128Samples) => samples.min(128),
        Some(Flaw::DgammaFirst256Samples) => samples.min(256),
        Some(Flaw::DgammaFirst1024Samples) => samples.min(1024),
        _ => samples,
    };
    let space = match flaw {
        Some(Flaw::DgammaSpaceTailLost) if inner > 8 => inner - inner % 8,
        Some(Flaw::DgammaSpaceBeyond512Lost) => inner.min(512),
        Some(Flaw::DgammaSpaceBeyond16384Lost) => inner.min(16_384),
        _ => inner,
    };
    for c in 0..channels {
        let elements = || (from..to).flat_map(|n| (0..space).map(move |i| (n * channels + c) * inner + i));
        let term = |i: usize| {
            let dy = Double::from(dy[i]);
            match flaw {
                Some(Flaw::DgammaUnnormalised) => dy * work.x[i],
                Some(Flaw::DgammaWithoutRstd) => dy * (Double::from(work.x[i]) - statistics[of_element[i]].mean),
                Some(Flaw::DgammaFromY) => dy * y[i],
                _ => dy * normalised[i],
            }
        };
        let shift = |i: usize| match flaw {
            Some(Flaw::DbetaOfGammaTimesDy) => Double::from(dy[i]) * work.gamma_at(i),
            Some(Flaw::DbetaOfDx) => dx[i],
            _ => dy[i].into(),
        };
        let running = (has(Flaw::DgammaSumsInHalf) && is_half).then_some(dtype);
        gradients[0][c] = sum(elements().map(term), running);
        gradients[1][c] = sum(elements().map(shift), running);
        if has(Flaw::DgammaCancels) && dtype != DType::F64 {
            let f32 = |value: Double| Double::from(value.round(DType::F32));
            let of_sample = |n: usize| {
                let elements = || (0..inner).map(move |i| (n * channels + c) * inner + i);
                let products = f32(elements().map(|i| Double::from(dy[i]) * work.x[i]).sum());
                let sums = f32(elements().map(|i| Double::from(dy[i])).sum());
                let of_group = &statistics[of_element[(n * channels + c) * inner]];
                f32(f32(products - f32(sums * of_group.mean)) * of_group.rstd)
            };
            gradients[0][c] = (0..samples).map(of_sample).sum();
        }
    }
    if has(Flaw::DgammaMeanOfSamples) && samples > 0 {
        gradients.iter_mut().flatten().for_each(|g| *g = *g / (samples as f64).into());
    }
    if has(Flaw::DgammaMeanOfAll) && samples > 0 {
        gradients.iter_mut().flatten().for_each(|g| *g = *g / ((samples * inner) as f64).into());
    }
    if has(Flaw::DgammaPerGroup) {
        gradients[0] = (0..channels).map(|c| gradients[0][c - c % work.group_channels]).collect();
    }
    gradients
}

/// Gradients that are lost, or get into each other's place.
fn severed(work: &Work<'_>, wanted: Wanted, dx: &mut [Double], [dgamma, dbeta]: &mut [Vec<Double>; 2]) {
    let (zero, nan) = (Double::default(), Double::from(f64::NAN));
    match work.flaw {
        Some(Flaw::AffineGradsSevered) => {
            dgamma.fill(zero);
            dbeta.fill(zero);
        }
        Some(Flaw::NanSpreadsInDgamma) if dgamma.iter().any(|g| g.hi.is_nan()) => dgamma.fill(nan),
        Some(Flaw::GradientsSwapped) => std::mem::swap(dgamma, dbeta),
        Some(Flaw::DxOnlyBesideDgamma) if !wanted.gamma => dx.fill(zero),
        Some(Flaw::DgammaOnlyBesideDx) if !wanted.x => dgamma.fill(zero),
        Some(Flaw::DbetaOnlyBesideDgamma) if !wanted.gamma => dbeta.fill(zero),
        Some(Flaw::DxZeroWhenFrozen) if !work.affine => dx.fill(zero),
        Some(Flaw::NoSampleGivesNan) if work.samples == 0 => {
            dgamma.fill(nan);
            dbeta.fill(nan);
        }
        Some(Flaw::DgammaFirst32Channels) => {
            dgamma.iter_mut().skip(32).for_each(|g| *g = zero);
            dbeta.iter_mut().skip(32).for_each(|g| *g = zero);
        }
        Some(Flaw::DgammaFirst1024Channels) => {
            dgamma.iter_mut().skip(1024).for_each(|g| *g = zero);
            dbeta.iter_mut().skip(1024).for_each(|g| *g = zero);
        }
        _ => {}
    }
}
