//! The search for a smaller call, as one of proptest's trees: it starts at a given call.

use std::collections::HashSet;

use proptest::num::usize::BinarySearch;
use proptest::strategy::ValueTree;

use super::simpler::{self, Choices};
use super::size::Size;
use crate::mapping::Case;

/// One way to make a call smaller.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// One of several simpler calls.
    Choices(Choices),
    /// A smaller number.
    Size(Size),
}

/// What makes calls cheaper comes first, and what makes them easier to read last.
const STEPS: [Step; 23] = [
    Step::Choices(simpler::gradients),
    Step::Choices(simpler::arguments),
    Step::Choices(simpler::ranks),
    Step::Size(Size::Samples),
    Step::Size(Size::Space(2)),
    Step::Size(Size::Space(3)),
    Step::Size(Size::Space(4)),
    Step::Size(Size::Space(5)),
    Step::Size(Size::Space(6)),
    Step::Size(Size::Space(7)),
    Step::Size(Size::Space(8)),
    Step::Size(Size::Groups),
    Step::Size(Size::ChannelsOfAGroup),
    Step::Size(Size::GroupsAlone),
    Step::Size(Size::ChannelsAlone),
    Step::Size(Size::Space(1)),
    Step::Choices(simpler::dtypes),
    Step::Choices(simpler::layouts),
    Step::Choices(simpler::recipes),
    Step::Choices(simpler::sets),
    Step::Choices(simpler::lists),
    Step::Choices(simpler::values),
    Step::Choices(simpler::parameters),
];

/// A search ends after so many calls.
const MOST_CALLS: usize = 4000;

/// Every way to make a call smaller, tried one after the other, and all again until none does.
#[derive(Debug)]
pub(super) struct Tree {
    /// The smallest call that failed.
    best: Case,
    current: Case,
    search: Search,
    /// The step that comes next.
    next: usize,
    /// Whether this round found anything smaller.
    changed: bool,
    seen: HashSet<String>,
}

/// What is being tried.
#[derive(Debug)]
enum Search {
    Nothing,
    /// Calls that are simpler in one way, the simplest first.
    Choices(std::vec::IntoIter<Case>),
    /// One number.
    Size(Size, BinarySearch),
}

impl Tree {
    pub fn new(case: Case) -> Self {
        let seen = HashSet::from([case.to_yaml()]);
        Self { best: case.clone(), current: case, search: Search::Nothing, next: 0, changed: false, seen }
    }

    /// The next call that was not tried yet; false where there is none, and the current one is the smallest.
    fn advance(&mut self) -> bool {
        while self.seen.len() < MOST_CALLS {
            let candidate = match &mut self.search {
                Search::Choices(rest) => rest.next(),
                Search::Size(size, tree) => {
                    let candidate = size.set(&self.best, tree.current());
                    match candidate.filter(|candidate| !self.seen.contains(&candidate.to_yaml())) {
                        Some(candidate) => Some(candidate),
                        // What cannot be, or was tried, does not fail.
                        None if tree.complicate() => continue,
                        None => None,
                    }
                }
                Search::Nothing => None,
            };
            let Some(candidate) = candidate else {
                if !self.begin() {
                    break;
                }
                continue;
            };
            if self.seen.insert(candidate.to_yaml()) {
                self.current = candidate;
                return true;
            }
        }
        self.current = self.best.clone();
        false
    }

    /// Begins the next search; false where a whole round found nothing.
    fn begin(&mut self) -> bool {
        if self.next == STEPS.len() {
            if !self.changed {
                return false;
            }
            (self.next, self.changed) = (0, false);
        }
        self.search = match STEPS[self.next] {
            Step::Choices(choices) => Search::Choices(choices(&self.best).into_iter()),
            Step::Size(size) => size.of(&self.best).map_or(Search::Nothing, |start| {
                let mut tree = BinarySearch::new_above(start.min(1), start);
                if tree.simplify() { Search::Size(size, tree) } else { Search::Nothing }
            }),
        };
        self.next += 1;
        true
    }
}

impl ValueTree for Tree {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    /// The current call failed: it is the smallest so far.
    fn simplify(&mut self) -> bool {
        let is_smaller = self.best.to_yaml() != self.current.to_yaml();
        self.best = self.current.clone();
        self.changed |= is_smaller;
        match &mut self.search {
            Search::Size(_, tree) => {
                if !tree.simplify() {
                    self.search = Search::Nothing;
                }
            }
            // The same again, from there.
            Search::Choices(_) if is_smaller => {
                self.next -= 1;
                self.search = Search::Nothing;
            }
            Search::Choices(_) | Search::Nothing => {}
        }
        self.advance()
    }

    /// The current call did not fail.
    fn complicate(&mut self) -> bool {
        if let Search::Size(_, tree) = &mut self.search
            && !tree.complicate()
        {
            self.search = Search::Nothing;
        }
        self.advance()
    }
}
