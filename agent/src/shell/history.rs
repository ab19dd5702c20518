//! The history file: one entry a line, only ever added to, and kept when the device is unenrolled.
//!
//! It holds at most two files of a mebibyte; the chain of [`crate::engine::history`] goes on from one to the next. A
//! line that a crash cut short is cut off. A disk that is full costs the entry, never more.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::files::{self, FileError};
use super::paths::Paths;
use crate::engine::history::{Broken, Chain, Entry, verify};

const CURRENT: &str = "history.jsonl";
const FORMER: &str = "history.1.jsonl";
/// The size at which a new file is begun.
const FULL: u64 = 1 << 20;
/// What is read from a file's end at most: all that it should have, whatever somebody put before it.
const WINDOW: u64 = FULL + (64 << 10);

/// The history, ready to be added to. There must be one only: whoever holds the state's lock.
#[derive(Debug)]
pub struct History {
    directory: PathBuf,
    chain: Chain,
    limit: u64,
    /// Whether the file may end with a line that is not whole.
    torn: bool,
}

/// What is in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The newest entries, oldest first.
    pub entries: Vec<Entry>,
    /// Lines that are no entries: somebody or something damaged the file.
    pub damaged: u64,
}

impl Excerpt {
    /// Checks that nothing was changed.
    pub fn verify(&self) -> Result<(), Broken> {
        verify(&self.entries)
    }
}

impl History {
    /// Opens the history, or begins it.
    pub fn open(paths: &Paths) -> Result<Self, FileError> {
        Self::open_with(paths, FULL)
    }

    fn open_with(paths: &Paths, limit: u64) -> Result<Self, FileError> {
        let directory = paths.history();
        files::create_private_dir(&directory)?;
        cut_torn(&directory.join(CURRENT))?;
        let newest = newest(paths, 1)?;
        let chain = newest.entries.last().map(Chain::after).unwrap_or_default();
        Ok(Self { directory, chain, limit, torn: false })
    }

    /// Adds an entry and makes sure that it is on the disk. If that fails the entry is lost and the history goes on
    /// with the next one. Secrets have no place here.
    pub fn append(&mut self, time: i64, what: &str, detail: BTreeMap<String, String>) -> Result<Entry, FileError> {
        let path = self.directory.join(CURRENT);
        if self.torn {
            cut_torn(&path)?;
            self.torn = false;
        }
        let mut chain = self.chain.clone();
        let entry = chain.append(time, what, detail);
        let mut line = serde_json::to_vec(&entry).expect("an entry has only text and numbers");
        line.push(b'\n');
        let size = self.make_room(&path, line.len() as u64)?;
        if let Err(error) = self.write(&path, &line, size) {
            self.torn = true;
            return Err(error);
        }
        self.chain = chain;
        Ok(entry)
    }

    /// Begins a new file if the line does not fit any more; the size of the file that it goes to.
    fn make_room(&self, path: &Path, length: u64) -> Result<u64, FileError> {
        let size = match std::fs::metadata(path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(FileError::of("look at", path)(error)),
        };
        if size == 0 || size + length <= self.limit {
            return Ok(size);
        }
        files::rename(path, &self.directory.join(FORMER))?;
        Ok(0)
    }

    fn write(&self, path: &Path, line: &[u8], size: u64) -> Result<(), FileError> {
        let mut file =
            OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(FileError::of("open", path))?;
        let written = file.write_all(line).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a line would be taken for damage.
            let _ = file.set_len(size);
            return Err(FileError::of("write", path)(error));
        }
        if size == 0 { files::sync_dir(&self.directory) } else { Ok(()) }
    }
}

/// The newest entries, at most this many. Reads no more than both files should have.
pub fn newest(paths: &Paths, count: usize) -> Result<Excerpt, FileError> {
    let mut excerpt = Excerpt::default();
    for name in [CURRENT, FORMER] {
        let (content, _) = tail(&paths.history().join(name))?;
        // What follows the last line end is being written, or was cut short.
        let whole = &content[..end_of_lines(&content)];
        for line in whole.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()) {
            if excerpt.entries.len() >= count {
                break;
            }
            match serde_json::from_slice(line) {
                Ok(entry) => excerpt.entries.push(entry),
                Err(_) => excerpt.damaged += 1,
            }
        }
    }
    excerpt.entries.reverse();
    Ok(excerpt)
}

fn end_of_lines(content: &[u8]) -> usize {
    content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// The end of a file, and where it begins; nothing if there is no file.
fn tail(path: &Path) -> Result<(Vec<u8>, u64), FileError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(FileError::of("open", path)(error)),
    };
    let mut read = || {
        let start = file.metadata()?.len().saturating_sub(WINDOW);
        file.seek(SeekFrom::Start(start))?;
        let mut content = Vec::new();
        (&file).take(WINDOW).read_to_end(&mut content)?;
        Ok((content, start))
    };
    read().map_err(FileError::of("read", path))
}

/// Cuts off a last line that is not whole.
fn cut_torn(path: &Path) -> Result<(), FileError> {
    let (content, start) = tail(path)?;
    let end = end_of_lines(&content);
    if end == content.len() {
        return Ok(());
    }
    // A line that fills the whole window was never one of ours.
    let kept = if end == 0 { 0 } else { start + end as u64 };
    let file = OpenOptions::new().write(true).open(path).map_err(FileError::of("open", path))?;
    file.set_len(kept).and_then(|()| file.sync_all()).map_err(FileError::of("cut", path))
}

#[cfg(test)]
mod tests;
