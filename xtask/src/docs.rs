//! `cargo xtask docs`: the mapping page in English and Chinese, from the specs and the stored answers.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use clap::Args;
use mapcheck::report::{Language, page};

use crate::schema::generate;
use crate::suite::{Folders, root};

/// Write the mapping page.
#[derive(Args)]
pub struct Docs {
    /// Write nothing; fail where a page is not up to date
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    folders: Folders,
}

impl Docs {
    /// Runs every check on the stored answers, and writes what came of it.
    pub fn run(self) -> Result<ExitCode> {
        std::env::set_current_dir(root()).context("the workspace is not where it was built")?;
        let suite = self.folders.suite(None)?;
        let outcomes = suite.run(&suite.checks());
        let folder = Path::new("docs/mapping");
        let file = |language: Language| {
            let name = format!("{}.{}.md", suite.mapping().name, language.code());
            let text = page(&suite, &outcomes, language).map_err(Error::msg)?;
            Ok((folder.join(name), text))
        };
        generate(Language::BOTH.into_iter().map(file).collect::<Result<Vec<_>>>()?, self.check, "cargo xtask docs")
    }
}
