//! The normalisation of an input.

use ndarray::{Array, ArrayBase, ArrayView, ArrayViewMut, Data, Dimension};

use super::layout::{Layout, Order, alike};
use super::moments::Moments;
use super::shape::Extents;
use super::wide::{Pair, Wide};
use super::{Error, GroupNorm, kernel};
use crate::tensor::{DType, Element};

impl GroupNorm {
    /// `x` of shape `(samples, num_channels, …)` normalised: an array of the same shape and dtype.
    ///
    /// `x` may be strided in any way. Without gaps, contiguous or channels last, it is read where it lies, and the
    /// answer lies as it does; otherwise it is made contiguous first. `gamma` and `beta` are rounded to the dtype of
    /// `x` first. The answer is within 3 ULP of the definition, taken at the largest of `|y|`, `|gamma|` and `|beta|`,
    /// however large the mean is. An infinity or NaN makes its own group NaN, and no other.
    ///
    /// The bits are the same on every machine, on any number of threads, and for a sample alone or in a batch: the
    /// order of all additions follows from the shape and from the order in which the elements lie.
    ///
    /// ```text
    /// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta      (Wu and He, 2018)
    /// ```
    ///
    /// # Errors
    ///
    /// RuntimeError where `x` has fewer than 2 or more than 8 dimensions, or a dimension after the
    /// second is 0 (no samples are allowed: the answer is empty); ValueError where it has not
    /// `num_channels` channels. As MindSpore 2.7.0.
    pub fn forward<T: Element, D: Dimension>(&self, x: ArrayView<'_, T, D>) -> Result<Array<T, D>, Error> {
        let extents = self.extents(x.shape())?;
        Ok(match Layout::of(&x) {
            Some((layout, values)) => alike(&x, kernel::forward(self, extents, layout.order, values)),
            None => {
                let x = x.as_standard_layout();
                alike(&x, kernel::forward(self, extents, Order::Grouped, contiguous(&x)))
            }
        })
    }

    /// [`forward`](Self::forward), written over `y`, which may be strided in any way.
    ///
    /// # Errors
    ///
    /// As `forward`, and ValueError where `y` is not of the shape of `x`. `y` is then as it was.
    pub fn forward_into<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        mut y: ArrayViewMut<'_, T, D>,
    ) -> Result<(), Error> {
        let extents = self.extents(x.shape())?;
        same_shape("y", x.shape(), y.shape())?;
        let to = Layout::described(&y);
        match (Layout::of(&x), y.as_slice_memory_order_mut()) {
            (Some((layout, x)), Some(y)) if to.as_ref() == Some(&layout) => {
                kernel::forward_into(self, extents, layout.order, x, y);
            }
            (None, Some(y)) if to == Some(Layout::standard(x.shape())) => {
                kernel::forward_into(self, extents, Order::Grouped, contiguous(&x.as_standard_layout()), y);
            }
            _ => y.assign(&self.forward(x)?),
        }
        Ok(())
    }

    /// [`forward`](Self::forward), written over `x` itself, which may be strided in any way.
    ///
    /// # Errors
    ///
    /// As `forward`. `x` is then as it was.
    pub fn forward_in_place<T: Element, D: Dimension>(&self, mut x: ArrayViewMut<'_, T, D>) -> Result<(), Error> {
        let extents = self.extents(x.shape())?;
        match (Layout::described(&x), x.as_slice_memory_order_mut()) {
            (Some(layout), Some(values)) => kernel::forward_within(self, extents, layout.order, values),
            _ => {
                let y = self.forward(x.view())?;
                x.assign(&y);
            }
        }
        Ok(())
    }

    /// Group `index` of those of all samples, normalised in twice the precision of its elements.
    pub(super) fn normalised_carefully<T: Element, C: Copy + Into<f64>>(
        &self,
        index: usize,
        extents: Extents,
        parameters: [&[C]; 2],
        x: &[T],
    ) -> Vec<T> {
        #[cfg(test)]
        super::tests::more_care();
        if self.asks_for_pairs::<T>() {
            self.normalised_in::<Pair, T, C>(index, extents, parameters, x)
        } else {
            self.normalised_in::<f64, T, C>(index, extents, parameters, x)
        }
    }

    /// Whether f64 is not twice as precise as what has to be computed: beside f64, and where a negative epsilon may take
    /// nearly all of the variance.
    pub(super) fn asks_for_pairs<T: Element>(&self) -> bool {
        T::DTYPE == DType::F64 || self.eps < 0.0
    }

    fn normalised_in<W: Wide, T: Element, C: Copy + Into<f64>>(
        &self,
        index: usize,
        extents: Extents,
        [gamma, beta]: [&[C]; 2],
        x: &[T],
    ) -> Vec<T> {
        let mut group = widened(x);
        let moments = Moments::<W>::of(&mut group, self.eps);
        let mut y = Vec::with_capacity(x.len());
        for (channel, x) in (self.first_channel(index)..).zip(group.chunks_exact(extents.spatial)) {
            let (gamma, beta) = (W::from(gamma[channel].into()), W::from(beta[channel].into()));
            y.extend(x.iter().map(|x| T::rounded((gamma * moments.normalised(*x) + beta).into())));
        }
        y
    }
}

/// Refuses an array that should be of the shape of `x`, and is not.
pub(super) fn same_shape(name: &'static str, expected: &[usize], given: &[usize]) -> Result<(), Error> {
    if expected != given {
        return Err(Error::Shape { name, expected: expected.to_vec(), given: given.to_vec() });
    }
    Ok(())
}

/// The elements of an array that is known to be contiguous, first dimension slowest.
pub(super) fn contiguous<T, D: Dimension>(array: &ArrayBase<impl Data<Elem = T>, D>) -> &[T] {
    array.as_slice().expect("it was made contiguous")
}

/// The elements in f64, which is exact.
pub(super) fn widened<T: Element>(elements: &[T]) -> Vec<f64> {
    elements.iter().map(|element| element.to_f64()).collect()
}
