//! Files below a directory that stands for the machine's root.
//!
//! Every path is resolved by the kernel as if that directory were `/` (`openat2` with `RESOLVE_IN_ROOT`), so neither a
//! symbolic link nor a name can lead outside of it. Changes are made in two steps, staging and putting in place, so
//! that a full disk is met while everything is still as it was.

mod change;
mod former;
mod found;

use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

pub use self::former::{Former, FormerLink, Properties};
pub use self::found::{Found, Stamp, digest, same_type};
use super::path::MachinePath;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How often a path is resolved that cannot be resolved because something else is renamed meanwhile.
const ATTEMPTS: u32 = 64;
/// The largest file that is read back, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A change of the machine, before it is made. Tests use it to let any of them fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A content that is about to be lost is copied into the quarantine.
    Quarantine(MachinePath),
    /// A directory is made.
    MakeDirectory(String),
    /// A file is written beside its place.
    Stage(MachinePath),
    /// A staged file is put in its place.
    PutInPlace(MachinePath),
    /// A file is removed.
    Remove(MachinePath),
    /// A directory is removed.
    RemoveDirectory(String),
    /// The ledger is written.
    WriteLedger,
    /// A consumer is told.
    Tell(super::consumer::Consumer),
}

/// What is asked before every change.
pub trait Interference: Send + Sync {
    /// Lets the change happen, or says why it fails.
    fn before(&self, operation: &Operation) -> io::Result<()>;
}

/// A change that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct RootError {
    /// What was tried.
    pub action: &'static str,
    /// Where, as the machine names it.
    pub path: String,
    /// Why not.
    pub source: io::Error,
}

impl RootError {
    fn of(action: &'static str, path: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_string();
        move |source| Self { action, path, source }
    }

    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether nothing can be written there at all.
    pub fn is_read_only(&self) -> bool {
        self.source.kind() == io::ErrorKind::ReadOnlyFilesystem
    }
}

/// A directory that stands for the machine's root.
pub struct Root {
    directory: PathBuf,
    handle: OwnedFd,
    interference: Option<Box<dyn Interference>>,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Root({})", self.directory.display())
    }
}

impl Root {
    /// Opens a root directory.
    pub fn open(directory: &Path) -> Result<Self, RootError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(directory, flags, Mode::empty())
            .map_err(|error| RootError::of("open", directory.display())(error.into()))?;
        Ok(Self { directory: directory.to_owned(), handle, interference: None })
    }

    /// The same root, with somebody who is asked before every change.
    #[must_use]
    pub fn with_interference(mut self, interference: Box<dyn Interference>) -> Self {
        self.interference = Some(interference);
        self
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether this is the machine itself.
    pub fn is_machine(&self) -> bool {
        self.directory == Path::new("/")
    }

    /// Asks whoever interferes.
    pub fn permit(&self, operation: &Operation) -> io::Result<()> {
        self.interference.as_ref().map_or(Ok(()), |interference| interference.before(operation))
    }

    fn open_in(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let below = path.trim_start_matches('/');
        let below = if below.is_empty() { "." } else { below };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = || rustix::fs::openat2(&self.handle, below, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        // The kernel gives up on a path with `..` in it while anything is renamed or mounted anywhere.
        let mut opened = open();
        for _ in 1..ATTEMPTS {
            if opened.as_ref().err() != Some(&Errno::AGAIN) {
                break;
            }
            opened = open();
        }
        Ok(opened?)
    }

    /// Opens a directory to read what is in it; links are followed, but never out of this root.
    pub fn open_directory(&self, path: &str) -> io::Result<OwnedFd> {
        self.open_in(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// The path of a directory as the machine names it, without any link in it; `None` if there is no such directory.
    pub fn real_path(&self, path: &str) -> Option<String> {
        let handle = self.open_in(path, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let own = |handle: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", handle.as_raw_fd())).ok();
        let real = own(&handle)?;
        let below = real.strip_prefix(own(&self.handle)?).ok()?;
        Some(format!("/{}", below.to_str()?))
    }

    fn directory_of(&self, path: &MachinePath) -> io::Result<OwnedFd> {
        self.open_in(path.directory(), OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Directories in which many names are looked for.
    pub fn places(&self, directories: &[&str]) -> Places {
        let open = |directory: &&str| self.open_in(directory, OFlags::PATH | OFlags::DIRECTORY).ok();
        Places(directories.iter().filter_map(open).collect())
    }

    /// Whether all of these files are as they were, by their looks alone: path, what was seen of it, permission bits.
    pub fn are_untouched<'a>(&self, files: impl IntoIterator<Item = (&'a MachinePath, Option<Stamp>, u32)>) -> bool {
        // In the order of paths, files of one directory follow each other.
        let mut open: Option<(&str, OwnedFd)> = None;
        files.into_iter().all(|(path, stamp, mode)| {
            if open.as_ref().is_none_or(|(directory, _)| *directory != path.directory()) {
                let Ok(handle) = self.open_in(path.directory(), OFlags::PATH | OFlags::DIRECTORY) else { return false };
                open = Some((path.directory(), handle));
            }
            let Some((_, directory)) = &open else { return false };
            let facts = rustix::fs::statat(directory, path.name(), AtFlags::SYMLINK_NOFOLLOW);
            facts.is_ok_and(|facts| stamp == Some(Stamp::of(&facts)) && facts.st_mode & 0o7777 == mode)
        })
    }

    /// Whether something is at a path that a program or a person may use; links are followed.
    pub fn has(&self, path: &str) -> bool {
        self.open_in(path, OFlags::PATH).is_ok()
    }

    /// Whether the file system that holds a directory, or would, is read-only.
    pub fn is_read_only(&self, directory: &str) -> bool {
        let mut place = directory;
        loop {
            if let Ok(handle) = self.open_in(place, OFlags::PATH) {
                let facts = rustix::fs::fstatvfs(&handle);
                return facts.is_ok_and(|facts| facts.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY));
            }
            match place.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() => place = above,
                _ => return false,
            }
        }
    }

    /// The names in a directory; none if it cannot be read.
    pub fn names_in(&self, directory: &str) -> Vec<String> {
        let Ok(handle) = self.open_in(directory, OFlags::RDONLY | OFlags::DIRECTORY) else { return Vec::new() };
        let Ok(entries) = rustix::fs::Dir::read_from(&handle) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != "." && name != "..").collect();
        names.sort();
        names
    }

    /// Reads a text of bounded size; `None` if it is not there or no text.
    pub fn read_text(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        // What is not a file, a pipe for one, must not keep anybody waiting.
        let file = std::fs::File::from(self.open_in(path, OFlags::RDONLY | OFlags::NONBLOCK).ok()?);
        file.take(1 << 20).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// What tells, whatever is at a path, that it is still the same; `None` if nothing is.
    pub fn stamp(&self, path: &MachinePath) -> Option<Stamp> {
        let directory = self.open_in(path.directory(), OFlags::PATH | OFlags::DIRECTORY).ok()?;
        let facts = rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Stamp::of(&facts))
    }

    /// Whether everybody may read a file of the agent's of this mode, but not what is in its place now.
    pub fn is_withheld(&self, path: &MachinePath, mode: u32) -> bool {
        let Ok(directory) = self.directory_of(path) else { return false };
        let facts = rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW);
        mode & 0o004 != 0 && facts.is_ok_and(|facts| facts.st_mode & 0o004 == 0)
    }

    /// The inode of a directory; `None` if there is no such directory.
    pub fn inode(&self, directory: &str) -> Option<u64> {
        let handle = self.open_in(directory, OFlags::PATH | OFlags::DIRECTORY).ok()?;
        rustix::fs::fstat(&handle).ok().map(|facts| facts.st_ino)
    }

    /// The content of a file or where a link leads; `None` if it is neither or is not there.
    pub fn present_bytes(&self, path: &MachinePath) -> io::Result<Option<Vec<u8>>> {
        let directory = match self.directory_of(path) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        match rustix::fs::readlinkat(&directory, path.name(), Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::INVAL) => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = std::fs::File::from(rustix::fs::openat(&directory, path.name(), flags, Mode::empty())?);
                let mut content = Vec::new();
                if file.metadata()?.is_file() {
                    // One byte more tells that it is larger.
                    file.take(MAX_FILE + 1).read_to_end(&mut content)?;
                    return Ok(Some(content));
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file that the agent made.
    pub fn read(&self, path: &MachinePath) -> Option<Vec<u8>> {
        let directory = self.directory_of(path).ok()?;
        // What is no file, a pipe for one, must not keep anybody waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = std::fs::File::from(rustix::fs::openat(&directory, path.name(), flags, Mode::empty()).ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut content = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// Directories in which many names are looked for.
#[derive(Debug)]
pub struct Places(Vec<OwnedFd>);

impl Places {
    /// Whether one of them has this name; a link counts, wherever it leads.
    pub fn have(&self, name: &str) -> bool {
        self.0.iter().any(|directory| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
