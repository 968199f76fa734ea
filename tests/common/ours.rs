//! The specs and the stored answers of this crate, read once for all tests of a binary.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use mapcheck::check::Suite;
use mapcheck::engine::{Engine, Golden, Rust};
use mapcheck::golden::Store;
use mapcheck::mapping::{self, Case, Mapping, Row};
use tempfile::TempDir;

/// The folder of the specs.
pub const SPECS: &str = "specs/group_norm";

/// The folder of the stored answers.
pub const GOLDEN: &str = "golden/group_norm";

/// The mapping; what a test changes of it is its own.
pub fn mapping() -> Mapping {
    static MAPPING: LazyLock<Mapping> =
        LazyLock::new(|| mapping::read(Path::new(SPECS)).expect("the specs have no mistakes"));
    MAPPING.clone()
}

/// The stored answers.
pub fn store() -> Arc<Store> {
    static STORE: LazyLock<Arc<Store>> = LazyLock::new(|| Arc::new(Store::open(Path::new(GOLDEN))));
    Arc::clone(&STORE)
}

/// A copy of a folder, to be changed.
pub fn copied(folder: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder can be made");
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        std::fs::copy(&path, copy.path().join(path.file_name().expect("a file has a name"))).expect("it can be copied");
    }
    copy
}

/// The operator of this crate beside every recorded version, and more engines.
pub fn suite(mapping: Mapping, store: &Arc<Store>, more: Vec<Box<dyn Engine>>) -> Suite {
    suite_of(Box::new(Rust), mapping, store, more)
}

/// The same of another subject.
pub fn suite_of(subject: Box<dyn Engine>, mapping: Mapping, store: &Arc<Store>, more: Vec<Box<dyn Engine>>) -> Suite {
    let recorded = mapping.file.golden.iter().map(|name| Box::new(Golden::new(name, Arc::clone(store))) as Box<_>);
    let others = recorded.chain(more).collect();
    Suite::new(mapping, subject, others)
}

/// A row of a mapping.
pub fn row<'a>(mapping: &'a mut Mapping, name: &str) -> &'a mut Row {
    mapping.rows.iter_mut().find(|row| row.name == name).expect("the row is there")
}

/// A case of a row.
pub fn case<'a>(mapping: &'a mut Mapping, name: &str, case: &str) -> &'a mut Case {
    row(mapping, name).file.cases.iter_mut().find(|c| c.name == case).expect("the case is there")
}
