//! Whether a check could fail at all: does the answer move when the row's parameter does?
//!
//! The parameter is left at its default; one without a default gets another value that the API
//! accepts; the input gets another first element. Where every other value is refused, that is a
//! consequence too.

use super::{Suite, is_input};
use crate::binding::Binding;
use crate::call::{Answer, Array, Call, Effective, Output};
use crate::compare::{Precision, Tolerance, compare};
use crate::exact;
use crate::mapping::{Row, Side};
use crate::python::Value;
use crate::tensor::Tensor;

impl Suite {
    pub(super) fn is_sensitive(
        &self,
        row: &Row,
        target: &Call,
        built: Option<&Answer>,
        binding: &dyn Binding,
        effective: &Effective,
    ) -> bool {
        if is_input(row) {
            return match with_another_element(&effective.x) {
                Some(x) => moves(effective, &Effective { x, ..effective.clone() }),
                None => false,
            };
        }
        let Some(parameter) = row.file.name(Side::Mindspore) else { return false };
        let Some(at) = target.arguments.iter().position(|(name, _)| name == parameter) else { return false };
        if row.file.default.contains_key(&Side::Mindspore) {
            let mut without = target.clone();
            without.arguments.remove(at);
            return binding.effective(&without, built).map_or(true, |other| moves(effective, &other));
        }
        let Value::Int(value) = target.arguments[at].1 else { return false };
        let others = (1..=value.saturating_mul(2).min(4096)).filter(|&other| other != value);
        let accepted = others.filter_map(|other| {
            let mut call = target.clone();
            call.arguments[at].1 = Value::Int(other);
            binding.effective(&call, built).ok()
        });
        // The nearest accepted values are the ones that a user confuses; none at all is a consequence as well.
        let mut refused = true;
        for other in accepted {
            refused = false;
            if moves(effective, &other) {
                return true;
            }
        }
        refused
    }
}

/// The tensor with its first element moved by more than rounding.
fn with_another_element(x: &Tensor) -> Option<Tensor> {
    let mut values = x.to_f64();
    let first = values.first_mut()?;
    *first += first.abs().max(1.0);
    Tensor::from_f64(x.dtype(), x.shape(), &values)
}

/// Whether y moves by more than the loosest tolerance of the table.
fn moves(one: &Effective, other: &Effective) -> bool {
    let forward = |effective: &Effective| exact::answer(&Effective { backward: None, ..effective.clone() });
    let (one, other) = (forward(one), forward(other));
    let (one, other) = (&one[&Output::Y], &other[&Output::Y]);
    let rounded: Vec<f64> = other.values.iter().map(|v| v.round(other.dtype)).collect();
    let Some(tensor) = Tensor::from_f64(other.dtype, &other.shape, &rounded) else { return false };
    let tolerance = Tolerance::of(Precision::AssertClose, one.dtype, Output::Y);
    compare(&Array::from(tensor), one, tolerance).map_or(true, |comparison| comparison.beyond > 0)
}
