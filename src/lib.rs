//! mapcheck

pub mod call;
pub mod mapping;
pub mod python;
pub mod random;
pub mod tensor;
