//! The user's cache folder, where what is large is kept for all clones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// Marks folders that are being filled. They are renamed when they are whole.
pub const UNFINISHED: &str = ".unfinished-";

/// mapcheck's part of the cache.
pub fn folder() -> Result<PathBuf> {
    let caches =
        dirs::cache_dir().context("this user has no cache folder: set HOME, or XDG_CACHE_HOME to a full path")?;
    Ok(caches.join("mapcheck"))
}

/// Removes the folders of a prefix that runs left behind as they were killed. Those of today may still be running.
pub fn remove_stale(folder: &Path, prefix: &str) {
    const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok();
        let old = age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > A_DAY);
        if old && entry.file_name().to_string_lossy().starts_with(prefix) {
            // At worst it takes some room until the next time.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// A link at `at` that leads to `to`.
#[cfg(unix)]
pub fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

/// Elsewhere links need rights that few users have.
#[cfg(not(unix))]
pub fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
