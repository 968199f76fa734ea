//! What a run found, told to people and to other tools: one model, and one file or folder a form.

mod drift;
mod gather;
mod github;
mod html;
mod json;
mod junit;
pub mod model;
mod notes;
mod number;
mod page;
mod python;
mod smallest;
mod text;
mod wrap;

pub use drift::drift;
pub use html::Unwritable;
pub use json::schema;
pub use model::Report;
pub use number::Number;
pub use page::{Language, page};
pub use python::{Script, python};
pub use smallest::smallest;
pub use text::{Terminal, matrix, mismatch, text};
