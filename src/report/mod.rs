//! What a run found, for people to read: one file a form.

mod text;

pub use text::{mismatch, text};
