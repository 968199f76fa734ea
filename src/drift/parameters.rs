//! One recorded signature against another.

use std::collections::BTreeSet;

use super::gather::place;
use super::{Drift, Pair};
use crate::check::Suite;
use crate::signature::{Kind, Parameter, Signature, Stated};

/// Where a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To the constructor.
    Constructor,
    /// To the forward call.
    Forward,
}

/// A parameter that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterChange {
    /// Its name; the new one where it is renamed.
    pub name: String,
    /// Where it is given.
    pub part: Part,
    /// In what it is not as it was.
    pub change: Change,
}

/// In what a parameter is not as it was. Places count from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is there now, at this place.
    Added(usize, Parameter),
    /// It is not there any more, and was at this place.
    Removed(usize, Parameter),
    /// Another name at the same place, and all else as it was.
    Renamed(String),
    /// Another place, where it can be given by its place.
    Moved([usize; 2]),
    /// Another way to give it.
    Kind([Kind; 2]),
    /// Another default, or one only before or only now.
    Default([Option<Stated>; 2]),
}

/// A paragraph of the documentation that only one version has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The text.
    pub text: String,
    /// Whether the later version has it.
    pub is_new: bool,
    /// The parameters that it names.
    pub names: Vec<String>,
}

/// Puts the changes of the signature into the rows that carry the parameters, where those were asked about, and
/// all others in general.
pub(super) fn compare(suite: &Suite, pair: &Pair<'_>, drift: &mut Drift) {
    let (Some(before), Some(after)) = (pair.before.signature(), pair.after.signature()) else {
        let without: BTreeSet<&str> = [pair.before, pair.after]
            .into_iter()
            .filter(|engine| engine.signature().is_none())
            .map(|engine| engine.name())
            .collect();
        drift.unsigned = without.into_iter().map(str::to_owned).collect();
        return;
    };
    let of_constructor = changes(Part::Constructor, &before.constructor, &after.constructor);
    let of_forward = changes(Part::Forward, &before.forward, &after.forward);
    for change in of_constructor.into_iter().chain(of_forward) {
        let names = [Some(&change.name), if let Change::Renamed(was) = &change.change { Some(was) } else { None }];
        let carries =
            |name: &String| suite.mapping().rows.iter().position(|row| row.file.name(pair.side) == Some(name));
        let row = names.into_iter().flatten().find_map(carries);
        place(drift, row, |findings| findings.parameters.push(change));
    }
    let only = |one: &Signature, other: &Signature, is_new| {
        let only = one.announcements.iter().filter(|text| !other.announcements.contains(text));
        only.map(|text| announcement(text, is_new, [before, after])).collect::<Vec<_>>()
    };
    drift.announcements = only(before, after, false);
    drift.announcements.extend(only(after, before, true));
}

/// In the order of the later signature, and then what is gone.
fn changes(part: Part, before: &[Parameter], after: &[Parameter]) -> Vec<ParameterChange> {
    let find = |parameters: &[Parameter], name: &str| parameters.iter().position(|of| of.name == name);
    let mut changes = Vec::new();
    let mut renamed = BTreeSet::new();
    for (at, parameter) in after.iter().enumerate() {
        let mut push = |change| changes.push(ParameterChange { name: parameter.name.clone(), part, change });
        if let Some(was) = find(before, &parameter.name) {
            let both = [was, at];
            changed(both, &before[was], parameter).into_iter().for_each(push);
        } else if let Some(was) =
            before.get(at).filter(|was| find(after, &was.name).is_none() && is_alike(was, parameter))
        {
            renamed.insert(at);
            push(Change::Renamed(was.name.clone()));
        } else {
            push(Change::Added(at, parameter.clone()));
        }
    }
    for (at, parameter) in before.iter().enumerate() {
        if find(after, &parameter.name).is_none() && !renamed.contains(&at) {
            let change = Change::Removed(at, parameter.clone());
            changes.push(ParameterChange { name: parameter.name.clone(), part, change });
        }
    }
    changes
}

/// Whether all but the name is the same.
fn is_alike(one: &Parameter, other: &Parameter) -> bool {
    one.kind == other.kind && one.default == other.default
}

fn changed(places: [usize; 2], before: &Parameter, after: &Parameter) -> Vec<Change> {
    let by_place = |parameter: &Parameter| !matches!(parameter.kind, Kind::KeywordOnly | Kind::VarKeyword);
    let moved = places[0] != places[1] && by_place(before) && by_place(after);
    let default = before.default != after.default;
    let changes = [
        moved.then_some(Change::Moved(places)),
        (before.kind != after.kind).then_some(Change::Kind([before.kind, after.kind])),
        default.then(|| Change::Default([before.default.clone(), after.default.clone()])),
    ];
    changes.into_iter().flatten().collect()
}

/// An announcement, with the parameters of either signature that it names.
fn announcement(text: &str, is_new: bool, signatures: [&Signature; 2]) -> Announcement {
    let alone = Signature { constructor: Vec::new(), forward: Vec::new(), announcements: vec![text.to_owned()] };
    let mut names: Vec<String> = Vec::new();
    for parameter in signatures.into_iter().flat_map(|signature| signature.constructor.iter().chain(&signature.forward))
    {
        if alone.announcement(&parameter.name).is_some() && !names.contains(&parameter.name) {
            names.push(parameter.name.clone());
        }
    }
    Announcement { text: text.to_owned(), is_new, names }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, kind: Kind, default: Option<i64>) -> Parameter {
        Parameter { name: name.to_owned(), kind, default: default.map(Stated::Int) }
    }

    fn told(before: &[Parameter], after: &[Parameter]) -> Vec<(String, Change)> {
        changes(Part::Constructor, before, after).into_iter().map(|change| (change.name, change.change)).collect()
    }

    #[test]
    fn every_change_of_a_parameter_is_found() {
        let [plain, keyword] = [Kind::PositionalOrKeyword, Kind::KeywordOnly];
        let before = [parameter("a", plain, None), parameter("b", plain, Some(1)), parameter("c", plain, Some(2))];
        assert_eq!(told(&before, &before), []);

        let after = [parameter("a", plain, None), parameter("c", plain, Some(3)), parameter("d", keyword, Some(4))];
        let [removed, added] = [(1, before[1].clone()), (2, after[2].clone())];
        let default = Change::Default([Some(Stated::Int(2)), Some(Stated::Int(3))]);
        assert_eq!(
            told(&before, &after),
            [
                ("c".to_owned(), Change::Moved([2, 1])),
                ("c".to_owned(), default),
                ("d".to_owned(), Change::Added(added.0, added.1)),
                ("b".to_owned(), Change::Removed(removed.0, removed.1)),
            ]
        );
    }

    #[test]
    fn a_parameter_is_renamed_where_nothing_else_changes() {
        let plain = Kind::PositionalOrKeyword;
        let renamed = told(&[parameter("x", plain, None)], &[parameter("input", plain, None)]);
        assert_eq!(renamed, [("input".to_owned(), Change::Renamed("x".to_owned()))]);
        let other = told(&[parameter("x", plain, None)], &[parameter("input", plain, Some(1))]);
        assert!(matches!(other[..], [(_, Change::Added(..)), (_, Change::Removed(..))]));
    }

    #[test]
    fn what_is_given_by_keyword_alone_has_no_place() {
        let [plain, keyword] = [Kind::PositionalOrKeyword, Kind::KeywordOnly];
        let two = [parameter("a", keyword, None), parameter("b", keyword, None)];
        let [a, b] = two.clone();
        assert_eq!(told(&two, &[b.clone(), a]), []);
        let kind = Change::Kind([keyword, plain]);
        assert_eq!(told(&[b], &[parameter("b", plain, None)]), [("b".to_owned(), kind)]);
    }
}
