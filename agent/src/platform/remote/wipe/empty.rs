//! Removing everything in a directory, and nothing outside of it.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::platform::path::MachinePath;
use crate::platform::root::Root;

/// How deep directories may be nested; what is deeper is moved up first.
const MAX_DEPTH: usize = 200;
/// How often a directory is gone through while others still make files in it.
const MAX_ROUNDS: u32 = 3;

/// Whether a path is itself a link.
pub(super) fn is_link(root: &Root, path: &str) -> bool {
    let path = MachinePath::new(path);
    let parent = if path.directory().is_empty() { "/" } else { path.directory() };
    let Ok(directory) = root.open_directory(parent) else { return false };
    let facts = rustix::fs::statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW);
    facts.is_ok_and(|facts| FileType::from_raw_mode(facts.st_mode) == FileType::Symlink)
}

/// Removes everything in a directory; the directory itself stays, and so does what is mounted in it.
pub(super) fn empty(root: &Root, path: &str) -> Result<(), String> {
    let directory = match root.open_directory(path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{path}: {error}")),
    };
    let mut sweep = Sweep {
        device: rustix::fs::fstat(&directory).map_err(|error| format!("{path}: {error}"))?.st_dev,
        top: directory,
        moved: 0,
        failed: None,
    };
    for _ in 0..MAX_ROUNDS {
        sweep.failed = None;
        let top = sweep.top.try_clone().map_err(|error| format!("{path}: {error}"))?;
        sweep.clear(&top, 0);
        if sweep.failed.is_none() {
            break;
        }
    }
    sweep.failed.map_or(Ok(()), |reason| Err(format!("{path}: {reason}")))
}

/// Going through one directory.
struct Sweep {
    /// The file system that is not left.
    device: u64,
    top: OwnedFd,
    /// Directories that were too deep and were moved up.
    moved: u64,
    /// Why the last thing that is left could not be removed.
    failed: Option<String>,
}

impl Sweep {
    fn clear(&mut self, directory: &OwnedFd, depth: usize) {
        let entries = match Dir::read_from(directory) {
            Ok(entries) => entries,
            Err(error) => return self.note("a directory", error),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                Err(Errno::ISDIR | Errno::PERM) => {}
                Err(error) => {
                    self.note(&name.to_string_lossy(), error);
                    continue;
                }
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let below = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
                Ok(below) => below,
                Err(error) => {
                    self.note(&name.to_string_lossy(), error);
                    continue;
                }
            };
            // Another file system is none of this directory's.
            if rustix::fs::fstat(&below).is_ok_and(|facts| facts.st_dev != self.device) {
                continue;
            }
            if depth >= MAX_DEPTH {
                self.moved += 1;
                let up = format!(".mdm-agent-wipe-{}", self.moved);
                // It is met again, at the top, in another round.
                let moved = rustix::fs::renameat(directory, name, &self.top, up.as_str());
                self.note("a deep directory", moved.err().unwrap_or(Errno::NOTEMPTY));
                continue;
            }
            self.clear(&below, depth + 1);
            match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => self.note(&name.to_string_lossy(), error),
            }
        }
    }

    fn note(&mut self, what: &str, error: Errno) {
        self.failed = Some(format!("{what}: {error}"));
    }
}
