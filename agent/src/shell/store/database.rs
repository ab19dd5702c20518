//! sled, with what it lacks: real durability, checks of every record, and a way out of a damaged file.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::blobs::Blobs;
use super::mark::Mark;
use super::record;
use super::{Opened, StorePlace, unusable};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::{Changes, Profile, Stored};
use crate::engine::tree::Node;
use crate::shell::files::{create_private_dir, sync_dir};

const PROFILE: &str = "profile/";
const SETTING: &str = "setting/";
const PROGRESS: &str = "progress";
const TOMBSTONES: &str = "tombstones";
/// How many profiles and settings there should be: sled can lose records without a word.
const COUNT: &str = "count";
const CACHE_BYTES: u64 = 4 << 20;
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
/// Damaged stores that are kept for inspection.
const QUARANTINE_KEPT: usize = 3;

/// The profile store, open.
#[derive(Debug)]
pub struct ProfileStore {
    database: sled::Db,
    /// Our own descriptor of sled's file, to make sure that what is flushed is on the disk.
    file: File,
    blobs: Blobs,
    mark: Mark,
    sequence: u64,
    count: u64,
}

/// Why a store could not be read.
enum OpenError {
    /// Nothing is wrong with the store; it cannot be opened now.
    Refused(StoreFailure),
    /// The store is damaged.
    Damaged(String),
}

impl ProfileStore {
    /// Opens the store. A damaged one is first tried without its snapshot, then put aside and begun anew.
    pub fn open(place: &StorePlace, now: i64) -> Result<(Self, Opened), StoreFailure> {
        create_private_dir(&place.directory).map_err(|error| refuse_file(&error))?;
        let first = match Self::open_and_read(&place.directory) {
            Ok((store, stored)) => return Ok((store, Opened { stored, quarantined: None })),
            Err(OpenError::Refused(failure)) => return Err(failure),
            Err(OpenError::Damaged(reason)) => reason,
        };
        if remove_snapshots(&place.directory)
            && let Ok((store, stored)) = Self::open_and_read(&place.directory)
        {
            return Ok((store, Opened { stored, quarantined: None }));
        }
        let quarantined = quarantine(place, now)?;
        create_private_dir(&place.directory).map_err(|error| refuse_file(&error))?;
        match Self::open_and_read(&place.directory) {
            Ok((store, stored)) => Ok((store, Opened { stored, quarantined: Some(quarantined) })),
            Err(OpenError::Refused(failure)) => Err(failure),
            Err(OpenError::Damaged(again)) => Err(unusable(&place.directory, format!("{first}; begun anew: {again}"))),
        }
    }

    /// Keeps changes, all or none, so that they survive a power cut.
    pub fn keep(&mut self, changes: &Changes) -> Result<(), StoreFailure> {
        let (batch, count) = self.batch(changes).map_err(|error| refuse(&error))?;
        let sequence = self.sequence + 1;
        self.database.apply_batch(batch).map_err(|error| refuse(&error))?;
        self.database.flush().map_err(|error| refuse(&error))?;
        self.blobs.sync().map_err(|error| refuse_file(&error))?;
        // sled's flush is sync_file_range on Linux, which is no barrier.
        self.file.sync_data().map_err(|error| refuse(&sled::Error::Io(error)))?;
        self.sequence = sequence;
        self.count = count;
        self.mark.set(sequence);
        Ok(())
    }

    fn batch(&self, changes: &Changes) -> sled::Result<(sled::Batch, u64)> {
        let sequence = self.sequence + 1;
        let mut batch = sled::Batch::default();
        let mut count = self.count;
        let mut put = |key: String, record: Option<Vec<u8>>| -> sled::Result<()> {
            let existed = self.database.contains_key(&key)?;
            count = count + u64::from(record.is_some() && !existed) - u64::from(record.is_none() && existed);
            match record {
                Some(record) => batch.insert(key.as_bytes(), record),
                None => batch.remove(key.as_bytes()),
            }
            Ok(())
        };
        for (address, profile) in &changes.profiles {
            let key = format!("{PROFILE}{address}");
            let record = profile.as_ref().map(|profile| record::seal(&key, sequence, profile));
            put(key, record)?;
        }
        for (address, node) in &changes.settings {
            let key = format!("{SETTING}{address}");
            let record = node.as_ref().map(|node| record::seal(&key, sequence, node));
            put(key, record)?;
        }
        if let Some(tombstones) = &changes.tombstones {
            batch.insert(TOMBSTONES, record::seal(TOMBSTONES, sequence, tombstones));
        }
        if let Some(progress) = &changes.progress {
            batch.insert(PROGRESS, record::seal(PROGRESS, sequence, progress));
        }
        batch.insert(COUNT, record::seal(COUNT, sequence, &count));
        Ok((batch, count))
    }

    fn open_and_read(directory: &Path) -> Result<(Self, Stored), OpenError> {
        // A damaged sled file can panic on opening and on reading.
        let outcome = catch_unwind(AssertUnwindSafe(|| Self::open_unguarded(directory)));
        outcome.unwrap_or_else(|_| Err(OpenError::Damaged("reading it panicked".to_owned())))
    }

    fn open_unguarded(directory: &Path) -> Result<(Self, Stored), OpenError> {
        let database = open_when_free(directory).map_err(|error| classify(&error))?;
        let refused = |error: std::io::Error| OpenError::Refused(refuse(&sled::Error::Io(error)));
        let file = File::open(directory.join("db")).map_err(refused)?;
        if !database.was_recovered() {
            // sled never syncs its configuration; without it the file cannot be read back.
            File::open(directory.join("conf")).and_then(|conf| conf.sync_all()).map_err(refused)?;
            file.sync_all().map_err(refused)?;
            sync_dir(directory).map_err(|error| OpenError::Refused(refuse_file(&error)))?;
        }
        let is_new = !database.was_recovered();
        let mark = Mark::open(directory).map_err(|error| OpenError::Refused(refuse_file(&error)))?;
        let mut store = Self { database, file, blobs: Blobs::of(directory), mark, sequence: 0, count: 0 };
        let stored = store.read()?;
        if is_new {
            // From here on there is a count, and its absence a sign of damage.
            store.keep(&Changes::default()).map_err(OpenError::Refused)?;
        }
        Ok((store, stored))
    }

    fn read(&mut self) -> Result<Stored, OpenError> {
        let damaged = |error: record::Damaged| OpenError::Damaged(error.to_string());
        let mut stored = Stored { settings: BTreeMap::new(), ..Stored::default() };
        let mut expected: Option<u64> = None;
        let mut found = 0;
        for entry in self.database.iter() {
            let (key, value) = entry.map_err(|error| classify(&error))?;
            let key = String::from_utf8_lossy(&key).into_owned();
            let sequence = if key.starts_with(PROFILE) {
                let (sequence, profile) = record::open::<Profile>(&key, &value).map_err(damaged)?;
                stored.profiles.push(profile);
                found += 1;
                sequence
            } else if let Some(address) = key.strip_prefix(SETTING) {
                let (sequence, node) = record::open::<Node>(&key, &value).map_err(damaged)?;
                stored.settings.insert(address.to_owned(), node);
                found += 1;
                sequence
            } else if key == TOMBSTONES {
                let (sequence, tombstones) = record::open(&key, &value).map_err(damaged)?;
                stored.tombstones = tombstones;
                sequence
            } else if key == PROGRESS {
                let (sequence, progress) = record::open(&key, &value).map_err(damaged)?;
                stored.progress = Some(progress);
                sequence
            } else if key == COUNT {
                let (sequence, count) = record::open(&key, &value).map_err(damaged)?;
                expected = Some(count);
                sequence
            } else {
                return Err(OpenError::Damaged(format!("it has the unknown record {key:?}")));
            };
            self.sequence = self.sequence.max(sequence);
        }
        match expected {
            _ if self.mark.get() > self.sequence => {
                Err(OpenError::Damaged("the records that were written last are missing".to_owned()))
            }
            Some(expected) if expected != found => {
                Err(OpenError::Damaged(format!("it has {found} records and should have {expected}")))
            }
            // sled opens a file of garbage as an empty database.
            None if self.database.was_recovered() || found > 0 => {
                Err(OpenError::Damaged("it does not say how many records it should have".to_owned()))
            }
            _ => {
                self.count = found;
                Ok(stored)
            }
        }
    }
}

/// sled's threads may hold its lock for a moment after a database was closed in the same process.
fn open_when_free(directory: &Path) -> sled::Result<sled::Db> {
    let config = sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    for _ in 0..LOCK_ATTEMPTS {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
    config.open()
}

fn classify(error: &sled::Error) -> OpenError {
    match error {
        sled::Error::Io(_) => OpenError::Refused(refuse(error)),
        _ => OpenError::Damaged(error.to_string()),
    }
}

fn refuse(error: &sled::Error) -> StoreFailure {
    match error {
        sled::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            StoreFailure::Full(error.to_string())
        }
        error => StoreFailure::Unusable(error.to_string()),
    }
}

fn refuse_file(error: &crate::shell::files::FileError) -> StoreFailure {
    if error.source.kind() == std::io::ErrorKind::StorageFull {
        StoreFailure::Full(error.to_string())
    } else {
        StoreFailure::Unusable(error.to_string())
    }
}

/// Removes sled's snapshots, which it can do without; `true` if there were any.
fn remove_snapshots(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let snapshots = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("snap."));
    snapshots.filter(|snapshot| std::fs::remove_file(snapshot.path()).is_ok()).count() > 0
}

/// Puts a damaged store aside, and removes the oldest of those put aside before.
fn quarantine(place: &StorePlace, now: i64) -> Result<std::path::PathBuf, StoreFailure> {
    create_private_dir(&place.quarantine).map_err(|error| refuse_file(&error))?;
    let mut before: Vec<_> =
        std::fs::read_dir(&place.quarantine).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    before.sort();
    let surplus = (before.len() + 1).saturating_sub(QUARANTINE_KEPT);
    before.iter().take(surplus).for_each(|path| drop(std::fs::remove_dir_all(path)));
    let name = |attempt: u32| place.quarantine.join(format!("store-{now:012}-{attempt}"));
    let target = (0..).map(name).find(|path| !path.exists()).expect("there are more numbers than stores");
    std::fs::rename(&place.directory, &target).map_err(|error| unusable(&place.directory, error))?;
    Ok(target)
}

#[cfg(test)]
mod tests;
