//! Files that are written again and again.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// As `fs::write`, which empties a file first: some file systems wait for the disk then.
pub fn write_over(path: &Path, bytes: &[u8]) {
    let mut file = File::options().write(true).create(true).truncate(false).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}
