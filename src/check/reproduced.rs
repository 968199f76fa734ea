//! Whether a live engine gives what was recorded of the same version.

use super::Finding;
use crate::call::{Answer, Array};

/// By so many ULP of the recorded value a live one may differ.
const MOST_ULP: f64 = 1.0;

/// The first difference of each array that both have.
pub(super) fn differences(name: &str, live: &Answer, recorded: &Answer) -> Vec<Finding> {
    let both = live.arrays.iter().filter_map(|(output, live)| Some((output, live, recorded.get(*output)?)));
    let differences = both.filter_map(|(output, live, recorded)| {
        let what = format!("{output}: {}", difference(live, recorded)?);
        Some(Finding::NotReproduced { recorded: name.to_owned(), what })
    });
    differences.collect()
}

fn difference(live: &Array, recorded: &Array) -> Option<String> {
    let dtype = recorded.values.dtype();
    if live.shape != recorded.shape || live.values.dtype() != dtype {
        let live_dtype = live.values.dtype();
        return Some(format!("{live_dtype} {:?} for {dtype} {:?}", live.shape, recorded.shape));
    }
    let values = live.values.to_f64();
    let indices = recorded.kept.clone().unwrap_or_else(|| (0..values.len()).collect());
    let pairs = indices.into_iter().zip(recorded.values.to_f64());
    let amiss = pairs.filter(|&(at, recorded)| {
        let same = values[at] == recorded || values[at].is_nan() && recorded.is_nan();
        let error = (values[at] - recorded).abs();
        !same && (error.is_nan() || error > MOST_ULP * dtype.ulp(recorded))
    });
    let mut amiss = amiss.peekable();
    let &(at, recorded) = amiss.peek()?;
    let count = amiss.count();
    Some(format!("{count} elements by more than {MOST_ULP} ULP, the first {at} with {:e} for {recorded:e}", values[at]))
}
