//! Whether a check could fail at all: does the answer move when the row's parameter does?
//!
//! The parameter is left at its default; one without a default gets another value that the API
//! accepts; the input gets another first element. Where every other value is refused, that is a
//! consequence too.

use super::{Suite, is_input};
use crate::call::{Answer, Array, Call, Effective, Output};
use crate::compare::{Precision, Tolerance, compare};
use crate::exact;
use crate::mapping::{Row, Side};
use crate::python::Value;
use crate::tensor::Tensor;

impl Suite {
    /// Whether the target's answer or the source's moves: a row is about both, and what has no effect on
    /// one side (MindSpore's affine on y) may have one on the other.
    pub(super) fn is_sensitive(&self, row: &Row, target: &Call, built: Option<&Answer>) -> bool {
        let others = match others(row, target) {
            Others::None => return false,
            Others::Input(other) => return self.moves(target, &other, built).unwrap_or(false),
            Others::Default(other) => return self.moves(target, &other, built).unwrap_or(true),
            Others::Values(others) => others,
        };
        // Of the values that are accepted, one has to matter; where none is, that is a consequence too.
        let mut accepted = others.iter().filter_map(|other| self.moves(target, other, built)).peekable();
        accepted.peek().is_none() || accepted.any(|moves| moves)
    }

    /// Whether the exact answer of a side to another call is another; `None` where both sides refuse it.
    fn moves(&self, call: &Call, other: &Call, built: Option<&Answer>) -> Option<bool> {
        let target = |call: &Call| self.engines[0].binding().effective(call, built).ok();
        let source = |call: &Call| {
            self.binding(Side::Torch).effective(&self.mapping().source_call(call, built).ok()?, built).ok()
        };
        let on_target = target(other).and_then(|other| Some(answers_differ(&target(call)?, &other)));
        if on_target == Some(true) {
            return on_target;
        }
        source(other)
            .and_then(|other| Some(answers_differ(&source(call)?, &other)))
            .filter(|moves| *moves)
            .or(on_target)
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
    let at = row.file.name(Side::Mindspore).and_then(|name| call.arguments.iter().position(|(n, _)| n == name));
    let Some(at) = at else { return Others::None };
    if row.file.default.contains_key(&Side::Mindspore) {
        let mut without = call.clone();
        without.arguments.remove(at);
        return Others::Default(without);
    }
    let Value::Int(value) = call.arguments[at].1 else { return Others::None };
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

/// Whether y moves by more than the loosest tolerance of the table.
fn answers_differ(one: &Effective, other: &Effective) -> bool {
    let forward = |effective: &Effective| exact::answer(&Effective { backward: None, ..effective.clone() });
    let (one, other) = (forward(one), forward(other));
    let (one, other) = (&one[&Output::Y], &other[&Output::Y]);
    let rounded: Vec<f64> = other.values.iter().map(|v| v.round(other.dtype)).collect();
    let Some(tensor) = Tensor::from_f64(other.dtype, &other.shape, &rounded) else { return false };
    let tolerance = Tolerance::of(Precision::AssertClose, one.dtype, Output::Y);
    compare(&Array::from(tensor), one, tolerance).map_or(true, |comparison| comparison.beyond > 0)
}
