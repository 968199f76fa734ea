//! What a run found, for people to read: one file a form.

mod drift;
mod matrix;
mod mismatch;
mod notes;
mod number;
mod python;
mod smallest;
mod text;

pub use drift::drift;
pub use matrix::matrix;
pub use mismatch::mismatch;
pub use python::python;
pub use smallest::smallest;
pub use text::text;
