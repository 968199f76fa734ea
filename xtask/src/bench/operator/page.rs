//! Everything that was found, as a page.

use std::fs;

use anyhow::{Context, Result};

use super::row::Row;
use super::{machine, plot, table};
use crate::libtorch;
use crate::suite::root;

/// What is printed: the table with all that is needed to read it.
pub fn text(rows: &[Row]) -> String {
    let (table, behind) = (table::markdown(rows), table::behind(rows));
    format!("{}\n{}\n{table}\n{behind}", machine::description(), table::LEGEND)
}

/// Writes docs/speed.md and the picture in it.
pub fn write(rows: &[Row]) -> Result<()> {
    let folder = root().join("docs");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let picture = plot::svg(rows);
    let shown = if picture.is_some() { "![Ratio over size](speed.svg)\n\n" } else { "" };
    // What is printed beside the page changes nothing in it.
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--verbose");
    let command = arguments.collect::<Vec<_>>().join(" ");
    let head = format!("# Speed\n\nBeside libtorch {}, by\n\n    cargo xtask {command}\n", libtorch::VERSION);
    write("speed.md", format!("{head}\n{shown}{}", text(rows)))?;
    picture.map_or(Ok(()), |picture| write("speed.svg", picture))
}
