//! The number of the last batch, beside the database: a database that was cut off at a whole batch looks sound, but
//! lacks what was acknowledged since.
//!
//! The mark is written after the batch is on the disk and is not synced itself: after a power cut it may be behind the
//! database, which is harmless, but never ahead of it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::shell::files::FileError;

#[derive(Debug)]
pub(super) struct Mark {
    file: File,
}

impl Mark {
    pub(super) fn open(directory: &Path) -> Result<Self, FileError> {
        let path = directory.join("mark");
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        Ok(Self { file: file.map_err(FileError::of("open", &path))? })
    }

    /// The number; 0 where there is none that can be believed.
    pub(super) fn get(&self) -> u64 {
        let mut content = [0; 12];
        if self.file.read_exact_at(&mut content, 0).is_err() {
            return 0;
        }
        let [number, checksum] = [&content[..8], &content[8..]];
        if crc32fast::hash(number).to_le_bytes() == *checksum {
            u64::from_le_bytes(number.try_into().expect("eight bytes"))
        } else {
            0
        }
    }

    pub(super) fn set(&self, number: u64) {
        let number = number.to_le_bytes();
        let mut content = [0; 12];
        content[..8].copy_from_slice(&number);
        content[8..].copy_from_slice(&crc32fast::hash(&number).to_le_bytes());
        // Without a mark the database is believed as it is; nothing that was kept is lost by that.
        let _ = self.file.write_all_at(&content, 0);
    }
}
