//! What has gone wrong with GroupNorms, as a measure of the suite: a textbook GroupNorm that is right, and can be
//! made wrong in one way at a time.
//!
//! [`DEFECTS`] is the table: of each defect its name, its kind, the rows of the mapping that have to catch it, and
//! where it happened. [`Textbook`] is the operator, with a switch for each. [`Scores`] is what comes of making each
//! the subject of the whole suite, and [`page`] tells it.

mod page;
mod score;
mod table;
mod textbook;

pub use page::page;
pub use score::{Caught, Score, Scores, without_a_defect};
pub use table::{DEFECTS, Defect, Flaw, Kind};
pub use textbook::Textbook;
