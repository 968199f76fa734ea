//! How mapcheck itself is tested, in one program: it is linked once, and what is slow in one file runs beside the others.

mod beside;
mod contradictions;
mod diagnostics;
mod drift;
mod explore;
mod forms;
mod hostile;
mod operator;
mod page;
mod scripts;
mod shrink;
mod verdicts;
mod versions;

/// What several of them need.
mod common {
    pub mod altered;
    pub mod folder;
    pub mod mine;
    pub mod mutate;
    pub mod ours;
    pub mod over;
}
