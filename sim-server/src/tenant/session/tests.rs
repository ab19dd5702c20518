//! Whole sessions, message by message.

mod authentication;
mod delivery;
mod flow;
mod large_objects;
mod limits;
mod user_scope;
