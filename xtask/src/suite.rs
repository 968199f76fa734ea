//! The suite that a command runs: which specs, which stored answers, which subject.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use mapcheck::binding;
use mapcheck::check::{Check, Suite};
use mapcheck::conformance;
use mapcheck::engine::{Engine, Rust};
use mapcheck::mapping::{self, Diagnostic, Mapping, Side};

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
        mapping::read(&self.specs).map_err(|mistakes| self.refused(&mistakes))
    }

    fn refused(&self, mistakes: &[Diagnostic]) -> anyhow::Error {
        let count = mistakes.len();
        conformance::refused(mistakes);
        anyhow!("{count} mistake{} in {}", if count == 1 { "" } else { "s" }, self.specs.display())
    }

    /// The Rust operator beside the stored answers and whatever is live.
    pub fn suite(&self, live: Option<Box<dyn Engine>>) -> Result<Suite> {
        self.suite_of(Box::new(Rust), live)
    }

    /// Another subject beside them.
    pub fn suite_of(&self, subject: Box<dyn Engine>, live: Option<Box<dyn Engine>>) -> Result<Suite> {
        let mapping = self.mapping()?;
        let names = [Side::Torch, Side::Mindspore].map(|side| mapping.api(side).name.as_str());
        if !binding::is_known(names[0], names[1]) {
            let [source, target] = names;
            bail!(
                "mapcheck knows no calls of {source} and {target}: add a binding in src/binding/, then they can be checked"
            );
        }
        conformance::suite(subject, &self.specs, &self.golden, live).map_err(|mistakes| self.refused(&mistakes))
    }
}

/// The checks whose name contains the filter; an error where there are none.
pub fn selected(suite: &Suite, filter: Option<&str>) -> Result<Vec<Check>> {
    let checks = conformance::selected(suite, filter);
    checks.map_err(|why| anyhow!("{why}; `cargo xtask check --list` prints all names"))
}
