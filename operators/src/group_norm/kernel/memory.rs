//! Memory for an output.

use std::mem::MaybeUninit;

/// From so many bytes on, large pages are asked for: a page of 4 KiB costs more to get than to fill.
const LARGE: usize = 4 << 20;

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

/// The elements of an array as places that are only written.
pub(super) fn places<T: Copy>(values: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same size and alignment, and whoever has these places only gives them values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) }
}

/// Asks for pages of 2 MiB where they lie whole in this memory. It is an advice: nothing depends on it.
#[cfg(target_os = "linux")]
fn on_large_pages<T>(place: &mut [MaybeUninit<T>]) {
    const PAGE: usize = 4096;
    let start = place.as_mut_ptr().cast::<u8>();
    let ahead = start.align_offset(PAGE);
    if let Some(length) = size_of_val(place).checked_sub(ahead) {
        // SAFETY: the pages are those of this memory, which stays what it is.
        unsafe { libc::madvise(start.add(ahead).cast(), length / PAGE * PAGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn on_large_pages<T>(_: &mut [MaybeUninit<T>]) {}
