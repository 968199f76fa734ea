//! The specs and the stored answers of this crate, read once for all tests of a binary.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use mapcheck::check::Suite;
use mapcheck::engine::{Engine, Golden, Rust};
use mapcheck::golden::Store;
use mapcheck::mapping::{self, Case, Mapping, Row};

/// The folder of the stored answers.
pub const GOLDEN: &str = "golden/group_norm";

/// The mapping; what a test changes of it is its own.
pub fn mapping() -> Mapping {
    static MAPPING: LazyLock<Mapping> =
        LazyLock::new(|| mapping::read(Path::new("specs/group_norm")).expect("the specs have no mistakes"));
    MAPPING.clone()
}

/// The stored answers.
pub fn store() -> Arc<Store> {
    static STORE: LazyLock<Arc<Store>> = LazyLock::new(|| Arc::new(Store::open(Path::new(GOLDEN))));
    Arc::clone(&STORE)
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
