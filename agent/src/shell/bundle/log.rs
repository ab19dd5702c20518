//! The newest part of the agent's log: from the journal, or from a file where the log goes elsewhere.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::Content;
use crate::shell::tool;

/// How much of the log is taken, in bytes.
const MOST_BYTES: u64 = 2 << 20;
/// How many lines the journal is asked for: about so much, and some more.
const MOST_LINES: &str = "--lines=20000";
const PATIENCE: Duration = Duration::from_secs(20);

/// What the journal has of the last seven days.
pub fn from_journal() -> Result<Content, String> {
    let arguments =
        ["--unit=mdm-agent", "--since=-7d", MOST_LINES, "--no-pager", "--quiet", "--output=short-iso", "--utc"];
    let said = tool::run("journalctl", &arguments, PATIENCE, MOST_BYTES)?;
    if said.trim().is_empty() {
        return Err("the journal has nothing of mdm-agent".to_owned());
    }
    Ok(Content::Text(said))
}

/// The end of a file.
pub fn from_file(path: &Path) -> Result<Content, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES))).map_err(unreadable)?;
    let mut content = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut content).map_err(unreadable)?;
    Ok(Content::Text(tool::whole_lines(&content, length > MOST_BYTES)))
}
