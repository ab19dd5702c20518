//! The pure core: every decision of the agent.
//!
//! [`Engine::handle`] takes what happened and when, and appends what has to be done; [`Engine::next_deadline`] says
//! when it wants to be woken and why. Enrolment is a machine of its own ([`enrolment::Enrolment`]), because it runs
//! before there is anything to manage. Nothing in here reads a clock, draws ambient randomness or does input or output.

pub mod account;
pub mod authorization;
pub mod backoff;
pub mod enrolment;
pub mod facts;
pub mod failure;
mod machine;
pub mod payload;
pub mod profile;
pub mod progress;
pub mod reply;
pub mod report;
pub mod schedule;
pub mod session;
#[cfg(test)]
pub(crate) mod testing;
mod text;
pub mod time;
pub mod tree;

pub use account::Account;
pub use failure::{ConnectionFailure, SessionFailure};
pub use machine::{Action, Engine, Event, Phase};
pub use profile::{Changes, Profile, ProfileKey};
pub use progress::{Progress, SessionRecord, Trigger};
pub use time::{Deadline, Now, TimerReason};
