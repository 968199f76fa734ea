//! The report page: one HTML file without outside references. The first screen is there when it opens; what
//! belongs to a case is made from compact data when the case is opened.

mod data;
mod words;

use askama::Template;

use super::Report;
use super::model::{Api, Between, Cell, Row};
use crate::check::Verdict;
use crate::mapping::{Claim, Side};
use words::Words;

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the report page could not be made: {0}")]
pub struct Unwritable(String);

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    report: &'a Report,
    words: &'a Words,
    css: &'static str,
    js: &'static str,
    words_json: String,
    data_json: String,
}

impl Report {
    /// The report as a page. The same outcomes give the same bytes.
    ///
    /// # Errors
    /// None that input can cause; serde_json and askama have to say so.
    pub fn html(&self) -> Result<String, Unwritable> {
        let words = Words::read();
        let page = Page {
            report: self,
            words: &words,
            css: include_str!("page.css"),
            js: concat!(include_str!("pictures.js"), include_str!("page.js")),
            words_json: within_script(words::JSON),
            data_json: within_script(&data::json(self).map_err(|error| Unwritable(error.to_string()))?),
        };
        page.render().map_err(|error| Unwritable(error.to_string()))
    }
}

/// JSON that does not end the element in which it stands.
fn within_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// What the template asks for.
impl Page<'_> {
    /// A word of the page in English; the script puts the other language in its place.
    fn w<'k>(&'k self, key: &'k str) -> &'k str {
        self.words.english(key)
    }

    /// The key of a verdict's word.
    fn verdict(&self, verdict: &Verdict) -> String {
        verdict.word().replace(' ', "_")
    }

    /// The key of a claim's word.
    fn claim(&self, row: &Row) -> String {
        row.claim.replace(' ', "_")
    }

    /// An engine's name, where it may be broken: after the framework.
    fn parted<'n>(&self, name: &'n str) -> (&'n str, &'n str) {
        name.split_at(name.rfind('-').map_or(name.len(), |at| at + 1))
    }

    /// Whether a row is about parameters, whose names are code.
    fn is_code(&self, row: &Row) -> bool {
        row.claim != Claim::Example.words()
    }

    /// Whether something is amiss that belongs to no row.
    fn is_amiss(&self) -> bool {
        let is_amiss = self.report.limits.iter().any(|limit| limit.verdict != Verdict::Holds);
        is_amiss || !self.report.unmapped.is_empty()
    }

    /// What stands in a cell beside its verdict: `25%`.
    fn used(&self, cell: &Cell) -> Option<String> {
        (cell.verdict == Verdict::Holds && cell.used.0 > 0.0).then(|| format!("{:.0}%", (cell.used.0 * 100.0).ceil()))
    }

    /// The width of a cell's bar.
    fn bar(&self, cell: &Cell) -> f64 {
        (cell.used.0.clamp(0.0, 1.0) * 100.0).ceil()
    }

    /// Both APIs, each with its framework.
    fn apis(&self) -> [(Side, &Api); 2] {
        [(Side::Torch, &self.report.mapping.torch), (Side::Mindspore, &self.report.mapping.mindspore)]
    }

    /// What is said of a documented version that was not recorded, and the versions beside it.
    fn lies(&self, between: &Between) -> (&'static str, String, String) {
        let name = |version: &Option<String>| version.clone().unwrap_or_default();
        let key = match (&between.before, &between.after) {
            (Some(_), Some(_)) => "lies_between",
            (Some(_), None) => "comes_after",
            _ => "comes_before",
        };
        (key, name(&between.before), name(&between.after))
    }

    /// How many rows have the verdict.
    fn count(&self, verdict: &Verdict) -> usize {
        self.report.rows.iter().filter(|row| row.verdict == *verdict).count()
    }

    /// The verdicts that rows have, the worst first.
    fn counted(&self) -> Vec<Verdict> {
        let all = [Verdict::Refuted, Verdict::Stale, Verdict::Unchecked, Verdict::Vacuous, Verdict::Holds];
        all.into_iter().filter(|verdict| self.count(verdict) > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_page_is_there_in_both_languages() {
        let words = Words::read();
        let used = |text: &str, before: &str| -> Vec<String> {
            let word = |rest: &str| rest.split(['"', '\'', '`']).next().unwrap_or_default().to_owned();
            text.split(before).skip(1).map(word).filter(|word| !word.contains(['{', '$'])).collect()
        };
        let (html, js) = (include_str!("page.html"), concat!(include_str!("pictures.js"), include_str!("page.js")));
        let mut keys: Vec<String> = [("data-w=\"", html), ("data-w-label=\"", html), ("data-w-placeholder=\"", html)]
            .into_iter()
            .flat_map(|(before, text)| used(text, before))
            .collect();
        keys.extend(used(js, "say(\""));
        assert!(keys.len() > 40, "{keys:?}");
        for key in keys {
            assert!(words.has(&key), "words.json has no `{key}`");
        }
        let verdicts = ["holds", "refuted", "stale", "unchecked", "not_asked", "vacuous"];
        let claims = ["same", "renamed", "meaning_differs", "default_differs", "only_in_target", "only_in_source"];
        let layouts = ["channels_last", "transposed", "stepped", "expanded"];
        let findings = ["are_beyond", "sides_differ"];
        for key in verdicts.iter().chain(&claims).chain(&layouts).chain(&findings) {
            assert!(words.has(key), "words.json has no `{key}`");
        }
    }

    #[test]
    fn json_does_not_end_its_script() {
        assert_eq!(within_script(r#"{"why":"</script><!--"}"#), r#"{"why":"\u003c/script>\u003c!--"}"#);
    }
}
