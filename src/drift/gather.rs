//! What came of each call, gathered to rows and to what is so in general.

use super::acceptance::{is_explained, reach};
use super::values::{ArrayChange, Values};
use super::{Asked, Came, Drift, Findings, Pair, Refusals, RowDrift, Unanswered};

/// What is so of several calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Common<T> {
    /// What is so; of the first of them where they are merely alike.
    pub what: T,
    /// The calls, by the names under which their answers are stored, in the order of the page.
    pub calls: Vec<String>,
}

/// Something that came of a call of a row.
type Said<'a, T> = (usize, &'a str, T);

/// All but the signatures.
pub(super) fn calls(pair: &Pair<'_>, rows: &[usize], asked: Vec<Asked>) -> Drift {
    let reach = reach(&asked);
    let (mut turned, mut classes, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for call in &asked {
        let name = call.name.as_str();
        match &call.came {
            Came::Refused(refusals) if refusals.is_turn() && !is_explained(call, &reach) => {
                turned.push((call.row, name, refusals.clone()));
            }
            Came::Refused(refusals) if refusals.is_of_another_class() => {
                classes.push((call.row, name, refusals.clone()));
            }
            Came::Answers(answers) => {
                arrays.extend(answers.changes.iter().map(|change| (call.row, name, change.clone())));
            }
            Came::Refused(_) | Came::Nothing(_) => {}
        }
    }
    let turns = |is_accepted_now: bool| {
        let is_so = |refusals: &Refusals| refusals.is_turn() && refusals.after.is_none() == is_accepted_now;
        asked.iter().filter(|call| matches!(&call.came, Came::Refused(refusals) if is_so(refusals))).count()
    };
    let is_reworded = |call: &&Asked| matches!(&call.came, Came::Refused(refusals) if refusals.is_reworded());
    let is_answered = |call: &&Asked| !matches!(call.came, Came::Nothing(_));
    let mut drift = Drift {
        before: pair.before.name().to_owned(),
        after: pair.after.name().to_owned(),
        side: pair.side,
        calls: asked.iter().filter(is_answered).count(),
        rows: rows.iter().map(|&row| of_row(row, &asked)).collect(),
        general: Findings::default(),
        accepted_now: turns(true),
        rejected_now: turns(false),
        reach,
        reworded: asked.iter().filter(is_reworded).map(|call| call.name.clone()).collect(),
        announcements: Vec::new(),
        unsigned: Vec::new(),
        unanswered: unanswered(&asked),
    };
    // What x does not explain is told case by case.
    for (row, common) in common(turned, |one, other| one.0 == other.0 && one.2.is_like(&other.2)) {
        place(&mut drift, row, |findings| findings.turned.push(common));
    }
    for (row, common) in common(classes, |one, other| one.2.is_like(&other.2)) {
        place(&mut drift, row, |findings| findings.classes.push(common));
    }
    for (row, common) in common(arrays, |one: &Said<'_, ArrayChange>, other| one.2 == other.2) {
        place(&mut drift, row, |findings| findings.arrays.push(common));
    }
    drift
}

/// Groups what is alike, with the row where all of a group is of one; in the order of the first of each.
fn common<T>(said: Vec<Said<'_, T>>, alike: impl Fn(&Said<T>, &Said<T>) -> bool) -> Vec<(Option<usize>, Common<T>)> {
    let mut groups: Vec<Vec<Said<T>>> = Vec::new();
    for one in said {
        match groups.iter_mut().find(|group| alike(&group[0], &one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let finish = |group: Vec<Said<T>>| {
        let row = group[0].0;
        let row = group.iter().all(|(other, ..)| *other == row).then_some(row);
        let calls = group.iter().map(|(_, name, _)| (*name).to_owned()).collect();
        let what = group.into_iter().next().map(|(.., what)| what)?;
        Some((row, Common { what, calls }))
    };
    groups.into_iter().filter_map(finish).collect()
}

/// Puts something into a row, or among what is so in general.
pub(super) fn place(drift: &mut Drift, row: Option<usize>, put: impl FnOnce(&mut Findings)) {
    let of_row = drift.rows.iter_mut().find(|of| Some(of.row) == row);
    put(of_row.map_or(&mut drift.general, |of| &mut of.findings));
}

fn of_row(row: usize, asked: &[Asked]) -> RowDrift {
    let mut values = Values::default();
    for call in asked.iter().filter(|call| call.row == row) {
        if let Came::Answers(answers) = &call.came {
            values.add(&call.name, answers);
        }
    }
    values.sort();
    RowDrift { row, findings: Findings::default(), values }
}

/// What was not answered, once for each version and reason.
fn unanswered(asked: &[Asked]) -> Vec<Unanswered> {
    let mut unanswered: Vec<Unanswered> = Vec::new();
    for call in asked {
        let Came::Nothing(reasons) = &call.came else { continue };
        for (engine, why) in reasons {
            match unanswered.iter_mut().find(|known| known.engine == *engine && known.why == *why) {
                Some(known) => known.calls.push(call.name.clone()),
                None => unanswered.push(Unanswered {
                    engine: engine.clone(),
                    why: why.clone(),
                    calls: vec![call.name.clone()],
                }),
            }
        }
    }
    unanswered
}
