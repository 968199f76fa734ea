//! mapcheck

pub mod call;
pub mod python;
pub mod random;
pub mod tensor;
