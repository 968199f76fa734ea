//! Times the f32 forward pass of other frameworks' GroupNorm, contiguous, into a new tensor.
//!
//! Arguments are shapes as NxCxHxW/groups; a line of JSON is printed for each: the least time of a
//! call in seconds. RAYON_NUM_THREADS says how many threads they may take.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use burn::nn::GroupNormConfig;
use burn::tensor::{Device, TensorData};
use candle_core::{Device as CandleDevice, Tensor};
use candle_nn::{GroupNorm, Module};

/// What calls of one framework and shape are made for, in total.
const BUDGET: Duration = Duration::from_millis(500);

/// A batch lasts at least so long, so that reading the clock counts for nothing.
const BATCH: Duration = Duration::from_micros(50);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    ensure!(arguments.peek().is_some(), "give shapes as NxCxHxW/groups, for example 2x64x16x16/32");
    for text in arguments {
        let (shape, groups) = parsed(&text).with_context(|| format!("`{text}` is no shape such as 2x64x16x16/32"))?;
        let values = values(shape.iter().product());
        let candle = candle(&values, shape, groups)?;
        let burn = burn(&values, shape, groups)?;
        println!("{}", serde_json::json!({ "shape": text, "candle": candle, "burn": burn }));
    }
    Ok(())
}

/// The four sizes and the number of groups.
fn parsed(text: &str) -> Option<([usize; 4], usize)> {
    let (sizes, groups) = text.split_once('/')?;
    let sizes: Vec<usize> = sizes.split('x').map(|size| size.parse().ok()).collect::<Option<_>>()?;
    Some((sizes.try_into().ok()?, groups.parse().ok()?))
}

/// Values between -1 and 1 that repeat late.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 7919) % 65521) as f32 / 32760.5 - 1.0).collect()
}

fn candle(values: &[f32], shape: [usize; 4], groups: usize) -> Result<f64> {
    let device = CandleDevice::Cpu;
    let channels = shape[1];
    let parameter = |value: f32| Tensor::from_vec(vec![value; channels], channels, &device);
    let norm = GroupNorm::new(parameter(1.5)?, parameter(0.5)?, channels, groups, 1e-5)?;
    let x = Tensor::from_slice(values, shape.to_vec(), &device)?;
    least(|| {
        black_box(norm.forward(&x)?);
        Ok(())
    })
}

// Its successor is burn's `flex`; both are on the CPU, in Rust alone.
#[expect(deprecated, reason = "the ndarray backend is the one that is compared")]
fn burn(values: &[f32], shape: [usize; 4], groups: usize) -> Result<f64> {
    let device = Device::ndarray();
    let norm = GroupNormConfig::new(groups, shape[1]).init(&device);
    let x = burn::tensor::Tensor::<4>::from_data(TensorData::new(values.to_vec(), shape), &device);
    least(|| {
        // A clone of a tensor shares its values.
        black_box(norm.forward(x.clone()));
        Ok(())
    })
}

/// The least time of a call, in seconds, over batches of calls.
fn least(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut batch = |calls: u32| {
        let started = Instant::now();
        (0..calls).try_for_each(|_| call())?;
        anyhow::Ok(started.elapsed())
    };
    let mut calls = 1;
    while batch(calls)? < BATCH {
        calls *= 2;
    }
    let (started, mut least) = (Instant::now(), f64::INFINITY);
    for round in 0.. {
        if round >= 3 && started.elapsed() > BUDGET {
            break;
        }
        least = least.min(batch(calls)?.as_secs_f64() / f64::from(calls));
    }
    Ok(least)
}
