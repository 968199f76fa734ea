//! `cargo xtask import`: the specs of a new mapping, made from the page that publishes it.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use mapcheck::mapping::{self, Diagnostic};
use mapcheck::page::{Page, Specs};

/// Make the specs of a mapping from a published page.
#[derive(Args)]
pub struct Import {
    /// The page, in Markdown, in Chinese or in English
    page: PathBuf,
    /// The folder that is made: specs/NAME
    #[arg(long, required_unless_present = "check")]
    into: Option<PathBuf>,
    /// Take the place of a folder of specs that is there already
    #[arg(long)]
    force: bool,
    /// Write nothing; fail where the page contradicts itself
    #[arg(long, conflicts_with_all = ["into", "force"])]
    check: bool,
}

impl Import {
    /// Reads the page, says what is wrong with it, and writes the specs: all of them, or none.
    pub fn run(self) -> Result<ExitCode> {
        let page = match Page::read(&self.page) {
            Ok(page) => page,
            Err(diagnostics) => {
                print(&diagnostics);
                bail!("no mapping can be read off {}; nothing was written", self.page.display());
            }
        };
        print(&page.diagnostics);
        let warnings = page.diagnostics.iter().filter(|diagnostic| diagnostic.is_warning()).count();
        let Some(into) = &self.into else {
            println!("{}: {}", self.page.display(), counted(warnings, "contradiction"));
            return Ok(if warnings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        };
        let all = page.specs();
        let folders = folders(into, all.len())?;
        for folder in folders.iter().filter(|folder| folder.symlink_metadata().is_ok()) {
            replaceable(folder, self.force)?;
        }
        // Every folder is complete before the first takes its place.
        let made = all.iter().zip(&folders).map(|(specs, folder)| made(specs, folder)).collect::<Result<Vec<_>>>()?;
        for (made, folder) in made.into_iter().zip(&folders) {
            put(made, folder)?;
        }
        for (specs, folder) in all.iter().zip(&folders) {
            tell(specs, folder);
        }
        if warnings > 0 {
            println!("{} in the page, shown above", counted(warnings, "contradiction"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(diagnostics: &[Diagnostic]) {
    let is_styled = std::io::stderr().is_terminal();
    for diagnostic in diagnostics {
        let text = if is_styled { diagnostic.styled() } else { diagnostic.to_string() };
        eprintln!("{text}\n");
    }
}

/// The folder of each mapping of a page: the one that was asked for, and others beside it.
fn folders(into: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let Some(name) = into.file_name().map(OsString::from) else {
        bail!("{} is no folder that could be made: write --into specs/NAME", into.display());
    };
    let beside = |number: usize| {
        let mut name = name.clone();
        name.push(format!("_{number}"));
        into.with_file_name(name)
    };
    Ok((1..=count).map(|number| if number == 1 { into.to_path_buf() } else { beside(number) }).collect())
}

/// Fails where something is in the place that is not to be lost.
fn replaceable(folder: &Path, force: bool) -> Result<()> {
    let shown = folder.display();
    if !force {
        bail!("{shown} is there already: nothing was written; --force puts the new specs in its place");
    }
    let entries = fs::read_dir(folder).with_context(|| format!("{shown} is no folder of specs"))?;
    let is_spec = |path: PathBuf| path.is_file() && path.extension().is_some_and(|extension| extension == "yaml");
    for entry in entries {
        let path = entry?.path();
        if !is_spec(path.clone()) {
            bail!("{} is no spec: {shown} is left as it is, and nothing was written", path.display());
        }
    }
    Ok(())
}

/// The specs in a folder of their own beside the one that they are for, read by the reader of specs.
fn made(specs: &Specs, folder: &Path) -> Result<tempfile::TempDir> {
    let parent = parent(folder);
    fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    let made = tempfile::Builder::new().prefix(".import-").tempdir_in(parent);
    let made = made.with_context(|| format!("nothing can be written in {}", parent.display()))?;
    for file in &specs.files {
        let path = made.path().join(&file.name);
        let mut opened = fs::File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        opened.write_all(file.text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Err(mistakes) = mapping::read(made.path()) {
        print(&mistakes);
        bail!("what was made of the page cannot be read again, which is a mistake of mapcheck; nothing was written");
    }
    Ok(made)
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts a folder in its place. What was there is gone only when the new one stands.
fn put(made: tempfile::TempDir, folder: &Path) -> Result<()> {
    let shown = folder.display();
    let old = folder.symlink_metadata().is_ok().then(|| tempfile::tempdir_in(parent(folder))).transpose()?;
    let aside = old.as_ref().map(|old| old.path().join("old"));
    if let Some(aside) = &aside {
        fs::rename(folder, aside).with_context(|| format!("{shown} cannot be replaced"))?;
    }
    let made = made.keep();
    readable(&made)?;
    if let Err(error) = fs::rename(&made, folder) {
        if let Some(aside) = &aside {
            fs::rename(aside, folder)?;
        }
        fs::remove_dir_all(&made)?;
        return Err(error).with_context(|| format!("{shown} cannot be written"));
    }
    Ok(())
}

/// Temporary folders are their owner's alone; a folder of specs is for everyone.
#[cfg(unix)]
fn readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn readable(_: &Path) -> Result<()> {
    Ok(())
}

fn tell(specs: &Specs, folder: &Path) {
    println!("{} -> {}", specs.apis.torch, specs.apis.mindspore);
    let lacking = match specs.lacking {
        0 => String::new(),
        count => format!(", {} that the page lacks", counted(count, "row")),
    };
    let examples = counted(specs.examples, "code example");
    println!("  wrote {}: {} of the page{lacking}, {examples}", folder.display(), counted(specs.rows, "row"));
    let files: Vec<&str> = specs.files.iter().map(|file| file.name.as_str()).collect();
    println!("  {}", files.join(" "));
    println!("  what is needed yet:");
    for needed in &specs.needed {
        println!("  - {needed}");
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::root;

    fn import(page: &str, into: Option<&Path>, force: bool) -> Result<ExitCode> {
        let page = root().join("tests/pages").join(page);
        Import { page, into: into.map(Path::to_path_buf), force, check: into.is_none() }.run()
    }

    /// The names in a folder, in order.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_that_is_there_is_replaced_only_when_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("specs/norm");
        import("group_norm.zh.md", Some(&into), false).unwrap();
        assert_eq!(mapping::read(&into).unwrap().rows.len(), 8);
        fs::write(into.join("eps.yaml"), "mine").unwrap();

        let refused = import("group_norm.zh.md", Some(&into), false).unwrap_err();
        assert!(refused.to_string().contains("is there already"), "{refused}");
        assert_eq!(fs::read_to_string(into.join("eps.yaml")).unwrap(), "mine");

        import("no_table.en.md", Some(&into), true).unwrap();
        assert_eq!(names(&into), ["input.yaml", "mapping.yaml", "out.yaml", "x.yaml"]);
        assert_eq!(names(into.parent().unwrap()), ["norm"]);
    }

    #[test]
    fn what_is_no_folder_of_specs_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("specs/norm")).unwrap();
        let refused = import("group_norm.zh.md", Some(&folder.path().join("specs")), true).unwrap_err();
        assert!(refused.to_string().contains("is no spec"), "{refused}");
        assert!(import("group_norm.zh.md", Some(Path::new("/")), true).is_err());
        assert_eq!(names(&folder.path().join("specs")), ["norm"]);
    }

    #[test]
    fn nothing_is_written_of_a_page_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("specs");
        assert!(import("none.md", Some(&into), false).is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_page_can_be_checked_alone() {
        assert_eq!(import("group_norm.zh.md", None, false).unwrap(), ExitCode::SUCCESS);
        assert_eq!(import("irregular.en.md", None, false).unwrap(), ExitCode::FAILURE);
    }
}
