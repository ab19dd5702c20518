//! A push service that speaks as ntfy does: messages on topics, kept for a while for those who come late.
//!
//! Its cache decides what is accepted, kept and repeated, and is pure; [`Hub`] adds those who listen at the moment.

mod cache;
mod error;
mod hub;
mod message;
mod since;

pub(crate) use cache::is_topic;
pub use error::PushError;
pub(crate) use hub::topics;
pub use hub::{Hub, Subscription};
pub use message::{Draft, Event, Message};
pub use since::Since;
