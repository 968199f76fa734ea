//! From which sizes on an input is taken another way.

/// Sizes in bytes. No bit of a result depends on them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Below so many bytes of what is computed with (f32 for f16 and bf16) one thread does it all.
    pub shared: usize,
    /// Groups up to so many are taken in batches: what is read of one, and what is written, is held in the first cache.
    pub batched: usize,
    /// A group up to so many is held in the second cache while it is read twice.
    pub held: usize,
    /// From so many on, an output is not in the cache any more when it is read.
    pub streamed: usize,
    /// From so many on, the next group is fetched while this one is written.
    pub fetched: usize,
    /// From so many on, what is read of several inputs is not in any cache.
    pub memory: usize,
}

/// What was fastest on two cores with caches of 32 KiB, 1 MiB and 32 MiB.
pub(super) const USUAL: Sizes = Sizes {
    shared: 96 << 10,
    batched: 2 << 10,
    held: 512 << 10,
    streamed: 8 << 20,
    fetched: 8 << 20,
    memory: 64 << 20,
};
