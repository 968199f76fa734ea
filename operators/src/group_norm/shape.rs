//! How an input divides into groups.

use super::{Error, GroupNorm};

/// The extents of an input that lies contiguous: `(samples, num_groups, channels of a group, spatial)`.
/// A group is then one run of elements, and a channel a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    /// Elements of one channel of one sample.
    pub(super) spatial: usize,
    /// Elements of one group of one sample.
    pub(super) group: usize,
}

impl GroupNorm {
    /// The extents of an input of `shape`, in MindSpore's order of checks.
    pub(super) fn extents(&self, shape: &[usize]) -> Result<Extents, Error> {
        if !(2..=8).contains(&shape.len()) {
            return Err(Error::Rank { given: shape.len() });
        }
        if shape[1] != self.num_channels {
            return Err(Error::Channels { num_channels: self.num_channels, given: shape[1] });
        }
        let spatial = shape[2..].iter().product();
        if spatial == 0 {
            return Err(Error::NoElements { shape: shape.to_vec() });
        }
        Ok(Extents { spatial, group: self.num_channels / self.num_groups * spatial })
    }

    /// The first channel of run `index` of the groups of all samples.
    pub(super) fn first_channel(&self, index: usize) -> usize {
        index % self.num_groups * (self.num_channels / self.num_groups)
    }
}
