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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) order: Order,
    /// The axes of space of more than one element, the slowest first: in any order, since mean and variance do not
    /// depend on it. What is not filled is 0, which is no axis of space.
    space: [u8; MOST_AXES],
}

/// Inputs have no more axes; an array of more has no layout.
const MOST_AXES: usize = 8;

impl Layout {
    /// That of a contiguous array, the last axis fastest.
    pub(super) fn standard(shape: &[usize]) -> Self {
        Self { order: Order::Grouped, space: space(shape) }
    }

    /// That of an array of at least two axes, and its elements in the order of memory; `None` where it has gaps, lies
    /// backwards or in an order of its own, or where it has no elements.
    pub(super) fn of<T, D: Dimension>(array: &ArrayBase<impl Data<Elem = T>, D>) -> Option<(Self, &[T])> {
        let layout = Self::described(array)?;
        Some((layout, array.as_slice_memory_order()?))
    }

    /// The layout alone.
    pub(super) fn described<D: Dimension>(array: &ArrayBase<impl RawData, D>) -> Option<Self> {
        let (shape, strides) = (array.shape(), array.strides());
        if shape.len() > MOST_AXES {
            return None;
        }
        let mut space = space(shape);
        let count = space.iter().take_while(|&&axis| axis > 0).count();
        space[..count].sort_by_key(|&axis| std::cmp::Reverse(strides[usize::from(axis)]));
        let spatial: usize = shape[2..].iter().product();
        let lies = |axis: usize, stride: usize| shape[axis] == 1 || usize::try_from(strides[axis]) == Ok(stride);
        // Whether the axes of space lie one within the other, the fastest at this stride.
        let is_dense = |mut stride: usize| {
            space[..count].iter().rev().map(|&axis| usize::from(axis)).all(|axis| {
                let fits = lies(axis, stride);
                stride *= shape[axis];
                fits
            })
        };
        if shape.contains(&0) || !lies(0, shape[1] * spatial) {
            None
        } else if lies(1, spatial) && is_dense(1) {
            Some(Self { order: Order::Grouped, space })
        } else if lies(1, 1) && is_dense(shape[1]) {
            Some(Self { order: Order::Interleaved, space })
        } else {
            None
        }
    }
}

/// The axes of space of more than one element, in their order.
fn space(shape: &[usize]) -> [u8; MOST_AXES] {
    let mut space = [0; MOST_AXES];
    let axes = (2..).zip(&shape[2..]).filter(|(_, size)| **size > 1).map(|(axis, _)| axis);
    space.iter_mut().zip(axes).for_each(|(place, axis)| *place = axis);
    space
}

/// A new array that lies as another does, of values in the order of memory.
pub(super) fn alike<T, U, D: Dimension>(other: &ArrayBase<impl RawData<Elem = U>, D>, values: Vec<T>) -> Array<T, D> {
    let (shape, mut strides) = (other.raw_dim(), other.raw_dim());
    for (axis, stride) in strides.slice_mut().iter_mut().enumerate() {
        *stride = if shape[axis] == 1 { 1 } else { other.strides()[axis] as usize };
    }
    Array::from_shape_vec(shape.strides(strides), values).expect("as many values as elements, without gaps")
}
