//! The two APIs of a page: their names, the versions for which they are documented, and their signatures.

use std::ops::Range;

use super::signature::{Parameter, Signature};
use crate::mapping::Side;

/// One API of a page.
#[derive(Clone, Debug)]
pub(super) struct Api {
    /// The full name: `torch.nn.GroupNorm`.
    pub name: String,
    pub side: Side,
    /// Where it is named first.
    pub span: Range<usize>,
    /// The version for which the page is written, as the address of its documentation has it.
    pub documented: Option<String>,
    /// One for each form of call.
    pub signatures: Vec<Signature>,
}

impl Api {
    pub fn new(name: &str, side: Side, span: Range<usize>) -> Self {
        Self { name: name.to_owned(), side, span, documented: None, signatures: Vec::new() }
    }

    /// The last part of the name.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// Whether it is made first and called then. By convention, classes are capitalised.
    pub fn is_class(&self) -> bool {
        let is_capital = self.short_name().starts_with(|c: char| c.is_ascii_uppercase());
        is_capital || self.signatures.iter().any(|signature| signature.groups.len() > 1)
    }

    /// Whether it is a method, or what is read off an object.
    pub fn is_method(&self) -> bool {
        let mut parts = self.name.rsplit('.').skip(1);
        parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_uppercase()))
    }

    /// Parameters of the constructor or of the function, without repetition.
    pub fn constructor(&self) -> Vec<&Parameter> {
        self.group(0)
    }

    /// Parameters of the call of what the constructor makes.
    pub fn forward(&self) -> Vec<&Parameter> {
        self.group(1)
    }

    /// Whether there is a signature that says how the object is called.
    pub fn has_forward(&self) -> bool {
        self.signatures.iter().any(|signature| signature.groups.len() > 1)
    }

    fn group(&self, at: usize) -> Vec<&Parameter> {
        let mut parameters: Vec<&Parameter> = Vec::new();
        let of_page = self.signatures.iter().flat_map(|signature| signature.groups.get(at..).unwrap_or_default());
        let groups: Vec<&Vec<Parameter>> = match at {
            0 => self.signatures.iter().filter_map(|signature| signature.groups.first()).collect(),
            _ => of_page.collect(),
        };
        for parameter in groups.into_iter().flatten() {
            if !parameters.iter().any(|known| known.name == parameter.name) {
                parameters.push(parameter);
            }
        }
        parameters
    }

    /// The parameter of a name: that of the first signature that has it.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.signatures.iter().find_map(|signature| signature.parameter(name))
    }

    /// Whether a bracket of a signature takes any number of parameters, whatever their names.
    pub fn is_open(&self) -> bool {
        self.constructor().iter().any(|parameter| parameter.is_variadic())
    }
}

/// The side of the framework that a full name begins with.
pub(super) fn framework(name: &str) -> Option<Side> {
    let root = name.split('.').next()?.to_lowercase();
    match root.as_str() {
        "torch" | "torchvision" | "torchaudio" | "torchtext" | "pytorch" => Some(Side::Torch),
        "mindspore" | "ms" | "mint" | "mindformers" => Some(Side::Mindspore),
        _ => None,
    }
}

/// The full names of APIs in a text, each with its place there.
pub(super) fn full_names(text: &str) -> Vec<(Side, &str, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_part).map(|found| at + found) {
        let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |length| start + length);
        let name = text[start..end].trim_end_matches('.');
        let is_full = name.contains('.') && !name.starts_with('.') && !name.contains("..");
        // An address is no name.
        let is_address = text[..start].ends_with(['/', '-']) || text[end..].starts_with('/') || name.ends_with(".html");
        if let Some(side) = framework(name).filter(|_| is_full && !is_address) {
            names.push((side, name, start));
        }
        at = end;
    }
    names
}

/// The name that a heading consists of, but for words that say what it is.
pub(super) fn heading_name(text: &str) -> Option<(Side, String)> {
    let names = full_names(text);
    let [(side, name, start)] = names.as_slice() else { return None };
    let rest = format!("{} {}", &text[..*start], &text[start + name.len()..]).to_lowercase();
    let is_word = |word: &str| {
        ["class", "api", "apis", "pytorch", "torch", "mindspore", "function", "接口", "算子"].contains(&word)
    };
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let mut words = rest.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| is_word(word) || is_number(word)).then(|| (*side, (*name).to_owned()))
}

/// The version in the address of a documentation: `1.8.1` of `…/docs/1.8.1/…`, `2.4.10` of `…/r2.4.10/…`.
pub(super) fn version(address: &str) -> Option<String> {
    address.split('/').skip(3).find_map(|part| {
        let number = part.trim_start_matches(['r', 'v']);
        let is_number = number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.');
        let is_plain =
            number.chars().all(|c| c.is_ascii_alphanumeric() || ".-_+".contains(c)) && !number.ends_with(".html");
        let is_branch = matches!(part, "master" | "main" | "stable" | "latest");
        (is_branch || is_number && is_plain).then(|| number.to_owned())
    })
}
