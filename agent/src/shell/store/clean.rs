//! The clean marker: as long as it is in the store's directory, no file there holds a payload that was removed.
//!
//! It is removed, durably, before the first commit that removes or replaces a payload, and is part of the copy that a
//! rewrite makes. Without it a rewrite is due, which is also the case for a store of a version that had no marker.

use std::path::{Path, PathBuf};

use crate::shell::files::{self, FileError};

/// Whether no file of the store holds a removed payload. A marker that cannot be read counts as none.
pub(super) fn is_marked(directory: &Path) -> bool {
    path(directory).exists()
}

/// Marks a store that has never held anything else than it holds.
pub(super) fn mark(directory: &Path) -> Result<(), FileError> {
    files::write_new(&path(directory), b"", 0o600)?;
    files::sync_dir(directory)
}

/// Removes the marker, so that this survives a power cut.
pub(super) fn unmark(directory: &Path) -> Result<(), FileError> {
    files::remove_file(&path(directory))?;
    files::sync_dir(directory)
}

fn path(directory: &Path) -> PathBuf {
    directory.join("clean")
}
