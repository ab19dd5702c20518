//! What a profile means on Linux.
//!
//! [`translate`] says, without looking at the machine, what the machine should have because of its profiles. [`plan`]
//! compares that with what is there and with the ledger of what the agent itself made. Carrying a plan out, and taking
//! it back, is one mechanism for every kind of profile, under any root directory. Nothing here talks to the server or
//! decides when something is done.

pub mod apply;
pub mod assembly;
mod attempt;
mod change;
pub mod consumer;
pub mod desired;
pub mod document;
mod drift;
pub mod evaluation;
pub mod facts;
pub mod force;
pub mod foresee;
mod give_back;
mod issued;
pub mod keyfile;
pub mod ledger;
mod ledger_access;
mod look;
pub mod machine;
pub mod messenger;
pub mod path;
pub mod plan;
pub mod preview;
mod published;
pub mod quarantine;
pub mod remote;
pub mod root;
pub mod shares;
pub mod site;
pub mod survey;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod translate;
