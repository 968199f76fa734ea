//! Whether a check could fail at all: does the answer move when the row's parameter does?
//!
//! The parameter is left at its default, or negated where it is true or false; one without a default
//! gets another value that the API accepts; the input gets another first element. Where every other
//! value is refused, that is a consequence too. An answer moves in any of its arrays, or in their dtypes.

use std::collections::BTreeMap;

use super::{Check, Suite, is_input};
use crate::binding;
use crate::call::{Answer, Call, Effective, Outcome, Output};
use crate::compare::{Precision, Tolerance, compare_exact};
use crate::engine::Question;
use crate::exact::{self, Expected};
use crate::mapping::{Argument, Row, Side};
use crate::python::Value;
use crate::tensor::Tensor;

impl Suite {
    /// Whether the answer to a check's call moves when the row's parameter does: the target's or the
    /// source's, for a row is about both, and what has no effect on one side (MindSpore's affine)
    /// may have one on the other.
    pub fn is_sensitive(&self, check: &Check) -> bool {
        let row = &self.mapping().rows[check.row];
        let Some(target) = self.question(check, Side::Mindspore) else { return false };
        let drawn = self.drawn(&target, Question { row: &row.name, check: &check.name, call: &target });
        let built = drawn.as_ref().and_then(Outcome::answer);
        let mut base = Base { suite: self, built, call: &target, exact: [None, None] };
        match others(row, &target) {
            Others::None => false,
            Others::Input(other) => base.moves(&other).unwrap_or(false),
            Others::Default(other) => base.moves(&other).unwrap_or(true),
            // Of the values that are accepted, one has to matter; where none is, that is a consequence too.
            Others::Values(others) => {
                let mut accepted = others.iter().filter_map(|other| base.moves(other)).peekable();
                accepted.peek().is_none() || accepted.any(|moves| moves)
            }
        }
    }
}

/// A call, with what `exact` answers to it on each side, worked out when it is needed.
struct Base<'a> {
    suite: &'a Suite,
    built: Option<&'a Answer>,
    call: &'a Call,
    exact: [Option<Option<BTreeMap<Output, Expected>>>; 2],
}

impl Base<'_> {
    /// Whether the exact answer to another call is another; `None` where both sides refuse it.
    fn moves(&mut self, other: &Call) -> Option<bool> {
        let on_target = self.moves_on(Side::Mindspore, other);
        if on_target == Some(true) {
            return on_target;
        }
        match self.moves_on(Side::Torch, other) {
            Some(false) => on_target.or(Some(false)),
            Some(true) => Some(true),
            None => on_target,
        }
    }

    fn moves_on(&mut self, side: Side, other: &Call) -> Option<bool> {
        let other = exact::answer(&self.effective(side, other)?);
        let call = self.call;
        let at = side as usize;
        if self.exact[at].is_none() {
            self.exact[at] = Some(self.effective(side, call).map(|effective| exact::answer(&effective)));
        }
        let base = self.exact[at].as_ref()?.as_ref()?;
        Some(differ(base, &other))
    }

    fn effective(&self, side: Side, call: &Call) -> Option<Effective> {
        match side {
            Side::Mindspore => self.suite.on_target().effective(call, self.built).ok(),
            Side::Torch => {
                let call = self.suite.mapping().source_call(call, self.built).ok()?;
                binding::newest(Side::Torch).effective(&call, self.built).ok()
            }
        }
    }
}

/// The calls to which a call is compared.
enum Others {
    /// The parameter is not stated.
    None,
    /// Another input.
    Input(Call),
    /// The parameter left at its default.
    Default(Call),
    /// Other values of a parameter without a default.
    Values(Vec<Call>),
}

fn others(row: &Row, call: &Call) -> Others {
    if is_input(row) {
        let moved = with_another_element(&call.input.1);
        return moved
            .map_or(Others::None, |x| Others::Input(Call { input: (call.input.0.clone(), x), ..call.clone() }));
    }
    let parameter = row.file.name(Side::Mindspore).or(row.file.name(Side::Torch));
    let at = parameter.and_then(|name| call.arguments.iter().position(|(n, _)| n == name));
    let Some(at) = at else { return Others::None };
    let value = &call.arguments[at].1;
    if row.file.default.get(&Side::Torch) == Some(&Argument::None) && matches!(value, Value::Str(_)) {
        // A word in place of None has no numbers to move: that another word is refused is its consequence.
        let mut other = call.clone();
        other.arguments[at].1 = Value::Str("no such word".to_owned());
        return Others::Values(vec![other]);
    }
    if let &Value::Bool(value) = value {
        // The other one, for leaving out what is stated as its default is no other call.
        let mut other = call.clone();
        other.arguments[at].1 = Value::Bool(!value);
        return Others::Values(vec![other]);
    }
    if !row.file.default.is_empty() {
        let mut without = call.clone();
        without.arguments.remove(at);
        return Others::Default(without);
    }
    let &Value::Int(value) = value else { return Others::None };
    let values = (1..=value.saturating_mul(2).min(MOST_VALUES)).filter(|&other| other != value);
    let with = |other| {
        let mut call = call.clone();
        call.arguments[at].1 = Value::Int(other);
        call
    };
    Others::Values(values.map(with).collect())
}

/// So many other values are tried.
const MOST_VALUES: i64 = 64;

/// The tensor with its first element moved by more than rounding.
fn with_another_element(x: &Tensor) -> Option<Tensor> {
    let mut values = x.to_f64();
    let first = values.first_mut()?;
    *first += first.abs().max(1.0);
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

/// Whether an array moves by more than the loosest tolerance of the table, or is of another dtype.
fn differ(one: &BTreeMap<Output, Expected>, other: &BTreeMap<Output, Expected>) -> bool {
    one.len() != other.len()
        || one.iter().zip(other).any(|((&output, one), (_, other))| {
            let tolerance = Tolerance::of(Precision::AssertClose, one.through, output);
            one.dtype != other.dtype || compare_exact(other, one, tolerance).beyond > 0
        })
}
