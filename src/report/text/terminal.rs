//! What a report is printed on.

use anstyle::{AnsiColor, Style};

use crate::check::Verdict;
use crate::report::wrap;

/// How a text report is laid out. By default for no terminal: as wide as it comes, without colours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Columns of the terminal; what is wider is wrapped, and the matrix is parted.
    pub width: Option<usize>,
    /// Whether verdicts and headings are coloured.
    pub colour: bool,
    /// The matrix and what does not hold, without the notes.
    pub brief: bool,
}

impl Terminal {
    /// A text in the colour of a verdict.
    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Holds => AnsiColor::Green,
            Verdict::NotAsked => AnsiColor::BrightBlack,
            Verdict::Vacuous | Verdict::Unchecked | Verdict::Stale => AnsiColor::Yellow,
            Verdict::Refuted => AnsiColor::Red,
        };
        let style = colour.on_default();
        self.painted(if verdict == Verdict::Refuted { style.bold() } else { style }, text)
    }

    /// A heading.
    pub(super) fn heading(self, text: &str) -> String {
        self.painted(Style::new().bold(), text)
    }

    fn painted(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Prose, the lines after the first behind an indent.
    pub(super) fn prose(self, text: &str, indent: usize) -> String {
        // Below that, wrapping makes nothing easier to read.
        let width = self.width.map(|width| width.max(40));
        width.map_or_else(|| text.to_owned(), |width| wrap::wrapped(text, indent, width))
    }
}
