//! In the place of libtorch, where it is not built in. Nothing gets here: see `bench::Bench::run`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use mapcheck::call::Output;
use mapcheck::tensor::Element;

use super::race::Entry;
use super::subject::Subject;

/// None.
pub fn entries<T: Element>(_: &Subject<T>) -> Result<Vec<Entry<'static>>> {
    bail!("this xtask was built without libtorch: `cargo xtask bench operator` builds one that has it")
}

/// None.
pub fn answers<T: Element>(subject: &Subject<T>) -> Result<BTreeMap<Output, Vec<f64>>> {
    entries(subject).map(|_| BTreeMap::new())
}
