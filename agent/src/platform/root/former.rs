//! Existing files that the agent replaces for a while: read whole before, and given back with all that they had.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use mdm_protocol::base64;
use rustix::fs::{AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Deserializer, Serialize};

use super::change::{give_to, remove_at, staged_name, write_at};
use super::found::{bytes_digest, link_digest};
use super::{Operation, Root, RootError};
use crate::platform::path::MachinePath;

/// The largest existing file that is backed up, in bytes.
const MAX_BACKED_UP: usize = 64 << 10;
/// The longest list of names of extended attributes, and the largest value of one, in bytes.
const MAX_ATTRIBUTE: usize = 64 << 10;
/// The most that is backed up of the values of all, in characters of base64.
const MAX_ATTRIBUTES: usize = 256 << 10;

/// An existing file that was backed up, to be given back as it was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Former {
    /// A regular file.
    File {
        /// Its content in base64.
        content: String,
        /// Its permission bits.
        mode: u32,
        /// What else it has.
        #[serde(flatten)]
        properties: Properties,
    },
    /// A symbolic link.
    Link(#[serde(deserialize_with = "link_of_any_version")] FormerLink),
}

/// A symbolic link that was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerLink {
    /// Where it leads.
    pub target: String,
    /// What else it has.
    #[serde(flatten)]
    pub properties: Properties,
}

/// What a file has besides its content and its permission bits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Its owner.
    pub user: u32,
    /// Its group.
    pub group: u32,
    /// When it was modified, in seconds since 1970 and nanoseconds; earlier versions did not record it.
    #[serde(default)]
    pub modified: Option<(i64, i64)>,
    /// Its extended attributes, such as an access control list, in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Earlier versions recorded the target alone.
fn link_of_any_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FormerLink, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Version {
        Target(String),
        Whole(FormerLink),
    }
    Ok(match Version::deserialize(deserializer)? {
        Version::Target(target) => FormerLink { target, properties: Properties::default() },
        Version::Whole(link) => link,
    })
}

impl std::fmt::Debug for Former {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { content, mode, .. } => {
                write!(formatter, "file of {} characters, mode {mode:o}", content.len())
            }
            Self::Link(link) => write!(formatter, "-> {}", link.target),
        }
    }
}

impl Former {
    /// What tells its content from another one, as [`digest`](super::digest) does.
    pub fn digest(&self) -> String {
        match self {
            Self::File { content, .. } => bytes_digest(&base64::decode(content).unwrap_or_default()),
            Self::Link(link) => link_digest(&link.target),
        }
    }

    /// Whether everybody may read it.
    pub fn is_public(&self) -> bool {
        match self {
            Self::File { mode, .. } => mode & 0o004 != 0,
            Self::Link(_) => true,
        }
    }

    /// Its bytes; of a link where it leads.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::File { content, .. } => base64::decode(content).unwrap_or_default(),
            Self::Link(link) => link.target.clone().into_bytes(),
        }
    }
}

impl Root {
    /// Reads an existing file, to back it up; `None` if it is too large or no file, or could not be given back as it was.
    pub fn former(&self, path: &MachinePath) -> Result<Option<Former>, RootError> {
        let wrong = |error: io::Error| RootError::of("read", path)(error);
        let directory = self.directory_of(path).map_err(wrong)?;
        let stat = rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| wrong(error.into()))?;
        if !may_give_away() && !is_own(&stat) {
            return Ok(None);
        }
        let Some(properties) = properties(&directory, path.name(), &stat).map_err(wrong)? else { return Ok(None) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&directory, path.name(), Vec::new());
                let target = target.map_err(|error| wrong(error.into()))?;
                let Ok(target) = target.to_str() else { return Ok(None) };
                Ok(Some(Former::Link(FormerLink { target: target.to_owned(), properties })))
            }
            FileType::RegularFile => {
                let Some(content) = self.read(path).filter(|content| content.len() <= MAX_BACKED_UP) else {
                    return Ok(None);
                };
                let (content, mode) = (base64::encode(&content), stat.st_mode & 0o7777);
                Ok(Some(Former::File { content, mode, properties }))
            }
            _ => Ok(None),
        }
    }

    /// Gives an existing file back that was backed up.
    pub fn bring_back(&self, path: &MachinePath, former: &Former) -> Result<(), RootError> {
        let wrong = |error: io::Error| RootError::of("bring back", path)(error);
        self.permit(&Operation::Stage(path.clone())).map_err(wrong)?;
        let directory = self.directory_of(path).map_err(wrong)?;
        let name = staged_name(path);
        remove_at(&directory, &name).map_err(wrong)?;
        let staged = match former {
            Former::Link(link) => stage_link(&directory, &name, link),
            Former::File { content, mode, properties } => {
                base64::decode(content).map_err(|error| io::Error::other(error.to_string())).and_then(|bytes| {
                    let finish = |file: &std::fs::File| {
                        give_to(file, properties.user, properties.group)?;
                        rustix::fs::fchmod(file, Mode::from_raw_mode(*mode))?;
                        set_attributes(&place_of(&directory, &name), &properties.attributes);
                        Ok(properties.times().map_or(Ok(()), |times| rustix::fs::futimens(file, &times))?)
                    };
                    write_at(&directory, &name, &bytes, finish)
                })
            }
        };
        staged.map_err(wrong).and_then(|()| self.put_in_place(path, true)).inspect_err(|_| {
            // Nothing of it stays beside what cannot be replaced.
            let _ = remove_at(&directory, &name);
        })
    }
}

fn is_own(stat: &Stat) -> bool {
    (stat.st_uid, stat.st_gid) == (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Whether this process may give files to other users.
fn may_give_away() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::CHOWN))
}

fn stage_link(directory: &OwnedFd, name: &str, link: &FormerLink) -> io::Result<()> {
    rustix::fs::symlinkat(&link.target, directory, name)?;
    let Properties { user, group, attributes, .. } = &link.properties;
    let facts = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (facts.st_uid, facts.st_gid) != (*user, *group) {
        let (user, group) = (Uid::from_raw(*user), Gid::from_raw(*group));
        rustix::fs::chownat(directory, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    set_attributes(&place_of(directory, name), attributes);
    let times = link.properties.times();
    Ok(times.map_or(Ok(()), |times| rustix::fs::utimensat(directory, name, &times, AtFlags::SYMLINK_NOFOLLOW))?)
}

/// What a file has besides its content; `None` if that is too much to be backed up.
fn properties(directory: &OwnedFd, name: &str, stat: &Stat) -> io::Result<Option<Properties>> {
    let modified = Some((stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)));
    let attributes = attributes_of(&place_of(directory, name))?;
    let size: usize = attributes.values().map(String::len).sum();
    let properties = Properties { user: stat.st_uid, group: stat.st_gid, modified, attributes };
    Ok((size <= MAX_ATTRIBUTES).then_some(properties))
}

impl Properties {
    fn times(&self) -> Option<Timestamps> {
        let (seconds, nanoseconds) = self.modified?;
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let last_modification = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        Some(Timestamps { last_access, last_modification })
    }
}

/// A name in an open directory, for calls that take only paths.
fn place_of(directory: &OwnedFd, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

/// The extended attributes of a file or link; none where the file system has none.
fn attributes_of(place: &std::path::Path) -> io::Result<BTreeMap<String, String>> {
    let mut names = vec![0; MAX_ATTRIBUTE];
    let length = match rustix::fs::llistxattr(place, &mut names) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut attributes = BTreeMap::new();
    for name in names.filter_map(|name| std::str::from_utf8(name).ok()) {
        let mut value = vec![0; MAX_ATTRIBUTE];
        if attributes.values().map(String::len).sum::<usize>() > MAX_ATTRIBUTES {
            break;
        }
        // One that may not be read may not be set either.
        if let Ok(length) = rustix::fs::lgetxattr(place, name, &mut value) {
            attributes.insert(name.to_owned(), base64::encode(&value[..length]));
        }
    }
    Ok(attributes)
}

/// Sets extended attributes. One that this process may not set, such as a label of another security module, is no reason
/// to withhold the file.
fn set_attributes(place: &std::path::Path, attributes: &BTreeMap<String, String>) {
    for (name, value) in attributes {
        let Ok(value) = base64::decode(value) else { continue };
        let mut present = vec![0; MAX_ATTRIBUTE];
        let present =
            rustix::fs::lgetxattr(place, name.as_str(), &mut present).map(|length| present[..length].to_vec());
        if present.is_ok_and(|present| present == value) {
            continue;
        }
        if let Err(error) = rustix::fs::lsetxattr(place, name.as_str(), &value, XattrFlags::empty()) {
            tracing::warn!(place = %place.display(), name, %error, "an extended attribute cannot be restored");
        }
    }
}
