//! How the elements of an array lie in memory, as far as the kernel can take them there.

use ndarray::{Array, ArrayBase, Data, Dimension, RawData, ShapeBuilder};

/// What lies side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The elements of a channel, and the channels of a group: contiguous.
    Grouped,
    /// The channels of a place in space: channels last.
    Interleaved,
}

/// How an array without gaps lies in memory, samples slowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) order: Order,
    /// The axes of space of more than one element, the slowest first, in a byte each: in any order, since mean and
    /// variance do not depend on it.
    space: u64,
}

/// The most axes of an input. So many bytes are in what a layout holds of them.
const MOST_AXES: usize = 8;

impl Layout {
    /// That of a contiguous array, the last axis fastest.
    pub(super) fn standard(shape: &[usize]) -> Self {
        Self { order: Order::Grouped, space: packed(axes(shape)) }
    }

    /// That of an input, and its elements in the order of memory; `None` where it has gaps, lies backwards or in an
    /// order of its own.
    pub(super) fn of<T, D: Dimension>(array: &ArrayBase<impl Data<Elem = T>, D>) -> Option<(Self, &[T])> {
        let layout = Self::described(array)?;
        Some((layout, array.as_slice_memory_order()?))
    }

    /// The layout alone.
    pub(super) fn described<D: Dimension>(array: &ArrayBase<impl RawData, D>) -> Option<Self> {
        let (shape, strides) = (array.shape(), array.strides());
        if array.is_standard_layout() {
            return Some(Self::standard(shape));
        }
        let (mut space, mut count) = ([0; MOST_AXES], 0);
        for axis in axes(shape) {
            space[count] = axis;
            count += 1;
        }
        let space = &mut space[..count];
        space.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
        let spatial: usize = shape[2..].iter().product();
        let lies = |axis: usize, stride: usize| shape[axis] == 1 || usize::try_from(strides[axis]) == Ok(stride);
        // Whether the axes of space lie one within the other, the fastest at this stride.
        let is_dense = |mut stride: usize| {
            space.iter().rev().all(|&axis| {
                let fits = lies(axis, stride);
                stride *= shape[axis];
                fits
            })
        };
        let order = if !lies(0, shape[1] * spatial) {
            return None;
        } else if lies(1, spatial) && is_dense(1) {
            Order::Grouped
        } else if lies(1, 1) && is_dense(shape[1]) {
            Order::Interleaved
        } else {
            return None;
        };
        Some(Self { order, space: packed(space.iter().copied()) })
    }
}

/// The axes of space of more than one element, in their order.
fn axes(shape: &[usize]) -> impl Iterator<Item = usize> {
    (2..shape.len()).filter(|&axis| shape[axis] > 1)
}

/// Up to [`MOST_AXES`] axes of space in one number, none of which is 0.
fn packed(axes: impl Iterator<Item = usize>) -> u64 {
    axes.fold(0, |packed, axis| packed << 8 | axis as u64)
}

/// A new array that lies as another does, of values in the order of memory.
pub(super) fn alike<T, U, D: Dimension>(other: &ArrayBase<impl RawData<Elem = U>, D>, values: Vec<T>) -> Array<T, D> {
    let (shape, mut strides) = (other.raw_dim(), other.raw_dim());
    for (axis, stride) in strides.slice_mut().iter_mut().enumerate() {
        *stride = if shape[axis] == 1 { 1 } else { other.strides()[axis] as usize };
    }
    Array::from_shape_vec(shape.strides(strides), values).expect("as many values as elements, without gaps")
}
