//! Keeping all recorders but one out of a folder.

use std::fs::File;
use std::io;
use std::path::Path;

/// Waits until nobody else is at a folder, in this process or another, and keeps the next ones waiting until
/// the lock is dropped or the process ends. Nothing is left in the folder.
pub(super) fn exclusive(folder: &Path) -> io::Result<File> {
    lock(folder, File::lock)
}

/// Waits until no recorder is at a folder, and keeps the next one waiting likewise; other readers are let in.
pub(super) fn shared(folder: &Path) -> io::Result<File> {
    lock(folder, File::lock_shared)
}

type Lock = fn(&File) -> io::Result<()>;

fn lock(folder: &Path, lock: Lock) -> io::Result<File> {
    lock_folder(folder, lock).or_else(|_| lock_stand_in(folder, lock))
}

fn lock_folder(folder: &Path, lock: Lock) -> io::Result<File> {
    locked(File::open(folder)?, lock)
}

/// Windows and some network file systems lock no folders: a file of this machine stands for one.
fn lock_stand_in(folder: &Path, lock: Lock) -> io::Result<File> {
    let hash = blake3::hash(folder.canonicalize()?.as_os_str().as_encoded_bytes());
    let file = std::env::temp_dir().join(format!("mapcheck-{}.lock", &hash.to_hex()[..16]));
    locked(File::options().append(true).create(true).open(file)?, lock)
}

/// Waits on, when a signal comes in between.
fn locked(handle: File, lock: Lock) -> io::Result<File> {
    loop {
        match lock(&handle) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer.map(|()| handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(Lock, Lock); 3] =
            [(File::lock, File::lock), (File::lock, File::lock_shared), (File::lock_shared, File::lock)];
        for (lock, (one, other)) in [lock_folder, lock_stand_in].into_iter().flat_map(|lock| cases.map(|c| (lock, c))) {
            let is_held = AtomicBool::new(true);
            let first = lock(folder.path(), one).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _second = lock(folder.path(), other).unwrap();
                    assert!(!is_held.load(Ordering::SeqCst));
                });
                thread::sleep(Duration::from_millis(50));
                is_held.store(false, Ordering::SeqCst);
                drop(first);
            });
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_signal_does_not_end_the_waiting() {
        static SIGNALS: AtomicUsize = AtomicUsize::new(3);
        let lock: Lock = |_| match SIGNALS.fetch_sub(1, Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(io::ErrorKind::Unsupported.into()),
            _ => Err(io::ErrorKind::Interrupted.into()),
        };
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(lock_folder(folder.path(), lock).unwrap_err().kind(), io::ErrorKind::Unsupported);
        lock_folder(folder.path(), lock).unwrap();
    }

    #[test]
    fn readers_do_not_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let _first = shared(folder.path()).unwrap();
        let _second = shared(folder.path()).unwrap();
    }
}
