//! The operators that mapcheck holds to the tables, for programs that want no harness: exact, fast, and the same bits on
//! every machine, on any number of threads.
//!
//! [`group_norm`] is the first. Below it are what operators take and give: tensors ([`tensor`]) of four dtypes ([`dtype`]),
//! the values and exceptions of a call from Python ([`python`]), numbers drawn from a seed ([`random`]), and arithmetic of
//! twice the precision of f64 ([`double_double`]).

pub mod double_double;
pub mod dtype;
pub mod group_norm;
pub mod python;
pub mod random;
pub mod tensor;
