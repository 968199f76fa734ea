//! What the output prints, where a case says it.

use super::Finding;
use crate::call::{Answer, Output};
use crate::mapping::Case;
use crate::numpy;

/// Whether the output prints otherwise than the case says: as the framework printed it, or as numpy would.
pub(super) fn differs(case: &Case, answer: &Answer) -> Option<Finding> {
    let expected = case.prints.as_ref()?.trim_end().to_owned();
    let whole = answer.get(Output::Y).filter(|y| y.kept.is_none());
    let printed = answer.printed.clone().or_else(|| whole.map(|y| numpy::printed(&y.values)))?;
    (printed.trim_end() != expected).then_some(Finding::Printed { printed, expected })
}
