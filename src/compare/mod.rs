//! Whether two answers are the same, and by how much they are not.

mod difference;
mod tolerance;

pub use difference::{Comparison, Spot, Unlike, compare, compare_exact};
pub use tolerance::{Precision, Tolerance};
