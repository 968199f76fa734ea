//! Two answers to the same call: which arrays they have, and how the values moved.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::call::{Answer, Array, Call, Output};
use crate::compare::{Comparison, Precision, Tolerance, compare};
use crate::engine::Engine;
use crate::exact::{self, Expected};
use crate::tensor::DType;

/// What two answers have otherwise, apart from values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrayChange {
    /// An array that was in the answer is not any more.
    Gone(Output),
    /// An array that was not in the answer is now.
    New(Output),
    /// Another dtype.
    DType {
        /// The array.
        output: Output,
        /// The dtype of x.
        x: DType,
        /// What it was.
        before: DType,
        /// What it is.
        after: DType,
    },
    /// Another shape.
    Shape {
        /// The array.
        output: Output,
        /// What it was.
        before: Vec<usize>,
        /// What it is.
        after: Vec<usize>,
    },
    /// gamma or beta is built with other values.
    Built(Output),
    /// `print` of y shows another text.
    Printed,
}

/// How the arrays of a row's calls moved: those that are computed, not the parameters as built.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Arrays that are bit for bit the same.
    pub same: usize,
    /// Arrays that moved, within the tolerance.
    pub within: usize,
    /// The one of them that moved most.
    pub most: Option<Most>,
    /// Arrays that moved beyond the tolerance or across it, what is worse first.
    pub judged: Vec<Judged>,
}

/// The largest move within the tolerance.
#[derive(Clone, Debug, PartialEq)]
pub struct Most {
    /// In ULP; 0 where numbers are the same, and the bits of a NaN or a zero are not.
    pub ulp: f64,
    /// The call, by the name under which its answers are stored.
    pub call: String,
    /// The array.
    pub output: Output,
}

/// An array that moved beyond the tolerance, judged by `exact`.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The call, by the name under which its answers are stored.
    pub call: String,
    /// The array.
    pub output: Output,
    /// The judgement.
    pub judgement: Judgement,
    /// How far the two versions are off; `None` where `exact` has no say.
    pub errors: Option<[Error; 2]>,
}

/// How far an array is off by `exact`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Error {
    /// The largest absolute error of an element; infinite where a NaN or an infinity is amiss.
    pub absolute: f64,
    /// The largest share of the tolerance that an element uses; above 1 it is beyond.
    pub used: f64,
}

/// What `exact` says of a move beyond the tolerance, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// Beyond the tolerance now, and within it before, or beyond it by a smaller error.
    Worse,
    /// Beyond it before and now, by as much.
    AsFar,
    /// Beyond it before and now, by a smaller error now.
    Nearer,
    /// Beyond it before, within it now.
    Mended,
    /// Within it before and now: off to different sides, or true to another reading of the call.
    Apart,
    /// `exact` has nothing to say of the call.
    Unknown,
}

impl Values {
    /// Whether any array moved at all.
    pub fn moved(&self) -> bool {
        self.within > 0 || !self.judged.is_empty()
    }

    /// How many arrays there are.
    pub fn arrays(&self) -> usize {
        self.same + self.within + self.judged.len()
    }

    /// How many arrays were judged so.
    pub fn count(&self, judgement: Judgement) -> usize {
        self.judged.iter().filter(|judged| judged.judgement == judgement).count()
    }

    pub(super) fn add(&mut self, call: &str, answers: &Answers) {
        let call = || call.to_owned();
        for &(output, moved) in &answers.moves {
            match moved {
                Move::Same => self.same += 1,
                Move::Within { ulp } => {
                    self.within += 1;
                    if self.most.as_ref().is_none_or(|most| ulp > most.ulp) {
                        self.most = Some(Most { ulp, call: call(), output });
                    }
                }
                Move::Beyond { judgement, errors } => {
                    self.judged.push(Judged { call: call(), output, judgement, errors });
                }
            }
        }
    }

    /// What is worse first; otherwise by the largest share of the tolerance, and then in the order of the page.
    pub(super) fn sort(&mut self) {
        let is_worse = |judged: &Judged| judged.judgement == Judgement::Worse;
        let used = |judged: &Judged| judged.errors.map_or(f64::INFINITY, |[before, after]| before.used.max(after.used));
        self.judged.sort_by(|one, other| is_worse(other).cmp(&is_worse(one)).then(used(other).total_cmp(&used(one))));
    }
}

/// What there is to say of two answers to one call.
#[derive(Debug)]
pub(super) struct Answers {
    pub changes: Vec<ArrayChange>,
    moves: Vec<(Output, Move)>,
}

/// How one array moved.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Same,
    Within { ulp: f64 },
    Beyond { judgement: Judgement, errors: Option<[Error; 2]> },
}

/// What `exact` answers to a call as a version reads it; `None` where the version's binding has no reading of it.
type Truth = Option<Rc<BTreeMap<Output, Expected>>>;

/// Holds the second answer to the first.
pub(super) fn compare_answers(call: &Call, engines: [&dyn Engine; 2], answers: [&Answer; 2]) -> Answers {
    let [before, after] = answers;
    let mut compared = Answers { changes: changes(call, before, after), moves: Vec::new() };
    let mut truths: Option<[Truth; 2]> = None;
    for (&output, one) in before.arrays.iter().filter(|(output, _)| !is_built(**output)) {
        let Some(other) = after.get(output).filter(|other| other.shape == one.shape) else { continue };
        let moved = if is_same(one, other) {
            Move::Same
        } else {
            // Most pairs are the same, and the arbiter is slow.
            let truths = truths.get_or_insert_with(|| truth(call, engines, answers));
            let expected = truths.each_ref().map(|truth| truth.as_ref()?.get(&output));
            let precision = engines[1].precision();
            judged(output, [one, other], expected, precision)
        };
        compared.moves.push((output, moved));
    }
    compared
}

/// What is another apart from values.
fn changes(call: &Call, before: &Answer, after: &Answer) -> Vec<ArrayChange> {
    let mut changes = Vec::new();
    for (&output, one) in &before.arrays {
        let Some(other) = after.get(output) else {
            changes.push(ArrayChange::Gone(output));
            continue;
        };
        let dtypes = [one.values.dtype(), other.values.dtype()];
        if one.shape != other.shape {
            let (before, after) = (one.shape.clone(), other.shape.clone());
            changes.push(ArrayChange::Shape { output, before, after });
        } else if dtypes[0] != dtypes[1] {
            let [before, after] = dtypes;
            changes.push(ArrayChange::DType { output, x: call.input.1.dtype(), before, after });
        } else if is_built(output) && !is_same(one, other) {
            changes.push(ArrayChange::Built(output));
        }
    }
    let new = after.arrays.keys().filter(|output| before.get(**output).is_none());
    changes.extend(new.map(|output| ArrayChange::New(*output)));
    changes.extend((before.printed != after.printed).then_some(ArrayChange::Printed));
    changes
}

/// A parameter as built is given, not computed.
fn is_built(output: Output) -> bool {
    matches!(output, Output::Gamma | Output::Beta)
}

fn is_same(one: &Array, other: &Array) -> bool {
    one.shape == other.shape && one.kept == other.kept && one.values.same_bits(&other.values)
}

/// What is exact by the reading of each version; the same where both mean the same by the call.
fn truth(call: &Call, engines: [&dyn Engine; 2], answers: [&Answer; 2]) -> [Truth; 2] {
    let read = |at: usize| engines[at].binding().effective(call, Some(answers[at])).ok();
    let (before, after) = (read(0), read(1));
    let exact = |effective| Rc::new(exact::answer(effective));
    let truth = before.as_ref().map(exact);
    if before == after {
        return [truth.clone(), truth];
    }
    [truth, after.as_ref().map(exact)]
}

/// How an array moved whose bits are not the same.
fn judged(output: Output, arrays: [&Array; 2], expected: [Option<&Expected>; 2], precision: Precision) -> Move {
    let dtypes = arrays.map(|array| array.values.dtype());
    let through = expected.iter().flatten().map(|expected| expected.through).chain(dtypes);
    let through = through.reduce(DType::less_precise).unwrap_or(dtypes[0]);
    let units = expected[1].or(expected[0]).map(|expected| expected.unit.as_slice());
    let moved = distance(arrays, units, through, Tolerance::of(precision, through, output));

    let within = if moved.beyond { None } else { Some(Move::Within { ulp: moved.ulp }) };
    let held = |at: usize| {
        let expected = expected[at]?;
        compare(arrays[at], expected, Tolerance::of(precision, expected.through, output)).ok()
    };
    let (Some(before), Some(after)) = (held(0), held(1)) else {
        return within.unwrap_or(Move::Beyond { judgement: Judgement::Unknown, errors: None });
    };
    let judgement = judgement(&before, &after);
    let crossed = (before.beyond > 0) != (after.beyond > 0);
    let errors = [&before, &after].map(|held| Error { absolute: held.absolute.error, used: held.used });
    within.filter(|_| !crossed).unwrap_or(Move::Beyond { judgement, errors: Some(errors) })
}

fn judgement(before: &Comparison, after: &Comparison) -> Judgement {
    match (before.beyond > 0, after.beyond > 0) {
        (false, false) => Judgement::Apart,
        (true, false) => Judgement::Mended,
        (false, true) => Judgement::Worse,
        (true, true) => {
            // Where both have a NaN for a number, the count of them tells.
            let errors = after.absolute.error.total_cmp(&before.absolute.error);
            match errors.then(after.beyond.cmp(&before.beyond)) {
                std::cmp::Ordering::Less => Judgement::Nearer,
                std::cmp::Ordering::Equal => Judgement::AsFar,
                std::cmp::Ordering::Greater => Judgement::Worse,
            }
        }
    }
}

/// How far the elements of an array moved.
struct Distance {
    ulp: f64,
    beyond: bool,
}

/// Measures the elements that both have; where `exact` gives no unit, an element's own magnitude is one.
fn distance(arrays: [&Array; 2], units: Option<&[f64]>, dtype: DType, tolerance: Tolerance) -> Distance {
    let [before, after] = arrays.map(elements);
    let mut distance = Distance { ulp: 0.0, beyond: false };
    for (index, one) in before {
        let Some(&other) = after.get(&index) else { continue };
        if one == other || one.is_nan() && other.is_nan() {
            continue;
        }
        let unit = units.and_then(|units| units.get(index).copied()).unwrap_or(one.abs().max(other.abs()));
        let (moved, ulp) = ((one - other).abs(), dtype.ulp(unit));
        // A NaN is beyond whatever is allowed.
        let is_within = moved.is_finite() && tolerance.used(moved, unit, ulp) <= 1.0;
        distance.ulp = distance.ulp.max(moved / ulp);
        distance.beyond |= !is_within;
    }
    distance
}

/// The elements that there are, by their flat index in the whole.
fn elements(array: &Array) -> BTreeMap<usize, f64> {
    let values = array.values.to_f64();
    match &array.kept {
        Some(kept) => kept.iter().copied().zip(values).collect(),
        None => values.into_iter().enumerate().collect(),
    }
}
