//! With the feature `libtorch`: lets whatever is built from this package find libtorch when it runs.
//!
//! `torch-sys` links to the libraries, but leaves finding them again to whoever starts the program.
//! Cargo and nextest put the search folders that build scripts name on the loader's path, for tests,
//! doctests, examples and `cargo run` alike, though only folders inside the target folder. So this
//! script makes a link in there and names the link.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    // Set by torch-sys; on Windows it sets nothing, and the folder has to be on PATH anyway.
    let (Some(_), Some(lib)) = (env::var_os("CARGO_FEATURE_LIBTORCH"), env::var_os("DEP_TCH_LIBTORCH_LIB")) else {
        return ExitCode::SUCCESS;
    };
    match name_libraries(Path::new(&lib)) {
        Ok(link) => {
            println!("cargo::rustc-link-search=native={}", link.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

/// Links `OUT_DIR/libtorch` to the folder of the libraries and returns the link.
fn name_libraries(lib: &Path) -> Result<PathBuf, String> {
    if !lib.is_absolute() || !lib.is_dir() {
        return Err(format!(
            "libtorch: {} is not the full path of a folder; `cargo xtask libtorch` fetches one, \
             or set LIBTORCH to a folder that has `lib` and `include` in it",
            lib.display()
        ));
    }
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this script is run by cargo")?;
    let link = Path::new(&out).join("libtorch");
    if fs::read_link(&link).is_ok_and(|target| target == lib) {
        return Ok(link);
    }
    // An earlier build may have used another libtorch.
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).map_err(|why| format!("cannot remove {}: {why}", link.display()))?;
    }
    symlink(lib, &link).map_err(|why| format!("cannot make the link {}: {why}", link.display()))?;
    Ok(link)
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
