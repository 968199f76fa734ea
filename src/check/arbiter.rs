//! What `exact` says within one check.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::call::{Effective, Output};
use crate::exact::{self, Expected};

/// What `exact` answered within a check; most engines mean the same by a call.
#[derive(Default)]
pub(super) struct Arbiter(Vec<(Effective, Rc<BTreeMap<Output, Expected>>)>);

impl Arbiter {
    /// What is exact of an effective call, worked out once.
    pub(super) fn answer(&mut self, effective: &Effective) -> Rc<BTreeMap<Output, Expected>> {
        if let Some((_, answer)) = self.0.iter().find(|(known, _)| known == effective) {
            return Rc::clone(answer);
        }
        let answer = Rc::new(exact::answer(effective));
        self.0.push((effective.clone(), Rc::clone(&answer)));
        answer
    }
}
