//! What the golden folder of a mapping holds: who answered what, to which call.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;
use std::str::FromStr;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{MOST_KEPT, REMEDY};
use crate::call::{CallHash, Output};
use crate::file;
use crate::python::Exception;
use crate::signature::Signature;
use crate::tensor::DType;

/// The manifest's file name.
pub(super) const FILE: &str = "manifest.json";

/// A manifest of another format is not read.
const FORMAT: u32 = 2;

const MOST_BYTES: u64 = 64 << 20;

/// The file name of a row's archive.
pub(super) fn archive_of(row: &str) -> String {
    format!("{row}.npz")
}

/// Everything that is stored for a mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// Where the answers of each engine come from.
    pub engines: BTreeMap<String, Provenance>,
    /// Archives, with the hash of their content.
    pub files: BTreeMap<String, String>,
    /// Engine, check, answer.
    pub answers: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// The file, parsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parsed {
    #[serde(rename = "format")]
    _format: IgnoredAny,
    engines: BTreeMap<String, Sealed<Provenance>>,
    files: BTreeMap<String, Sealed<String>>,
    answers: BTreeMap<String, BTreeMap<String, Sealed<Entry>>>,
}

/// What stands on one line, behind a hash of it. The hash is looked at with the text of the whole file.
#[derive(Deserialize)]
struct Sealed<T>(IgnoredAny, T);

/// Where an engine's answers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The framework: `torch`.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// What asked it.
    pub recorder: String,
    /// Architecture and operating system.
    pub platform: String,
    /// The Python that ran it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Its numpy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numpy: Option<String>,
    /// What it says of its own module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// One stored answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The call that was answered.
    pub call: CallHash,
    /// The class that was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Exception>,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What `print` of y showed, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// The arrays.
    #[serde(flatten)]
    pub arrays: BTreeMap<Output, Stored>,
}

/// An array as the manifest names it: `f32[2, 6, 5, 3] 0123456789abcdef`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stored {
    /// Its dtype; f16 and bf16 are stored by their bits.
    pub dtype: DType,
    /// The shape of the whole, also where only some elements are kept.
    pub shape: Vec<usize>,
    /// Its name in the archive: the hash of its content.
    pub hash: String,
}

impl Stored {
    /// The shape in which it is stored: that of the whole, or one dimension of the elements that are kept.
    pub(super) fn kept_shape(&self) -> Vec<usize> {
        if self.shape.iter().product::<usize>() > MOST_KEPT { vec![MOST_KEPT] } else { self.shape.clone() }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?} {}", self.dtype, self.shape, self.hash)
    }
}

impl From<Stored> for String {
    fn from(stored: Stored) -> Self {
        stored.to_string()
    }
}

impl TryFrom<String> for Stored {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Stored {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (dtype, rest) = text.split_once('[')?;
            let (shape, hash) = rest.split_once("] ")?;
            let dtype = DType::ALL.into_iter().find(|d| d.name() == dtype)?;
            let sizes = shape.split(", ").filter(|size| !size.is_empty());
            let shape: Vec<usize> = sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?;
            shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))?;
            let is_hash = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
            is_hash.then(|| Stored { dtype, shape, hash: hash.to_owned() })
        };
        parse().ok_or_else(|| format!("`{text}` is no stored array, as in `f32[2, 6] 0123456789abcdef`"))
    }
}

impl Manifest {
    /// Reads a manifest, or says what is wrong with it and what mends it. One that was altered, if only by a space, is
    /// refused: every byte of it was written by [`to_text`](Self::to_text).
    pub fn read(path: &Path) -> Result<Self, String> {
        let problem = |problem: String| format!("{}: {problem}: {REMEDY}", path.display());
        let bytes = file::read(path, MOST_BYTES).map_err(|unread| problem(unread.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| problem(error.utf8_error().to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!("its format is {format}, and {FORMAT} is the one that is read"));
        }
        let parsed: Parsed = serde_json::from_str(text).map_err(|error| error.to_string())?;
        fn opened<T>(sealed: BTreeMap<String, Sealed<T>>) -> BTreeMap<String, T> {
            sealed.into_iter().map(|(name, Sealed(_, value))| (name, value)).collect()
        }
        if let Some(name) = parsed.files.keys().find(|name| !is_archive(name)) {
            return Err(format!("{name:?} is not the name of a row's archive"));
        }
        let answers = parsed.answers.into_iter().map(|(engine, answers)| (engine, opened(answers))).collect();
        let manifest = Self { engines: opened(parsed.engines), files: opened(parsed.files), answers };
        match altered(text, &manifest.to_text()) {
            Some(line) => Err(format!("line {line} is not as it was recorded")),
            None => Ok(manifest),
        }
    }

    /// The text of the file: a line an answer, so that a diff shows which ones changed, and two recordings of different
    /// rows merge. Each line begins with a hash of its content, by which a line is known that nobody recorded.
    pub fn to_text(&self) -> String {
        fn json<T: Serialize + ?Sized>(value: &T) -> String {
            serde_json::to_string(value).expect("maps with string keys have a JSON form")
        }
        fn sealed<T: Serialize>(text: &mut String, indent: &str, engine: &str, map: &BTreeMap<String, T>) {
            for (i, (name, value)) in map.iter().enumerate() {
                let (name, value) = (json(name), json(value));
                let seal = blake3::hash(format!("{engine} {name}: {value}").as_bytes()).to_hex();
                let comma = if i + 1 < map.len() { "," } else { "" };
                let _ = writeln!(text, "{indent}{name}: [\"{}\", {value}]{comma}", &seal[..16]);
            }
        }
        let mut text = format!("{{\n  \"format\": {FORMAT},\n  \"engines\": {{\n");
        sealed(&mut text, "    ", "", &self.engines);
        text.push_str("  },\n  \"files\": {\n");
        sealed(&mut text, "    ", "", &self.files);
        text.push_str("  },\n  \"answers\": {\n");
        for (i, (engine, answers)) in self.answers.iter().enumerate() {
            let _ = writeln!(text, "    {}: {{", json(engine));
            sealed(&mut text, "      ", engine, answers);
            text.push_str(if i + 1 < self.answers.len() { "    },\n" } else { "    }\n" });
        }
        text.push_str("  }\n}\n");
        text
    }
}

/// Whether this is what [`archive_of`] gives of a row: no path leads out of the folder.
fn is_archive(name: &str) -> bool {
    let row = name.strip_suffix(".npz").unwrap_or_default();
    !row.is_empty() && row.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The first line of a text that is not as it should be.
fn altered(text: &str, recorded: &str) -> Option<usize> {
    let lines = |text| str::split_inclusive(text, '\n').map(Some).chain([None]);
    let same = lines(text).zip(lines(recorded)).take_while(|(line, recorded)| line == recorded).count();
    (text != recorded).then_some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_reads_back() {
        let stored: Stored = "f32[2, 6] 0123456789abcdef".parse().unwrap();
        let answered = Entry {
            call: CallHash("00".to_owned()),
            rejected: None,
            message: None,
            printed: None,
            arrays: [(Output::Y, stored)].into(),
        };
        let refused = Entry {
            rejected: Some(Exception::RuntimeError),
            message: Some("no \"such\" thing".to_owned()),
            arrays: BTreeMap::new(),
            ..answered.clone()
        };
        let answers = [("eps/a/f32".to_owned(), answered), ("eps/b/f32".to_owned(), refused)].into();
        let manifest = Manifest { answers: [("torch-2.13.0".to_owned(), answers)].into(), ..Manifest::default() };
        assert_eq!(Manifest::parse(&manifest.to_text()), Ok(manifest.clone()));
        assert_eq!(manifest.to_text().lines().filter(|line| line.contains("eps/")).count(), 2);
    }

    #[test]
    fn the_first_line_that_is_not_as_it_was_recorded_is_named() {
        let manifest = Manifest {
            files: [("eps.npz", "01"), ("input.npz", "02")].map(|(file, hash)| (file.into(), hash.into())).into(),
            ..Manifest::default()
        };
        let text = manifest.to_text();
        let line = |altered: &str| Manifest::parse(altered).unwrap_err();
        assert_eq!(line(&text.replace("\"01\"", "\"03\"")), "line 6 is not as it was recorded");
        assert_eq!(line(&text.replace("\"02\"", "\"03\"")), "line 7 is not as it was recorded");
        assert_eq!(line(&format!(" {text}")), "line 1 is not as it was recorded");
        assert_eq!(line(&format!("{text} ")), "line 12 is not as it was recorded");
        assert_eq!(line(&text.replace("input.npz", "../eps.npz")), "\"../eps.npz\" is not the name of a row's archive");
        assert!(line(&text.replace("\"format\": 2", "\"format\": 1")).starts_with("its format is 1"));
    }

    #[test]
    fn an_archive_is_named_by_its_row() {
        for name in ["eps.npz", "gamma_init.npz", "a2.npz", &archive_of("input")] {
            assert!(is_archive(name), "{name}");
        }
        for name in ["", ".npz", "eps", "eps.npy", "a/b.npz", "../eps.npz", "a-b.npz", "eps.npz.npz"] {
            assert!(!is_archive(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_stored_array_is_refused() {
        for text in [
            "",
            "f32",
            "f32[2] xyz",
            "f32[2] 0123456789abcde",
            "f32[2] 0123456789abcdeg",
            "f8[2] 0123456789abcdef",
            "f32[-1] 0123456789abcdef",
            "f32[2]0123456789abcdef",
        ] {
            assert!(text.parse::<Stored>().is_err(), "{text}");
        }
        let huge = format!("f32[{0}, {0}, {0}] 0123456789abcdef", usize::MAX);
        assert!(huge.parse::<Stored>().is_err());
        let scalar: Stored = "f64[] 0123456789abcdef".parse().unwrap();
        assert!(scalar.shape.is_empty());
    }
}
