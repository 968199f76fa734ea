//! How close is close enough: one table, by precision, dtype and array.

use std::fmt;

use crate::call::Output;
use crate::tensor::DType;

/// The two classes of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The rtol and atol with which PyTorch holds its own: torch.testing.assert_close of 2.13.0.
    AssertClose,
    /// Held to `exact` in units in the last place.
    Ulp,
}

/// What an element may be off by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// `|a - e| <= atol + rtol*u`, u being the unit that `exact` gives for the element.
    ///
    /// Not `rtol*|e|`: where terms cancel, no computation in the dtype comes that close to what is left.
    Relative {
        /// Share of the unit.
        rtol: f64,
        /// Absolute.
        atol: f64,
    },
    /// So many ULP at the magnitude that `exact` gives as the unit of the element.
    Ulp(f64),
}

impl Tolerance {
    /// The table.
    pub fn of(precision: Precision, dtype: DType, output: Output) -> Self {
        match (precision, dtype, output) {
            (Precision::AssertClose, DType::F16, _) => Tolerance::Relative { rtol: 1e-3, atol: 1e-5 },
            (Precision::AssertClose, DType::BF16, _) => Tolerance::Relative { rtol: 1.6e-2, atol: 1e-5 },
            (Precision::AssertClose, DType::F32, _) => Tolerance::Relative { rtol: 1.3e-6, atol: 1e-5 },
            (Precision::AssertClose, DType::F64, _) => Tolerance::Relative { rtol: 1e-7, atol: 1e-7 },
            (Precision::Ulp, _, Output::Y) => Tolerance::Ulp(3.0),
            (Precision::Ulp, _, _) => Tolerance::Ulp(4.0),
        }
    }

    /// The share of the tolerance that an absolute error uses: above 1 it is beyond.
    pub fn used(&self, error: f64, unit: f64, ulp: f64) -> f64 {
        if error == 0.0 {
            return 0.0;
        }
        match self {
            Tolerance::Relative { rtol, atol } => error / (atol + rtol * unit),
            Tolerance::Ulp(limit) => error / (ulp * limit),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Relative { rtol, atol } => write!(f, "rtol {rtol:e}, atol {atol:e}"),
            Tolerance::Ulp(limit) => write!(f, "{limit} ULP"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_what_the_unit_allows() {
        let relative = Tolerance::Relative { rtol: 0.5, atol: 1.0 };
        assert_eq!(relative.used(6.0, 4.0, 0.0), 2.0);
        assert_eq!(Tolerance::Ulp(3.0).used(12.0, 0.0, 2.0), 2.0);
        // Where nothing is off nothing is used, though nothing be allowed.
        assert_eq!(Tolerance::Ulp(0.0).used(0.0, 1.0, 1.0), 0.0);
    }

    #[test]
    fn it_says_what_it_allows() {
        assert_eq!(Tolerance::Relative { rtol: 1e-3, atol: 1e-5 }.to_string(), "rtol 1e-3, atol 1e-5");
        assert_eq!(Tolerance::Ulp(3.0).to_string(), "3 ULP");
    }
}
