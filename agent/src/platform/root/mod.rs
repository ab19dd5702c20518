//! Files below a directory that stands for the machine's root.
//!
//! Every path is resolved by the kernel as if that directory were `/` (`openat2` with `RESOLVE_IN_ROOT`), so neither a
//! symbolic link nor a name can lead outside of it. Changes are made in two steps, staging and putting in place, so
//! that a full disk is met while everything is still as it was.

mod change;

use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::desired::Content;
use super::path::MachinePath;

/// What the agent's own texts say in their first line.
const MARK: &[u8] = b"Made by mdm-agent";
/// Where they say it, in bytes from the beginning.
const MARK_WITHIN: u64 = 256;
/// How often a path is resolved that cannot be resolved because something else is renamed meanwhile.
const ATTEMPTS: u32 = 64;
/// The largest file that is read back, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A change of the machine, before it is made. Tests use it to let any of them fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
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

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file or a link, and what tells its content.
    Content {
        /// Its content.
        digest: String,
        /// Its permission bits.
        mode: u32,
        /// What tells without reading it that it is still the same.
        stamp: Stamp,
        /// Whether it says at its beginning that the agent made it.
        marked: bool,
    },
    /// Something that is neither.
    Other,
}

/// What tells without reading a file that it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    size: u64,
    modified: i64,
    modified_nanoseconds: i64,
    changed: i64,
    changed_nanoseconds: i64,
}

/// A foreign file that was put aside, to come back byte for byte.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Former {
    /// A regular file.
    File {
        /// Its content in base64.
        content: String,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        user: u32,
        /// Its group.
        group: u32,
    },
    /// A symbolic link.
    Link(String),
}

impl std::fmt::Debug for Former {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { content, mode, .. } => {
                write!(formatter, "file of {} characters, mode {mode:o}", content.len())
            }
            Self::Link(target) => write!(formatter, "-> {target}"),
        }
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

    /// Reads a file that the agent made.
    pub fn read(&self, path: &MachinePath) -> Option<Vec<u8>> {
        let directory = self.directory_of(path).ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, path.name(), flags, Mode::empty()).ok()?;
        let mut content = Vec::new();
        std::fs::File::from(file).take(MAX_FILE).read_to_end(&mut content).ok()?;
        Some(content)
    }

    /// Looks at a path. If it is as `known` says, its content is not read.
    pub fn look(&self, path: &MachinePath, known: Option<(&str, Stamp)>) -> Result<Found, RootError> {
        let wrong = |error: io::Error| RootError::of("read", path)(error);
        let directory = match self.directory_of(path) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(Found::Nothing),
            Err(error) => return Err(wrong(error)),
        };
        let stat = match rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(wrong(error.into())),
        };
        let (stamp, mode) = (Stamp::of(&stat), stat.st_mode & 0o7777);
        if let Some((digest, known)) = known
            && known == stamp
        {
            return Ok(Found::Content { digest: digest.to_owned(), mode, stamp, marked: false });
        }
        let (digest, marked) = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&directory, path.name(), flags, Mode::empty());
                let file = std::fs::File::from(file.map_err(|error| wrong(error.into()))?);
                digest_of(file.take(MAX_FILE)).map_err(wrong)?
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&directory, path.name(), Vec::new());
                (link_digest(&target.map_err(|error| wrong(error.into()))?.to_string_lossy()), false)
            }
            _ => return Ok(Found::Other),
        };
        Ok(Found::Content { digest, mode, stamp, marked })
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

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: stat.st_mtime,
            modified_nanoseconds: i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
            changed: stat.st_ctime,
            changed_nanoseconds: i64::try_from(stat.st_ctime_nsec).unwrap_or(0),
        }
    }
}

/// What tells one content from another.
pub fn digest(content: &Content) -> String {
    match content {
        Content::Bytes(bytes) => hex(&Sha256::digest(bytes.as_slice())),
        Content::Link(target) => link_digest(target),
    }
}

fn link_digest(target: &str) -> String {
    format!("link:{target}")
}

/// The digest of a content, and whether it says at its beginning that the agent made it.
fn digest_of(mut content: impl io::Read) -> io::Result<(String, bool)> {
    let mut beginning = Vec::new();
    content.by_ref().take(MARK_WITHIN).read_to_end(&mut beginning)?;
    let marked = beginning.windows(MARK.len()).any(|window| window == MARK);
    let mut hasher = Sha256::new();
    hasher.update(&beginning);
    io::copy(&mut content, &mut hasher)?;
    Ok((hex(&hasher.finalize()), marked))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
