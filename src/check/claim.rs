//! What is claimed of an engine on a call: by the case, or by the mapping for every call of a kind.

use super::By;
use crate::binding::Binding;
use crate::call::{Call, Output};
use crate::compare::Tolerance;
use crate::engine::{Engine, is_meant};
use crate::mapping::{Case, How, Limit, Mapping, Off, Side};
use crate::python::Exception;
use crate::tensor::DType;

/// Who is spoken of: an engine, or a version that is read without being asked.
#[derive(Clone, Copy)]
pub(super) struct Speaker<'a> {
    pub name: &'a str,
    pub side: Side,
    /// Whether it is the API itself; what is claimed of a side is claimed of its APIs alone.
    pub is_module: bool,
}

impl<'a> Speaker<'a> {
    pub fn of(engine: &'a dyn Engine) -> Self {
        Self { name: engine.name(), side: engine.binding().side(), is_module: engine.is_module() }
    }

    pub fn version(name: &'a str, binding: &dyn Binding) -> Self {
        Self { name, side: binding.side(), is_module: true }
    }
}

/// A rejection that is claimed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claimed {
    pub class: Exception,
    pub by: By,
}

/// The claims that concern one call.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub mapping: &'a Mapping,
    pub case: &'a Case,
    /// The call on the target.
    pub call: &'a Call,
    /// Whether the case is of no row, and claims nothing of an engine but a tolerance.
    pub alone: bool,
}

impl<'a> Claims<'a> {
    /// The rejection that is claimed. What the case says by the speaker's own name comes first, then what the
    /// table says, then what the case says of all versions or of the side, then the limits.
    pub fn rejection(&self, of: Speaker<'_>) -> Option<Claimed> {
        let by_case = |class| Claimed { class, by: By::Case };
        let rejected = &self.case.rejected;
        if let Some(class) = rejected.get(of.name) {
            return Some(by_case(*class));
        }
        if of.is_module && self.lacks_a_parameter(of) {
            return Some(Claimed { class: Exception::TypeError, by: By::Table });
        }
        let of_all_versions = rejected.iter().find(|(named, _)| is_meant(named, of.name)).map(|(_, class)| *class);
        let of_side = || rejected.get(of.side.key()).filter(|_| of.is_module).copied();
        if let Some(class) = of_all_versions.or_else(of_side) {
            return Some(by_case(class));
        }
        let limit = |(index, limit): (usize, &Limit)| Some(Claimed { class: limit.rejected?, by: By::Limit(index) });
        self.limits(of.name).find_map(limit)
    }

    /// Whether the call states a parameter that by its row the speaker does not have: Python raises a TypeError.
    fn lacks_a_parameter(&self, of: Speaker<'_>) -> bool {
        let row = |name| [Side::Mindspore, Side::Torch].into_iter().find_map(|side| self.mapping.row_of(side, name));
        // What PyTorch lacks is written otherwise there, or cannot be asked.
        self.call
            .arguments
            .iter()
            .filter_map(|(name, _)| row(name))
            .any(|row| row.file.is_missing(of.name) || of.side == Side::Mindspore && row.file.name(of.side).is_none())
    }

    /// What is claimed of an array that is off. What a version is off by, so is a live engine that reproduces it.
    pub fn off(&self, engine: &dyn Engine, dtype: DType, output: Output) -> Option<&'a Off> {
        let is_it = |off: &&Off| {
            let of_dtype = off.dtypes.is_empty() || off.dtypes.contains(&dtype);
            let mut names = std::iter::once(engine.name()).chain(engine.reproduces());
            of_dtype && off.array == output && names.any(|name| is_meant(&off.engine, name))
        };
        self.case.off.iter().find(is_it)
    }

    /// The tolerance of the table, or what the case puts in its place.
    pub fn tolerance(&self, engine: &str, output: Output, table: Tolerance) -> Tolerance {
        let stated = self.case.tolerance.iter().find(|t| t.array == output && is_meant(&t.engine, engine));
        match (stated, table) {
            (None, table) => table,
            (Some(stated), Tolerance::Ulp(ulp)) => Tolerance::Ulp(stated.ulp.unwrap_or(ulp)),
            (Some(stated), Tolerance::Relative { rtol, atol }) => {
                Tolerance::Relative { rtol: stated.rtol.unwrap_or(rtol), atol: stated.atol.unwrap_or(atol) }
            }
        }
    }

    /// The difference that the case states between two versions.
    pub fn differs(&self, between: [&str; 2]) -> Option<How> {
        let differs = self.case.differs.as_ref()?;
        let is_named = |named: &String| between.iter().any(|name| is_meant(named, name));
        (differs.versions.is_empty() || differs.versions.iter().any(is_named)).then_some(differs.how)
    }

    /// What the mapping says of a version on calls like this one, with its index.
    pub fn limits(&self, name: &str) -> impl Iterator<Item = (usize, &'a Limit)> {
        let call = self.call;
        let all = self.mapping.file.limits.iter().enumerate();
        all.filter(move |(_, limit)| {
            limit.engines.iter().any(|named| is_meant(named, name)) && limit.when.is_met_by(call)
        })
    }
}
