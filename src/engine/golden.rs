//! The stored answers of a framework version.

use std::sync::Arc;

use super::{Engine, Question};
use crate::binding::{self, Binding};
use crate::call::Outcome;
use crate::golden::Store;
use crate::signature::Signature;

/// An engine that answers out of the golden folder.
pub struct Golden {
    name: String,
    store: Arc<Store>,
}

impl Golden {
    /// The answers stored under `name`: framework and version, `torch-2.13.0`.
    pub fn new(name: &str, store: Arc<Store>) -> Self {
        Self { name: name.to_owned(), store }
    }
}

impl Engine for Golden {
    fn name(&self) -> &str {
        &self.name
    }

    fn binding(&self) -> &dyn Binding {
        binding::of(&self.name)
    }

    fn is_recorded(&self) -> bool {
        true
    }

    fn signature(&self) -> Option<&Signature> {
        self.store.signature(&self.name)
    }

    fn answer(&self, question: Question<'_>) -> Outcome {
        let groups = || {
            let effective = self.binding().effective(question.call, None);
            effective.map_or(1, |effective| effective.groups())
        };
        self.store.answer(&self.name, question.row, question.check, question.call, groups)
    }
}
