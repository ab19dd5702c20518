//! Files that are either as they were or as they should be: fsync, then an atomic rename, with the mode set at
//! creation.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

/// A file or directory that could not be used, by name.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried.
    pub action: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl FileError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Names the file in an I/O error.
    pub fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Creates a directory that only its owner may enter, with those above it.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::of("create", path))
}

/// Writes a file that is new, with this mode, and makes sure that it is on the disk.
pub fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(FileError::of("create", path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(FileError::of("write", path))
}

/// Makes sure that the names in a directory are on the disk.
pub fn sync_dir(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(FileError::of("sync", path))
}

/// Reads a file of at most `limit` bytes; `None` if it is not there.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    use std::io::Read as _;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::of("open", path)(error)),
    };
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content).map_err(FileError::of("read", path))?;
    if content.len() as u64 > limit {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"));
        return Err(FileError::of("read", path)(error));
    }
    Ok(Some(content))
}

/// Replaces a file, or creates it: whoever reads it meets the old content or the new one, whole.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    let mut building = path.as_os_str().to_owned();
    building.push(".new");
    let building = PathBuf::from(building);
    // Left behind by a process that ended in the middle.
    remove_file(&building)?;
    write_new(&building, content, mode).and_then(|()| rename(&building, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&building);
    })?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Renames a file or a directory; the caller makes it last with [`sync_dir`].
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).map_err(FileError::of("put in place", to))
}

/// Gives each of two names to what the other one stands for, in one step. Not every file system can, see
/// [`exchange_is_unknown`].
pub fn exchange(one: &Path, other: &Path) -> Result<(), FileError> {
    rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .map_err(|error| FileError::of("exchange", other)(error.into()))
}

/// Whether an exchange failed because the file system or the kernel has none.
pub fn exchange_is_unknown(error: &FileError) -> bool {
    let unknown = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    error.action == "exchange" && unknown.iter().any(|errno| error.source.raw_os_error() == Some(errno.raw_os_error()))
}

/// Removes a file; it is fine if it is not there.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::of("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a directory and all in it; it is fine if it is not there.
pub fn remove_dir(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::of("remove", path)(error)),
        _ => Ok(()),
    }
}
