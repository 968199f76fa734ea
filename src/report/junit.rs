//! The report as CI servers read it: a suite is a mapping, a class a row, a test a check.

use std::fmt::Write;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::Report;
use super::model::{Asked, Check, Row};
use super::number::number;
use crate::check::Verdict;

impl Report {
    /// The report in JUnit's XML. Rows whose verdict is in `allowed` are skipped, not failed. It has no times: the
    /// same outcomes give the same bytes.
    ///
    /// # Errors
    /// None that input can cause; quick-junit has to say so.
    pub fn junit(&self, allowed: &[Verdict]) -> Result<String, quick_junit::SerializeError> {
        let mut suite = TestSuite::new(self.mapping.name.as_str());
        for (name, value) in self.properties() {
            suite.add_property(Property::new(name, value));
        }
        for row in &self.rows {
            let class = format!("{}.{}", self.mapping.name, row.name);
            for check in self.checks.iter().filter(|check| check.row == row.name) {
                suite.add_test_case(of_check(&class, check, allowed));
            }
            if row.complete {
                suite.add_test_case(of_row(&class, row));
            }
        }
        // What is asked of the mapping as such is known only where every check was run.
        if self.complete {
            suite.add_test_cases(self.of_mapping(allowed));
        }
        let mut report = quick_junit::Report::new("mapcheck");
        report.add_test_suite(suite);
        report.to_string()
    }

    fn properties(&self) -> Vec<(String, String)> {
        let mapping = &self.mapping;
        let mut properties = vec![
            ("mapcheck".to_owned(), self.mapcheck.clone()),
            ("verdict".to_owned(), self.verdict.word().to_owned()),
        ];
        for (side, api) in [("torch", &mapping.torch), ("mindspore", &mapping.mindspore)] {
            properties.push((format!("{side}.api"), api.name.clone()));
            properties.push((format!("{side}.documented"), api.documented.clone()));
        }
        for (at, engine) in self.engines.iter().enumerate() {
            let what = match (at, engine.recorded) {
                (0, _) => "subject",
                (_, true) => "recorded",
                (_, false) => "live",
            };
            properties.push((format!("engine.{}", engine.name), what.to_owned()));
        }
        properties
    }

    fn of_mapping(&self, allowed: &[Verdict]) -> Vec<TestCase> {
        let class = self.mapping.name.as_str();
        let limits = self.limits.iter().map(|limit| {
            let name = format!("limit_{}_is_shown_of_{}", limit.number, limit.engine);
            let said = format!("no check shows it of {}", limit.engine);
            test(class, &name, status(limit.verdict, allowed, &said, ""))
        });
        let unmapped = self.unmapped();
        let said: Vec<&str> = unmapped.iter().map(|(_, said)| said.as_str()).collect();
        let verdict = if said.is_empty() { Verdict::Holds } else { Verdict::Refuted };
        let every = test(class, "every_parameter_has_a_row", status(verdict, allowed, &said.join("\n"), ""));
        limits.chain([every]).collect()
    }
}

fn of_check(class: &str, check: &Check, allowed: &[Verdict]) -> TestCase {
    let worst: Vec<&Asked> = check.asked().filter(|asked| asked.verdict == check.verdict).collect();
    let engines: Vec<&str> = worst.iter().map(|asked| asked.engine.as_str()).collect();
    let message = format!("{} on {}", check.verdict, engines.join(", "));
    let findings = check.findings();
    let text = if findings.is_empty() {
        worst.iter().filter_map(|asked| asked.note.as_deref()).collect::<Vec<_>>().join("\n")
    } else {
        format!("at {}\n{}", check.place, findings.trim_end())
    };
    let mut case = test(class, &check.name, status(check.verdict, allowed, &message, &text));
    case.extra.insert("file".into(), XmlString::new(&check.place.file));
    if let Some(line) = check.place.line {
        case.extra.insert("line".into(), XmlString::new(line.to_string()));
    }
    case.set_system_out(said(check));
    case
}

/// A line for each engine: its verdict, and how much of its tolerance is used.
fn said(check: &Check) -> String {
    let mut text = String::new();
    for asked in check.asked() {
        let _ = write!(text, "{}: {}", asked.engine, asked.verdict);
        for array in &asked.arrays {
            let _ = write!(text, "; {} {} ULP", array.array, number(array.comparison.ulp.error.0));
        }
        let note = asked.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        let _ = writeln!(text, "{note}");
    }
    text
}

fn of_row(class: &str, row: &Row) -> TestCase {
    let verdict = if row.vacuous { Verdict::Vacuous } else { Verdict::Holds };
    let said = "no accepted case has an answer that moves when the parameter does";
    let mut case = test(class, &format!("{}/not_vacuous", row.name), status(verdict, &[], said, ""));
    case.extra.insert("file".into(), XmlString::new(&row.file));
    case
}

fn test(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

/// What is refuted or vacuous has failed; what could not be asked is an error, unless it is let pass.
fn status(verdict: Verdict, allowed: &[Verdict], message: &str, text: &str) -> TestCaseStatus {
    let mut status = match verdict {
        Verdict::Holds => return TestCaseStatus::success(),
        Verdict::NotAsked => TestCaseStatus::skipped(),
        verdict if allowed.contains(&verdict) => TestCaseStatus::skipped(),
        Verdict::Refuted | Verdict::Vacuous => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Stale | Verdict::Unchecked => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_type(verdict.word()).set_message(message);
    if !text.is_empty() {
        status.set_description(text);
    }
    status
}
