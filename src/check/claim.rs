//! What a case claims of one engine.

use crate::call::Output;
use crate::compare::Tolerance;
use crate::engine::is_meant;
use crate::mapping::{Case, Off, Side};
use crate::python::Exception;
use crate::tensor::DType;

/// The rejection that is claimed: by the engine's name, or else by its side.
pub(super) fn rejection(case: &Case, engine: &str, side: Side) -> Option<Exception> {
    let by_name = case.rejected.iter().filter(|(named, _)| is_meant(named, engine));
    let by_name = by_name.max_by_key(|(named, _)| named.len()).map(|(_, class)| *class);
    by_name.or_else(|| case.rejected.get(side.key()).copied())
}

/// What is claimed of an array that is off.
pub(super) fn off<'a>(case: &'a Case, engine: &str, dtype: DType, output: Output) -> Option<&'a Off> {
    let is_it = |off: &&Off| {
        let of_dtype = off.dtypes.is_empty() || off.dtypes.contains(&dtype);
        of_dtype && off.array == output && is_meant(&off.engine, engine)
    };
    case.off.iter().find(is_it)
}

/// The tolerance of the table, or what the case puts in its place.
pub(super) fn tolerance(case: &Case, engine: &str, output: Output, table: Tolerance) -> Tolerance {
    let stated = case.tolerance.iter().find(|t| t.array == output && is_meant(&t.engine, engine));
    match (stated, table) {
        (None, table) => table,
        (Some(stated), Tolerance::Ulp(ulp)) => Tolerance::Ulp(stated.ulp.unwrap_or(ulp)),
        (Some(stated), Tolerance::Relative { rtol, atol }) => {
            Tolerance::Relative { rtol: stated.rtol.unwrap_or(rtol), atol: stated.atol.unwrap_or(atol) }
        }
    }
}
