//! The device half of device management for Linux.
//!
//! [`engine`] decides: it is given facts and the time and answers with orders. `shell` does: network, files, sockets.
//! `cli` speaks with people. Without the `daemon` feature only the engine is built, and nothing in it can reach a
//! socket, a file or a clock.

pub mod engine;

#[cfg(feature = "daemon")]
pub mod cli;

#[cfg(feature = "daemon")]
pub mod shell;

#[cfg(feature = "daemon")]
pub mod platform;
