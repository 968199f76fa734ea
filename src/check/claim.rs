//! What is claimed of an engine on a call: by the case, or by the mapping for every call of a kind.

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
    /// The limit of the mapping that claims it, by its index; `None` where the case itself does.
    pub limit: Option<usize>,
}

/// The claims that concern one call.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub mapping: &'a Mapping,
    pub case: &'a Case,
    /// The call on the target.
    pub call: &'a Call,
}

impl<'a> Claims<'a> {
    /// The rejection that is claimed: what the case says comes before a limit, and a name before a side.
    pub fn rejection(&self, of: Speaker<'_>) -> Option<Claimed> {
        let by_name = self.case.rejected.iter().filter(|(named, _)| is_meant(named, of.name));
        let by_name = by_name.max_by_key(|(named, _)| named.len()).map(|(_, class)| *class);
        let by_side = || self.case.rejected.get(of.side.key()).filter(|_| of.is_module).copied();
        if let Some(class) = by_name.or_else(by_side) {
            return Some(Claimed { class, limit: None });
        }
        let limit = |(index, limit): (usize, &Limit)| Some(Claimed { class: limit.rejected?, limit: Some(index) });
        self.limits(of.name).find_map(limit)
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
