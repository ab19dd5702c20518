//! The tenant's records in sled: opened once, read once, and written record by record.
//!
//! sled's flush is no barrier on Linux, so every commit is followed by fdatasync on the database file, and the first
//! open by fsync on everything that was created (DEPS section 4).

pub(crate) mod files;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::tenant::{Change, RecordKey, RecordKind};

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
    /// It is damaged beyond opening.
    #[error("the store is damaged and cannot be opened; move its directory away to begin anew")]
    Damaged,
    /// A record's key is no text.
    #[error("the store has a record whose key is no text")]
    Key,
}

/// An open store.
#[derive(Debug)]
pub struct Store {
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
        // A damaged store can panic on opening instead of returning an error.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|_| StoreError::Damaged)?;
        let database = match opened {
            // sled says that another process holds the lock only inside an error text of its own.
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                return Err(StoreError::InUse(directory.to_owned()));
            }
            opened => opened?,
        };
        let trees = RecordKind::ALL.iter().map(|kind| Ok((*kind, database.open_tree(kind.as_str())?)));
        let trees = trees.collect::<Result<_, sled::Error>>()?;
        let file = if ephemeral { None } else { Some(settle(directory, &database)?) };
        Ok(Self { database, trees, file })
    }

    /// All records.
    pub fn records(&self) -> Result<Vec<(RecordKey, Vec<u8>)>, StoreError> {
        let mut records = Vec::new();
        for (kind, tree) in &self.trees {
            for entry in tree {
                let (key, value) = entry?;
                let key = String::from_utf8(key.to_vec()).map_err(|_| StoreError::Key)?;
                records.push((RecordKey { kind: *kind, key }, value.to_vec()));
            }
        }
        Ok(records)
    }

    /// Writes changes; when it returns, they outlast a power cut.
    pub fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        for (kind, tree) in &self.trees {
            let mut batch = sled::Batch::default();
            let mut any = false;
            for change in changes.iter().filter(|change| change.key.kind == *kind) {
                any = true;
                match &change.value {
                    Some(value) => batch.insert(change.key.key.as_bytes(), value.as_slice()),
                    None => batch.remove(change.key.key.as_bytes()),
                }
            }
            if any {
                tree.apply_batch(batch)?;
            }
        }
        if let Some(file) = &self.file {
            self.database.flush()?;
            file.sync_data()?;
        }
        Ok(())
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
mod tests {
    use super::*;

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
