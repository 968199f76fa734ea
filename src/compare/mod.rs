//! Whether two answers are the same, and by how much they are not.

mod difference;
mod spread;
mod tolerance;

pub use difference::{Comparison, Spot, Unlike, compare, compare_exact, shares, shares_exact};
pub use spread::{HeatMap, Histogram};
pub use tolerance::{Precision, Tolerance};
