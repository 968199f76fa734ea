//! The report as annotations of GitHub Actions: each points at the line of the specs that is not so.

use std::fmt::Write;

use super::Report;
use super::model::{Check, Place};
use crate::check::Verdict;

/// GitHub shows so many errors of a step; the others are in its log alone.
const MOST_SHOWN: usize = 10;

/// What is said of one line.
struct Annotation {
    verdict: Verdict,
    place: Place,
    /// The checks, or the row, of which it is said.
    of: Vec<String>,
    text: String,
}

impl Report {
    /// A workflow command for each line that is not as claimed, and what was run as plain text. Verdicts in
    /// `allowed` are warnings, the others errors.
    pub fn github(&self, allowed: &[Verdict]) -> String {
        let mut annotations: Vec<Annotation> = Vec::new();
        for check in &self.checks {
            if let Some(text) = amiss(check) {
                add(&mut annotations, check, text);
            }
        }
        let whole = |file: &str| Place { file: file.to_owned(), line: Some(1) };
        for row in self.rows.iter().filter(|row| row.vacuous) {
            let text = "no accepted case has an answer that moves when the parameter does: add a case that states another value";
            let (place, of) = (whole(&row.file), vec![row.name.clone()]);
            annotations.push(Annotation { verdict: Verdict::Vacuous, place, of, text: text.to_owned() });
        }
        for limit in self.limits.iter().filter(|limit| limit.verdict != Verdict::Holds) {
            let text = format!("no check shows it of {0}: add one, or take {0} out of it", limit.engine);
            let (place, of) = (whole(&self.mapping.file), vec![format!("limit {}", limit.number)]);
            annotations.push(Annotation { verdict: limit.verdict, place, of, text });
        }
        for (verdict, text) in self.unmapped() {
            let (place, of) = (whole(&self.mapping.file), vec!["no row".to_owned()]);
            annotations.push(Annotation { verdict, place, of, text });
        }
        // Of what GitHub shows, the worst comes first.
        annotations.sort_by_key(|annotation| std::cmp::Reverse(annotation.verdict));

        let mut text = String::new();
        for annotation in &annotations {
            let level = if allowed.contains(&annotation.verdict) { "warning" } else { "error" };
            let _ = writeln!(text, "{}", annotation.command(level));
        }
        if annotations.len() > MOST_SHOWN {
            let more = annotations.len();
            let _ =
                writeln!(text, "{more} annotations, of which GitHub shows the first {MOST_SHOWN}: the rest are above");
        }
        let _ = writeln!(text, "{}: {}", self.mapping.name, self.summary());
        text
    }
}

/// What is not as claimed of a check.
fn amiss(check: &Check) -> Option<String> {
    match check.verdict {
        Verdict::Refuted => Some(check.findings()),
        Verdict::Stale | Verdict::Unchecked | Verdict::Vacuous => {
            let asked = check.asked().filter(|asked| asked.verdict == check.verdict);
            let said = asked.map(|asked| format!("{}: {}", asked.engine, asked.note.as_deref().unwrap_or_default()));
            Some(said.collect::<Vec<_>>().join("\n"))
        }
        Verdict::Holds | Verdict::NotAsked => None,
    }
}

/// The checks of one case share a line, and so an annotation, which tells of the first.
fn add(annotations: &mut Vec<Annotation>, check: &Check, text: String) {
    let same = |known: &&mut Annotation| known.place == check.place && known.verdict == check.verdict;
    match annotations.iter_mut().find(same) {
        Some(known) => known.of.push(check.name.clone()),
        None => annotations.push(Annotation {
            verdict: check.verdict,
            place: check.place.clone(),
            of: vec![check.name.clone()],
            text,
        }),
    }
}

impl Annotation {
    fn command(&self, level: &str) -> String {
        let line = self.place.line.map_or(String::new(), |line| format!(",line={line}"));
        let more = match self.of.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let title = format!("{} {}{more}", self.verdict, self.of.first().map_or("", String::as_str));
        let mut text = self.text.trim().replace("\n  ", "\n");
        if !more.is_empty() {
            let _ = write!(text, "\nlikewise: {}", self.of[1..].join(", "));
        }
        format!("::{level} file={}{line},title={}::{}", property(&self.place.file), property(&title), data(&text))
    }
}

/// What would end the command, or the line, is escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property also what would end the property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        let annotation = Annotation {
            verdict: Verdict::Refuted,
            place: Place { file: "specs/a,b:c.yaml".to_owned(), line: Some(7) },
            of: vec!["eps/100%/f32".to_owned(), "eps/b/f64".to_owned()],
            text: "  rust: 50% off\r\n  torch, too: yes\n".to_owned(),
        };
        assert_eq!(
            annotation.command("error"),
            "::error file=specs/a%2Cb%3Ac.yaml,line=7,title=refuted eps/100%25/f32 and 1 more::rust: 50%25 off%0D%0Atorch, too: yes%0Alikewise: eps/b/f64"
        );
    }
}
