//! The suite that a command runs: which specs, which stored answers, which subject.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use mapcheck::binding;
use mapcheck::check::{Check, Suite};
use mapcheck::engine::{Engine, Golden, Rust};
use mapcheck::golden::Store;
use mapcheck::mapping::{self, Mapping, Side};

/// Where specs and stored answers are.
#[derive(Args, Clone)]
pub struct Folders {
    /// Folder of the mapping
    #[arg(long, default_value = "specs/group_norm")]
    pub specs: PathBuf,
    /// Folder of its stored answers
    #[arg(long, default_value = "golden/group_norm")]
    pub golden: PathBuf,
}

/// The workspace: commands work from there, wherever they are typed.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

impl Folders {
    /// Reads the mapping; every mistake of every file is in the error.
    pub fn mapping(&self) -> Result<Mapping> {
        match mapping::read(&self.specs) {
            Ok(mapping) => Ok(mapping),
            Err(diagnostics) => {
                let count = diagnostics.len();
                for diagnostic in diagnostics {
                    eprintln!("{diagnostic}\n");
                }
                bail!("{count} mistake{} in {}", if count == 1 { "" } else { "s" }, self.specs.display())
            }
        }
    }

    /// The Rust operator beside the stored answers and whatever is live.
    pub fn suite(&self, live: Option<Box<dyn Engine>>) -> Result<Suite> {
        let mapping = self.mapping()?;
        let names = [Side::Torch, Side::Mindspore].map(|side| mapping.api(side).name.as_str());
        if !binding::is_known(names[0], names[1]) {
            let [source, target] = names;
            bail!(
                "mapcheck knows no calls of {source} and {target}: add a binding in src/binding/, then they can be checked"
            );
        }
        let store = Arc::new(Store::open(&self.golden));
        let golden = mapping.file.golden.iter();
        let mut others: Vec<Box<dyn Engine>> =
            golden.map(|name| Box::new(Golden::new(name, Arc::clone(&store))) as Box<dyn Engine>).collect();
        others.extend(live);
        Ok(Suite::new(mapping, Box::new(Rust), others))
    }
}

/// The checks whose name contains the filter; an error where there are none.
pub fn selected(suite: &Suite, filter: Option<&str>) -> Result<Vec<Check>> {
    let mapping = &suite.mapping().name;
    let mut checks = suite.checks();
    if let Some(filter) = filter {
        // A name from a report carries the mapping in front and perhaps the engine behind.
        let filter = filter.strip_prefix(&format!("{mapping}/")).unwrap_or(filter);
        let engines = suite.engines().map(Engine::name).chain(["sides"]);
        let filter =
            engines.into_iter().find_map(|engine| filter.strip_suffix(&format!("/{engine}"))).unwrap_or(filter);
        let exact: Vec<Check> = checks.iter().filter(|check| check.name == filter).cloned().collect();
        if !exact.is_empty() {
            return Ok(exact);
        }
        checks.retain(|check| check.name.contains(filter));
        if checks.is_empty() {
            bail!("no check's name contains `{filter}`; `cargo xtask check --list` prints all names");
        }
    }
    Ok(checks)
}
