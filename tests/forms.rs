//! The forms of a report: what a terminal, a CI server and GitHub are given.

use std::path::Path;
use std::sync::Arc;

use crate::common::ours::{mapping, store, suite};
use mapcheck::check::Verdict;
use mapcheck::golden::Store;
use mapcheck::mapping::{Argument, Mapping, Side};
use mapcheck::report::{Report, Terminal};

fn report(mapping: Mapping, store: Arc<Store>, filter: &str) -> Report {
    let suite = suite(mapping, &store, Vec::new());
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name.starts_with(filter)).collect();
    Report::of(&suite, &suite.run(&checks))
}

/// Without a stored answer.
fn nothing() -> Arc<Store> {
    Arc::new(Store::open(Path::new("no/such/folder")))
}

/// With a wrong default, and without the statement that PyTorch 1.8.1 is off on a large mean.
fn wrong() -> Mapping {
    let mut mapping = mapping();
    for row in &mut mapping.rows {
        match row.name.as_str() {
            "gamma_init" => drop(row.file.default.insert(Side::Mindspore, Argument::Str("zeros".to_owned()))),
            "input" => row.file.cases.iter_mut().for_each(|case| case.off.retain(|off| off.engine != "torch-1.8.1")),
            _ => {}
        }
    }
    mapping
}

#[test]
fn github_is_pointed_at_the_line_of_the_specs() {
    let report = report(wrong(), store(), "gamma_init/default");
    insta::assert_snapshot!("github", report.github(&[]));
}

#[test]
fn what_may_be_unchecked_is_a_warning() {
    let report = report(mapping(), nothing(), "device/");
    let errors = report.github(&[]);
    assert!(errors.starts_with("::error file=specs/group_norm/device.yaml,line="), "{errors}");
    let warnings = report.github(&[Verdict::Unchecked]);
    assert!(warnings.starts_with("::warning file=") && !warnings.contains("::error"), "{warnings}");
}

#[test]
fn a_ci_server_is_given_a_test_for_each_check() {
    let row = report(wrong(), store(), "gamma_init/");
    let xml = row.junit(&[]).expect("it can be written");
    assert_eq!(xml.matches("<testcase ").count(), row.checks.len() + 1, "and whether the row is vacuous");
    let one = report(wrong(), store(), "gamma_init/default");
    insta::assert_snapshot!("junit", one.junit(&[]).expect("it can be written"));
}

#[test]
fn what_may_be_unchecked_is_skipped() {
    let report = report(mapping(), nothing(), "device/");
    let xml = report.junit(&[]).expect("it can be written");
    assert!(xml.contains(r#"errors="4""#) && xml.contains(r#"type="unchecked""#), "{xml}");
    let allowed = report.junit(&[Verdict::Unchecked]).expect("it can be written");
    assert!(allowed.contains(r#"errors="0""#) && allowed.contains(r#"skipped="4""#), "{allowed}");
}

#[test]
fn a_narrow_terminal_gets_the_matrix_in_parts() {
    let report = report(mapping(), store(), "eps/");
    for width in [60, 80, 132] {
        let text = report.text(Terminal { width: Some(width), brief: true, ..Terminal::default() });
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert_eq!(text.matches("sensitive").count(), 2, "{text}");
    }
    insta::assert_snapshot!("narrow", report.text(Terminal { width: Some(80), brief: true, ..Terminal::default() }));
}

#[test]
fn colours_change_no_letter() {
    let mut mapping = wrong();
    mapping.rows.iter_mut().filter(|row| row.name != "input").for_each(|row| row.file.cases.clear());
    let report = report(mapping, store(), "");
    let coloured = report.text(Terminal { colour: true, ..Terminal::default() });
    let mut plain = String::new();
    for part in coloured.split('\x1b') {
        plain.push_str(part.strip_prefix('[').and_then(|rest| rest.split_once('m')).map_or(part, |(_, text)| text));
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, report.text(Terminal::default()));
}

#[test]
fn a_check_is_run_again_by_the_command_of_its_suite() {
    let suite = suite(wrong(), &store(), Vec::new()).with_command("cargo test --test mine --");
    let checks: Vec<_> = suite.checks().into_iter().filter(|check| check.name == "gamma_init/default").collect();
    let text = Report::of(&suite, &suite.run(&checks)).text(Terminal::default());
    assert!(text.contains("cargo test --test mine -- group_norm/gamma_init/default"), "{text}");
}

#[test]
fn a_check_is_told_as_a_program_of_each_side() {
    let report = report(mapping(), store(), "gamma_init/number/f32");
    let case = report.checks[0].case.as_ref().expect("it is of a case");
    let [torch, mindspore] =
        [&case.torch, &case.mindspore].map(|script| script.as_ref().map(ToString::to_string).unwrap_or_default());
    assert!(torch.contains("torch.nn.GroupNorm(") && torch.contains("weight"), "{torch}");
    assert!(mindspore.contains("nn.GroupNorm(") && mindspore.contains("gamma_init"), "{mindspore}");
}

#[test]
fn brief_leaves_the_notes_out_and_no_mismatch() {
    let report = report(wrong(), store(), "input/mean_1e6");
    let (brief, whole) = (Terminal { brief: true, ..Terminal::default() }, Terminal::default());
    let (brief, whole) = (report.text(brief), report.text(whole));
    assert!(whole.contains("see the note below") && !brief.contains("see the note below"));
    assert!(brief.contains("refuted  group_norm/input/mean_1e6/f32"), "{brief}");
}

#[test]
fn the_page_of_the_whole_suite_is_small_and_refers_to_nothing_outside() {
    let page = report(mapping(), store(), "").html().expect("it can be made");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "<link rel=\"stylesheet"] {
        assert!(!page.contains(outside), "{outside}");
    }
}
