//! Replacing the files of a folder all at once.
//!
//! What is new is written beside its place first, under a name with its hash. Then the manifest moves to its place,
//! which is the moment from which the new answers count, then the archives, and what is left over is removed. Whoever
//! is stopped in between loses nothing: a reader also finds what is beside its place
//! ([`Archive::find`](super::Archive::find)), and the next recorder goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::archive::{file_hash, staged};
use super::manifest;

/// Steps from the files that are there to those that shall be.
pub(super) struct Transaction {
    folder: PathBuf,
    steps: Vec<Step>,
}

enum Step {
    /// Writes a file beside its place.
    Stage { name: String, bytes: Vec<u8> },
    /// Moves it there.
    Place { name: String, file: String },
    /// Removes what is left over.
    Remove { name: String },
}

impl Transaction {
    /// What makes a folder hold a manifest and its archives, and nothing else that recorders write.
    pub(super) fn plan(folder: &Path, manifest: Vec<u8>, archives: BTreeMap<String, Vec<u8>>) -> Result<Self, String> {
        let mut left_over =
            written_by_recorders(folder).map_err(|error| format!("{}: {error}: make it readable", folder.display()))?;
        let (mut steps, mut places) = (Vec::new(), Vec::new());
        for (file, bytes) in std::iter::once((manifest::FILE.to_owned(), manifest)).chain(archives) {
            left_over.remove(&file);
            if fs::read(folder.join(&file)).is_ok_and(|there| there == bytes) {
                continue;
            }
            let name = staged(&file, &file_hash(&bytes));
            left_over.remove(&name);
            steps.push(Step::Stage { name: name.clone(), bytes });
            places.push(Step::Place { name, file });
        }
        steps.extend(places);
        steps.extend(left_over.into_iter().map(|name| Step::Remove { name }));
        Ok(Self { folder: folder.to_owned(), steps })
    }

    /// The files that are another in the end.
    pub(super) fn files(&self) -> Vec<String> {
        let files = self.steps.iter().filter_map(|step| match step {
            Step::Stage { .. } => None,
            Step::Place { file, .. } => Some(file.clone()),
            Step::Remove { name } => Some(format!("{name} (removed)")),
        });
        files.collect()
    }

    /// Does it all.
    pub(super) fn run(&self) -> Result<(), String> {
        self.steps.iter().try_for_each(|step| {
            let done = step.run(&self.folder);
            done.map_err(|error| {
                let place = self.folder.join(step.name());
                format!("{}: {error}: no answer is lost; mend this and record again", place.display())
            })
        })
    }
}

impl Step {
    /// The file that it touches first.
    fn name(&self) -> &str {
        match self {
            Step::Stage { name, .. } | Step::Place { name, .. } | Step::Remove { name } => name,
        }
    }

    /// Does it, on the disk: should the power fail, nothing that comes later is there without it.
    fn run(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(self.name());
        match self {
            Step::Stage { bytes, .. } => stage(&path, bytes)?,
            Step::Place { file, .. } => fs::rename(path, folder.join(file))?,
            Step::Remove { .. } => fs::remove_file(path)?,
        }
        // Not every system can do this with a folder.
        drop(File::open(folder).and_then(|folder| folder.sync_all()));
        Ok(())
    }
}

/// Opens a file that a stopped recorder may have written before, wholly or in part.
fn write_over(path: &Path) -> io::Result<File> {
    // The manifest may count on it already: not truncated, it stays whole where it is.
    File::options().write(true).create(true).truncate(false).open(path)
}

fn stage(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a link leads to is not ours to write to.
    if path.is_symlink() {
        fs::remove_file(path)?;
    }
    let mut file = write_over(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

fn written_by_recorders(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    if !folder.exists() {
        return Ok(names);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if entry.file_type()?.is_file() && is_of_recorders(&name) {
            names.insert(name);
        }
    }
    Ok(names)
}

fn is_of_recorders(name: &str) -> bool {
    let is_final = |name: &str| name == manifest::FILE || name.ends_with(".npz");
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_staged = name.rsplit_once('.').is_some_and(|(file, hash)| is_final(file) && is_hash(hash));
    // Earlier recorders wrote into temporary files and left them behind when they were killed.
    let is_temporary = name.len() == ".tmpXXXXXX".len() && name.starts_with(".tmp");
    is_final(name) || is_staged || is_temporary
}

#[cfg(test)]
impl Transaction {
    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Does the first `steps` only; where a file would be written next, half of it is.
    pub(super) fn run_and_stop(&self, steps: usize) {
        let (done, left) = self.steps.split_at(steps);
        for step in done {
            step.run(&self.folder).unwrap();
        }
        if let Some(Step::Stage { name, bytes }) = left.first() {
            let mut file = write_over(&self.folder.join(name)).unwrap();
            file.write_all(&bytes[..bytes.len() / 2]).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn nothing_is_staged_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let [outside, link] = ["outside", "eps.npz.0123456789abcdef"].map(|name| folder.path().join(name));
        fs::write(&outside, "theirs").unwrap();
        std::os::unix::fs::symlink(&outside, &link).unwrap();
        stage(&link, b"ours").unwrap();
        assert_eq!(fs::read(&outside).unwrap(), b"theirs");
        assert!(!link.is_symlink() && fs::read(&link).unwrap() == b"ours");
    }

    #[test]
    fn what_recorders_write_is_known_by_its_name() {
        for name in
            ["manifest.json", "eps.npz", "eps.npz.0123456789abcdef", "manifest.json.0123456789abcdef", ".tmpaB3xYz"]
        {
            assert!(is_of_recorders(name), "{name}");
        }
        for name in
            ["", "README.md", "eps.npz.0123", "notes.0123456789abcdef", "manifest.json.bak", ".tmp", "eps.npz.orig"]
        {
            assert!(!is_of_recorders(name), "{name}");
        }
    }
}
