//! The pure core: every decision of the agent.
//!
//! [`Engine::handle`] takes what happened and when, and appends what has to be done; [`Engine::next_deadline`] says
//! when it wants to be woken and why. Enrolment is a machine of its own ([`enrolment::Enrolment`]), because it runs
//! before there is anything to manage. Nothing in here reads a clock, draws ambient randomness or does input or output.

pub mod account;
pub mod application;
pub mod authority;
pub mod authorization;
pub mod backoff;
pub mod certificate_request;
pub mod certificates;
pub mod claim;
pub mod clock;
pub mod compliance;
pub mod enrolment;
pub mod facts;
pub mod failure;
pub mod history;
pub mod life;
mod machine;
pub mod nodes;
pub mod note;
pub mod notification;
pub mod payload;
pub mod profile;
pub mod progress;
pub mod push;
pub mod push_link;
pub mod push_stream;
pub mod redaction;
pub mod refusals;
pub mod remote;
pub mod renewal;
pub mod reply;
pub mod report;
pub mod retention;
pub mod retries;
pub mod schedule;
pub mod server_settings;
pub mod session;
#[cfg(test)]
pub(crate) mod testing;
mod text;
pub mod time;
pub mod tree;
pub mod trial;
pub mod trigger;
pub mod verdict;

pub use account::Account;
pub use failure::{ConnectionFailure, SessionFailure};
pub use life::{Beginning, Life};
pub use machine::{Action, Engine, Event, Listening, Phase, Renewed};
pub use note::Note;
pub use profile::{Changes, Profile, ProfileKey};
pub use progress::{Progress, SessionRecord, Trigger, Triggers};
pub use time::{Deadline, Now, TimerReason};
