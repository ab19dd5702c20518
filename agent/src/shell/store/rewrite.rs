//! The rewrite of the store, after which none of its files holds a removed payload.
//!
//! sled only appends: what is removed or replaced stays in its files until their space is used again, which for a store
//! of this size may be never. So the records are copied into a new directory, and that one takes the store's name. Until
//! then the store is not touched: whatever interrupts a rewrite, all that was acknowledged is still there, and the next
//! process that opens the store removes what was left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::clean;
use super::database::{Database, RawRecord};
use super::failure::refuse_file;
use super::place::StorePlace;
use super::quarantine;
use crate::engine::failure::StoreFailure;
use crate::shell::files::{self, FileError};

/// The steps of a rewrite, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Copies the records into a new database.
    Copy,
    /// Reads the copy back and compares it.
    Verify,
    /// Makes the copy durable.
    Sync,
    /// Removes the damaged stores in the quarantine, which hold the same payloads.
    ClearQuarantine,
    /// Exchanges the copy and the store, by their names.
    Exchange,
    /// Gives the store's name to the copy, where the file system cannot exchange: the store has made room.
    Place,
    /// Removes the store that was replaced.
    Remove,
}

/// Is called before each step, for tests that interrupt a rewrite.
pub(super) type Watch<'a> = &'a mut dyn FnMut(Step) -> Result<(), FileError>;

/// Rewrites the store, which is closed. After a failure the store is the one that it was, and the rewrite still due.
pub(super) fn run(place: &StorePlace, database: Database, watch: Watch<'_>) -> Result<(), StoreFailure> {
    // sled can panic on a damaged database.
    let outcome = catch_unwind(AssertUnwindSafe(|| replace(place, database, watch)));
    let replaced = outcome.unwrap_or_else(|_| Err(StoreFailure::Unusable("copying the database panicked".to_owned())));
    let tidied = place
        .restore()
        .and_then(|()| watch(Step::Remove))
        .and_then(|()| place.remove_leftovers())
        .map_err(|error| refuse_file(&error));
    replaced.and(tidied)
}

fn replace(place: &StorePlace, database: Database, watch: Watch<'_>) -> Result<(), StoreFailure> {
    let (records, sequence) = (database.records()?, database.sequence());
    // From here on nothing writes to the store, and no thread of sled uses its files by a name that is about to change.
    database.close()?;
    let copy = place.copy();
    let refused = |error: FileError| refuse_file(&error);
    watch(Step::Copy).and_then(|()| place.remove_leftovers()).map_err(refused)?;
    Database::create(&copy, &records, sequence)?;
    watch(Step::Verify).map_err(refused)?;
    verify(&copy, &records)?;
    watch(Step::Sync)
        .and_then(|()| clean::mark(&copy))
        .and_then(|()| sync_tree(&copy))
        .and_then(|()| watch(Step::ClearQuarantine))
        .and_then(|()| quarantine::clear(place))
        .and_then(|()| swap(place, watch))
        .map_err(refused)
}

fn verify(copy: &Path, records: &[RawRecord]) -> Result<(), StoreFailure> {
    let (database, _) = Database::open(copy)?;
    let is_same = database.records()? == records;
    database.close()?;
    if is_same { Ok(()) } else { Err(StoreFailure::Unusable("the copy of the database differs from it".to_owned())) }
}

/// Makes a directory durable, with everything in it.
fn sync_tree(directory: &Path) -> Result<(), FileError> {
    let entries = std::fs::read_dir(directory).map_err(FileError::of("read", directory))?;
    for entry in entries {
        let path = entry.map_err(FileError::of("read", directory))?.path();
        // A directory is synced as a file is, after what is in it.
        if path.is_dir() { sync_tree(&path)? } else { files::sync_dir(&path)? }
    }
    files::sync_dir(directory)
}

fn swap(place: &StorePlace, watch: Watch<'_>) -> Result<(), FileError> {
    let (copy, replaced) = (place.copy(), place.replaced());
    match watch(Step::Exchange).and_then(|()| files::exchange(&copy, &place.directory)) {
        Err(error) if files::exchange_is_unknown(&error) => {
            files::rename(&place.directory, &replaced)?;
            place.sync()?;
            watch(Step::Place)?;
            files::rename(&copy, &place.directory)
        }
        exchanged => exchanged,
    }
}
