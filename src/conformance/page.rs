//! The report on an operator as a page: where it holds, where it differs, and the smallest call of each difference.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::{Kind, Outcomes, Suite, Verdict};
use crate::explore::{Group, Groups};
use crate::mapping::Case;
use crate::shrink::Reason;
use crate::tensor::DType;

/// The page. `command` made it.
pub(super) fn page(suite: &Suite, command: &str) -> String {
    let subject = suite.subject().name();
    let outcomes = suite.run(&suite.checks());
    let groups = differences(suite, &outcomes);
    let mut text = format!(
        "<!-- Made by `{command}`. -->\n\n# {subject}\n\nEvery check of the specs, asked of {subject} and held to the definition in double-double; \
         made by `{command}`.\n\n"
    );
    table(&mut text, suite, &outcomes);
    breakdown(&mut text, &outcomes);
    let _ = writeln!(text, "\n## Where it differs\n");
    if groups.is_empty() {
        text.push_str("Nowhere.\n");
    }
    for group in &groups {
        let calls = group.calls.len();
        let shown: Vec<String> = group.calls.iter().take(3).map(|name| format!("`{name}`")).collect();
        let more = if calls > shown.len() { format!(" and {} more", calls - shown.len()) } else { String::new() };
        let _ = writeln!(
            text,
            "### {}\n\n{} check{}: {}{more}. The smallest call, on which {}:\n\n```yaml\n{}```\n",
            heading(&group.smallest.reason),
            calls,
            if calls == 1 { "" } else { "s" },
            shown.join(", "),
            group.smallest.finding,
            suite.paste(&group.smallest),
        );
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// How many checks of each row hold, and why others were not asked.
fn table(text: &mut String, suite: &Suite, outcomes: &Outcomes) {
    text.push_str("| row | holds | differs | cannot be asked | of the tolerance |\n|---|---|---|---|---|\n");
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for (at, row) in suite.mapping().rows.iter().enumerate() {
        let asked = || outcomes.checks.iter().filter(move |result| result.check.row == at);
        let of_subject = || asked().filter_map(|result| result.engines.first());
        let count = |verdict| of_subject().filter(|asked| asked.verdict == verdict).count();
        let used = of_subject().filter(|asked| asked.verdict == Verdict::Holds).map(|asked| asked.used());
        let used = used.fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} % |",
            row.name,
            count(Verdict::Holds),
            count(Verdict::Refuted),
            count(Verdict::NotAsked),
            (used * 100.0).ceil()
        );
        for why in of_subject().filter(|asked| asked.verdict == Verdict::NotAsked).filter_map(|a| a.note.as_deref()) {
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, count)) => *count += 1,
                None => reasons.push((why, 1)),
            }
        }
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let single = reasons.iter().filter(|(_, count)| *count == 1).count();
    reasons.retain(|(_, count)| *count > 1);
    let _ = writeln!(text, "\nOf the tolerance: the largest share that any element uses of a check that holds.");
    if !reasons.is_empty() {
        let _ = writeln!(text, "\nWhat cannot be asked, and why:\n");
    }
    for (why, count) in reasons {
        let _ = writeln!(text, "- {count}: {why}");
    }
    if single > 0 {
        let _ = writeln!(text, "- {single}: types, words and numbers that a typed signature does not have");
    }
}

/// How many checks hold at each dtype and rank.
fn breakdown(text: &mut String, outcomes: &Outcomes) {
    let cases = || {
        outcomes.checks.iter().filter_map(|result| match result.check.kind {
            Kind::Case { dtype, .. } => Some((dtype, result.shape.len(), result.engines.first()?.verdict)),
            Kind::Default | Kind::Signature => None,
        })
    };
    text.push_str("\n| x | holds | differs | cannot be asked |\n|---|---|---|---|\n");
    let mut line = |what: &str, verdicts: Vec<Verdict>| {
        let count = |verdict| verdicts.iter().filter(|known| **known == verdict).count();
        let [holds, differs, not_asked] = [Verdict::Holds, Verdict::Refuted, Verdict::NotAsked].map(count);
        let _ = writeln!(text, "| {what} | {holds} | {differs} | {not_asked} |");
    };
    for dtype in DType::ALL {
        line(dtype.name(), cases().filter(|(known, ..)| *known == dtype).map(|(.., verdict)| verdict).collect());
    }
    let ranks: BTreeSet<usize> = cases().map(|(_, rank, _)| rank).collect();
    for rank in ranks {
        let of_rank = cases().filter(|(_, known, _)| *known == rank).map(|(.., verdict)| verdict).collect();
        line(&format!("rank {rank}"), of_rank);
    }
}

/// The failing checks of the subject, by their cause.
fn differences(suite: &Suite, outcomes: &Outcomes) -> Vec<Group> {
    let mut groups = Groups::default();
    let judge = |case: &Case| suite.ask_alone(case, |name| name == suite.subject().name()).unwrap_or_default();
    for result in &outcomes.checks {
        let (Some(case), Kind::Case { dtype, layout, .. }) = (suite.case(&result.check), result.check.kind) else {
            continue;
        };
        let Some(asked) = result.engines.first() else { continue };
        let mut case = case.alone(dtype, layout);
        // Beside the case that it comes from.
        case.name.push_str("_smallest");
        for reason in asked.findings.iter().filter_map(|finding| Reason::of(&asked.engine, finding)) {
            groups.add(suite, &result.check.name, &case, &reason, &judge);
        }
    }
    groups.largest_first()
}

fn heading(reason: &Reason) -> String {
    let of = reason.output.map(|output| format!(" of {output}")).unwrap_or_default();
    match reason.kind {
        "values" if reason.is_infinite => format!("Values{of}: an infinity or a NaN"),
        "values" => format!("Values{of}: accuracy"),
        "rejected" => format!("Rejected: {}", reason.words),
        "accepted" => "Accepted".to_owned(),
        "invariant" => format!("Invariant: {}", reason.words),
        "panic" => format!("Panic: {}", reason.words),
        kind => format!("{}{of}", kind[..1].to_uppercase() + &kind[1..]),
    }
}
