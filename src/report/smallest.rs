//! The smallest failing call, for people to paste: a case, and a script for each framework.

use std::fmt::Write;

use crate::call::Call;
use crate::check::Suite;
use crate::mapping::{Case, Side};
use crate::shrink::Smallest;

use super::python;

/// What fails, the case and the two scripts.
pub fn smallest(suite: &Suite, smallest: &Smallest) -> String {
    let mut text = String::new();
    let Smallest { reason, case, finding, tried } = smallest;
    let _ = writeln!(text, "{}: {finding}", reason.engine);
    let _ = writeln!(text, "the smallest of {tried} calls that were tried, as a case:\n\n{}", suite.paste(smallest));
    for side in Side::BOTH {
        let _ = match call(suite, case, side) {
            Ok(call) => {
                writeln!(
                    text,
                    "in {}:\n\n{}",
                    side.framework(),
                    indented(&python(suite.mapping(), case, &call, side).to_string())
                )
            }
            Err(why) => writeln!(text, "in {}: there is no such call ({why})\n", side.framework()),
        };
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The case as a side calls it.
fn call(suite: &Suite, case: &Case, side: Side) -> Result<Call, String> {
    let target = suite.mapping().target_call(case, case.dtype(), case.layout()).map_err(|why| why.to_string())?;
    match side {
        Side::Mindspore => Ok(target),
        Side::Torch => suite.mapping().source_call(&target, None).map_err(|why| why.to_string()),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}
