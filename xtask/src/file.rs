//! Files that are written whole or not at all: who reads one while it is written sees the old one.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A path as it is meant where the command was typed, in a folder that is there. Asked before a long run, so that
/// the run is not lost to a misspelt folder.
///
/// # Errors
/// The folder is not there, or the path is a folder itself.
pub fn writable(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    ensure!(folder.is_dir(), "there is no folder {} to write {} into", folder.display(), path.display());
    ensure!(!path.is_dir(), "{} is a folder: a file was expected", path.display());
    Ok(path)
}

/// Writes a file whole, or leaves what was there.
///
/// # Errors
/// The disk is full, or the folder may not be written.
pub fn write_whole(path: &Path, text: &str) -> Result<()> {
    // A link stays a link, and a device or a pipe is written, not replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let cannot = || format!("{} cannot be written", path.display());
    if path.exists() && !path.is_file() {
        return std::fs::write(&path, text).with_context(cannot);
    }
    let mut temporary = tempfile::Builder::new();
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = temporary.tempfile_in(path.parent().unwrap_or(Path::new("."))).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    file.persist(&path).with_context(cannot)?;
    Ok(())
}
