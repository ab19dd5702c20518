//! Random lives of the real platform on a root that people and tools live in, held against a plain reference of one
//! promise: the machine as it was found, applied, watched, given back. Whatever people and tools do meanwhile, nothing of
//! anybody's is destroyed without a trace, and everything of the agent's goes.
//!
//! The reference sees the files, the reports and the history, and never the agent's ledger. A life that differs is shrunk
//! to the fewest steps, on the barest root, that still differ in the same way.

mod catalogue;
mod expectation;
mod foresight;
mod furniture;
mod hands;
mod holder;
mod judge;
mod life;
mod machine;
mod node;
mod places;
mod reference;
mod step;
pub mod trial;
mod trouble;
mod watchdog;
