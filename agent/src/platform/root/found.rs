//! What is at a path: nothing, a file or link and what identifies its content, or something that is neither.

use std::io::{self, Read as _};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{MAX_FILE, Root, RootError, is_absent};
use crate::platform::desired::Content;
use crate::platform::path::MachinePath;

/// What the agent's own texts say in their first line.
const MARK: &[u8] = b"Made by mdm-agent";
/// Where they say it, in bytes from the beginning.
const MARK_WITHIN: u64 = 256;
/// What the digest of a link begins with.
const LINK: &str = "link:";

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file or a link.
    Content {
        /// Its content.
        digest: String,
        /// Its permission bits.
        mode: u32,
        /// Whether it belongs to the user and the group that this process runs as, or to the group that its directory gives
        /// to files.
        owned: bool,
        /// Whether it has further names (hard links).
        linked: bool,
        /// What tells without reading it that it is still the same.
        stamp: Stamp,
        /// Whether it says at its beginning that the agent made it.
        marked: bool,
    },
    /// Something that is neither: a directory, a device, a pipe.
    Other,
    /// Nothing can be there: this path above it is no directory.
    Blocked(String),
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

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
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

impl Found {
    /// Whether it is a file or link of this content.
    pub fn has(&self, content: &str) -> bool {
        matches!(self, Self::Content { digest, .. } if digest == content)
    }
}

impl Root {
    /// Looks at a path. If it is as `known` says, its content is not read.
    pub fn look(&self, path: &MachinePath, known: Option<(&str, Stamp)>) -> Result<Found, RootError> {
        let wrong = |error: io::Error| RootError::of("read", path)(error);
        let directory = match self.directory_of(path) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(self.blocked(path)),
            Err(error) => return Err(wrong(error)),
        };
        let stat = match rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(wrong(error.into())),
        };
        let content = |digest: String, marked: bool| Found::Content {
            digest,
            mode: stat.st_mode & 0o7777,
            owned: stat.st_uid == rustix::process::geteuid().as_raw()
                && (stat.st_gid == rustix::process::getegid().as_raw() || is_group_of(&directory, stat.st_gid)),
            linked: stat.st_nlink > 1,
            stamp: Stamp::of(&stat),
            marked,
        };
        if let Some((digest, known)) = known
            && known == Stamp::of(&stat)
        {
            return Ok(content(digest.to_owned(), false));
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&directory, path.name(), flags, Mode::empty());
                let file = std::fs::File::from(file.map_err(|error| wrong(error.into()))?);
                let (digest, marked) = digest_of(file.take(MAX_FILE)).map_err(wrong)?;
                Ok(content(digest, marked))
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&directory, path.name(), Vec::new());
                let target = target.map_err(|error| wrong(error.into()))?;
                Ok(content(link_digest(&target.to_string_lossy()), false))
            }
            _ => Ok(Found::Other),
        }
    }

    /// What is on the way to a path whose directory cannot be opened, if it is no directory.
    fn blocked(&self, path: &MachinePath) -> Found {
        let mut place = path.directory();
        while let Some((above, name)) = place.rsplit_once('/') {
            let above = if above.is_empty() { "/" } else { above };
            if let Ok(directory) = self.open_in(above, OFlags::PATH | OFlags::DIRECTORY) {
                let there = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
                return if there { Found::Blocked(place.to_owned()) } else { Found::Nothing };
            }
            if above == "/" {
                break;
            }
            place = above;
        }
        Found::Nothing
    }
}

/// Whether a directory gives files this group.
fn is_group_of(directory: &std::os::fd::OwnedFd, group: u32) -> bool {
    let set_group = Mode::SGID.as_raw_mode();
    rustix::fs::fstat(directory).is_ok_and(|facts| facts.st_mode & set_group != 0 && facts.st_gid == group)
}

/// What tells one content from another.
pub fn digest(content: &Content) -> String {
    match content {
        Content::Bytes(bytes) => bytes_digest(bytes),
        Content::Link(target) => link_digest(target),
    }
}

pub(super) fn bytes_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn link_digest(target: &str) -> String {
    format!("{LINK}{target}")
}

/// Whether two digests are of the same type of file.
pub fn same_type(one: &str, other: &str) -> bool {
    one.starts_with(LINK) == other.starts_with(LINK)
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
