//! mapcheck makes every row of an API-mapping table an executable claim.
//!
//! MindSpore publishes, for each PyTorch API, a page that says which parameters are the same,
//! renamed or missing. Here each row of such a page is a YAML file of cases; a [`check::Suite`] asks
//! several engines the same, and says row by row what holds, what does not, and who is the odd one
//! out.
//!
//! # The life of one case
//!
//! 1. [`mapping`] reads the rows. A case is written once, as a call by keyword to the target
//!    (MindSpore). Its tensors come from recipes that give the same bits everywhere.
//! 2. The rows translate it to the source (PyTorch): names pass or are renamed, and what only the
//!    target has becomes what a user would write instead. Both are a [`call::Call`].
//! 3. The [`binding`] of each API reads its call: into an [`call::Effective`] call, which leaves
//!    nothing to interpret, or into a rejection.
//! 4. Each [`engine`] answers its side's call: the operator that comes with this crate ([`group_norm`]), live
//!    libtorch, or a stored answer out of [`golden`].
//! 5. [`exact`] answers the effective calls in double-double, and [`compare`] holds every answer to
//!    the truth of its own side. The two sides are held to each other, and must agree or differ in
//!    exactly the way that the case says.
//! 6. [`check`] gathers that to a verdict for each row and engine, and [`report`] tells it.
//!
//! ```
//! use mapcheck::check::{Suite, Verdict};
//! use mapcheck::{engine, mapping, report};
//!
//! let mapping = mapping::read("specs/group_norm".as_ref()).expect("the specs have no mistakes");
//! let suite = Suite::new(mapping, Box::new(engine::Rust), Vec::new());
//!
//! // Everything that is asked of eps, on our own operator alone.
//! let mut checks = suite.checks();
//! checks.retain(|check| check.name.starts_with("eps/"));
//! let outcomes = suite.run(&checks);
//!
//! assert_eq!(outcomes.verdict(), Verdict::Holds, "{}", report::text(&suite, &outcomes));
//! ```
//!
//! # To put an operator of your own to the test
//!
//! Implement [`engine::Operator`] and call [`conformance::main`]: the specs, the stored answers, the tests, the report,
//! the smallest failing calls ([`shrink`]) and calls that nobody wrote ([`explore`]) come with this crate. What is
//! held to another reading than PyTorch's core implements [`engine::Engine`], and is given to [`check::Suite::new`].
//! `docs/check-your-operator.md` does it from end to end.
//!
//! # Where things are
//!
//! [`dtype`], [`tensor`], [`python`], [`random`], [`double_double`] and the operator, [`group_norm`], are a crate of their
//! own, `mapcheck-operators`, for programs that want no harness. With [`version`] they are the ground, with [`call`] and
//! [`signature`] on it; [`exact`] and [`compare`] decide; [`mapping`], [`binding`], [`golden`] and [`engine`] say what is asked
//! and who answers; [`check`] stands on all of them, [`drift`] beside it holds one recorded version to
//! another, and [`report`] tells of both. [`page`] reads a published page into the specs of a new mapping.
//! [`shrink`] and [`explore`] ask [`check`] for more, and [`conformance`] is how all of it is started for one operator.
//! Imports run in that direction only.

#[cfg(test)]
extern crate self as mapcheck;

pub mod binding;
pub mod call;
pub mod check;
pub mod compare;
pub mod conformance;
pub mod drift;
pub mod engine;
pub mod exact;
pub mod explore;
mod file;
pub mod golden;
pub mod mapping;
pub mod numpy;
pub mod page;
pub mod report;
pub mod shrink;
pub mod signature;
pub mod version;

pub use mapcheck_operators::{double_double, dtype, group_norm, python, random, tensor};

// What the page shows is run as it stands.
#[cfg(doctest)]
#[doc = include_str!("../docs/check-your-operator.md")]
mod check_your_operator {}
