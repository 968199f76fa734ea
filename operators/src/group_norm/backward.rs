//! The gradients of an input and of the parameters.

use ndarray::{Array, ArrayView, Dimension, IxDyn};

use super::forward::{contiguous, same_shape, widened};
use super::kernel::{self, Shares};
use super::layout::{Layout, Order, alike};
use super::moments::Moments;
use super::shape::Extents;
use super::wide::{Pair, Sum, Wide};
use super::{Error, GroupNorm};
use crate::tensor::{DType, Element, Tensor};

/// Which gradients a backward pass is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// dx, of the shape of x.
    pub x: bool,
    /// dgamma, of shape (C,).
    pub gamma: bool,
    /// dbeta, of shape (C,).
    pub beta: bool,
}

impl Wanted {
    /// None of them.
    pub const NONE: Wanted = Wanted { x: false, gamma: false, beta: false };
    /// All three.
    pub const ALL: Wanted = Wanted { x: true, gamma: true, beta: true };
    /// That of the input alone: all there is when `affine` is false.
    pub const X: Wanted = Wanted { x: true, gamma: false, beta: false };
    /// Those of `gamma` and `beta`.
    pub const PARAMETERS: Wanted = Wanted { x: false, gamma: true, beta: true };

    /// Whether there is one that is wanted.
    pub fn any(self) -> bool {
        self != Self::NONE
    }
}

/// The gradients that were asked for, each in the dtype of what it is the gradient of; `None` for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T, D: Dimension = IxDyn> {
    /// Of the input: its shape.
    pub dx: Option<Array<T, D>>,
    /// Of the scale: shape `(num_channels,)`.
    pub dgamma: Option<Tensor>,
    /// Of the shift: shape `(num_channels,)`.
    pub dbeta: Option<Tensor>,
}

impl GroupNorm {
    /// The gradients of a loss whose gradient with respect to [`forward`](Self::forward) of `x` is `dy`.
    ///
    /// Those of the definition (Wu and He, 2018), the mean and the deviation being functions of `x`:
    ///
    /// ```text
    /// dbeta  = sum(dy)                                      over samples and the channel's elements
    /// dgamma = sum(dy * x_hat)                              over the same
    /// dx     = (g - mean(g) - x_hat * mean(g * x_hat)) / sqrt(variance + epsilon)
    ///          with g = gamma * dy                          means over the group
    /// ```
    ///
    /// `x` and `dy` may be strided in any way; where they lie alike and without gaps, contiguous or channels last, they
    /// are read where they lie, and `dx` lies as they do. Every value is within 4 ULP, taken for
    /// `dbeta` at the sum of `|dy|`, for `dgamma` at that of `|dy * x_hat|`, for `dx` at the larger of
    /// itself and the largest `|g|` of its group over the deviation. (MindSpore loses digits here where
    /// the mean is large: in f32 at mean 1e6 its `dgamma` is off by a quarter.) Without samples `dgamma`
    /// and `dbeta` are 0.
    ///
    /// # Errors
    ///
    /// As `forward`; ValueError where `dy` is not of the shape of `x`; RuntimeError where a gradient of
    /// `gamma` or `beta` is asked for and `affine` is false.
    pub fn backward<T: Element, D: Dimension>(
        &self,
        x: ArrayView<'_, T, D>,
        dy: ArrayView<'_, T, D>,
        wanted: Wanted,
    ) -> Result<Gradients<T, D>, Error> {
        if !self.affine && (wanted.gamma || wanted.beta) {
            return Err(Error::Frozen);
        }
        let extents = self.extents(x.shape())?;
        same_shape("dy", x.shape(), dy.shape())?;
        let (dx, [dgamma, dbeta]) = match (Layout::of(&x), Layout::of(&dy)) {
            (Some((layout, x_values)), Some((same, dy_values))) if layout == same => {
                let (dx, of_parameters) =
                    kernel::backward(self, extents, layout.order, [x_values, dy_values], wanted.x);
                (dx.map(|dx| alike(&x, dx)), of_parameters)
            }
            _ => {
                let (x, dy) = (x.as_standard_layout(), dy.as_standard_layout());
                let values = [contiguous(&x), contiguous(&dy)];
                let (dx, of_parameters) = kernel::backward(self, extents, Order::Grouped, values, wanted.x);
                (dx.map(|dx| alike(&x, dx)), of_parameters)
            }
        };
        Ok(Gradients {
            dx,
            dgamma: wanted.gamma.then(|| parameter(self.gamma.dtype(), &dgamma)),
            dbeta: wanted.beta.then(|| parameter(self.beta.dtype(), &dbeta)),
        })
    }

    /// The gradient of group `index` of those of all samples, in twice the precision of its elements; and for each
    /// channel the sums of `dy * x_hat` and of `dy`.
    pub(super) fn differentiated_carefully<T: Element, C: Copy + Into<f64>>(
        &self,
        index: usize,
        extents: Extents,
        gamma: &[C],
        inputs: [&[T]; 2],
        shares: Shares<'_>,
    ) -> Vec<T> {
        #[cfg(test)]
        super::tests::more_care();
        let are_wide = [&self.gamma, &self.beta].iter().any(|parameter| parameter.dtype() == DType::F64);
        if self.asks_for_pairs::<T>() || are_wide {
            self.differentiated_in::<Pair, T, C>(index, extents, gamma, inputs, shares)
        } else {
            self.differentiated_in::<f64, T, C>(index, extents, gamma, inputs, shares)
        }
    }

    fn differentiated_in<W: Wide, T: Element, C: Copy + Into<f64>>(
        &self,
        index: usize,
        extents: Extents,
        gamma: &[C],
        [x, dy]: [&[T]; 2],
        [of_hats, of_dy]: Shares<'_>,
    ) -> Vec<T> {
        let (mut x, dy) = (widened(x), widened(dy));
        let moments = Moments::<W>::of(&mut x, self.eps);
        let first = self.first_channel(index);
        // Of g and of g * x_hat.
        let (mut sum, mut sum_hat) = (Sum::<W>::default(), Sum::<W>::default());
        let channels = x.chunks_exact(extents.spatial).zip(dy.chunks_exact(extents.spatial));
        let shares = of_hats.iter_mut().zip(of_dy);
        for ((gamma, (x, dy)), (hats_share, dy_share)) in gamma[first..].iter().zip(channels).zip(shares) {
            let (mut of_dy, mut of_hats) = (Sum::<W>::default(), Sum::<W>::default());
            for (&x, &dy) in x.iter().zip(dy) {
                let x_hat = moments.normalised(x);
                // Where gamma is no number, each product counts, and not that of the channel's sum.
                let g = W::from((*gamma).into()) * dy.into();
                of_dy.push(dy.into());
                of_hats.push(W::from(dy) * x_hat);
                sum.push(g);
                sum_hat.push(g * x_hat);
            }
            (*hats_share, *dy_share) = (of_hats.total().into(), of_dy.total().into());
        }
        let count = extents.group as f64;
        let (mean, mean_hat) = (sum.total() / count, sum_hat.total() / count);
        let inverse_deviation = moments.inverse_deviation();
        let of_element = |(at, (&x, &dy)): (usize, (&f64, &f64))| {
            let g = W::from(gamma[first + at / extents.spatial].into()) * dy.into();
            let centred = g - mean - moments.normalised(x) * mean_hat;
            T::rounded((centred * inverse_deviation).into())
        };
        x.iter().zip(&dy).enumerate().map(of_element).collect()
    }
}

/// The gradient of a parameter, rounded once to its dtype.
fn parameter(dtype: DType, values: &[f64]) -> Tensor {
    Tensor::from_f64(dtype, &[values.len()], values).expect("a value for each channel")
}
