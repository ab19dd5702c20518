//! Sessions from the server's side: what it says, and what the device answers and keeps.

mod claims;
mod commands;
mod credentials;
mod ending;
mod groups;

mod objects;
mod package_one;
mod reading;
mod replies;
mod size;
mod store;
mod structure;
mod verdicts;
