//! A mistake in a spec, shown as rustc shows one: where, the line itself, what was expected, what to do.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde::Serialize;

use super::source::{Source, shown};

/// One mistake in a spec. [`Display`](fmt::Display) shows it with its line, without colours.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// The file, or the folder where no file is to blame; relative to the current directory where that is possible.
    pub file: PathBuf,
    /// Where in the file; `None` where it is the file as a whole.
    pub place: Option<Place>,
    /// What is wrong.
    pub title: String,
    /// What was expected there.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    #[serde(skip)]
    severity: Severity,
    #[serde(skip)]
    excerpt: Option<(Arc<str>, Range<usize>)>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Nothing can be done with the file.
    #[default]
    Error,
    /// The file contradicts itself, and is read all the same.
    Warning,
    /// Something was passed over.
    Note,
}

/// A place in a text file, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

impl Diagnostic {
    /// The line of the file in which the mistake is.
    pub fn line_text(&self) -> Option<&str> {
        let (text, span) = self.excerpt.as_ref()?;
        Some(&text[line_around(text, span.start)])
    }

    /// As it is shown on a terminal, with colours.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    /// Whether it is something that the file says twice and differently, or lacks.
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }

    /// As something else than an error.
    pub(crate) fn of(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// A mistake of a file or a folder as a whole.
    pub(crate) fn whole(file: &Path, title: impl Into<String>, label: impl Into<String>) -> Self {
        let (title, label) = (clipped(title.into(), 200), clipped(label.into(), 1000));
        Self { file: shown(file), place: None, title, label, help: None, severity: Severity::Error, excerpt: None }
    }

    /// A mistake at `span`, of which the part in its first line is marked.
    pub(crate) fn at(source: &Source, span: &Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Self {
        let whole = |at: &usize| source.text.is_char_boundary(*at);
        let start = (0..=span.start).rev().find(whole).unwrap_or(0);
        let end = (start..=span.end.min(line_around(&source.text, start).end)).rev().find(whole).unwrap_or(start);
        let span = start..end;
        Self {
            place: Some(Place::of(&source.text, span.start)),
            excerpt: Some((Arc::clone(&source.text), span)),
            ..Self::whole(&source.path, title, label)
        }
    }

    /// With what to write instead.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the nearest of the words that are valid, where one is near.
    pub(crate) fn meant<'a>(self, word: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, valid) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let path = self.file.to_string_lossy();
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let group = level.primary_title(self.title.as_str());
        let mut messages = Vec::new();
        let report = match &self.excerpt {
            Some((text, span)) => {
                let line = line_around(text, span.start);
                let annotation = AnnotationKind::Primary
                    .span(span.start - line.start..span.end - line.start)
                    .label(normalize_untrusted_str(&self.label));
                let number = self.place.map_or(1, |place| place.line);
                let snippet = Snippet::source(&text[line]).line_start(number).path(path).annotation(annotation);
                group.element(snippet)
            }
            None => {
                messages.push(Level::NOTE.message(normalize_untrusted_str(&self.label)));
                group.element(Origin::path(path))
            }
        };
        messages.extend(self.help.iter().map(|help| Level::HELP.message(normalize_untrusted_str(help))));
        renderer.render(&[report.elements(messages)])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

/// A text of no more than so many characters.
fn clipped(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The line, without its end, in which a byte of a text lies.
fn line_around(text: &str, offset: usize) -> Range<usize> {
    let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |i| offset + i);
    start..start + text[start..end].trim_end_matches('\r').len()
}

/// The nearest of some words, as rustc chooses it: at most a third of its letters may be wrong.
pub(super) fn nearest<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances take time and memory by the square: nothing that long is a slip of the hand.
    if word.len() > 64 {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let distance = |valid: &str| strsim::damerau_levenshtein(&plain(word), &plain(valid));
    let limit = |valid: &str| word.len().max(valid.len()).max(3) / 3;
    // Of two that are as near, the one that begins alike.
    let unlike = |valid: &str| 1000 - (1000.0 * strsim::jaro_winkler(&plain(word), &plain(valid))) as i32;
    let near = valid.into_iter().map(|valid| (distance(valid), valid)).filter(|(d, valid)| *d <= limit(valid));
    near.min_by_key(|(distance, valid)| (*distance, unlike(valid))).map(|(_, valid)| valid)
}

/// Words in a row, each in backquotes.
pub(crate) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
