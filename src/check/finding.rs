//! One thing that is not as claimed, with all that is needed to tell it.

use std::fmt;

use crate::call::{Output, Rejection};
use crate::compare::{Comparison, Tolerance, Unlike};
use crate::mapping::Side;
use crate::python::Exception;

/// What claims a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The case.
    Case,
    /// The row of a parameter that the engine does not have.
    Table,
    /// A limit of the mapping, by its index.
    Limit(usize),
    /// What is known of the API, whatever a spec says.
    Binding,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Case => f.write_str("the case"),
            By::Table => f.write_str("a row"),
            By::Limit(index) => write!(f, "limit {} of mapping.yaml", index + 1),
            By::Binding => f.write_str("what is known of the API"),
        }
    }
}

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
    /// The call is accepted, and a rejection is claimed.
    Accepted {
        /// The claim.
        claimed: Exception,
        /// What claims it.
        by: By,
        /// Who accepts.
        engine: String,
    },
    /// The call is rejected, and nobody claims that.
    Rejected {
        /// What came.
        rejection: Rejection,
        /// By what name a case would claim it; none of an engine of which specs know nothing.
        key: Option<String>,
    },
    /// The call is rejected with another class than claimed.
    OtherClass {
        /// The claim.
        claimed: Exception,
        /// What claims it.
        by: By,
        /// What came.
        rejection: Rejection,
    },
    /// The call is accepted; by what is known of the API it is rejected.
    KnownToReject(Rejection),
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
        /// A version of PyTorch and one of MindSpore.
        between: [String; 2],
    },
    /// The two sides differ in the dtype of an array, and that is not stated.
    SidesDType {
        /// The first such array.
        output: Output,
        /// A version of PyTorch and one of MindSpore.
        between: [String; 2],
    },
    /// One side rejects what the other accepts, and the case does not say so.
    SidesReject {
        /// The side that rejects.
        side: Side,
        /// What is raised, and by which version.
        what: String,
    },
    /// The difference that the case states is not there.
    NoDifference(String),
    /// A live engine does not reproduce a recorded answer.
    NotReproduced {
        /// The recorded engine.
        recorded: String,
        /// In what.
        what: String,
    },
    /// A recorded signature is not as the row says.
    Signature(String),
    /// What is printed of y is not what the case says.
    Printed {
        /// What is printed.
        printed: String,
        /// What the case says.
        expected: String,
    },
    /// The engine broke down over the call.
    Broken(String),
    /// The call cannot be made.
    NoCall(String),
    /// Another check asks the very same.
    Identical(String),
}

impl Finding {
    /// Whether two findings are of one kind, whatever they say.
    pub(super) fn is_like(&self, other: &Finding) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Beyond { output, comparison: c, tolerance } => {
                write!(f, "{output}: {} of {} elements are beyond {tolerance}", c.beyond, c.elements)
            }
            Finding::Unlike { output, unlike } => write!(f, "{output}: {unlike}"),
            Finding::Missing(output) => write!(f, "{output} was asked for and is not in the answer"),
            Finding::Accepted { claimed, by, engine } => {
                let remedy = match by {
                    By::Case => format!("let its `rejected` name only what still does, not {engine}"),
                    By::Table => {
                        format!("take {engine} out of the `missing` of the parameter, or add it to its `names`")
                    }
                    By::Limit(_) => format!("take {engine} out of it, or narrow its `when`"),
                    By::Binding => format!("let {engine} refuse it"),
                };
                write!(f, "the call is accepted; {by} claims that it raises {claimed}: {remedy}")
            }
            Finding::Rejected { rejection, key: None } => {
                write!(f, "the call is rejected with {rejection}; by its definition it has an answer")
            }
            Finding::Rejected { rejection, key: Some(key) } => write!(
                f,
                "the call is rejected with {rejection}; where that is as it should be, say `rejected: {{ {key}: {} }}`",
                rejection.class
            ),
            Finding::OtherClass { claimed, by, rejection } => {
                write!(f, "{by} claims {claimed}, and what is raised is {rejection}")
            }
            Finding::KnownToReject(rejection) => {
                write!(f, "the call is accepted; by what is known of the API it is rejected ({rejection})")
            }
            Finding::Off { output, bound, error } if bound.is_infinite() => write!(
                f,
                "{output} is stated as off by an infinity or a NaN, and is off by {error:.2e} only: state that bound, or remove `off`"
            ),
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
            Finding::SidesDiffer { output, comparison: c, between: [source, target] } => write!(
                f,
                "{source} and {target} differ: {} of {} elements of {output}, by {:.2e} at the most; where that is known, say `differs: {{ how: values, why: … }}`",
                c.beyond, c.elements, c.absolute.error
            ),
            Finding::SidesDType { output, between: [source, target] } => write!(
                f,
                "{source} and {target} differ in the dtype of {output}; where that is known, say `differs: {{ how: dtype, why: … }}`"
            ),
            Finding::SidesReject { side, what } => write!(
                f,
                "only {} rejects this call ({what}); where that is known, say `differs: {{ how: rejection, why: … }}`",
                side.framework()
            ),
            Finding::NotReproduced { recorded, what } => {
                write!(f, "the recorded answer of {recorded} is not reproduced: {what}")
            }
            Finding::Signature(what) => f.write_str(what),
            Finding::Printed { printed, expected } => {
                write!(f, "what is printed is not what the case says; it is\n{printed}\n    and not\n{expected}")
            }
            Finding::NoDifference(what) => write!(
                f,
                "the stated difference is not there: {what}; remove `differs`, or let its `versions` name those that do"
            ),
            Finding::Broken(text) => write!(f, "the engine panicked: {text}"),
            Finding::NoCall(why) => write!(f, "the call cannot be made: {why}"),
            Finding::Identical(other) => write!(f, "the same call is asked by `{other}`: remove one of them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_by_something_else_says_on_which_side_of_its_bound() {
        let told = |bound, error| Finding::Off { output: Output::Dx, bound, error }.to_string();
        assert_eq!(told(2.0, 3.0), "dx is off by 3.00e0, more than the stated bound of 2e0");
        assert_eq!(
            told(2.0, 0.1),
            "dx is stated as off with a bound of 2e0, and is off by 1.00e-1 only: remove `off`, or lower its bound"
        );
        let bound = "dx is stated as off by an infinity or a NaN, and is off by 1.00e-1 only: state that bound, or remove `off`";
        assert_eq!(told(f64::INFINITY, 0.1), bound);
    }
}
