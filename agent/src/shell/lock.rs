//! One user of the state at a time.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::{FlockOperation, flock};

use super::files::{FileError, create_private_dir};
use super::format::{self, FormatError};
use super::paths::Paths;

/// The state is in use, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process uses it.
    #[error("{} is in use by {holder}", path.display())]
    Held {
        /// The state directory.
        path: std::path::PathBuf,
        /// Who uses it.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The state is in a form that this program does not know.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// The right to use the state; given back when dropped or when the process ends.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the state, creating it where it is not there; `purpose` is told to whoever comes second.
    pub fn acquire(paths: &Paths, purpose: &str) -> Result<Self, LockError> {
        create_private_dir(&paths.state)?;
        let path = paths.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(FileError::of("open", &path))?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(FileError::of("lock", &path)(error.into()).into());
            }
            let mut holder = String::new();
            let _ = (&mut file).take(200).read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
            return Err(LockError::Held { path: paths.state.clone(), holder });
        }
        let note = format!("process {} ({purpose})\n", std::process::id());
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        // The note is a courtesy; a full disk must not keep the agent from running.
        drop(written);
        format::take_up(paths)?;
        Ok(Self { _file: file })
    }
}
