//! A GroupNorm from typed arguments: what Rust callers use.

use super::initializer::Initializer;
use super::kernel::Casts;
use super::{Error, GroupNorm};
use crate::random::Generator;
use crate::tensor::{DType, Tensor};

/// The arguments of a GroupNorm, with MindSpore's defaults.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    num_groups: i64,
    num_channels: i64,
    eps: f64,
    affine: bool,
    gamma_init: Initializer,
    beta_init: Initializer,
    dtype: DType,
    seed: u64,
}

impl GroupNorm {
    /// Starts from the two arguments that have no default. They are checked by [`Builder::build`].
    pub fn builder(num_groups: i64, num_channels: i64) -> Builder {
        Builder {
            num_groups,
            num_channels,
            eps: 1e-5,
            affine: true,
            gamma_init: "ones".into(),
            beta_init: "zeros".into(),
            dtype: DType::F32,
            seed: 0,
        }
    }
}

impl Builder {
    /// Epsilon, what is added to the variance; 1e-5 unless given. Any value is taken, as in MindSpore:
    /// with 0 a constant group gives NaN, with an infinity every group gives `beta`.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether `gamma` and `beta` may be trained; true unless given. They exist, start as their
    /// initialisers say and are applied either way.
    pub fn affine(mut self, affine: bool) -> Self {
        self.affine = affine;
        self
    }

    /// What `gamma` starts from; ones unless given.
    pub fn gamma_init(mut self, init: impl Into<Initializer>) -> Self {
        self.gamma_init = init.into();
        self
    }

    /// What `beta` starts from; zeros unless given.
    pub fn beta_init(mut self, init: impl Into<Initializer>) -> Self {
        self.beta_init = init.into();
        self
    }

    /// The dtype of `gamma` and `beta`; f32 unless given. A parameter that starts from a tensor has that
    /// tensor's dtype instead. The output's dtype is always the input's.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// The seed of the random initialisers; 0 unless given. The same seed gives the same parameters, and
    /// `gamma` and `beta` draw different numbers from it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The GroupNorm.
    ///
    /// # Errors
    ///
    /// ValueError where `num_groups` or `num_channels` is not positive, one does not divide the other, an
    /// initialiser has no such name or needs two dimensions, or a tensor is not of shape
    /// `(num_channels,)`. RuntimeError where there is no memory for that many channels. The first in the
    /// order of the arguments is given.
    pub fn build(self) -> Result<GroupNorm, Error> {
        let num_groups = positive("num_groups", self.num_groups)?;
        let num_channels = positive("num_channels", self.num_channels)?;
        divisible(num_groups, num_channels)?;
        let mut seeds = Generator::new(self.seed);
        let mut parameter = |name, init: &Initializer| {
            let mut generator = Generator::new(seeds.bits());
            init.tensor(name, num_channels, self.dtype, &mut generator)
        };
        let gamma = parameter("gamma_init", &self.gamma_init)?;
        let beta = parameter("beta_init", &self.beta_init)?;
        let values = [&gamma, &beta].into_iter().flat_map(Tensor::to_f64);
        let largest = values.map(|v| if v.is_nan() { f64::INFINITY } else { v.abs() }).fold(0.0, f64::max);
        let least = least(&gamma.to_f64(), &beta.to_f64());
        let applied = gamma.to_f64().into_iter().map(f64::abs).filter(|gamma| *gamma != 0.0);
        let faintest = applied.fold(f64::INFINITY, f64::min);
        let (eps, affine) = (self.eps, self.affine);
        Ok(GroupNorm {
            num_groups,
            num_channels,
            eps,
            affine,
            gamma,
            beta,
            largest,
            least,
            faintest,
            casts: Casts::default(),
        })
    }
}

/// The least magnitude of gamma, or of beta where that is larger, over all channels whose gamma is not 0.
fn least(gamma: &[f64], beta: &[f64]) -> f64 {
    let applied = gamma.iter().zip(beta).filter(|(gamma, _)| **gamma != 0.0);
    applied.map(|(gamma, beta)| gamma.abs().max(beta.abs())).fold(f64::INFINITY, f64::min)
}

/// A number of groups or channels.
pub(super) fn positive(name: &'static str, given: i64) -> Result<usize, Error> {
    usize::try_from(given).ok().filter(|&n| n > 0).ok_or(Error::NotPositive { name, given })
}

/// Whether the channels can be divided into the groups.
pub(super) fn divisible(num_groups: usize, num_channels: usize) -> Result<(), Error> {
    if !num_channels.is_multiple_of(num_groups) {
        return Err(Error::NotDivisible { num_groups, num_channels });
    }
    Ok(())
}
