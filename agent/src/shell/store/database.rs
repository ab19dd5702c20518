//! sled, with what it lacks: real durability, and checks of every record.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::de::DeserializeOwned;

use super::blobs::Blobs;
use super::failure::{OpenError, refuse, refuse_file, refuse_io};
use super::mark::Mark;
use super::record::{self, Damaged};
use crate::engine::Progress;
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
const LOCK_ATTEMPTS: u32 = 200;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// A record as it is in the database: its key, and its content in the envelope.
pub(super) type RawRecord = (sled::IVec, sled::IVec);

/// The database of the store, open.
#[derive(Debug)]
pub(super) struct Database {
    sled: sled::Db,
    /// Our own descriptor of sled's file, to make sure that what is flushed is on the disk.
    file: File,
    blobs: Blobs,
    mark: Mark,
    sequence: u64,
    count: u64,
}

impl Database {
    /// Opens the database in a directory, creates it where there is none, and reads all of it.
    pub(super) fn open(directory: &Path) -> Result<(Self, Stored), OpenError> {
        // A damaged sled file can panic on opening and on reading.
        let outcome = catch_unwind(AssertUnwindSafe(|| Self::open_unguarded(directory)));
        outcome.unwrap_or_else(|_| Err(OpenError::Damaged("reading it panicked".to_owned())))
    }

    fn open_unguarded(directory: &Path) -> Result<(Self, Stored), OpenError> {
        let mut database = Self::open_files(directory)?;
        let stored = database.read()?;
        if !database.sled.was_recovered() {
            // From here on there is a count, and its absence a sign of damage.
            database.keep(&Changes::default()).map_err(OpenError::Refused)?;
        }
        Ok((database, stored))
    }

    fn open_files(directory: &Path) -> Result<Self, OpenError> {
        let sled = open_when_free(directory)?;
        let refused = |error: std::io::Error| OpenError::Refused(refuse_io(&error));
        let file = File::open(directory.join("db")).map_err(refused)?;
        if !sled.was_recovered() {
            // sled never syncs its configuration; without it the file cannot be read back.
            File::open(directory.join("conf")).and_then(|conf| conf.sync_all()).map_err(refused)?;
            file.sync_all().map_err(refused)?;
            sync_dir(directory)?;
        }
        Ok(Self { sled, file, blobs: Blobs::of(directory), mark: Mark::open(directory)?, sequence: 0, count: 0 })
    }

    /// Creates a database with the records of another one, whose last batch has this number. It is not durable yet.
    pub(super) fn create(directory: &Path, records: &[RawRecord], sequence: u64) -> Result<(), StoreFailure> {
        create_private_dir(directory).map_err(|error| refuse_file(&error))?;
        let database = Self::open_files(directory)?;
        for (key, record) in records {
            database.sled.insert(key, record).map_err(|error| refuse(&error))?;
        }
        database.sled.flush().map_err(|error| refuse(&error))?;
        database.mark.set(sequence);
        database.close()
    }

    /// Closes the database and waits until sled has closed its files. Until then its threads use them, by their names.
    pub(super) fn close(self) -> Result<(), StoreFailure> {
        let Self { sled, file, .. } = self;
        drop(sled);
        for _ in 0..LOCK_ATTEMPTS {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
                closed => return closed.map_err(|error| refuse_io(&error.into())),
            }
        }
        Err(StoreFailure::Unusable("the database cannot be closed".to_owned()))
    }

    /// The number of the last batch.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Every record, in the order of the keys.
    pub(super) fn records(&self) -> Result<Vec<RawRecord>, StoreFailure> {
        self.sled.iter().collect::<sled::Result<_>>().map_err(|error| refuse(&error))
    }

    /// The profile with this address, if there is one.
    pub(super) fn profile(&self, address: &str) -> sled::Result<Option<Result<Profile, Damaged>>> {
        self.record(&format!("{PROFILE}{address}"))
    }

    /// The setting with this address, if there is one.
    pub(super) fn setting(&self, address: &str) -> sled::Result<Option<Result<Node, Damaged>>> {
        self.record(&format!("{SETTING}{address}"))
    }

    /// The progress, if there is one.
    pub(super) fn progress(&self) -> sled::Result<Option<Result<Progress, Damaged>>> {
        self.record(PROGRESS)
    }

    fn record<T: DeserializeOwned>(&self, key: &str) -> sled::Result<Option<Result<T, Damaged>>> {
        let record = self.sled.get(key)?;
        Ok(record.map(|record| record::open(key, &record).map(|(_, value)| value)))
    }

    /// Keeps changes, all or none, so that they survive a power cut.
    pub(super) fn keep(&mut self, changes: &Changes) -> Result<(), StoreFailure> {
        let (batch, count) = self.batch(changes).map_err(|error| refuse(&error))?;
        let sequence = self.sequence + 1;
        self.sled.apply_batch(batch).map_err(|error| refuse(&error))?;
        self.sled.flush().map_err(|error| refuse(&error))?;
        self.blobs.sync().map_err(|error| refuse_file(&error))?;
        // sled's flush is sync_file_range on Linux, which is no barrier.
        self.file.sync_data().map_err(|error| refuse_io(&error))?;
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
            let existed = self.sled.contains_key(&key)?;
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

    fn read(&mut self) -> Result<Stored, OpenError> {
        let damaged = |error: record::Damaged| OpenError::Damaged(error.to_string());
        let mut stored = Stored { settings: BTreeMap::new(), ..Stored::default() };
        let mut expected: Option<u64> = None;
        let mut found = 0;
        for entry in self.sled.iter() {
            let (key, value) = entry?;
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
            None if self.sled.was_recovered() || found > 0 => {
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

/// Removes sled's snapshots, which it can do without; `true` if there were any.
pub(super) fn remove_snapshots(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let snapshots = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("snap."));
    snapshots.filter(|snapshot| std::fs::remove_file(snapshot.path()).is_ok()).count() > 0
}

#[cfg(test)]
mod tests;
