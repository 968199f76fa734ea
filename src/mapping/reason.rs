//! What every `why` says in Chinese, once for all that say the same.

use schemars::JsonSchema;
use serde::Deserialize;

use super::MappingFile;

/// A reason in both languages. A case states it in English, which finds the Chinese.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// A `why` of the mapping or of a row, word for word.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

impl MappingFile {
    /// A `why` in Chinese, where the mapping has that.
    pub fn chinese(&self, why: &str) -> Option<&str> {
        let reason = self.reasons.iter().find(|reason| reason.en.trim() == why.trim());
        reason.map(|reason| reason.zh.trim())
    }
}
