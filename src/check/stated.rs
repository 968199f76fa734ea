//! What a case has to claim of everyone to hold: for a call that was found, and not thought out.

use super::claim::{Claims, Speaker};
use super::{By, SIDES, Suite};
use crate::binding::{Binding, Refusal, TorchCore};
use crate::call::Call;
use crate::mapping::{Case, Differs, How, Side};
use crate::python::Exception;
use crate::version::Version;

/// What a person has to put in.
const WHY: &str = "to be said";

impl Suite {
    /// The case with `rejected` by what is known of every recorded version and of libtorch and, where the sides are
    /// not what is amiss, with `differs`.
    #[must_use]
    pub fn stated(&self, case: &Case, with_differs: bool) -> Case {
        let mut stated = case.clone();
        let Ok(target) = self.mapping().target_call(case, case.dtype(), case.layout()) else { return stated };
        let source = self.mapping().source_call(&target, None).ok();
        let claims = Claims { mapping: self.mapping(), case, call: &target, alone: true };
        for side in Side::BOTH {
            let call = if side == Side::Mindspore { Some(&target) } else { source.as_ref() };
            let Some(call) = call else { continue };
            self.state_rejections(&mut stated, claims, side, call);
        }
        if let Some(class) = source.as_ref().and_then(|call| class(&TorchCore, call)) {
            stated.rejected.insert("libtorch".to_owned(), class);
        }
        if with_differs {
            stated.differs = self.difference(&stated);
        }
        stated
    }

    /// By the side where the newest version rejects, and by version where another one does otherwise.
    fn state_rejections(&self, stated: &mut Case, claims: Claims<'_>, side: Side, call: &Call) {
        let mut newest = None;
        let mut versions: Vec<(&str, &dyn Binding)> =
            self.versions(side).into_iter().map(|(n, b)| (n, b as _)).collect();
        versions.sort_by_key(|(name, _)| std::cmp::Reverse(Version::of_engine(name).map(|(_, version)| version)));
        for (name, binding) in versions {
            let known = claims.rejection(Speaker::version(name, binding));
            if known.is_some_and(|claimed| claimed.by == By::Table) {
                continue;
            }
            let limit = known.map(|claimed| claimed.class);
            match (class(binding, call), limit) {
                // An argument of a wrong type is refused before it comes to any limit.
                (Some(Exception::TypeError), _) if newest == Some(Exception::TypeError) => {}
                // What a limit says of all such calls, the side's claim would hide.
                (_, Some(class)) if newest.is_some_and(|newest| newest != class) => {
                    stated.rejected.insert(name.to_owned(), class);
                }
                (_, Some(_)) | (None, None) => {}
                (Some(class), None) if newest.is_none() => {
                    newest = Some(class);
                    stated.rejected.insert(side.key().to_owned(), class);
                }
                (Some(class), None) if newest == Some(class) => {}
                (Some(class), None) => {
                    stated.rejected.insert(name.to_owned(), class);
                }
            }
        }
    }

    /// How the sides differ on a call, and which versions, so that the claim holds; `None` where they agree.
    fn difference(&self, case: &Case) -> Option<Differs> {
        let is_amiss = |differs: Option<Differs>| {
            let case = Case { differs, ..case.clone() };
            let results = self.ask_alone(&case, |name| name == SIDES).unwrap_or_default();
            results.iter().any(|result| !result.findings.is_empty())
        };
        if !is_amiss(None) {
            return None;
        }
        let golden = &self.mapping().file.golden;
        let one_by_one = golden.iter().map(|version| vec![version.clone()]);
        for versions in std::iter::once(Vec::new()).chain(one_by_one) {
            for how in [How::Rejection, How::Values, How::DType] {
                let differs = Some(Differs { how, versions: versions.clone(), why: WHY.to_owned() });
                if !is_amiss(differs.clone()) {
                    return differs;
                }
            }
        }
        None
    }
}

fn class(binding: &dyn Binding, call: &Call) -> Option<Exception> {
    match binding.effective(call, None) {
        Err(Refusal::Rejected(rejection)) => Some(rejection.class),
        Err(Refusal::Inexpressible(_)) | Ok(_) => None,
    }
}
