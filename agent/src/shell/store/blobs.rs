//! The files in which sled keeps what is too large for its log, such as a certificate bundle of 128 KiB. sled never
//! syncs them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::shell::files::{FileError, sync_dir};

/// The directory with these files.
#[derive(Debug)]
pub(super) struct Blobs {
    directory: PathBuf,
    /// The files that are durable. sled never writes to one a second time.
    durable: BTreeSet<OsString>,
}

impl Blobs {
    /// The files of the database in a directory.
    pub(super) fn of(directory: &Path) -> Self {
        Self { directory: directory.join("blobs"), durable: BTreeSet::new() }
    }

    /// Makes the files durable that were written since the last time.
    pub(super) fn sync(&mut self) -> Result<(), FileError> {
        let unreadable = || FileError::of("read", &self.directory);
        let mut written = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(unreadable())? {
            let name = entry.map_err(unreadable())?.file_name();
            if !self.durable.contains(&name) {
                written.push(name);
            }
        }
        if written.is_empty() {
            return Ok(());
        }
        for name in &written {
            let path = self.directory.join(name);
            match File::open(&path).and_then(|file| file.sync_all()) {
                // Its record was replaced meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                synced => synced.map_err(FileError::of("sync", &path))?,
            }
        }
        sync_dir(&self.directory)?;
        self.durable.extend(written);
        Ok(())
    }
}
