//! Removing everything in a directory, and nothing outside of it.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::platform::root::Root;

/// How deep directories may be nested; what is deeper is moved up first.
const MAX_DEPTH: usize = 200;
/// How often a directory is gone through while others still make files in it.
const MAX_ROUNDS: u32 = 3;

/// Removes everything in a directory; the directory itself stays, and so does what is mounted in it.
pub(super) fn empty(root: &Root, path: &str) -> Result<(), String> {
    let directory = match root.open_directory(path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{path}: {error}")),
    };
    let mut sweep = Sweep { top: directory, moved: 0, mounts: 0, failed: None };
    for _ in 0..MAX_ROUNDS {
        (sweep.failed, sweep.mounts) = (None, 0);
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
    top: OwnedFd,
    /// Directories that were too deep and were moved up.
    moved: u64,
    /// Places at which something is mounted; they stay, and so do the directories above them.
    mounts: u32,
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
            // The same file system may be mounted here once more, and only the kernel knows.
            let within = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
            let below = match rustix::fs::openat2(directory, name, flags, Mode::empty(), within) {
                Ok(below) => below,
                Err(Errno::XDEV) => {
                    self.mounts += 1;
                    continue;
                }
                Err(error) => {
                    self.note(&name.to_string_lossy(), error);
                    continue;
                }
            };
            if depth >= MAX_DEPTH {
                self.moved += 1;
                let up = format!(".mdm-agent-wipe-{}", self.moved);
                // It is met again, at the top, in another round.
                let moved = rustix::fs::renameat(directory, name, &self.top, up.as_str());
                self.note("a deep directory", moved.err().unwrap_or(Errno::NOTEMPTY));
                continue;
            }
            let mounts = self.mounts;
            self.clear(&below, depth + 1);
            match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) if self.mounts > mounts => {}
                Err(error) => self.note(&name.to_string_lossy(), error),
            }
        }
    }

    fn note(&mut self, what: &str, error: Errno) {
        self.failed = Some(format!("{what}: {error}"));
    }
}
