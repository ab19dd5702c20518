//! Damaged stores, kept for inspection. They hold payloads, so they are kept no longer than the payloads may be: until
//! the next rewrite, and for a week at most, as long as a device keeps profiles that no server confirms.

use std::path::{Path, PathBuf};

use super::clean;
use super::place::StorePlace;
use crate::engine::profile::RETENTION_WINDOW;
use crate::shell::files::{self, FileError};

/// Damaged stores that are kept for inspection.
const KEPT: usize = 3;
const PREFIX: &str = "store-";

/// Moves a damaged store into the quarantine, and removes the oldest of those that are there.
pub(super) fn put(place: &StorePlace, now: i64) -> Result<PathBuf, FileError> {
    files::create_private_dir(&place.quarantine)?;
    let before = stores(place);
    let surplus = (before.len() + 1).saturating_sub(KEPT);
    before.iter().take(surplus).for_each(|path| drop(files::remove_dir(path)));
    let name = |attempt: u32| place.quarantine.join(format!("{PREFIX}{now:012}-{attempt}"));
    let target = (0..).map(name).find(|path| !path.exists()).expect("there are more numbers than stores");
    files::rename(&place.directory, &target)?;
    Ok(target)
}

/// Removes the stores that were moved here more than a week ago.
pub(super) fn expire(place: &StorePlace, now: i64) {
    for path in stores(place) {
        if moved_at(&path).is_some_and(|at| at.saturating_add(RETENTION_WINDOW) < now) {
            // What cannot be removed is tried again when the store is opened next.
            let _ = files::remove_dir(&path);
        }
    }
}

/// Whether none of them holds a payload that was removed before it was moved here: each still has its marker.
pub(super) fn is_clean(place: &StorePlace) -> bool {
    stores(place).iter().all(|store| clean::is_marked(store))
}

/// Removes all of them.
pub(super) fn clear(place: &StorePlace) -> Result<(), FileError> {
    files::remove_dir(&place.quarantine)
}

/// The stores in the quarantine, oldest first.
fn stores(place: &StorePlace) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&place.quarantine).into_iter().flatten().flatten();
    let mut stores: Vec<_> = entries.map(|entry| entry.path()).collect();
    stores.sort();
    stores
}

/// When a store was moved here, seconds since 1970.
fn moved_at(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()
}
