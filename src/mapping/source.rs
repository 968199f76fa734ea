//! The text of a spec: what is no text, or no YAML, ends here.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::located::{self, Unparsed};
use super::node::{Content, Duplicate, Node};
use crate::file::{self, Unread};

/// A larger file is neither a spec nor a page; some YAML takes fifty times its size in memory.
const LARGEST_FILE: u64 = 1 << 20;

/// libyaml takes time by the square of the nesting before serde_yaml refuses it.
const DEEPEST: usize = 500;

/// A text and the file from which it was read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub text: Arc<str>,
}

impl Source {
    /// The text of a spec.
    pub fn load(path: &Path) -> Result<Self, Box<Diagnostic>> {
        let source = Self::read(path, "spec")?;
        match refused(&source.text) {
            Some((span, title, label)) => Err(Box::new(Diagnostic::at(&source, &span, title, label))),
            None => Ok(source),
        }
    }

    /// The text of a file, which is called by its kind where it is too large.
    pub fn read(path: &Path, kind: &str) -> Result<Self, Box<Diagnostic>> {
        let bytes = file::read(path, LARGEST_FILE).map_err(|unread| match unread {
            Unread::NoFile => whole(path, "this is no file", "expected a text file"),
            Unread::TooLarge { bytes, most } => {
                let label = format!("a {kind} has at most {} KiB; this file has {}", most >> 10, bytes.div_ceil(1024));
                whole(path, "the file is too large", label)
            }
            Unread::Io(error) => whole(path, "the file cannot be read", error.to_string()),
        })?;
        // serde_yaml would take what follows a byte order mark for another document.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let source = |text: &str| Self { path: shown(path), text: text.into() };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            let label = format!("the byte 0x{:02X} at offset {at} begins no character", bytes.get(at).unwrap_or(&0));
            let source = source(&String::from_utf8_lossy(bytes));
            let diagnostic = Diagnostic::at(&source, &(at..at + 1), "the file is not UTF-8", label);
            Box::new(diagnostic.help("save it in the encoding UTF-8"))
        })?;
        Ok(source(text))
    }

    /// The mapping that the text is, and the keys that are in it twice.
    pub(super) fn parse(&self) -> Result<(Node, Vec<Duplicate>), Box<Diagnostic>> {
        let (root, duplicates) = located::parse(&self.text).map_err(|error| Box::new(unparsed(self, &error)))?;
        if !root.is_map() {
            let empty = root.content == Content::Null;
            let title = if empty { "the file is empty" } else { "the file is not a mapping" };
            return Err(Box::new(Diagnostic::at(self, &root.span, title, "expected `key: value` on each line")));
        }
        Ok((root, duplicates))
    }
}

/// A path as it is shown: relative to the current directory where it lies there.
pub(super) fn shown(path: &Path) -> PathBuf {
    let inside = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    inside.unwrap_or_else(|| path.to_path_buf())
}

fn whole(path: &Path, title: &str, label: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::whole(path, title, label))
}

/// What libyaml refuses without a place, or takes too long to refuse: where, what and why.
fn refused(text: &str) -> Option<(Range<usize>, &'static str, String)> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        let span = at..at + c.len_utf8();
        let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
        if control || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            let label = format!("the character U+{:04X} is not allowed in YAML", u32::from(c));
            return Some((span, "a control character", label));
        }
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some((span, "nested too deep", format!("more than {DEEPEST} brackets are open here")));
        }
    }
    None
}

/// What serde_yaml found, with what usually helps.
fn unparsed(source: &Source, unparsed: &Unparsed) -> Diagnostic {
    let text = &*source.text;
    let error = unparsed.error.to_string();
    if error.contains("more than one document") {
        let span = second_document(text);
        let label = "a second document begins or the first one ends here; a spec is one document";
        return Diagnostic::at(source, &span, "more than one YAML document", label);
    }
    let start = unparsed.error.location().map_or(0, |place| located::offset(text, place.line(), place.column()));
    let next = text[start..].chars().next().filter(|next| !next.is_control() || *next == '\t');
    let span = start..start + next.map_or(0, char::len_utf8);
    if let Some(refused) = &unparsed.refused {
        return Diagnostic::at(source, &span, "YAML that no spec needs", refused.as_str());
    }
    // `did not find expected … at line 5 column 3, while parsing … at line 4 column 2`
    let (problem, context) = error.split_once(", ").filter(|(_, context)| context.starts_with("while ")).unzip();
    let problem = problem.unwrap_or(&error);
    let problem = problem.rsplit_once(" at ").map_or(problem, |(problem, _)| problem);
    let (label, help) = match (problem, next) {
        (_, Some('\t')) => (Some("this is a tab"), Some("YAML is indented with spaces, not with tabs")),
        ("found character that cannot start any token", _) => {
            (None, Some("put a text that begins with this in quotes"))
        }
        ("mapping values are not allowed in this context", _) => {
            (None, Some("put a text with `: ` in quotes; begin all keys of a mapping in one column"))
        }
        ("unknown anchor", _) => (Some("there is no anchor (`&…`) of this name before"), None),
        ("repetition limit exceeded", _) => (Some("anchors are repeated too often"), None),
        ("recursion limit exceeded", _) => (Some("lists and mappings are nested too deep"), None),
        _ => (None, None),
    };
    let label = match (label, context) {
        (Some(label), _) => label.to_owned(),
        (None, Some(context)) => format!("{problem}, {}", context.replace(" at line", " that begins at line")),
        (None, None) => problem.to_owned(),
    };
    let diagnostic = Diagnostic::at(source, &span, "not valid YAML", label);
    help.into_iter().fold(diagnostic, Diagnostic::help)
}

/// The line by which a first document ends: `---` or `...` after something that is no comment.
fn second_document(text: &str) -> Range<usize> {
    let (mut offset, mut begun) = (0, false);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        if begun && (content.starts_with("---") || content == "...") {
            return offset..offset + 3;
        }
        begun |= !content.is_empty() && !content.starts_with(['#', '%']);
        offset += line.len();
    }
    0..0
}
