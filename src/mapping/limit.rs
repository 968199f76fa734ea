//! What is said of versions once, in `mapping.yaml`, for every call of a kind.

use schemars::JsonSchema;
use serde::Deserialize;

use super::case::{How, Variable};
use crate::call::Call;
use crate::python::Exception;
use crate::tensor::DType;

/// What versions cannot do at all, or do otherwise than the other side wherever a call shows it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The recorded versions: names, or the part before a version.
    #[schemars(extend("minItems" = 1))]
    pub engines: Vec<String>,
    /// Of which calls it is said.
    pub when: When,
    /// The class that is raised; a case that says itself who rejects its call comes first.
    pub rejected: Option<Exception>,
    /// In what they differ from every version of the other side.
    pub differs: Option<How>,
    /// Why, for who ports a model.
    pub why: String,
}

/// Calls that have all of this.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The input has another number of dimensions.
    pub rank_not: Option<usize>,
    /// The input is of one of these dtypes.
    pub dtypes: Vec<DType>,
    /// The input has no elements.
    pub empty: bool,
    /// One of these gradients is asked for.
    pub gradients: Vec<Variable>,
}

impl When {
    /// Whether a call has all of it.
    pub fn is_met_by(&self, call: &Call) -> bool {
        let x = &call.input.1;
        let wanted = call.backward.as_ref().map(|backward| backward.wanted);
        let is_wanted = |variable: &Variable| {
            wanted.is_some_and(|wanted| match variable {
                Variable::X => wanted.x,
                Variable::Gamma => wanted.gamma,
                Variable::Beta => wanted.beta,
            })
        };
        self.rank_not.is_none_or(|rank| x.shape().len() != rank)
            && (self.dtypes.is_empty() || self.dtypes.contains(&x.dtype()))
            && (!self.empty || x.shape().contains(&0))
            && (self.gradients.is_empty() || self.gradients.iter().any(is_wanted))
    }
}
