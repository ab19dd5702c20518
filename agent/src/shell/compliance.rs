//! What was found when compliance was last checked, in a file of the state directory: a restart must neither begin a
//! grace period anew nor tell the server what it knows.

use std::path::PathBuf;

use super::files::{self, FileError};
use super::paths::Paths;
use crate::engine::compliance::standing::Standing;

/// Several times what the most rules with the longest texts come to.
const MAX_FILE: u64 = 4 << 20;

fn path(paths: &Paths) -> PathBuf {
    paths.state.join("compliance.json")
}

/// Reads it; a file that is missing or damaged is as good as none, because the next check finds everything anew.
pub fn read(paths: &Paths) -> Standing {
    let content = match files::read_bounded(&path(paths), MAX_FILE) {
        Ok(content) => content.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "what was found at the last compliance check cannot be read");
            return Standing::default();
        }
    };
    serde_json::from_slice(&content).unwrap_or_default()
}

/// Whether there is anything to forget.
pub fn is_kept(paths: &Paths) -> bool {
    path(paths).exists()
}

/// Writes it down.
pub fn keep(paths: &Paths, standing: &Standing) -> Result<(), FileError> {
    let content = serde_json::to_vec(standing).expect("text and numbers can always be written");
    files::create_private_dir(&paths.state)?;
    files::replace(&path(paths), &content, 0o600)
}

/// Forgets it.
pub fn forget(paths: &Paths) -> Result<(), FileError> {
    files::remove_file(&path(paths))
}
