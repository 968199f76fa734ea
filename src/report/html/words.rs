//! The words of the page, in the languages of mapping pages.

use std::collections::BTreeMap;

/// A word by key and language; the template and the script have them from one file.
pub(super) const JSON: &str = include_str!("words.json");

pub(super) struct Words(BTreeMap<String, BTreeMap<String, String>>);

impl Words {
    pub(super) fn read() -> Self {
        Self(serde_json::from_str(JSON).unwrap_or_default())
    }

    /// The English word, or the key where there is none.
    pub(super) fn english<'a>(&'a self, key: &'a str) -> &'a str {
        self.0.get(key).and_then(|word| word.get("en")).map_or(key, String::as_str)
    }

    /// Whether there is such a word in both languages.
    #[cfg(test)]
    pub(super) fn has(&self, key: &str) -> bool {
        let in_language = |language| self.0.get(key)?.get(language).filter(|word| !word.is_empty());
        in_language("en").is_some() && in_language("zh").is_some()
    }
}
