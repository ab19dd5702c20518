//! Whole sessions, message by message.

mod authentication;
mod authority;
mod delivery;
mod ending;
mod flow;
mod large_objects;
mod limits;
mod user_scope;
