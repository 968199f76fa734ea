//! What is computed on, and our operator on it.

use std::cell::RefCell;
use std::hint::black_box;

use anyhow::{Context, Result};
use mapcheck::group_norm::{GroupNorm, Wanted};
use mapcheck::random::Generator;
use mapcheck::tensor::{Element, Tensor};
use ndarray::Array4;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::case::{Case, Layout};
use super::race::{Contender, Entry, THREADS, timed};

/// So many values are drawn and then repeated; a prime, so that they meet every channel.
const DRAWN: usize = 65_521;

/// What is drawn for a subject takes fewer seeds.
const SEEDS: u64 = 8;

/// An operator, its input, the gradient of its output, and room for the output.
pub struct Subject<T> {
    /// The operator, with parameters of the same dtype.
    pub norm: GroupNorm,
    /// The input.
    pub x: Array4<T>,
    /// The gradient of the output.
    pub dy: Array4<T>,
    /// Where a forward pass writes. The contenders take turns.
    y: RefCell<Array4<T>>,
}

impl<T: Element> Subject<T> {
    /// An input with the mean `offset`; another `draw` has other values everywhere.
    pub fn new(case: Case, offset: f64, draw: u64) -> Result<Self> {
        // Far from 0 the values of a narrow dtype are far apart: a deviation of 1 would leave one of them.
        let deviation = f64::max(1.0, 2.0 * case.dtype.ulp(offset));
        let channels = case.shape.channels();
        let parameter = |seed, mean: f64| {
            let mut generator = Generator::new(SEEDS * draw + seed);
            let values: Vec<f64> = (0..channels).map(|_| mean + 0.25 * generator.bell()).collect();
            Tensor::from_f64(case.dtype, &[channels], &values).context("a value for each channel")
        };
        let norm = GroupNorm::builder(case.shape.groups as i64, channels as i64)
            .gamma_init(parameter(1, 1.0)?)
            .beta_init(parameter(2, 0.5)?)
            .build()?;
        let x = array(case, SEEDS * draw + 3, |bell| offset + deviation * bell)?;
        let dy = array(case, SEEDS * draw + 4, |bell| bell)?;
        let y = RefCell::new(array(case, 5, |_| 0.0)?);
        Ok(Self { norm, x, dy, y })
    }

    /// Our three contenders.
    pub fn entries<'a>(&'a self, pools: &'a Pools) -> Vec<Entry<'a>> {
        let (norm, x, dy) = (&self.norm, self.x.view(), self.dy.view());
        let mut entries = Vec::new();
        for (threads, pool) in pools.each() {
            // The batch is timed on a thread of the pool: to send work there takes longer than a small call.
            entries.push(Entry::new(Contender::Into, threads, move |calls| {
                let y = &mut *self.y.try_borrow_mut()?;
                let call = || Ok(norm.forward_into(black_box(x), y.view_mut())?);
                pool.install(|| timed(calls, call))
            }));
            entries.push(Entry::new(Contender::Forward, threads, move |calls| {
                let call = || Ok(norm.forward(black_box(x))?);
                pool.install(|| timed(calls, call))
            }));
            entries.push(Entry::new(Contender::Backward, threads, move |calls| {
                let call = || Ok(norm.backward(black_box(x), black_box(dy), Wanted::ALL)?);
                pool.install(|| timed(calls, call))
            }));
        }
        entries
    }
}

/// The two thread pools that ours and the copies run in.
pub struct Pools([ThreadPool; 2]);

impl Pools {
    /// Starts them.
    pub fn new() -> Result<Self> {
        let pool = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.with_context(|| format!("{threads} threads cannot be started: close other programs"))
        };
        Ok(Self([pool(THREADS[0])?, pool(THREADS[1])?]))
    }

    /// Each with its number of threads.
    pub fn each(&self) -> impl Iterator<Item = (usize, &ThreadPool)> {
        THREADS.into_iter().zip(&self.0)
    }
}

/// An array of the case, its values drawn from a bell of mean 0 and deviation 1 and then changed.
fn array<T: Element>(case: Case, seed: u64, value: impl Fn(f64) -> f64) -> Result<Array4<T>> {
    let [samples, channels, height, width] = case.shape.sizes;
    let mut generator = Generator::new(seed);
    let drawn: Vec<T> = (0..DRAWN.min(case.shape.elements())).map(|_| T::rounded(value(generator.bell()))).collect();
    let values = drawn.into_iter().cycle().take(case.shape.elements()).collect();
    Ok(match case.layout {
        Layout::Contiguous => Array4::from_shape_vec((samples, channels, height, width), values)?,
        Layout::ChannelsLast => {
            Array4::from_shape_vec((samples, height, width, channels), values)?.permuted_axes([0, 3, 1, 2])
        }
    })
}
