//! Asking one of the machine's tools for a fact, with a limit on its time and on what it prints.

use std::time::Duration;

use crate::shell::tool;
pub(super) use crate::shell::tool::find;

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of its answer is read, in bytes.
const MOST_BYTES: u64 = 256 << 10;

/// What a tool prints. `Err` says why it did not answer.
pub(super) fn ask(tool: &str, arguments: &[&str]) -> Result<String, String> {
    tool::run(tool, arguments, PATIENCE, MOST_BYTES)
}
