//! Reading what a machine says of itself, below a directory that stands for its root.
//!
//! Every read is bounded and never waits: pipes, sockets and devices are not opened. Links lead nowhere outside.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// The most names that are looked at in one directory.
const MOST_NAMES: usize = 4096;
/// How often a path is resolved again because something else on the machine was renamed meanwhile.
const ATTEMPTS: usize = 1000;

/// A directory that stands for the machine's root, for reading.
#[derive(Debug)]
pub(super) struct Source {
    handle: OwnedFd,
    machine: bool,
}

impl Source {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(root, flags, Mode::empty())?;
        Ok(Self { handle, machine: root == Path::new("/") })
    }

    /// Whether this is the machine itself, so that its tools speak of the same.
    pub(super) fn is_machine(&self) -> bool {
        self.machine
    }

    fn open_in(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let below = path.trim_start_matches('/');
        let below = if below.is_empty() { "." } else { below };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = || rustix::fs::openat2(&self.handle, below, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        // The kernel gives up on a path with `..` in it while anything is renamed or mounted anywhere. Taken for a file
        // that is not there, that would make an encrypted disk look like a plain one.
        let mut result = open();
        for _ in 1..ATTEMPTS {
            if result.as_ref().err() != Some(&Errno::AGAIN) {
                break;
            }
            result = open();
        }
        Ok(result?)
    }

    /// Opens a regular file. It is looked at first, because opening a device or a pipe may do something by itself.
    fn file(&self, path: &str) -> io::Result<File> {
        let is_file = |handle: &OwnedFd| -> io::Result<bool> {
            Ok(FileType::from_raw_mode(rustix::fs::fstat(handle)?.st_mode) == FileType::RegularFile)
        };
        let other = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        if !is_file(&self.open_in(path, OFlags::PATH)?)? {
            return Err(other());
        }
        let handle = self.open_in(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if is_file(&handle)? { Ok(File::from(handle)) } else { Err(other()) }
    }

    /// Whether every user of the machine can read a file, as far as its own mode says.
    pub(super) fn is_for_everybody(&self, path: &str) -> bool {
        let mode = self.open_in(path, OFlags::PATH).and_then(|handle| Ok(rustix::fs::fstat(handle)?.st_mode));
        mode.is_ok_and(|mode| mode & 0o004 != 0)
    }

    /// The whole of a file.
    pub(super) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.file(path)?.take(MOST_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MOST_BYTES} bytes")));
        }
        Ok(content)
    }

    /// The whole of a text file; what is no text is replaced.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.bytes(path).ok().map(|content| String::from_utf8_lossy(&content).into_owned())
    }

    /// The first of several files that is there, with its path: an administrator's before those of the vendor, which it
    /// hides even if it cannot be read.
    pub(super) fn first(&self, mut paths: impl Iterator<Item = String>) -> Option<(String, String)> {
        let path = paths.find(|path| self.has_name(path))?;
        self.text(&path).map(|text| (path, text))
    }

    /// The end of a text file, from the beginning of a line on.
    pub(super) fn end(&self, path: &str) -> Option<String> {
        let mut file = self.file(path).ok()?;
        let length = file.metadata().ok()?.len();
        let cut = length > MOST_BYTES;
        if cut {
            file.seek(SeekFrom::Start(length - MOST_BYTES)).ok()?;
        }
        let mut content = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut content).ok()?;
        let text = String::from_utf8_lossy(&content).into_owned();
        if cut { text.split_once('\n').map(|(_, rest)| rest.to_owned()) } else { Some(text) }
    }

    /// A file of one line, without the space around it; `None` if it is empty.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let line = text.lines().next().unwrap_or_default().trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// A file that is a number.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.line(path)?.parse().ok()
    }

    /// The names in a directory, in order; none if it cannot be read.
    pub(super) fn names(&self, directory: &str) -> Vec<String> {
        self.listed(directory).unwrap_or_default()
    }

    /// The names in a directory, in order; none if it is not there.
    pub(super) fn listed(&self, directory: &str) -> io::Result<Vec<String>> {
        let handle = match self.open_in(directory, OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            handle => handle?,
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&handle)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > MOST_NAMES {
                return Err(io::Error::other(format!("it has more than {MOST_NAMES} names")));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether something is there, links followed.
    pub(super) fn has(&self, path: &str) -> bool {
        self.open_in(path, OFlags::PATH).is_ok()
    }

    /// Whether a name is there; a link counts, wherever it leads.
    pub(super) fn has_name(&self, path: &str) -> bool {
        self.open_in(path, OFlags::PATH | OFlags::NOFOLLOW).is_ok()
    }

    /// Where a link leads.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        let handle = self.open_in(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = rustix::fs::readlinkat(&handle, "", Vec::new()).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    /// When a file was last changed, seconds since 1970.
    pub(super) fn modified(&self, path: &str) -> Option<i64> {
        rustix::fs::fstat(self.open_in(path, OFlags::PATH).ok()?).ok().map(|facts| facts.st_mtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_opened_that_could_make_the_reader_wait() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let source = Source::open(root.path()).unwrap();
        assert!(source.has("/pipe"));
        assert!(source.bytes("/pipe").unwrap_err().to_string().contains("regular"));
    }

    #[test]
    fn what_is_renamed_meanwhile_does_not_make_anything_disappear() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("../../file", root.path().join("a/b/link")).unwrap();
        let source = Source::open(root.path()).unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (one, other) = (root.path().join("one"), root.path().join("other"));
                std::fs::create_dir(&one).unwrap();
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    std::fs::rename(&one, &other).unwrap();
                    std::fs::rename(&other, &one).unwrap();
                }
            });
            let all = (0..20_000).all(|_| source.has("/a/b/link"));
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(all);
        });
    }

    #[test]
    fn links_do_not_lead_outside_and_large_files_are_not_read_whole() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).unwrap();
        std::fs::write(root.path().join("large"), "line\n".repeat(300_000)).unwrap();
        let source = Source::open(root.path()).unwrap();
        assert_eq!(source.text("/link"), None);
        assert_eq!(source.link("/link").as_deref(), Some("/etc/passwd"));
        assert_eq!(source.text("/large"), None);
        let end = source.end("/large").unwrap();
        assert!(end.starts_with("line\n") && end.len() as u64 <= MOST_BYTES);
    }
}
