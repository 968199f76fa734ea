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
    /// x86-64 with those and AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// x86-64 with those and AVX512_BF16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

/// The variable that forces a path, where the machine has it: `MAPCHECK_KERNEL=portable`, `avx2`, `avx512` or
/// `avx512_bf16`.
const VARIABLE: &str = "MAPCHECK_KERNEL";

impl Path {
    /// Those that the machine has, the fastest last.
    pub fn all() -> Vec<Path> {
        #[allow(unused_mut, reason = "other machines have one")]
        let mut paths = vec![Path::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            paths.extend(has_avx2.then_some(Path::Avx2));
            paths.extend((has_avx2 && has_avx512).then_some(Path::Avx512));
            let has_bf16 = is_x86_feature_detected!("avx512bf16");
            paths.extend((has_avx2 && has_avx512 && has_bf16).then_some(Path::Avx512Bf16));
        }
        paths
    }

    /// Whether it fetches ahead and writes past the caches.
    pub const fn reaches_far(self) -> bool {
        !matches!(self, Path::Portable)
    }

    fn name(self) -> &'static str {
        match self {
            Path::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512Bf16 => "avx512_bf16",
        }
    }
}

/// The path that is asked for, where the machine has it; otherwise the fastest that it has.
pub(super) fn choice() -> Path {
    static CHOICE: OnceLock<Path> = OnceLock::new();
    *CHOICE.get_or_init(|| chosen(&std::env::var(VARIABLE).unwrap_or_default()))
}

fn chosen(asked: &str) -> Path {
    let paths = Path::all();
    let named = paths.iter().find(|path| path.name() == asked);
    named.or(paths.last()).copied().unwrap_or(Path::Portable)
}

#[cfg(test)]
mod tests {
    use super::{Path, chosen};

    #[test]
    fn the_fastest_path_is_chosen_unless_another_is_asked_for() {
        let paths = Path::all();
        for path in &paths {
            assert_eq!(chosen(path.name()), *path);
        }
        let fastest = *paths.last().unwrap();
        assert_eq!((chosen(""), chosen("mmx"), chosen("portable")), (fastest, fastest, Path::Portable));
    }
}
