//! From a call's reading to its answer: what is computed, rounded, and handed out.

use mapcheck::call::{Answer, Effective, Output};
use mapcheck::double_double::Double;
use mapcheck::dtype::DType;
use mapcheck::tensor::Tensor;

use super::reading::Reading;
use super::{Past, affine, backward, forward, groups, memory, statistics};
use crate::Flaw;

/// What there is to compute.
#[derive(Clone)]
pub(super) struct Work<'a> {
    pub flaw: Option<Flaw>,
    pub x: &'a [f64],
    pub gamma: &'a [f64],
    pub beta: &'a [f64],
    pub eps: f64,
    pub affine: bool,
    pub dtype: DType,
    pub samples: usize,
    pub channels: usize,
    /// Elements of a channel of a sample.
    pub inner: usize,
    /// The length of the last dimension.
    pub last: usize,
    /// Elements of one index of the third dimension, of more than four.
    pub slice: Option<usize>,
    pub rank: usize,
    pub group_channels: usize,
}

impl Work<'_> {
    /// gamma of the element at a flat index.
    pub fn gamma_at(&self, i: usize) -> f64 {
        self.gamma[self.channel(i)]
    }

    /// beta of the element at a flat index.
    pub fn beta_at(&self, i: usize) -> f64 {
        self.beta[self.channel(i)]
    }

    /// The channel whose parameters an element gets.
    fn channel(&self, i: usize) -> usize {
        let c = i / self.inner % self.channels;
        match self.flaw {
            Some(Flaw::AffinePerGroup) => c / self.group_channels,
            Some(Flaw::AffineWithinGroup) => c % self.group_channels,
            Some(Flaw::AffineByFlatIndex) => (i / self.inner).min(self.channels - 1),
            Some(Flaw::AffineOnLastDimension) if self.rank > 2 && self.last == self.channels => i % self.last,
            Some(Flaw::AffineBySample) if self.samples == self.channels => i / self.inner / self.channels,
            Some(Flaw::AffineByLastDimensionOnly) if self.rank > 2 => i / self.last % self.channels,
            Some(Flaw::ChannelsOf16Bits) => c % 65_536,
            Some(Flaw::AffineInReverse) => self.channels - 1 - c,
            _ => c,
        }
    }
}

/// The answer.
pub(super) fn of(flaw: Option<Flaw>, reading: &Reading, effective: &Effective, past: &mut Past) -> Answer {
    let has = |of: Flaw| flaw == Some(of);
    let call = &reading.call;
    let (shape, dtype) = (effective.x.shape(), effective.x.dtype());
    let affine = reading.affine();
    let [mut gamma, beta] = affine::parameters(flaw, call, effective, affine);
    if has(Flaw::GammaKept) {
        gamma = past.gamma.entry(gamma.len()).or_insert(gamma).clone();
    }
    let mut x = input(flaw, &memory::x(flaw, &call.input.1), dtype);
    let inner = shape[2..].iter().product::<usize>();
    if has(Flaw::BetaBeforeNormalising) {
        x.iter_mut().enumerate().for_each(|(i, x)| *x += beta[i / inner % shape[1]]);
    }
    let work = Work {
        flaw,
        x: &x,
        gamma: &gamma,
        beta: if has(Flaw::BetaBeforeNormalising) { &vec![0.0; beta.len()] } else { &beta },
        eps: effective.eps,
        affine,
        dtype,
        samples: shape[0],
        channels: shape[1],
        inner,
        last: shape[shape.len() - 1],
        slice: (shape.len() > 4).then(|| shape[3..].iter().product()),
        rank: shape.len(),
        group_channels: reading.group_channels.unwrap_or(shape[1] / effective.num_groups),
    };
    let groups = groups::of(&work);
    let mut statistics: Vec<statistics::Statistics> = groups.iter().map(|group| statistics::of(&work, group)).collect();
    if has(Flaw::StatisticsKept) {
        let key = [shape, &[effective.num_groups]].concat();
        statistics = past.statistics.entry(key).or_insert(statistics).clone();
    }
    let y = forward::y(&work, &groups, &statistics);

    let mut answer = Answer::default();
    let mut put = |output: Output, dtype: DType, shape: &[usize], values: &[f64]| {
        let tensor = Tensor::from_f64(dtype, shape, values).expect("as many values as the shape has");
        answer.arrays.insert(output, tensor.into());
    };
    let y_dtype = match flaw {
        Some(Flaw::YInF32) => DType::F32,
        Some(Flaw::YInDTypeOfGamma) => effective.dtypes.gamma,
        _ => effective.dtypes.y,
    };
    let mut rounded = output(flaw, &y, y_dtype);
    if let Some(first) = rounded.first_mut().filter(|_| has(Flaw::OrderAlternates) && past.calls.is_multiple_of(2)) {
        *first = next(*first, y_dtype);
    }
    if has(Flaw::BatchChangesBits) && shape[0] > 1 {
        let at = rounded.len() / shape[0];
        rounded[at] = next(rounded[at], y_dtype);
    }
    if has(Flaw::YInTheOrderOfX) {
        rounded = memory::in_the_order_of(&call.input.1, &rounded);
    }
    let y_shape = match flaw {
        Some(Flaw::YFlattened) if shape.len() > 3 => &[shape[0], shape[1], inner][..],
        Some(Flaw::YSqueezed) => &shape.iter().copied().filter(|&length| length != 1).collect::<Vec<usize>>(),
        _ => reading.shape.as_deref().unwrap_or(shape),
    };
    let of_channels = if has(Flaw::DgammaBroadcastShape) { &[1, work.channels, 1][..] } else { &[work.channels] };
    put(Output::Y, y_dtype, y_shape, &rounded);
    if let Some((_, wanted)) = &effective.backward {
        let backward = call.backward.as_ref().expect("an effective call has a backward pass only where the call has");
        let dy = memory::dy(flaw, &backward.dy, &call.input.1);
        let gradients = backward::gradients(&work, &groups, &statistics, &y, &dy, *wanted);
        let of = |values: &[Double], dtype: DType| -> Vec<f64> { values.iter().map(|v| v.round(dtype)).collect() };
        let dtypes = effective.dtypes;
        if wanted.x {
            let dtype = if has(Flaw::DxInF32) { DType::F32 } else { dtype };
            let mut dx = of(&gradients.dx, dtype);
            if has(Flaw::DxInTheOrderOfX) {
                dx = memory::in_the_order_of(&call.input.1, &dx);
            }
            put(Output::Dx, dtype, reading.shape.as_deref().unwrap_or(shape), &dx);
        }
        let answered = |own: DType, of: Flaw| if has(of) { dtype } else { own };
        let (of_gamma, of_beta) =
            (answered(dtypes.gamma, Flaw::DgammaInDTypeOfX), answered(dtypes.beta, Flaw::DbetaInDTypeOfX));
        let mut parameters = [of(&gradients.dgamma, of_gamma), of(&gradients.dbeta, of_beta)];
        if has(Flaw::DgammaByWayOfHalf) {
            parameters.iter_mut().flatten().for_each(|g| *g = dtype.round(*g));
        }
        if has(Flaw::GradientsAccumulate) {
            let kept = past.gradients.entry(work.channels).or_insert_with(|| [0, 1].map(|_| vec![0.0; work.channels]));
            for (now, before) in parameters.iter_mut().flatten().zip(kept.iter_mut().flatten()) {
                *now += *before;
                *before = *now;
            }
        }
        if wanted.gamma && !has(Flaw::AffineGradsMissing) {
            put(Output::Dgamma, of_gamma, of_channels, &parameters[0]);
        }
        if wanted.beta && !has(Flaw::AffineGradsMissing) {
            put(Output::Dbeta, of_beta, of_channels, &parameters[1]);
        }
    }
    put(Output::Gamma, effective.dtypes.gamma, &[work.channels], &effective.gamma);
    put(Output::Beta, effective.dtypes.beta, &[work.channels], &effective.beta);
    answer
}

/// x as it enters the sums.
fn input(flaw: Option<Flaw>, x: &[f64], dtype: DType) -> Vec<f64> {
    let smallest = smallest_normal(dtype);
    let largest = largest(dtype);
    let read = |&x: &f64| match flaw {
        Some(Flaw::CastInputToF16) => DType::F16.round(x),
        Some(Flaw::CastInputToF32) => DType::F32.round(x),
        Some(Flaw::NanSkipped) if x.is_nan() => 0.0,
        Some(Flaw::InfinityClipped) if x.is_infinite() => largest.copysign(x),
        Some(Flaw::SubnormalInputFlushed) if x.abs() < smallest => 0.0,
        _ => x,
    };
    x.iter().map(read).collect()
}

/// y as it is handed out.
fn output(flaw: Option<Flaw>, y: &[Double], dtype: DType) -> Vec<f64> {
    let smallest = smallest_normal(dtype);
    let largest = largest(dtype);
    let round = |y: &Double| {
        let rounded = y.round(dtype);
        match flaw {
            Some(Flaw::Saturated) if rounded.is_infinite() && y.hi.is_finite() => largest.copysign(rounded),
            Some(Flaw::SubnormalsFlushed) if rounded.abs() < smallest => 0.0,
            Some(Flaw::OutputOfBf16) => y.round(DType::BF16),
            Some(Flaw::OutputOfF16) => y.round(DType::F16),
            _ => rounded,
        }
    };
    y.iter().map(round).collect()
}

fn smallest_normal(dtype: DType) -> f64 {
    2f64.powi(dtype.min_exponent())
}

/// The largest finite number of a dtype.
fn largest(dtype: DType) -> f64 {
    let exponent = 1 - dtype.min_exponent();
    2f64.powi(exponent) * (2.0 - 2f64.powi(1 - dtype.precision()))
}

/// The neighbour of a number, away from 0.
fn next(value: f64, dtype: DType) -> f64 {
    dtype.round(value + dtype.ulp(value).copysign(value))
}
