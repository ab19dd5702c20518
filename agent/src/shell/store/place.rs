//! Where the store is on the disk: its names, and the right to use them.
//!
//! A rewrite replaces the whole directory of the store, so a lock on a file in that directory would not keep a second
//! process away: it could open the directory that is about to be replaced. The lock is a file next to it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::shell::files::{self, FileError};
use crate::shell::paths::Paths;

/// How often the lock is tried: a worker whose service was killed may still be rewriting the store.
const LOCK_ATTEMPTS: u32 = if cfg!(test) { 200 } else { 2000 };
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Where the store is.
#[derive(Debug, Clone)]
pub struct StorePlace {
    /// The store's directory.
    pub directory: PathBuf,
    /// Where damaged stores go.
    pub quarantine: PathBuf,
}

impl StorePlace {
    /// The store's place in the state directory.
    pub fn of(paths: &Paths) -> Self {
        Self { directory: paths.store(), quarantine: paths.quarantine() }
    }

    /// Removes the store, damaged stores and what an interrupted rewrite left. Fails while a process has the store open.
    pub fn remove(&self) -> Result<(), FileError> {
        // Without the lock file no process has opened the store, and a full disk has no room for a new one.
        let lock = if exists(&self.lock())? { Some(StoreLock::acquire(self)?) } else { None };
        // The replaced store first: without a store in place, it would be put back.
        for directory in [&self.replaced(), &self.copy(), &self.directory, &self.quarantine] {
            files::remove_dir(directory)?;
        }
        lock.map_or(Ok(()), StoreLock::remove)
    }

    /// Puts the store back that an interrupted rewrite has moved away.
    pub(super) fn restore(&self) -> Result<(), FileError> {
        let replaced = self.replaced();
        if exists(&self.directory)? || !exists(&replaced)? {
            return Ok(());
        }
        files::rename(&replaced, &self.directory)?;
        self.sync()
    }

    /// Removes what a rewrite leaves: a copy that is not in use, or the store that was replaced.
    pub(super) fn remove_leftovers(&self) -> Result<(), FileError> {
        let leftovers = [self.copy(), self.replaced()];
        for leftover in &leftovers {
            if exists(leftover)? {
                // After a power cut the name of the store must not stand for what is removed here.
                self.sync()?;
                files::remove_dir(leftover)?;
                self.sync()?;
            }
        }
        Ok(())
    }

    /// The copy that a rewrite makes; once it is in place, the store that it has replaced.
    pub(super) fn copy(&self) -> PathBuf {
        self.sibling(".new")
    }

    /// The store that is being replaced, where the file system cannot exchange two names.
    pub(super) fn replaced(&self) -> PathBuf {
        self.sibling(".old")
    }

    /// Makes the store's names durable.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        files::sync_dir(self.parent())
    }

    fn lock(&self) -> PathBuf {
        self.sibling(".lock")
    }

    fn parent(&self) -> &Path {
        self.directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn sibling(&self, suffix: &str) -> PathBuf {
        let mut path = OsString::from(&self.directory);
        path.push(suffix);
        path.into()
    }
}

/// The right to use the store and its names; returned when dropped or when the process ends.
#[derive(Debug)]
pub(super) struct StoreLock {
    path: PathBuf,
    file: File,
}

impl StoreLock {
    /// Waits for the right to use the store, for some seconds; creates the directory around it.
    pub(super) fn acquire(place: &StorePlace) -> Result<Self, FileError> {
        files::create_private_dir(place.parent())?;
        let path = place.lock();
        for attempt in 0..LOCK_ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(LOCK_PAUSE);
            }
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            let lock = Self { file: file.map_err(FileError::of("open", &path))?, path: path.clone() };
            match flock(&lock.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if lock.is_in_place() => return Ok(lock),
                Ok(()) | Err(Errno::WOULDBLOCK) => {}
                Err(error) => return Err(FileError::of("lock", &path)(error.into())),
            }
        }
        let in_use = io::Error::new(io::ErrorKind::WouldBlock, "another process uses the profile store");
        Err(FileError::of("lock", &path)(in_use))
    }

    /// Whether the file is still the one of that name: the former holder may have removed it.
    fn is_in_place(&self) -> bool {
        let identity = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
        let (own, named) = (self.file.metadata().map(identity), std::fs::metadata(&self.path).map(identity));
        matches!((own, named), (Ok(own), Ok(named)) if own == named)
    }

    fn remove(self) -> Result<(), FileError> {
        files::remove_file(&self.path)
    }
}

fn exists(path: &Path) -> Result<bool, FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::of("inspect", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{keep, open, place, put};
    use super::*;

    #[test]
    fn a_removal_leaves_no_name_of_the_store_and_no_store_that_could_come_back() {
        let (folder, place) = place();
        keep(&place, &put("tunnel", "passphrase"));
        for directory in [place.copy(), place.replaced(), place.quarantine.join("store-000000000000-0")] {
            files::create_private_dir(&directory).unwrap();
        }
        place.remove().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        place.remove().unwrap();
        assert!(open(&place).1.profiles.is_empty());
    }

    #[test]
    fn a_store_that_is_open_is_not_removed() {
        let (_folder, place) = place();
        let _store = open(&place);
        assert!(place.remove().is_err());
        assert!(place.directory.join("db").exists());
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_taken_again() {
        let (_folder, place) = place();
        let lock = StoreLock::acquire(&place).unwrap();
        let waiting = {
            let place = place.clone();
            std::thread::spawn(move || StoreLock::acquire(&place).unwrap())
        };
        std::thread::sleep(LOCK_PAUSE * 4);
        lock.remove().unwrap();
        let taken = waiting.join().unwrap();
        assert!(taken.is_in_place());
        assert!(StoreLock::acquire(&place).is_err());
    }
}
