//! mapcheck

pub mod binding;
pub mod call;
pub mod check;
pub mod compare;
pub mod double_double;
pub mod engine;
pub mod exact;
pub mod golden;
pub mod group_norm;
pub mod mapping;
pub mod python;
pub mod random;
pub mod report;
pub mod tensor;
