//! The profile store: opens the database whatever state it is in, commits, and erases what was removed when it is
//! closed.

use super::clean;
use super::database::{Database, remove_snapshots};
use super::failure::{OpenError, refuse, refuse_file};
use super::payload;
use super::place::{StoreLock, StorePlace};
use super::quarantine;
use super::rewrite::{self, Watch};
use super::{Opened, unusable};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::{Changes, Stored};
use crate::shell::files::create_private_dir;

/// The profile store, open. It is closed when it is dropped, which rewrites it if a payload was removed (rule R4).
///
/// The rewrite is not part of the commit that removes the payload: the commit is acknowledged as soon as it is durable,
/// with the fact that a rewrite is due, and a rewrite that fails cannot put it into question.
#[derive(Debug)]
pub struct ProfileStore {
    place: StorePlace,
    /// `None` once the store is closed.
    database: Option<Database>,
    /// Whether the clean marker is there.
    is_marked: bool,
    /// Whether no removed payload is left next to the store: after an interrupted rewrite, or in the quarantine.
    is_tidy: bool,
    /// Whether a commit failed: what sled has in memory may differ from what is on the disk, so it is not copied.
    has_failed: bool,
    /// Dropped last: the database is closed by then.
    _lock: StoreLock,
}

impl ProfileStore {
    /// Opens the store. A damaged one is first tried without its snapshot, then quarantined and replaced with a new one.
    pub fn open(place: &StorePlace, now: i64) -> Result<(Self, Opened), StoreFailure> {
        let lock = StoreLock::acquire(place).map_err(|error| refuse_file(&error))?;
        place.restore().map_err(|error| refuse_file(&error))?;
        let has_no_leftovers = place.remove_leftovers().is_ok();
        quarantine::expire(place, now);
        let is_new = !place.directory.join("db").exists();
        let (database, opened) = open_or_replace(place, now)?;
        if is_new || opened.quarantined.is_some() {
            // Without the marker, a rewrite is made that is not needed.
            let _ = clean::mark(&place.directory);
        }
        let store = Self {
            place: place.clone(),
            database: Some(database),
            is_marked: clean::is_marked(&place.directory),
            is_tidy: has_no_leftovers && quarantine::is_clean(place),
            has_failed: false,
            _lock: lock,
        };
        Ok((store, opened))
    }

    /// Keeps changes, all or none, so that they survive a power cut.
    pub fn keep(&mut self, changes: &Changes) -> Result<(), StoreFailure> {
        let Some(database) = &mut self.database else {
            return Err(StoreFailure::Unusable("the store is closed".to_owned()));
        };
        if self.is_marked && payload::is_removed_by(changes, database).map_err(|error| refuse(&error))? {
            clean::unmark(&self.place.directory).map_err(|error| refuse_file(&error))?;
            self.is_marked = false;
        }
        database.keep(changes).inspect_err(|_| {
            self.has_failed = true;
            // What was written of the batch stays in the files.
            let _ = clean::unmark(&self.place.directory);
        })
    }

    /// Closes the store. A failure leaves it as it is, and what it could not erase is erased when the store is closed
    /// the next time.
    pub fn close(mut self) -> Result<(), StoreFailure> {
        self.finish(&mut |_| Ok(()))
    }

    fn finish(&mut self, watch: Watch<'_>) -> Result<(), StoreFailure> {
        let is_due = !self.is_marked || !self.is_tidy;
        match self.database.take() {
            Some(database) if is_due && !self.has_failed => rewrite::run(&self.place, database, watch),
            _ => Ok(()),
        }
    }
}

impl Drop for ProfileStore {
    fn drop(&mut self) {
        // After a panic the database may be in any state.
        if std::thread::panicking() {
            return;
        }
        if let Err(failure) = self.finish(&mut |_| Ok(())) {
            tracing::warn!(%failure, "{}", super::NOT_ERASED);
        }
    }
}

fn open_or_replace(place: &StorePlace, now: i64) -> Result<(Database, Opened), StoreFailure> {
    let create = || create_private_dir(&place.directory).map_err(|error| refuse_file(&error));
    let found = |(database, stored): (Database, Stored)| (database, Opened { stored, quarantined: None });
    create()?;
    let first = match Database::open(&place.directory) {
        Ok(opened) => return Ok(found(opened)),
        Err(OpenError::Refused(failure)) => return Err(failure),
        Err(OpenError::Damaged(reason)) => reason,
    };
    if remove_snapshots(&place.directory)
        && let Ok(opened) = Database::open(&place.directory)
    {
        return Ok(found(opened));
    }
    let quarantined = quarantine::put(place, now).map_err(|error| refuse_file(&error))?;
    create()?;
    match Database::open(&place.directory) {
        Ok((database, stored)) => Ok((database, Opened { stored, quarantined: Some(quarantined) })),
        Err(OpenError::Refused(failure)) => Err(failure),
        Err(OpenError::Damaged(again)) => Err(unusable(&place.directory, format!("{first}; new store: {again}"))),
    }
}

#[cfg(test)]
mod tests;
