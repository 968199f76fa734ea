//! Keeping all recorders but one out of a folder.

use std::fs::File;
use std::io;
use std::path::Path;

/// Waits until no other recorder is at a folder, in this process or another, and keeps the next ones waiting until
/// the lock is dropped or the process ends. Nothing is left in the folder.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    match lock_folder(folder) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => lock_stand_in(folder),
        locked => locked,
    }
}

fn lock_folder(folder: &Path) -> io::Result<File> {
    let handle = File::open(folder)?;
    handle.lock()?;
    Ok(handle)
}

/// Windows and some network file systems lock no folders: a file of this machine stands for one.
fn lock_stand_in(folder: &Path) -> io::Result<File> {
    let hash = blake3::hash(folder.canonicalize()?.as_os_str().as_encoded_bytes());
    let file = std::env::temp_dir().join(format!("mapcheck-{}.lock", &hash.to_hex()[..16]));
    let handle = File::options().append(true).create(true).open(file)?;
    handle.lock()?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        for lock in [lock, lock_stand_in] {
            let is_held = AtomicBool::new(true);
            let first = lock(folder.path()).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _second = lock(folder.path()).unwrap();
                    assert!(!is_held.load(Ordering::SeqCst));
                });
                thread::sleep(Duration::from_millis(50));
                is_held.store(false, Ordering::SeqCst);
                drop(first);
            });
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}
