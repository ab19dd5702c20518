//! The tenant's records in sled: opened once, read once, and written record by record.
//!
//! sled's flush is no barrier on Linux, so every commit is followed by fdatasync on the database file, and the first
//! open by fsync on everything that was created (DEPS section 4).

pub(crate) mod files;

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use sled::Transactional as _;
use sled::transaction::TransactionError;

use crate::tenant::{Change, RecordKey, RecordKind};

const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
const CACHE_BYTES: u64 = 16 << 20;

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled failed.
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
    /// A file of it could not be made durable.
    #[error("the store could not be made durable: {0}")]
    Sync(#[from] io::Error),
    /// Another process has it open.
    #[error("another server is running on the store in {0}")]
    InUse(PathBuf),
    /// It is damaged.
    #[error(
        "the store in {0} is damaged and cannot be read; put a copy of the directory back, or move it away to begin \
         with an empty tenant, in which every device must enrol anew"
    )]
    Damaged(PathBuf),
    /// A record's key is no text.
    #[error("the store has a record whose key is no text")]
    Key,
}

/// sled's threads may hold its lock for a moment after a database was closed in the same process.
fn open_when_free(config: &sled::Config) -> sled::Result<sled::Db> {
    for _ in 0..LOCK_ATTEMPTS {
        match config.open() {
            Err(error) if is_locked(&error) => std::thread::sleep(LOCK_PAUSE),
            opened => return opened,
        }
    }
    config.open()
}

/// sled reports only inside an error text of its own that another process holds the lock.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// An open store.
pub struct Store {
    directory: PathBuf,
    database: sled::Db,
    trees: Vec<(RecordKind, sled::Tree)>,
    /// The database file, for fdatasync; `None` where nothing need last.
    file: Option<File>,
}

impl Store {
    /// Opens the store in a directory; an ephemeral one is gone when it is closed.
    pub fn open(directory: &Path, ephemeral: bool) -> Result<Self, StoreError> {
        let config =
            sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).flush_every_ms(None).temporary(ephemeral);
        let opened = unless_damaged(directory, || {
            let database = open_when_free(&config)?;
            let trees = RecordKind::ALL.iter().map(|kind| Ok((*kind, database.open_tree(kind.as_str())?)));
            let trees = trees.collect::<Result<_, sled::Error>>()?;
            Ok((database, trees))
        });
        let (database, trees) = match opened {
            Err(StoreError::Sled(error)) if is_locked(&error) => {
                return Err(StoreError::InUse(directory.to_owned()));
            }
            opened => opened?,
        };
        let file = if ephemeral { None } else { Some(settle(directory, &database)?) };
        Ok(Self { directory: directory.to_owned(), database, trees, file })
    }

    /// All records.
    pub fn records(&self) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        unless_damaged(&self.directory, || {
            let mut records = Vec::new();
            for (kind, tree) in &self.trees {
                for entry in tree {
                    let (key, value) = entry?;
                    let key = String::from_utf8(key.to_vec()).map_err(|_| StoreError::Key)?;
                    records.push((RecordKey { kind: *kind, key }, value.to_vec()));
                }
            }
            Ok(records)
        })
    }

    /// What the store holds of the records that changes are about.
    pub fn present(&self, changes: &[Change]) -> Result<Vec<Change>, StoreError> {
        let present = changes.iter().map(|Change { key, .. }| {
            let tree = self.trees.iter().find(|(kind, _)| *kind == key.kind).map(|(_, tree)| tree);
            let value = tree.map(|tree| tree.get(&key.key)).transpose()?.flatten();
            Ok(Change { key: key.clone(), value: value.map(|value| value.to_vec()) })
        });
        present.collect()
    }

    /// Writes changes, all or none; when it returns, they outlast a power cut.
    pub fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let trees: Vec<&sled::Tree> = self.trees.iter().map(|(_, tree)| tree).collect();
        let written = trees.as_slice().transaction(|views| {
            for Change { key, value } in changes {
                let view = self.trees.iter().position(|(kind, _)| *kind == key.kind).and_then(|index| views.get(index));
                match (view, value) {
                    (Some(view), Some(value)) => drop(view.insert(key.key.as_bytes(), value.as_slice())?),
                    (Some(view), None) => drop(view.remove(key.key.as_bytes())?),
                    (None, _) => {}
                }
            }
            Ok(())
        });
        written.map_err(|error: TransactionError<Infallible>| match error {
            TransactionError::Abort(never) => match never {},
            TransactionError::Storage(error) => error,
        })?;
        if let Some(file) = &self.file {
            self.database.flush()?;
            file.sync_data()?;
        }
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sled's own would print every record, and there are secrets in them.
        formatter.debug_struct("Store").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// Reads the store; a damaged one can panic instead of returning an error.
fn unless_damaged<T>(directory: &Path, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Err(_) | Ok(Err(StoreError::Sled(sled::Error::Corruption { .. }))) => {
            Err(StoreError::Damaged(directory.to_owned()))
        }
        Ok(outcome) => outcome,
    }
}

/// Makes what the first open created durable; returns the database file.
fn settle(directory: &Path, database: &sled::Db) -> Result<File, StoreError> {
    database.flush()?;
    File::open(directory.join("conf"))?.sync_all()?;
    let file = File::open(directory.join("db"))?;
    file.sync_all()?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

#[cfg(test)]
impl Store {
    /// From now on nothing can be made durable, as on a disk that fails: the device that stands in cannot be synced.
    pub(crate) fn fail_from_now_on(&mut self) {
        self.file = Some(File::open("/dev/null").unwrap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_with_the_place_and_what_to_do_even_when_sled_panics() {
        let panics = || -> Result<(), StoreError> { panic!("as sled does") };
        let reports = || -> Result<(), StoreError> { Err(sled::Error::Corruption { at: None, bt: () }.into()) };
        let place = Path::new("/state/store");
        for error in [unless_damaged(place, panics).unwrap_err(), unless_damaged(place, reports).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("/state/store") && text.contains("move it away"), "{text}");
        }
    }

    #[test]
    fn a_second_server_on_the_same_store_is_told_so() {
        let directory = tempfile::tempdir().unwrap();
        let _first = Store::open(directory.path(), false).unwrap();
        assert!(matches!(Store::open(directory.path(), false), Err(StoreError::InUse(_))));
    }

    #[test]
    fn what_was_committed_is_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let key = |key: &str| RecordKey { kind: RecordKind::User, key: key.to_owned() };
        let put = |name: &str| Change { key: key(name), value: Some(name.as_bytes().to_vec()) };
        {
            let store = Store::open(directory.path(), false).unwrap();
            store.commit(&[put("alice"), put("bob")]).unwrap();
            store.commit(&[Change { key: key("alice"), value: None }]).unwrap();
        }
        let store = Store::open(directory.path(), false).unwrap();
        assert_eq!(store.records().unwrap(), [(key("bob"), b"bob".to_vec())]);
    }
}
