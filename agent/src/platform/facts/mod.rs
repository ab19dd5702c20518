//! Facts for compliance, read from the machine below a root directory. Nothing here judges or changes anything.

mod encryption;
mod scripts;
mod source;
mod tool;

pub use scripts::{Limits, NoScripts, Sandboxed, ScriptRunner};
