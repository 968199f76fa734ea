//! Writing stored answers: a no-op while the values stay within tolerance.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use super::archive::{Archive, content_hash, file_hash, write};
use super::lock;
use super::manifest::{self, Entry, Manifest, Provenance, Stored};
use super::transaction::Transaction;
use super::{keep, kept};
use crate::call::{Array, Call, Outcome};
use crate::compare::{Precision, Tolerance, compare};
use crate::exact::Expected;
use crate::tensor::Tensor;

/// One answer to store.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The row.
    pub row: String,
    /// The check.
    pub check: String,
    /// The call that was answered.
    pub call: Call,
    /// The number of groups of all samples together.
    pub groups: usize,
    /// What came back: an answer or a rejection. Nothing else is stored.
    pub outcome: Outcome,
}

/// What is to be stored of one engine.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name: `torch-1.8.1`.
    pub engine: String,
    /// Where the answers come from.
    pub provenance: Provenance,
    /// The answers.
    pub answers: Vec<Recorded>,
    /// The engines of the mapping: what is stored of any other goes.
    pub listed: Vec<String>,
}

/// How to record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Store every bit that moved, also within the tolerance.
    pub force: bool,
    /// Write nothing, only say what would change.
    pub dry_run: bool,
    /// Only some checks were asked: what was not asked stays.
    pub partial: bool,
}

/// What recording did, or would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Checks that had no answer.
    pub new: Vec<String>,
    /// Checks whose call or answer is another now.
    pub changed: Vec<String>,
    /// Answers of checks that there are no more.
    pub gone: Vec<String>,
    /// Answers whose bits moved within the tolerance and were left as they are, with the largest move in ULP.
    pub moved: Vec<(String, f64)>,
    /// What was unreadable and is made anew.
    pub mended: Vec<String>,
    /// Files that were written, or would be.
    pub written: Vec<String>,
}

impl Changes {
    /// Whether the folder is as it would be written.
    pub fn is_fresh(&self) -> bool {
        self.written.is_empty()
    }
}

/// Stores the answers of one engine in `folder`: all of them or, where it is stopped on the way, none.
///
/// Who records into the same folder meanwhile waits.
pub fn record(folder: &Path, recording: Recording, options: Options) -> Result<Changes, String> {
    if options.dry_run {
        return prepare(folder, recording, options).map(|(changes, _)| changes);
    }
    let locked = std::fs::create_dir_all(folder).and_then(|()| lock::exclusive(folder));
    // What is read now must still be there when it is replaced.
    let _lock =
        locked.map_err(|error| format!("{}: {error}: make it a folder that you may write to", folder.display()))?;
    let (changes, transaction) = prepare(folder, recording, options)?;
    transaction.run()?;
    Ok(changes)
}

/// What changes, and the steps to it.
fn prepare(folder: &Path, recording: Recording, options: Options) -> Result<(Changes, Transaction), String> {
    let Recording { engine, provenance, answers, listed } = recording;
    let mut changes = Changes::default();
    let (old, archives) = read(folder, &mut changes.mended);
    let stored = |row: &str, entry: &Entry| -> Option<Vec<Tensor>> {
        let archive = archives.get(&manifest::archive_of(row));
        entry.arrays.values().map(|stored| archive?.get(stored).ok()).collect()
    };

    let mut contents: BTreeMap<String, BTreeMap<String, Tensor>> = BTreeMap::new();
    let mut entries = BTreeMap::new();
    let none = BTreeMap::new();
    let before = old.answers.get(&engine).unwrap_or(&none);
    for recorded in answers {
        let Some((entry, arrays)) = entry(&recorded) else { continue };
        let was = before.get(&recorded.check);
        let was_arrays = was.and_then(|was| stored(&recorded.row, was));
        let (entry, arrays) = match (was, was_arrays) {
            (Some(was), Some(_)) if *was == entry => (entry, arrays),
            (Some(was), Some(was_arrays)) if !options.force => match moved(was, &was_arrays, &entry, &arrays) {
                Some(ulp) => {
                    changes.moved.push((recorded.check.clone(), ulp));
                    (was.clone(), was_arrays)
                }
                None => {
                    changes.changed.push(recorded.check.clone());
                    (entry, arrays)
                }
            },
            (Some(_), _) => {
                changes.changed.push(recorded.check.clone());
                (entry, arrays)
            }
            (None, _) => {
                changes.new.push(recorded.check.clone());
                (entry, arrays)
            }
        };
        let content = contents.entry(manifest::archive_of(&recorded.row)).or_default();
        content.extend(entry.arrays.values().map(|stored| stored.hash.clone()).zip(arrays));
        entries.insert(recorded.check, entry);
    }
    if options.partial {
        for (check, entry) in before {
            if !entries.contains_key(check) {
                entries.insert(check.clone(), entry.clone());
            }
        }
    }
    changes.gone = before.keys().filter(|check| !entries.contains_key(*check)).cloned().collect();

    let mut new = Manifest::default();
    (new.engines, new.answers) = (old.engines.clone(), old.answers.clone());
    new.engines.insert(engine.clone(), provenance);
    new.answers.insert(engine.clone(), entries);
    let is_kept = |name: &String| *name == engine || listed.contains(name);
    new.engines.retain(|name, _| is_kept(name));
    new.answers.retain(|name, _| is_kept(name));
    keep_others(&new, &archives, &mut contents);
    let mut files = BTreeMap::new();
    for (file, arrays) in contents {
        let bytes = write(&arrays)?;
        new.files.insert(file.clone(), file_hash(&bytes));
        files.insert(file, bytes);
    }
    let transaction = Transaction::plan(folder, new.to_text().into_bytes(), files)?;
    changes.written = transaction.files();
    Ok((changes, transaction))
}

/// What is stored so far, less what is unreadable.
fn read(folder: &Path, mended: &mut Vec<String>) -> (Manifest, BTreeMap<String, Archive>) {
    let path = folder.join(manifest::FILE);
    let old = if path.exists() {
        Manifest::read(&path).unwrap_or_else(|problem| {
            mended.push(problem);
            Manifest::default()
        })
    } else {
        Manifest::default()
    };
    let mut archives = BTreeMap::new();
    for (file, hash) in &old.files {
        match Archive::find(folder, file, hash) {
            Ok(archive) => drop(archives.insert(file.clone(), archive)),
            Err(problem) => mended.push(format!("{}: {problem}", folder.join(file).display())),
        }
    }
    (old, archives)
}

/// Arrays that entries of this or of another engine name and that nothing new replaces are taken over.
fn keep_others(
    manifest: &Manifest,
    archives: &BTreeMap<String, Archive>,
    contents: &mut BTreeMap<String, BTreeMap<String, Tensor>>,
) {
    for (check, entry) in manifest.answers.values().flatten() {
        let file = manifest::archive_of(check.split('/').next().unwrap_or_default());
        let Some(archive) = archives.get(&file) else { continue };
        for stored in entry.arrays.values() {
            let content = contents.entry(file.clone()).or_default();
            if !content.contains_key(&stored.hash)
                && let Ok(tensor) = archive.get(stored)
            {
                content.insert(stored.hash.clone(), tensor);
            }
        }
    }
}

/// The entry of an answer and its arrays, in the order of the entry's.
fn entry(recorded: &Recorded) -> Option<(Entry, Vec<Tensor>)> {
    let mut entry =
        Entry { call: recorded.call.hash(), rejected: None, message: None, printed: None, arrays: BTreeMap::new() };
    let mut arrays = Vec::new();
    match &recorded.outcome {
        Outcome::Rejected(rejection) => {
            entry.rejected = Some(rejection.class);
            entry.message = Some(rejection.message.clone());
        }
        Outcome::Answered(answer) => {
            entry.printed = answer.printed.clone();
            for (output, array) in &answer.arrays {
                let values = match kept(&entry.call, array.values.len(), || recorded.groups) {
                    Some(kept) => keep(&array.values, &kept),
                    None => array.values.contiguous(),
                };
                let stored = Stored { dtype: values.dtype(), shape: array.shape.clone(), hash: content_hash(&values) };
                entry.arrays.insert(*output, stored);
                arrays.push(values);
            }
        }
        Outcome::NotAsked(_) | Outcome::Stale(_) | Outcome::Absent(_) | Outcome::Broken(_) => return None,
    }
    Some((entry, arrays))
}

/// By how many ULP the arrays moved, at the most; `None` where they are not the same within the tolerance.
fn moved(was: &Entry, was_arrays: &[Tensor], entry: &Entry, arrays: &[Tensor]) -> Option<f64> {
    let same_call = was.call == entry.call
        && was.rejected == entry.rejected
        && was.message == entry.message
        && was.printed == entry.printed;
    if !same_call || !was.arrays.keys().eq(entry.arrays.keys()) {
        return None;
    }
    let mut largest: f64 = 0.0;
    for ((output, old), new) in was.arrays.keys().zip(was_arrays).zip(arrays) {
        let values = old.to_f64();
        let expected = Expected {
            dtype: old.dtype(),
            through: old.dtype(),
            shape: old.shape().to_vec(),
            unit: values.clone(),
            values: values.into_iter().map(Into::into).collect(),
        };
        let tolerance = Tolerance::of(Precision::AssertClose, old.dtype(), *output);
        let comparison = compare(&Array::from(new.clone()), &expected, tolerance).ok()?;
        if comparison.beyond > 0 {
            return None;
        }
        largest = largest.max(comparison.ulp.error);
    }
    Some(largest)
}
