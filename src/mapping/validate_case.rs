//! What the types of a case cannot say: whether its call can be made, and whether what it expects can be.

use std::ops::Range;

use super::argument::Argument;
use super::diagnostic::{Diagnostic, nearest};
use super::document::Document;
use super::layout::Layout;
use super::mistake::one_of;
use super::node::Node;
use super::recipe::{Set, Unrealizable, Values};
use super::translate::channels;
use super::typed::MOST_MISTAKES;
use super::words::{Engines, check_list, check_text, framework, no_version, words};
use super::{Case, How, RowFile, Side};
use crate::tensor::DType;

/// As few channels are drawn as bounds on moments can be claimed of.
const FEWEST_DRAWN: usize = 4096;

/// Of more elements than this, numpy prints a few.
const MOST_PRINTED: usize = 1000;

/// Adds every mistake of one case to the diagnostics.
pub(super) fn check_case(
    row: &Document<RowFile>,
    case: &Case,
    node: &Node,
    engines: Option<&Engines<'_>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut checker = Checker { row, case, node, diagnostics };
    if node.get("call").is_some() && checker.sound(&["call", "x", "dy", "layouts"]) {
        checker.tensors();
    }
    checker.asked();
    checker.reasons();
    checker.numbers();
    checker.prints();
    checker.contradictions(engines);
    if let Some(engines) = engines {
        checker.engines(engines);
    }
}

/// The tensors of an argument can be made, in a call with so many channels.
pub(super) fn check_argument<T>(
    file: &Document<T>,
    name: &str,
    argument: &Argument,
    channels: usize,
    node: &Node,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Err(Unrealizable(why)) = argument.fits(channels) {
        diagnostics.push(file.diagnostic(&node.span, format!("`{name}` cannot be made"), why));
    }
}

struct Checker<'a> {
    row: &'a Document<RowFile>,
    case: &'a Case,
    node: &'a Node,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn add(&mut self, span: &Range<usize>, title: impl Into<String>, label: impl Into<String>) {
        self.diagnostics.push(self.row.diagnostic(span, title, label));
    }

    /// Whether what is written under keys is what was read; what is not there must not be meant by a misspelt key.
    fn sound(&self, keys: &[&str]) -> bool {
        let typed = &self.row.typed;
        let is_misspelt = |name: &str| {
            let mut wrong = self.node.entries().iter().filter(|(_, node)| !typed.is_right(node));
            wrong.any(|(key, _)| nearest(&key.name, [name]).is_some())
        };
        keys.iter().all(|key| self.node.get(key).map_or_else(|| !is_misspelt(key), |node| typed.sound(node)))
    }

    /// The sound ones of what a case has in a list, each with its node.
    fn each<T>(&self, key: &str, items: &'a [T]) -> Vec<(&'a T, &'a Node)> {
        let nodes = self.node.get(key).map_or(&[][..], Node::items);
        items.iter().zip(nodes).filter(|(_, node)| self.row.typed.sound(node)).collect()
    }

    /// Every tensor of the call can be made; drawn from nothing yet, so that large ones cost nothing.
    fn tensors(&mut self) {
        let Case { call, x, dy, layouts, .. } = self.case;
        let channels = channels(call);
        for (name, argument) in &call.0 {
            check_argument(self.row, name, argument, channels, self.node.at("call").at(name), self.diagnostics);
        }
        let shape = x.shape_for(channels);
        let x_fits = layouts.iter().all(|&layout| self.tensor("x", &x.values, &shape, &x.set, layout));
        if x_fits {
            self.tensor("dy", &dy.values, &shape, &dy.set, dy.layout);
        }
    }

    fn tensor(&mut self, key: &str, values: &Values, shape: &[usize], set: &[Set], layout: Layout) -> bool {
        let Err(Unrealizable(why)) = values.fits(shape, set, layout) else { return true };
        let node = self.node.at(key);
        let place = if Values::default().fits(shape, &[], Layout::Contiguous).is_err() {
            self.size()
        } else if values.fits(shape, &[], Layout::Contiguous).is_err() {
            node.at("values")
        } else {
            let outside = set.iter().position(|set| !set.is_inside(shape));
            let item = outside.and_then(|index| node.at("set").items().get(index));
            item.map_or_else(|| node.at("set"), |item| item.at("at"))
        };
        self.add(&place.span, format!("`{key}` cannot be made"), why);
        false
    }

    /// A case is asked at least once, and not twice of the same.
    fn asked(&mut self) {
        for key in ["dtypes", "layouts"] {
            let list = self.node.get(key).filter(|node| self.row.typed.sound(node));
            check_list(self.row, key, list, "then the case would never be asked", self.diagnostics);
        }
        let versions = self.node.get("differs").and_then(|differs| differs.get("versions"));
        let label = "leave it out where every version differs so";
        check_list(self.row, "versions", versions, label, self.diagnostics);
        for (off, node) in self.each("off", &self.case.off) {
            if !self.sound(&["dtypes"]) {
                continue;
            }
            for (dtype, node) in off.dtypes.iter().zip(node.at("dtypes").items()) {
                if !self.case.dtypes.contains(dtype) {
                    let label = "expected one of the `dtypes` of the case";
                    self.add(&node.span, format!("the case is not asked at {}", dtype.name()), label);
                }
            }
        }
    }

    /// Every reason says something, and everything wider than a default has one.
    fn reasons(&mut self) {
        let list = |key| self.node.get(key).map_or(&[][..], Node::items);
        let whole = [Some(self.node), self.node.get("differs")].into_iter().flatten();
        for node in whole.chain(list("off")).chain(list("tolerance")) {
            check_text(self.row, "why", node.get("why"), "expected a reason", self.diagnostics);
        }
        for (loosened, node) in self.each("tolerance", &self.case.tolerance) {
            if loosened.why.is_none()
                && self.sound(&["dtypes"])
                && let Some(default) = loosened.wider_than(&self.case.dtypes)
            {
                let label = format!("expected `why: …`, since this is wider than the default {default}");
                self.add(&node.span, "a wider tolerance without a reason", label);
            }
        }
    }

    /// Bounds and tolerances are numbers that something can be held to.
    fn numbers(&mut self) {
        for (off, node) in self.each("off", &self.case.off) {
            if off.bound.is_nan() || off.bound <= 0.0 {
                let label = "expected a number above 0, or `.inf` where the error is infinite";
                self.add(&node.at("bound").span, "nothing can be held to this `bound`", label);
            }
        }
        for (loosened, node) in self.each("tolerance", &self.case.tolerance) {
            let given = [("rtol", loosened.rtol), ("atol", loosened.atol), ("ulp", loosened.ulp)];
            if given.iter().all(|(_, value)| value.is_none()) {
                self.add(&node.span, "a tolerance without a number", "expected `rtol`, `atol` or `ulp`");
            }
            for (key, value) in given {
                if value.is_some_and(|value| !(value >= 0.0 && value.is_finite())) {
                    let title = format!("nothing can be held to this `{key}`");
                    self.add(&node.at(key).span, title, "expected a finite number, 0 or more");
                }
            }
        }
        let drawn = self.node.get("call").and_then(|call| call.get("num_channels"));
        if let Some(node) = drawn.filter(|node| self.case.built.is_some() && self.row.typed.sound(node))
            && channels(&self.case.call) < FEWEST_DRAWN
        {
            let label = format!("`built` needs at least {FEWEST_DRAWN} values, one for each channel");
            self.add(&node.span, "too few channels for `built`", label);
        }
    }

    /// What is printed is the same on every engine, and all that there is.
    fn prints(&mut self) {
        let prints = self.node.get("prints").filter(|node| self.case.prints.is_some() && self.row.typed.sound(node));
        let Some(prints) = prints else { return };
        check_text(self.row, "prints", Some(prints), "expected what `print` of the output shows", self.diagnostics);
        if !self.case.rejected.is_empty() {
            self.add(&prints.span, "`prints` contradicts `rejected`", "a rejected call prints nothing");
        }
        if self.sound(&["dtypes"]) && self.case.dtypes.contains(&DType::BF16) {
            self.add(&prints.span, "`prints` of a case at bf16", "numpy has no bf16, and so prints none");
        }
        if self.node.get("call").is_none() || !self.sound(&["call", "x"]) {
            return;
        }
        let Case { call, x, .. } = self.case;
        // Of what cannot be made, that is said.
        let count = x.values.fits(&x.shape_for(channels(call)), &[], Layout::Contiguous);
        if let Some(count) = count.ok().filter(|count| *count > MOST_PRINTED) {
            let label = format!("expected at most {MOST_PRINTED} elements, not {count}: of more, numpy prints a few");
            self.add(&self.size().span, "too many elements for `prints`", label);
        }
    }

    /// What says how many elements x has.
    fn size(&self) -> &'a Node {
        self.node.at("x").get("shape").unwrap_or(self.node.at("call").at("num_channels"))
    }

    /// A call that is rejected has no values of which anything could be expected.
    fn contradictions(&mut self, engines: Option<&Engines<'_>>) {
        for (off, node) in self.each("off", &self.case.off) {
            self.contradiction(self.rejected(&off.engine, engines), node.at("engine"), "`off`");
        }
        let built = self.node.get("built").filter(|node| self.case.built.is_some() && self.row.typed.sound(node));
        if let Some(node) = built.filter(|_| self.case.rejected.contains_key(Side::Mindspore.key())) {
            self.contradiction(Some("`mindspore`".to_owned()), node, "`built`");
        }
        let Some(node) = self.node.get("differs").filter(|node| self.row.typed.sound(node)) else { return };
        let Some(differs) = self.case.differs.as_ref().filter(|differs| differs.how != How::Rejection) else { return };
        let shown = format!("`differs: {{ how: {} }}`", differs.how.word());
        let side = Side::BOTH.into_iter().find_map(|side| self.rejected(side.key(), engines));
        let versions = words(node.get("versions")).filter(|_| side.is_none());
        for (version, node) in versions {
            self.contradiction(self.rejected(version, engines), node, &shown);
        }
        self.contradiction(side, node, &shown);
    }

    /// By which words of `rejected` all that is meant by an engine rejects the call; `None` where some of it may not.
    fn rejected(&self, engine: &str, engines: Option<&Engines<'_>>) -> Option<String> {
        let is_rejected = |word: &&str| self.case.rejected.contains_key(*word);
        // Our own operator speaks for the target.
        let side = if engine == "rust" { Side::Mindspore.key() } else { framework(engine) };
        if let Some(word) = [engine, side].iter().find(|word| is_rejected(word)) {
            return Some(format!("`{word}`"));
        }
        let mut versions = engines?.versions.iter().filter(|version| framework(version) == engine).peekable();
        versions.peek()?;
        versions.all(is_rejected).then(|| format!("every version of `{engine}`"))
    }

    fn contradiction(&mut self, rejected: Option<String>, node: &Node, shown: &str) {
        if let Some(who) = rejected {
            let label = format!("{who} is in `rejected`: a rejected call has no values");
            self.add(&node.span, format!("{shown} contradicts `rejected`"), label);
        }
    }

    /// Engines are named by the words for them.
    fn engines(&mut self, engines: &Engines<'_>) {
        let with = |more: &[&'static str]| -> Vec<&str> {
            let more = more.iter().copied().filter(|word| !engines.all.contains(word));
            engines.all.iter().copied().chain(more).collect()
        };
        let rejected = self.node.get("rejected").map_or(&[][..], Node::entries);
        let valid = with(&["torch", "mindspore"]);
        for (key, _) in rejected {
            self.engine(&key.name, &key.span, &valid);
        }
        for (off, node) in self.each("off", &self.case.off) {
            self.engine(&off.engine, &node.at("engine").span, &engines.all);
        }
        for (loosened, node) in self.each("tolerance", &self.case.tolerance) {
            self.engine(&loosened.engine, &node.at("engine").span, &with(&["sides"]));
        }
        let versions = self.node.get("differs").and_then(|differs| differs.get("versions"));
        let unknown = words(versions).filter(|(name, _)| !engines.versions.contains(name)).take(MOST_MISTAKES);
        let no_version = |(name, node)| no_version(self.row, name, node, &engines.versions);
        self.diagnostics.extend(unknown.map(no_version));
    }

    fn engine(&mut self, name: &str, span: &Range<usize>, valid: &[&str]) {
        if !valid.contains(&name) {
            let diagnostic = self.row.diagnostic(span, format!("unknown engine `{name}`"), one_of(valid));
            self.diagnostics.push(diagnostic.meant(name, valid.iter().copied()));
        }
    }
}
