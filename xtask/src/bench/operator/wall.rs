//! What no operator can be faster than: a copy of the bytes of the input.
//!
//! The forward pass reads so many bytes and writes as many; the backward pass reads twice as many.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use rayon::ThreadPool;

use super::race::{Contender, Entry, timed};
use super::subject::Pools;

/// Writes some bytes over others: `to, from`, as in `copy_from_slice`.
type Copier = fn(&mut [u8], &[u8]);

/// The bytes, and room for the copy.
pub struct Wall {
    from: Vec<u8>,
    to: RefCell<Vec<u8>>,
}

impl Wall {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        // Not zeros: their pages would be one and the same until something is written.
        Self { from: vec![1; bytes], to: RefCell::new(vec![2; bytes]) }
    }

    /// The copies that this processor can do.
    pub fn entries<'a>(&'a self, pools: &'a Pools) -> Vec<Entry<'a>> {
        let copiers = [(Contender::Copy, Some(<[u8]>::copy_from_slice as Copier)), (Contender::Stream, streaming())];
        let copiers = copiers.into_iter().filter_map(|(contender, copier)| Some((contender, copier?)));
        let entries = copiers.flat_map(|(contender, copier)| {
            pools.each().map(move |(threads, pool)| {
                Entry::new(contender, threads, move |calls| self.batch(copier, threads, pool, calls))
            })
        });
        entries.collect()
    }

    fn batch(&self, copier: Copier, threads: usize, pool: &ThreadPool, calls: u32) -> Result<Duration> {
        let (from, to) = (&*self.from, &mut **self.to.try_borrow_mut()?);
        pool.install(|| {
            timed(calls, || {
                split(copier, threads, black_box(to), black_box(from));
                Ok(())
            })
        })
    }
}

/// Copies with one thread, or one half with each of two.
fn split(copier: Copier, threads: usize, to: &mut [u8], from: &[u8]) {
    if threads == 1 {
        return copier(to, from);
    }
    // A multiple of a cache line, so that no line is written by both.
    let middle = (from.len() / 2).next_multiple_of(64).min(from.len());
    let ((from, from_end), (to, to_end)) = (from.split_at(middle), to.split_at_mut(middle));
    rayon::join(|| copier(to, from), || copier(to_end, from_end));
}

/// The copy past the caches, where the processor has one.
fn streaming() -> Option<Copier> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was asked just above.
        return Some(|to, from| unsafe { stream(to, from) });
    }
    None
}

/// Copies with stores that leave the caches alone, so that what they write over is not read first.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn stream(to: &mut [u8], from: &[u8]) {
    use std::arch::x86_64::{__m256i, _mm_sfence, _mm256_loadu_si256, _mm256_stream_si256};
    assert_eq!(from.len(), to.len());
    // SAFETY: any 32 bytes are a `__m256i`.
    let (head, middle, tail) = unsafe { to.align_to_mut::<__m256i>() };
    let (from_head, rest) = from.split_at(head.len());
    let (from_middle, from_tail) = rest.split_at(size_of_val(middle));
    head.copy_from_slice(from_head);
    tail.copy_from_slice(from_tail);
    for (from, to) in from_middle.chunks_exact(32).zip(middle) {
        // SAFETY: 32 bytes are read from a slice of 32, and written, aligned, to a place that is borrowed for it.
        unsafe { _mm256_stream_si256(to, _mm256_loadu_si256(from.as_ptr().cast())) };
    }
    // Such stores are ordered by nothing else, and another thread may read next.
    _mm_sfence();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied() {
        let from: Vec<u8> = (0..1000).map(|at| (at % 251) as u8).collect();
        for copier in [Some(<[u8]>::copy_from_slice as Copier), streaming()].into_iter().flatten() {
            for (start, length) in [(0, 0), (0, 1), (1, 31), (3, 64), (5, 127), (7, 900)] {
                for threads in [1, 2] {
                    let mut to = vec![255; 1000];
                    let range = start..start + length;
                    split(copier, threads, &mut to[range.clone()], &from[range]);
                    assert_eq!(to[start..start + length], from[start..start + length]);
                    assert!(to[..start].iter().chain(&to[start + length..]).all(|&byte| byte == 255));
                }
            }
        }
    }
}
