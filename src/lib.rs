//! mapcheck

pub mod call;
pub mod double_double;
pub mod exact;
pub mod mapping;
pub mod python;
pub mod random;
pub mod tensor;
