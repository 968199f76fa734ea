//! What the types of a case cannot say: whether its call can be made, and whether what it expects can be.

use std::ops::Range;

use super::diagnostic::{Diagnostic, quoted};
use super::document::Document;
use super::node::{Content, Node};
use super::recipe::{Layout, Set, Unrealizable, Values};
use super::translate::channels;
use super::{Case, How, RowFile};

/// As few channels are drawn as bounds on moments can be claimed of.
const FEWEST_DRAWN: usize = 4096;

/// The words by which engines are named.
pub(super) struct Engines<'a> {
    /// Engines, and what golden ones are called before their version.
    engines: Vec<&'a str>,
}

impl<'a> Engines<'a> {
    /// With the golden engines of a mapping.
    pub fn new(golden: &'a [String]) -> Self {
        let mut engines = vec!["rust", "libtorch"];
        for (name, (framework, _)) in golden.iter().filter_map(|name| Some((name, name.split_once('-')?))) {
            for name in [framework, name] {
                if !engines.contains(&name) {
                    engines.push(name);
                }
            }
        }
        Self { engines }
    }
}

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
    checker.contradictions();
    if let Some(engines) = engines {
        checker.engines(engines);
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

    /// Whether what is written under keys is what was read.
    fn sound(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.node.get(key).is_none_or(|node| self.row.typed.sound(node)))
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
            if let Err(Unrealizable(why)) = argument.fits(channels) {
                self.add(&self.node.at("call").at(name).span, format!("`{name}` cannot be made"), why);
            }
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
            self.node.at("x").get("shape").unwrap_or(self.node.at("call").at("num_channels"))
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
            let Some(node) = self.node.get(key).filter(|node| self.row.typed.sound(node)) else { continue };
            let words = node.items();
            if words.is_empty() {
                self.add(&node.span, format!("`{key}` is empty"), "then the case would never be asked");
            }
            for (index, word) in words.iter().enumerate() {
                if words[..index].iter().any(|earlier| earlier.content == word.content) {
                    self.add(&word.span, format!("the same word twice in `{key}`"), "it is in the list already");
                }
            }
        }
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
            if let Some(why) = node.get("why")
                && matches!(&why.content, Content::Str(text) if text.trim().is_empty())
            {
                self.add(&why.span, "an empty `why`", "expected a reason");
            }
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

    /// A call that is rejected has no values of which anything could be expected.
    fn contradictions(&mut self) {
        if self.case.rejected.is_empty() {
            return;
        }
        let differs = self.case.differs.as_ref().is_some_and(|differs| differs.how == How::Values);
        let expected = [
            ("off", !self.case.off.is_empty(), "`off`"),
            ("differs", differs, "`differs: { how: values }`"),
            ("built", self.case.built.is_some(), "`built`"),
        ];
        for (key, given, shown) in expected {
            if let Some(node) = self.node.get(key).filter(|node| given && self.row.typed.sound(node)) {
                let label = "a rejected call has no values";
                self.add(&node.span, format!("{shown} contradicts `rejected`"), label);
            }
        }
    }

    /// Engines are named by the words for them.
    fn engines(&mut self, engines: &Engines<'_>) {
        let with = |more: &[&'static str]| -> Vec<&str> {
            let more = more.iter().copied().filter(|word| !engines.engines.contains(word));
            engines.engines.iter().copied().chain(more).collect()
        };
        let rejected = self.node.get("rejected").map_or(&[][..], Node::entries);
        let valid = with(&["torch", "mindspore"]);
        for (key, _) in rejected {
            self.engine(&key.name, &key.span, &valid);
        }
        for (off, node) in self.each("off", &self.case.off) {
            self.engine(&off.engine, &node.at("engine").span, &with(&[]));
        }
        for (loosened, node) in self.each("tolerance", &self.case.tolerance) {
            self.engine(&loosened.engine, &node.at("engine").span, &with(&["sides"]));
        }
    }

    fn engine(&mut self, name: &str, span: &Range<usize>, valid: &[&str]) {
        if !valid.contains(&name) {
            let label = format!("expected one of {}", quoted(valid.iter().copied()));
            let diagnostic = self.row.diagnostic(span, format!("unknown engine `{name}`"), label);
            self.diagnostics.push(diagnostic.meant(name, valid.iter().copied()));
        }
    }
}
