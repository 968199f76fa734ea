//! A line of the table: one case in one direction, and what its times say.

use super::accuracy::Accuracy;
use super::case::{Case, Direction};
use super::race::{Contender, THREADS, Times};

/// A value for each of [`THREADS`], where it was measured.
pub type ByThreads = [Option<f64>; 2];

/// More threads never cost so much on a quiet machine, not even for the smallest input.
const DISTURBED: f64 = 4.0;

/// Whether something else kept a core busy: a thread of libtorch that waits for another, which waits
/// for its turn on that core, takes milliseconds for a call of microseconds.
pub fn is_disturbed([one, two]: ByThreads) -> bool {
    one.zip(two).is_some_and(|(one, two)| two > DISTURBED * one)
}

/// What was measured of one case in one direction. Times are in seconds for a call.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub case: Case,
    /// Which pass of it.
    pub direction: Direction,
    /// What counts as ours: `forward_into`, or `backward`.
    pub ours: ByThreads,
    /// What counts as libtorch's: the faster of its two forward calls, or its backward pass alone.
    pub public: ByThreads,
    /// Our allocating forward pass.
    pub forward: ByThreads,
    /// libtorch's allocating forward pass.
    pub torch_forward: ByThreads,
    /// A copy of the bytes of the input.
    pub copy: ByThreads,
    /// The same, past the caches.
    pub stream: ByThreads,
    /// Errors of both sides.
    pub accuracy: Accuracy,
    /// candle's allocating forward pass.
    pub candle: ByThreads,
    /// burn's.
    pub burn: ByThreads,
}

impl Row {
    /// What the times of a race say of one pass.
    pub fn new(case: Case, direction: Direction, times: &Times) -> Self {
        let least = |contender| THREADS.map(|threads| times.least(contender, threads));
        let forward_only = |contender| if direction == Direction::Forward { least(contender) } else { [None; 2] };
        let (ours, public) = match direction {
            Direction::Forward => {
                let either = zip(least(Contender::TorchForward), least(Contender::TorchOut), |one, other| {
                    Some(f64::min(one, other))
                });
                (least(Contender::Into), either)
            }
            Direction::Backward => {
                let (with, without) = (least(Contender::TorchBackward), least(Contender::TorchAutograd));
                // Where it is not positive, the backward pass was lost in the noise of the autograd.
                let alone = zip(with, without, |with, without| Some(with - without).filter(|alone| *alone > 0.0));
                (least(Contender::Backward), alone)
            }
        };
        Self {
            case,
            direction,
            ours,
            public,
            forward: forward_only(Contender::Forward),
            torch_forward: forward_only(Contender::TorchForward),
            copy: least(Contender::Copy),
            stream: least(Contender::Stream),
            accuracy: Accuracy::default(),
            candle: [None; 2],
            burn: [None; 2],
        }
    }

    /// How many times as fast as libtorch ours is.
    pub fn to_public(&self) -> ByThreads {
        ratio(self.public, self.ours)
    }

    /// The same of both allocating forward passes.
    pub fn to_allocating(&self) -> ByThreads {
        ratio(self.torch_forward, self.forward)
    }

    /// How many copies could be made in our time.
    pub fn over_copy(&self) -> ByThreads {
        ratio(self.ours, self.copy)
    }

    /// How many copies past the caches could be made in our time.
    pub fn over_stream(&self) -> ByThreads {
        ratio(self.ours, self.stream)
    }

    /// How many times as fast as libtorch a copy is: the wall for ours.
    pub fn copy_to_public(&self) -> ByThreads {
        ratio(self.public, self.copy)
    }

    /// The same of a copy past the caches.
    pub fn stream_to_public(&self) -> ByThreads {
        ratio(self.public, self.stream)
    }

    /// How many times as fast as candle our allocating forward pass is.
    pub fn to_candle(&self) -> ByThreads {
        ratio(self.candle, self.forward)
    }

    /// How many times as fast as burn our allocating forward pass is.
    pub fn to_burn(&self) -> ByThreads {
        ratio(self.burn, self.forward)
    }
}

fn ratio(of: ByThreads, to: ByThreads) -> ByThreads {
    zip(of, to, |of, to| Some(of / to))
}

fn zip(one: ByThreads, other: ByThreads, both: impl Fn(f64, f64) -> Option<f64>) -> ByThreads {
    [0, 1].map(|at| both(one[at]?, other[at]?))
}

#[cfg(test)]
pub mod tests {
    use super::super::case::{Layout, SHAPES};
    use super::*;
    use mapcheck::tensor::DType;

    /// A case with times that are easily divided.
    pub fn row(direction: Direction) -> Row {
        let case = Case { dtype: DType::F32, layout: Layout::Contiguous, shape: SHAPES[4] };
        let times = Times::given(&[
            (Contender::Into, 1, &[5.0, 4.0]),
            (Contender::Into, 2, &[3.0]),
            (Contender::Forward, 1, &[6.0]),
            (Contender::Backward, 1, &[8.0]),
            (Contender::Backward, 2, &[8.0]),
            (Contender::TorchForward, 1, &[9.0]),
            (Contender::TorchForward, 2, &[2.0]),
            (Contender::TorchOut, 1, &[8.0, 10.0]),
            (Contender::TorchOut, 2, &[3.0]),
            (Contender::TorchBackward, 1, &[21.0, 20.0]),
            (Contender::TorchBackward, 2, &[3.0]),
            (Contender::TorchAutograd, 1, &[4.0, 5.0]),
            (Contender::TorchAutograd, 2, &[3.5]),
            (Contender::Copy, 1, &[2.0]),
        ]);
        Row::new(case, direction, &times)
    }

    #[test]
    fn the_faster_of_two_forward_calls_is_what_ours_is_held_to() {
        let row = row(Direction::Forward);
        assert_eq!(row.public, [Some(8.0), Some(2.0)]);
        assert_eq!(row.to_public(), [Some(2.0), Some(2.0 / 3.0)]);
        assert_eq!(row.to_allocating(), [Some(1.5), None]);
        assert_eq!((row.over_copy(), row.copy_to_public()), ([Some(2.0), None], [Some(4.0), None]));
        assert_eq!((row.over_stream(), row.to_candle(), row.to_burn()), ([None; 2], [None; 2], [None; 2]));
    }

    #[test]
    fn a_core_that_is_busy_elsewhere_is_noticed() {
        let disturbed = [[Some(1.0), Some(5.0)], [Some(1.0), Some(3.0)], [Some(1.0), None]].map(is_disturbed);
        assert_eq!(disturbed, [true, false, false]);
    }

    #[test]
    fn autograd_is_subtracted_from_the_backward_pass() {
        let row = row(Direction::Backward);
        // 20 - 4; with two threads less than nothing would be left.
        assert_eq!((row.public, row.to_public()), ([Some(16.0), None], [Some(2.0), None]));
        assert_eq!(row.to_allocating(), [None; 2]);
    }
}
