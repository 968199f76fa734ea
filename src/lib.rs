//! mapcheck
