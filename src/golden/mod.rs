//! Stored answers: one `.npz` a row beside a manifest that reads well in a diff.
//!
//! Arrays are named by the hash of their content, so equal answers are stored once. A file whose
//! hash is not the manifest's is refused before it is parsed. Of a large array only some elements
//! are kept: see [`kept`]. A recorder that is stopped on the way leaves the old answers or the new ones,
//! and none is lost.

mod archive;
#[cfg(test)]
mod hostile;
mod lock;
mod manifest;
mod record;
mod transaction;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use archive::Archive;
pub use manifest::{Entry, Manifest, Provenance, Stored};
pub use record::{Changes, Options, Recorded, Recording, record};

use crate::call::{Answer, Array, Call, CallHash, Outcome, Rejection};
use crate::random::Generator;
use crate::signature::Signature;
use crate::tensor::Tensor;

/// The command that mends whatever is amiss here.
pub const REMEDY: &str = "run `cargo xtask golden --engine all`";

/// The command that records the answers of one engine.
fn remedy(engine: &str) -> String {
    format!("run `cargo xtask golden --engine {engine}`")
}

/// Of an array with more elements than this, so many are kept.
pub const MOST_KEPT: usize = 4096;

/// The golden folder of a mapping, to read.
pub struct Store {
    folder: PathBuf,
    manifest: Result<Manifest, String>,
    archives: BTreeMap<String, Result<Archive, String>>,
}

impl Store {
    /// Reads a folder, as it is between two recordings. What is missing or damaged is said of every answer that needs it.
    pub fn open(folder: &Path) -> Self {
        // Where there is nothing to lock, nothing is recorded either.
        let _lock = lock::shared(folder).ok();
        let manifest = Manifest::read(&folder.join(manifest::FILE));
        let files = manifest.iter().flat_map(|manifest| &manifest.files);
        let archives = files.map(|(file, hash)| (file.clone(), Archive::find(folder, file, hash))).collect();
        Self { folder: folder.to_owned(), manifest, archives }
    }

    /// The manifest, or what is wrong with it.
    pub fn manifest(&self) -> Result<&Manifest, &str> {
        self.manifest.as_ref().map_err(String::as_str)
    }

    /// What an engine says of its own module.
    pub fn signature(&self, engine: &str) -> Option<&Signature> {
        self.manifest.as_ref().ok()?.engines.get(engine)?.signature.as_ref()
    }

    /// The stored answer of an engine. `groups` gives the number of groups of all samples together.
    pub fn answer(&self, engine: &str, row: &str, check: &str, call: &Call, groups: impl Fn() -> usize) -> Outcome {
        let manifest = match &self.manifest {
            Ok(manifest) => manifest,
            Err(problem) => return Outcome::Absent(problem.clone()),
        };
        let Some(entry) = manifest.answers.get(engine).and_then(|answers| answers.get(check)) else {
            return Outcome::Absent(format!("{engine} has no stored answer: {}", remedy(engine)));
        };
        if entry.call != call.hash() {
            return Outcome::Stale(format!("the stored answer of {engine} is of another call: {}", remedy(engine)));
        }
        if let Some(class) = entry.rejected {
            return Outcome::Rejected(Rejection::new(class, entry.message.clone().unwrap_or_default()));
        }
        match self.arrays(row, entry, &groups) {
            Ok(answer) => Outcome::Answered(answer),
            Err(problem) => Outcome::Absent(problem),
        }
    }

    fn arrays(&self, row: &str, entry: &Entry, groups: &dyn Fn() -> usize) -> Result<Answer, String> {
        let archive = self.archive(row)?;
        let mut answer = Answer { printed: entry.printed.clone(), ..Answer::default() };
        for (output, stored) in &entry.arrays {
            let elements: usize = stored.shape.iter().product();
            let kept = kept(&entry.call, elements, groups);
            let values = archive.get(stored).map_err(|problem| self.damaged(row, &problem))?;
            answer.arrays.insert(*output, Array { shape: stored.shape.clone(), values, kept });
        }
        Ok(answer)
    }

    fn archive(&self, row: &str) -> Result<&Archive, String> {
        match self.archives.get(&manifest::archive_of(row)) {
            None => Err(self.damaged(row, "the manifest does not list it")),
            Some(archive) => archive.as_ref().map_err(|problem| self.damaged(row, problem)),
        }
    }

    fn damaged(&self, row: &str, problem: &str) -> String {
        format!("{}: {problem}: {REMEDY}", self.folder.join(manifest::archive_of(row)).display())
    }
}

/// The flat indices that are kept of an array of so many elements; `None` where all are.
///
/// The first and the last of each of `groups()` equal runs, and others chosen by the call's hash, so
/// that nobody chooses them; [`MOST_KEPT`] in all.
pub fn kept(call: &CallHash, elements: usize, groups: impl FnOnce() -> usize) -> Option<Vec<usize>> {
    if elements <= MOST_KEPT {
        return None;
    }
    let groups = groups();
    let run = elements / groups.clamp(1, elements);
    let ends = (0..groups).flat_map(|g| [g * run, g * run + run - 1]).take(MOST_KEPT / 2);
    let mut kept: std::collections::BTreeSet<usize> = ends.collect();
    let mut generator = Generator::new(u64::from_str_radix(&call.0, 16).unwrap_or_default());
    while kept.len() < MOST_KEPT {
        kept.insert((generator.bits() % elements as u64) as usize);
    }
    Some(kept.into_iter().collect())
}

/// The kept elements of an array, as one dimension.
pub(crate) fn keep(array: &Tensor, kept: &[usize]) -> Tensor {
    let values = array.to_f64();
    let values: Vec<f64> = kept.iter().map(|&i| values[i]).collect();
    Tensor::from_f64(array.dtype(), &[kept.len()], &values).expect("as many values as are kept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_that_of_the_folder_or_what_mends_it() {
        let store = Store::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/group_norm"));
        assert!(store.manifest().unwrap().engines.contains_key("torch-2.13.0"));
        assert!(store.signature("torch-2.13.0").is_some() && store.signature("torch-0.0.0").is_none());
        let folder = tempfile::tempdir().unwrap();
        assert!(Store::open(folder.path()).manifest().unwrap_err().ends_with(REMEDY));
    }

    #[test]
    fn what_is_kept_of_a_large_array() {
        let hash = CallHash("00ff00ff00ff00ff".to_owned());
        assert_eq!(kept(&hash, 4096, || 4), None);
        let indices = kept(&hash, 10_000, || 4).unwrap();
        assert_eq!(indices.len(), MOST_KEPT);
        for end in [0, 2499, 2500, 4999, 5000, 7499, 7500, 9999] {
            assert!(indices.contains(&end), "{end}");
        }
        assert_eq!(kept(&hash, 10_000, || 4), Some(indices.clone()));
        assert_ne!(kept(&CallHash("1".to_owned()), 10_000, || 4), Some(indices));
        // Of more groups than fit, the ends of the first are kept, and half of all is chosen by the hash.
        let ends = |of: usize| kept(&hash, 5 * of, || of).unwrap().into_iter().filter(|i| [0, 4].contains(&(i % 5)));
        assert!(
            ends(4096).count() >= 2048 && kept(&hash, 20_480, || 4096).unwrap()[1023..].iter().any(|&i| i > 20_000)
        );
        for (elements, groups) in [(20_480, 4096), (5000, 0), (5000, 6000), (4097, 4097)] {
            let indices = kept(&hash, elements, || groups).unwrap();
            assert_eq!(indices.len(), MOST_KEPT);
            assert!(indices.iter().all(|&i| i < elements));
        }
    }
}
