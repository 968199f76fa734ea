//! The clock: rounds in which everybody is timed once, in an order that turns.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

/// With how many threads everything is timed.
pub const THREADS: [usize; 2] = [1, 2];

/// A batch of calls lasts at least so long, so that reading the clock counts for nothing.
const BATCH: Duration = Duration::from_micros(50);

/// The worker threads of libtorch's OpenMP go on spinning after a parallel call, and take the core
/// that the next contender would run on.
const REST: Duration = Duration::from_millis(20);

/// A call that takes longer is made once a round.
const LONG: Duration = Duration::from_millis(250);

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// Our forward pass into an array that is there.
    Into,
    /// Our forward pass into a new array.
    Forward,
    /// Our backward pass: all three gradients.
    Backward,
    /// libtorch's forward pass into a new tensor.
    TorchForward,
    /// libtorch's forward pass into a tensor that is there.
    TorchOut,
    /// libtorch's backward pass and the autograd around it.
    TorchBackward,
    /// The autograd around libtorch's backward pass, without it.
    TorchAutograd,
    /// A copy of the bytes of the input.
    Copy,
    /// The same, past the caches.
    Stream,
}

impl Contender {
    fn is_libtorch(self) -> bool {
        matches!(self, Self::TorchForward | Self::TorchOut | Self::TorchBackward | Self::TorchAutograd)
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Into => "ours, forward_into",
            Self::Forward => "ours, forward",
            Self::Backward => "ours, backward",
            Self::TorchForward => "libtorch, group_norm",
            Self::TorchOut => "libtorch, native_group_norm_out",
            Self::TorchBackward => "libtorch, autograd and backward",
            Self::TorchAutograd => "libtorch, autograd alone",
            Self::Copy => "memcpy",
            Self::Stream => "non-temporal copy",
        })
    }
}

/// Makes so many calls and says how long they took.
type Batch<'a> = Box<dyn FnMut(u32) -> Result<Duration> + 'a>;

/// A contender with its number of threads.
pub struct Entry<'a> {
    contender: Contender,
    threads: usize,
    batch: Batch<'a>,
    calls: u32,
}

impl<'a> Entry<'a> {
    /// `batch` makes so many calls and says how long they took.
    pub fn new(contender: Contender, threads: usize, batch: impl FnMut(u32) -> Result<Duration> + 'a) -> Self {
        Self { contender, threads, batch: Box::new(batch), calls: 1 }
    }

    /// Whether this contender is timed, with so many threads.
    pub fn is(&self, contender: Contender, threads: usize) -> bool {
        (self.contender, self.threads) == (contender, threads)
    }

    /// How long a batch takes; it is made again with more calls while it is too short.
    fn time(&mut self) -> Result<Duration> {
        loop {
            let took = (self.batch)(self.calls)?;
            if took >= BATCH {
                return Ok(took);
            }
            self.calls *= 2;
        }
    }

    /// Fills the caches, starts the threads, and finds out how many calls make a batch.
    fn warm_up(&mut self) -> Result<()> {
        self.time()?;
        self.rest();
        Ok(())
    }

    /// The least time of a call over the batches that fit into a slice of time, in seconds.
    fn least(&mut self, slice: Duration) -> Result<f64> {
        let (mut spent, mut least) = (Duration::ZERO, f64::INFINITY);
        // The first batch finds the caches full of what others left there: there is a second one.
        for batches in 0.. {
            if batches > 0 && spent >= LONG || batches > 1 && spent >= slice {
                break;
            }
            // Warming up may have been interrupted: the number of calls can still grow.
            let took = self.time()?;
            least = least.min(took.as_secs_f64() / f64::from(self.calls));
            spent += took;
        }
        self.rest();
        Ok(least)
    }

    fn rest(&self) {
        if self.contender.is_libtorch() && self.threads > 1 {
            sleep(REST);
        }
    }
}

/// How long so many calls take, and what they give to be freed again.
pub fn timed<R>(calls: u32, mut call: impl FnMut() -> Result<R>) -> Result<Duration> {
    let started = Instant::now();
    for _ in 0..calls {
        drop(black_box(call()?));
    }
    Ok(started.elapsed())
}

/// How much time a race may take.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What each entry is timed for, each round; two calls are made however long they take.
    pub slice: Duration,
    /// When no further round is begun.
    pub budget: Duration,
    /// Rounds that there are whatever the budget.
    pub fewest: usize,
    /// Rounds after which it is enough.
    pub most: usize,
}

/// Times everybody once each round; who comes first changes from round to round.
pub fn race(mut entries: Vec<Entry<'_>>, plan: Plan) -> Result<Times> {
    let started = Instant::now();
    for entry in &mut entries {
        entry.warm_up()?;
    }
    let mut times = Times::default();
    for round in 0..plan.most {
        if round >= plan.fewest && started.elapsed() >= plan.budget {
            break;
        }
        let count = entries.len();
        for at in 0..count {
            let entry = &mut entries[(round + at) % count];
            let seconds = entry.least(plan.slice)?;
            times.0.entry((entry.contender, entry.threads)).or_default().push(seconds);
        }
    }
    Ok(times)
}

/// What everybody took, round by round, in seconds for a call.
#[derive(Clone, Debug, Default)]
pub struct Times(BTreeMap<(Contender, usize), Vec<f64>>);

impl Times {
    /// The least of all rounds: what counts.
    pub fn least(&self, contender: Contender, threads: usize) -> Option<f64> {
        self.0.get(&(contender, threads)).and_then(|rounds| minimum(rounds))
    }

    /// A line for everybody: least, median and most, in microseconds.
    pub fn spread(&self) -> String {
        let line = |((contender, threads), rounds): (&(Contender, usize), &Vec<f64>)| {
            let mut sorted: Vec<f64> = rounds.iter().map(|seconds| seconds * 1e6).collect();
            sorted.sort_by(f64::total_cmp);
            let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
            let (least, median, most) = (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)));
            format!("  {contender:<32} {threads} {least:>12.2} {median:>12.2} {most:>12.2}  {} rounds\n", sorted.len())
        };
        self.0.iter().map(line).collect()
    }
}

/// The least of what was measured; `None` where nothing was.
fn minimum(values: &[f64]) -> Option<f64> {
    values.iter().copied().min_by(f64::total_cmp)
}

#[cfg(test)]
impl Times {
    /// Times as they might have been measured.
    pub fn given(times: &[(Contender, usize, &[f64])]) -> Self {
        Self(times.iter().map(|&(contender, threads, rounds)| ((contender, threads), rounds.to_vec())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_the_rounds_counts() {
        let times = Times::given(&[(Contender::Into, 1, &[3e-6, 2e-6, 5e-6]), (Contender::Into, 2, &[])]);
        assert_eq!(times.least(Contender::Into, 1), Some(2e-6));
        assert_eq!((times.least(Contender::Into, 2), times.least(Contender::Copy, 1)), (None, None));
        assert!(
            times.spread().contains("ours, forward_into               1         2.00         3.00         5.00  3")
        );
    }

    #[test]
    fn everybody_is_timed_once_a_round_and_the_order_turns() -> Result<()> {
        let order = std::cell::RefCell::new(Vec::new());
        let entry = |contender| {
            let order = &order;
            Entry::new(contender, 1, move |_| {
                order.borrow_mut().push(contender);
                Ok(LONG)
            })
        };
        let plan = Plan { slice: Duration::ZERO, budget: Duration::ZERO, fewest: 2, most: 3 };
        let times = race(vec![entry(Contender::Into), entry(Contender::Copy)], plan)?;
        let [into, copy] = [Contender::Into, Contender::Copy];
        assert_eq!(*order.borrow(), [into, copy, into, copy, copy, into]);
        assert_eq!(times.least(into, 1), Some(0.25));
        Ok(())
    }

    #[test]
    fn a_batch_grows_until_the_clock_can_be_read() -> Result<()> {
        let mut entry = Entry::new(Contender::Into, 1, |calls| Ok(Duration::from_micros(1) * calls));
        entry.warm_up()?;
        assert_eq!(entry.calls, 64);
        assert!((entry.least(Duration::ZERO)? - 1e-6).abs() < 1e-15);
        Ok(())
    }
}
