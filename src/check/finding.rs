//! One thing that is not as claimed, with all that is needed to tell it.

use std::fmt;

use crate::call::{Output, Rejection};
use crate::compare::{Comparison, Tolerance, Unlike};
use crate::mapping::Side;
use crate::python::Exception;

/// What a check found amiss.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// Elements are beyond the tolerance.
    Beyond {
        /// The array.
        output: Output,
        /// The tolerance it is held to.
        tolerance: Tolerance,
        /// By how much.
        comparison: Comparison,
    },
    /// An array of another shape or dtype.
    Unlike {
        /// The array.
        output: Output,
        /// In what.
        unlike: Unlike,
    },
    /// An array that was asked for is not there.
    Missing(Output),
    /// The call is accepted, and the case claims a rejection.
    Accepted(Exception),
    /// The call is rejected, and the case claims none.
    Rejected(Rejection),
    /// The call is rejected with another class than claimed.
    OtherClass {
        /// The claim.
        claimed: Exception,
        /// What came.
        rejection: Rejection,
    },
    /// By what is known of the API, the call is rejected; the case does not say so.
    NotClaimed {
        /// The API's side.
        side: Side,
        /// Its rejection.
        rejection: Rejection,
    },
    /// By what is known of the API, the claimed rejection does not happen, or is of another class.
    ClaimContradicted {
        /// The API's side.
        side: Side,
        /// The claim.
        claimed: Exception,
        /// What is known; `None` where the call is accepted.
        known: Option<Rejection>,
    },
    /// An engine that is stated as off is not off any more, or worse.
    Off {
        /// The array.
        output: Output,
        /// The bound that is stated.
        bound: f64,
        /// Its largest absolute error.
        error: f64,
    },
    /// A parameter is not built as claimed.
    Built {
        /// gamma or beta.
        output: Output,
        /// What is off.
        what: String,
    },
    /// A call that leaves a parameter out and one that states its default are answered differently.
    Default {
        /// The default as it is stated in the call.
        stated: String,
        /// What differs.
        what: String,
    },
    /// What must be so for every call of a subject is not.
    Invariant(String),
    /// The two sides differ in numbers, and the case does not say so.
    SidesDiffer {
        /// The array.
        output: Output,
        /// By how much; PyTorch is the one expected.
        comparison: Comparison,
    },
    /// One side rejects what the other accepts, and the case does not say so.
    SidesReject {
        /// The side that rejects.
        side: Side,
        /// Its rejection.
        rejection: Rejection,
    },
    /// The difference that the case states is not there.
    NoDifference(String),
    /// The engine broke down over the call.
    Broken(String),
    /// The call cannot be made.
    NoCall(String),
    /// Another check asks the very same.
    Identical(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Beyond { output, comparison: c, tolerance } => {
                write!(f, "{output}: {} of {} elements are beyond {tolerance}", c.beyond, c.elements)
            }
            Finding::Unlike { output, unlike } => write!(f, "{output}: {unlike}"),
            Finding::Missing(output) => write!(f, "{output} was asked for and is not in the answer"),
            Finding::Accepted(class) => write!(f, "the call is accepted; the case claims that it raises {class}"),
            Finding::Rejected(rejection) => write!(f, "the call is rejected with {rejection}"),
            Finding::OtherClass { claimed, rejection } => {
                write!(f, "the case claims {claimed}, and what is raised is {rejection}")
            }
            Finding::NotClaimed { side, rejection } => write!(
                f,
                "{} rejects this call ({rejection}): if the row is right, the case has to say `rejected: {{ {}: {} }}`",
                side.framework(),
                side.key(),
                rejection.class
            ),
            Finding::ClaimContradicted { side, claimed, known } => {
                write!(f, "the case claims that {} raises {claimed}; by what is known of it, ", side.framework())?;
                match known {
                    Some(rejection) => write!(f, "it raises {rejection}"),
                    None => f.write_str("it accepts the call"),
                }
            }
            Finding::Off { output, bound, error } if error > bound => {
                write!(f, "{output} is off by {error:.2e}, more than the stated bound of {bound:e}")
            }
            Finding::Off { output, bound, error } => write!(
                f,
                "{output} is stated as off with a bound of {bound:e}, and is off by {error:.2e} only: remove `off`, or lower its bound"
            ),
            Finding::Built { output, what } => write!(f, "{output} as built: {what}"),
            Finding::Default { stated, what } => {
                write!(f, "leaving the parameter out is not the same as stating `{stated}`: {what}")
            }
            Finding::Invariant(what) => f.write_str(what),
            Finding::SidesDiffer { output, comparison: c } => write!(
                f,
                "the sides differ: {} of {} elements of {output}, by {:.2e} at the most; where that is known, say `differs: {{ how: values, why: … }}`",
                c.beyond, c.elements, c.absolute.error
            ),
            Finding::SidesReject { side, rejection } => write!(
                f,
                "only {} rejects this call ({rejection}); where that is known, say `differs: {{ how: rejection, why: … }}`",
                side.framework()
            ),
            Finding::NoDifference(what) => write!(f, "the stated difference is not there: {what}; remove `differs`"),
            Finding::Broken(text) => write!(f, "the engine panicked: {text}"),
            Finding::NoCall(why) => write!(f, "the call cannot be made: {why}"),
            Finding::Identical(other) => write!(f, "the same call is asked by `{other}`: remove one of them"),
        }
    }
}
