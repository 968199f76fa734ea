//! Memory: that of an output, and some elements of an array as an array of their own.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

use super::vector::Isa;

/// So many bytes are fetched and written at once.
pub(super) const LINE: usize = 64;

/// From so many bytes on, large pages are asked for: a page of 4 KiB costs more to get than to fill.
const LARGE: usize = 4 << 20;

/// What the machine translates addresses by, where large pages were not asked for.
const PAGE: usize = 4096;

/// So many bytes ahead, pages are looked up.
const AHEAD: usize = 8 * PAGE;

/// Bytes between two looks at the pages ahead.
pub(super) const STRETCH: usize = 16 << 10;

/// A new array of `count` elements, every one of which `write` gives its value.
pub(super) fn written<T: Copy>(count: usize, write: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut values = Vec::with_capacity(count);
    let place = &mut values.spare_capacity_mut()[..count];
    if size_of_val(place) >= LARGE {
        on_large_pages(place);
    }
    write(place);
    // SAFETY: there is room for so many, and `write` has given each its value.
    unsafe { values.set_len(count) };
    values
}

/// An array that begins where a line does.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    values: Vec<f64>,
    start: usize,
}

impl Lines {
    /// `count` times 0.
    pub fn new(count: usize) -> Self {
        let most = LINE / size_of::<f64>() - 1;
        let mut values = Vec::<f64>::with_capacity(count + most);
        let start = values.as_ptr().align_offset(LINE).min(most);
        values.resize(start + count, 0.0);
        Self { values, start }
    }
}

impl Deref for Lines {
    type Target = [f64];

    #[inline(always)]
    fn deref(&self) -> &[f64] {
        &self.values[self.start..]
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.values[self.start..]
    }
}

/// The elements of an array as places that are only written.
pub(super) fn places<T: Copy>(values: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same size and alignment, and whoever has these places only gives them values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
}

/// The elements from `at` on by the name of an array of them.
///
/// # Safety
///
/// `B` is an array of `T`, or one of such arrays, and does not reach beyond the last element.
#[inline(always)]
pub(super) unsafe fn values_at<T, B>(values: &[T], at: usize) -> &B {
    debug_assert!(at + size_of::<B>() / size_of::<T>() <= values.len());
    // SAFETY: as the caller says; an array has the alignment of its elements.
    unsafe { &*values.as_ptr().add(at).cast() }
}

/// The same to write.
///
/// # Safety
///
/// `B` is an array of `T`, or one of such arrays, and does not reach beyond the last element.
#[inline(always)]
pub(super) unsafe fn room_at<T, B>(values: &mut [MaybeUninit<T>], at: usize) -> &mut MaybeUninit<B> {
    debug_assert!(at + size_of::<B>() / size_of::<T>() <= values.len());
    // SAFETY: as the caller says; an array has the alignment of its elements.
    unsafe { &mut *values.as_mut_ptr().add(at).cast() }
}

/// Looks up the pages that begin [`AHEAD`] of some elements, one after the other, by fetching a line of each.
#[inline(always)]
pub(super) fn look_up<I: Isa, T>(first: *const T, count: usize) {
    let start = first.wrapping_byte_add(AHEAD);
    let end = start.wrapping_add(count);
    let mut page = start.wrapping_byte_add(start.addr().wrapping_neg() % PAGE);
    while page < end {
        I::prefetch(page);
        page = page.wrapping_byte_add(PAGE);
    }
}

/// Asks for pages of 2 MiB where they lie whole in this memory. It is an advice: nothing depends on it.
#[cfg(target_os = "linux")]
fn on_large_pages<T>(place: &mut [MaybeUninit<T>]) {
    let start = place.as_mut_ptr().cast::<u8>();
    let ahead = start.align_offset(PAGE);
    if let Some(length) = size_of_val(place).checked_sub(ahead) {
        // SAFETY: the pages are those of this memory, which stays what it is.
        unsafe { libc::madvise(start.add(ahead).cast(), length / PAGE * PAGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn on_large_pages<T>(_: &mut [MaybeUninit<T>]) {}
