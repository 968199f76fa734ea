//! Reads a folder of specs: all files, and all mistakes of all files in one go.

use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Place};
use super::document::Document;
use super::node::Node;
use super::source::Source;
use super::typed::{self, MOST_MISTAKES, Typed};
use super::validate::Table;
use super::{Mapping, MappingFile, Row, RowFile};

/// What holds for all rows is in this file of the folder.
const MAPPING_FILE: &str = "mapping.yaml";

/// Reads `mapping.yaml` and every other `.yaml` file of a folder, each of which is a row.
///
/// # Errors
/// Every mistake of every file, in the order of the files and lines.
pub fn read(folder: &Path) -> Result<Mapping, Vec<Diagnostic>> {
    let paths = spec_files(folder).map_err(|error| vec![unreadable(folder, &error)])?;
    let mut diagnostics = Vec::new();
    let is_mapping = |path: &PathBuf| path.file_name().is_some_and(|name| name == MAPPING_FILE);
    if !paths.iter().any(is_mapping) {
        let label = format!("expected `{MAPPING_FILE}`, which names the two APIs");
        diagnostics.push(Diagnostic::whole(folder, format!("the folder has no `{MAPPING_FILE}`"), label));
    }
    if paths.iter().all(is_mapping) {
        let label = format!("expected a `.yaml` file for each row beside `{MAPPING_FILE}`");
        diagnostics.push(Diagnostic::whole(folder, "the folder has no rows", label));
    }
    let (mut mapping, mut rows, mut complete) = (None, Vec::new(), true);
    for path in &paths {
        if path.extension().is_some_and(|extension| extension == "yml") {
            let label = "only files that end in `.yaml` are read";
            diagnostics.push(Diagnostic::whole(path, "a spec that would not be read", label));
        } else if is_mapping(path) {
            mapping = document::<MappingFile>(path, &mut diagnostics);
        } else {
            let row = document::<RowFile>(path, &mut diagnostics);
            complete &= row.is_some();
            rows.extend(row);
        }
    }
    Table { mapping: mapping.as_ref(), rows: &rows, complete }.check(&mut diagnostics);
    if diagnostics.is_empty()
        && let Some(file) = mapping.and_then(|mapping| mapping.typed.value)
    {
        let mut rows: Vec<Row> = rows.into_iter().filter_map(row).collect();
        rows.sort_by_key(|row| row.file.row);
        return Ok(Mapping { name: name_of(folder), folder: folder.to_path_buf(), file, rows });
    }
    diagnostics.sort_by(|a, b| (&a.file, a.place.is_none(), a.place).cmp(&(&b.file, b.place.is_none(), b.place)));
    // What an anchor repeats is wrong in one place only.
    diagnostics.dedup_by(|a, b| a.place.is_some() && (&a.file, a.place, &a.title) == (&b.file, b.place, &b.title));
    Err(diagnostics)
}

/// The folder's name, which is the mapping's.
fn name_of(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The specs of a folder, by name.
fn spec_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = folder.read_dir()?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let is_spec = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let mut paths: Vec<_> = paths.into_iter().filter(is_spec).collect();
    paths.sort();
    Ok(paths)
}

fn unreadable(folder: &Path, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::whole(folder, "there is no such folder", "expected a folder of specs"),
        io::ErrorKind::NotADirectory => Diagnostic::whole(folder, "this is no folder", "expected a folder of specs"),
        _ => Diagnostic::whole(folder, "the folder cannot be read", error.to_string()),
    }
}

/// A file as a tree and as what it should be; `None` where it is not even a YAML mapping.
fn document<T: for<'de> serde::Deserialize<'de>>(
    path: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Document<T>> {
    let read = Source::load(path).and_then(|source| source.parse().map(|(root, twice)| (source, root, twice)));
    let (source, root, duplicates) = read.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok()?;
    for duplicate in duplicates.into_iter().take(MOST_MISTAKES) {
        let label = format!("it is given on line {} already", Place::of(&source.text, duplicate.first.start).line);
        let title = format!("duplicate key `{}`", duplicate.key.name);
        diagnostics.push(Diagnostic::at(&source, &duplicate.key.span, title, label));
    }
    let typed: Typed<T> = typed::read(&source, &root, diagnostics);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Some(Document { name, source, root, typed })
}

fn row(document: Document<RowFile>) -> Option<Row> {
    let Document { name, source, root, typed } = document;
    let ends: Vec<usize> = source.text.match_indices('\n').map(|(end, _)| end).collect();
    let line = |case: &Node| 1 + ends.partition_point(|&end| end < case.span.start);
    let lines = root.at("cases").items().iter().map(line).collect();
    Some(Row { name, path: source.path, file: typed.value?, lines, text: source.text })
}
