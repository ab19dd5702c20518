//! Changes below a root, in two steps: written beside its place, then put in its place.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::{Operation, Root, RootError, is_absent};
use crate::platform::desired::{Content, DesiredFile};
use crate::platform::path::MachinePath;

impl Root {
    /// The directories that have to be made for a file, the highest first.
    pub fn missing_directories(&self, path: &MachinePath) -> Vec<String> {
        let mut missing = Vec::new();
        let mut place = path.directory();
        while place != "/" && self.open_in(place, OFlags::PATH | OFlags::DIRECTORY).is_err() {
            missing.insert(0, place.to_owned());
            place = place.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty()).unwrap_or("/");
        }
        missing
    }

    /// Makes a directory; the one above it is there.
    pub fn make_directory(&self, path: &str) -> Result<(), RootError> {
        let wrong = |error: io::Error| RootError::of("make the directory", path)(error);
        self.permit(&Operation::MakeDirectory(path.to_owned())).map_err(wrong)?;
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let above = if above.is_empty() { "/" } else { above };
        let parent = self.open_in(above, OFlags::RDONLY | OFlags::DIRECTORY).map_err(wrong)?;
        match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(()),
            Err(error) => return Err(wrong(error.into())),
        }
        // The process has a strict umask, and what is made here is for others to read.
        let made = self.open_in(path, OFlags::RDONLY | OFlags::DIRECTORY).map_err(wrong)?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(0o755))
            .and_then(|()| rustix::fs::fsync(&parent))
            .map_err(|error| wrong(error.into()))
    }

    /// Writes a file beside its place, all of it and on the disk.
    pub fn stage(&self, path: &MachinePath, file: &DesiredFile) -> Result<(), RootError> {
        let wrong = |error: io::Error| RootError::of("write", path)(error);
        self.permit(&Operation::Stage(path.clone())).map_err(wrong)?;
        let directory = self.directory_of(path).map_err(wrong)?;
        let name = staged_name(path);
        remove_at(&directory, &name).map_err(wrong)?;
        match &file.content {
            Content::Link(target) => {
                rustix::fs::symlinkat(target, &directory, &name).map_err(|error| wrong(error.into()))
            }
            Content::Bytes(bytes) => {
                let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                let mode = Mode::from_raw_mode(file.mode);
                let finish = |made: &std::fs::File| {
                    // The service may not, and needs to only where the directory gives its own group to files.
                    let _ = give_to(made, user, group);
                    Ok(rustix::fs::fchmod(made, mode)?)
                };
                write_at(&directory, &name, bytes, finish).map_err(wrong)
            }
        }
    }

    /// Puts a staged file in its place: over `over` where the agent made what is there, else only where nothing is.
    pub fn put_in_place(&self, path: &MachinePath, over: bool) -> Result<(), RootError> {
        let wrong = |error: io::Error| RootError::of("put in place", path)(error);
        self.permit(&Operation::PutInPlace(path.clone())).map_err(wrong)?;
        let directory = self.directory_of(path).map_err(wrong)?;
        let staged = staged_name(path);
        let flags = if over { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let renamed = match rustix::fs::renameat_with(&directory, &staged, &directory, path.name(), flags) {
            // A file system without that flag; nothing was there a moment ago.
            Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(&directory, &staged, &directory, path.name()),
            other => other,
        };
        renamed.and_then(|()| rustix::fs::fsync(&directory)).map_err(|error| wrong(error.into()))
    }

    /// Lets everybody look into a directory that the agent made.
    pub fn open_to_all(&self, directory: &str) {
        if let Ok(handle) = self.open_in(directory, OFlags::RDONLY | OFlags::DIRECTORY)
            && let Ok(facts) = rustix::fs::fstat(&handle)
            && facts.st_mode & 0o777 == 0o700
        {
            let _ = rustix::fs::fchmod(&handle, Mode::from_raw_mode(0o755));
        }
    }

    /// Lets everybody read a file of root's that a program of the machine has made; says whether that was needed.
    pub fn open_for_reading(&self, path: &str) -> bool {
        let open = || -> io::Result<bool> {
            let handle = self.open_in(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
            let facts = rustix::fs::fstat(&handle)?;
            let is_file = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
            if !is_file || facts.st_uid != rustix::process::geteuid().as_raw() || facts.st_mode & 0o044 == 0o044 {
                return Ok(false);
            }
            rustix::fs::fchmod(&handle, Mode::from_raw_mode(facts.st_mode & 0o7777 | 0o044))?;
            Ok(true)
        };
        open().unwrap_or(false)
    }

    /// Removes what was staged, if anything was.
    pub fn unstage(&self, path: &MachinePath) -> Result<(), RootError> {
        self.permit(&Operation::Remove(path.clone())).map_err(RootError::of("remove", path))?;
        match self.directory_of(path) {
            Ok(directory) => remove_at(&directory, &staged_name(path)).map_err(RootError::of("remove", path)),
            Err(_) => Ok(()),
        }
    }

    /// Removes a file; it is fine if it is not there.
    pub fn remove(&self, path: &MachinePath) -> Result<(), RootError> {
        let wrong = |error: io::Error| RootError::of("remove", path)(error);
        self.permit(&Operation::Remove(path.clone())).map_err(wrong)?;
        let directory = match self.directory_of(path) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(wrong(error)),
        };
        remove_at(&directory, path.name()).map_err(wrong)?;
        rustix::fs::fsync(&directory).map_err(|error| wrong(error.into()))
    }

    /// Removes a directory that the agent made, unless something else is in it by now; says whether it is gone.
    pub fn remove_directory(&self, path: &str) -> Result<bool, RootError> {
        let wrong = |error: io::Error| RootError::of("remove the directory", path)(error);
        self.permit(&Operation::RemoveDirectory(path.to_owned())).map_err(wrong)?;
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Ok(parent) = self.open_in(if above.is_empty() { "/" } else { above }, OFlags::RDONLY | OFlags::DIRECTORY)
        else {
            return Ok(true);
        };
        match rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(wrong(error.into())),
        }
    }
}

/// Beside the file, hidden: consumers that read a whole directory leave hidden files alone.
pub(super) fn staged_name(path: &MachinePath) -> String {
    let keep: String = path.name().chars().take(200).collect();
    format!(".{keep}.mdm-agent-new")
}

pub(super) fn remove_at(directory: &OwnedFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes a new file for whom this process runs as, whatever the directory gives to its files. `finish` sets what else
/// it has; a file that is not whole does not stay.
pub(super) fn write_at(
    directory: &OwnedFd,
    name: &str,
    bytes: &[u8],
    finish: impl FnOnce(&std::fs::File) -> io::Result<()>,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let created = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600))?;
    let mut file = std::fs::File::from(created);
    let written = file.write_all(bytes).and_then(|()| finish(&file)).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        let _ = remove_at(directory, name);
    })
}

/// Gives a new file to somebody; nothing is done where it is theirs already, so that it takes no right.
pub(super) fn give_to(file: &std::fs::File, user: u32, group: u32) -> io::Result<()> {
    let facts = rustix::fs::fstat(file)?;
    if (facts.st_uid, facts.st_gid) != (user, group) {
        rustix::fs::fchown(file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    Ok(())
}
