//! Which instruction set a machine has.

use std::sync::OnceLock;

/// An instruction set by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Any machine.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// The variable that forces the portable path: `MAPCHECK_KERNEL=portable`.
const VARIABLE: &str = "MAPCHECK_KERNEL";

/// The fastest path that the machine has, unless the portable one is asked for.
pub(super) fn choice() -> Path {
    static CHOICE: OnceLock<Path> = OnceLock::new();
    *CHOICE.get_or_init(|| match std::env::var(VARIABLE).as_deref() {
        Ok("portable") => Path::Portable,
        _ => best(),
    })
}

/// The fastest path that the machine has.
pub(super) fn best() -> Path {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
        return Path::Avx2;
    }
    Path::Portable
}
