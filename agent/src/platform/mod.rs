//! What a profile means on Linux.
//!
//! [`translate`] says, without looking at the machine, what the machine should have because of its profiles.

pub mod consumer;
pub mod desired;
pub mod document;
pub mod keyfile;
pub mod machine;
pub mod path;
#[cfg(test)]
pub(crate) mod testing;
pub mod translate;
