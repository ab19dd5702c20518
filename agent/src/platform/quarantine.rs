//! The quarantine: contents of other people's that the agent would destroy otherwise. Edits of managed files that are
//! overwritten or removed, and existing files that were backed up and cannot be given back because their place was taken
//! meanwhile. It lies beside the ledger, for root alone, and outlasts the enrollment; nothing in it is ever used again by
//! the agent.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::path::MachinePath;
use super::root::{Former, Operation, Root};
use crate::shell::files::{self, FileError};

/// The largest content that is kept, in bytes.
const MAX_CONTENT: usize = 16 << 20;
/// The most contents that are kept.
const MAX_CONTENTS: usize = 200;
/// The most that they may have together, in bytes.
const MAX_TOTAL: u64 = 64 << 20;
/// How names of originals end.
const ORIGINAL: &str = ".original";
/// The longest part of a path that is repeated in a name.
const MAX_SLUG: usize = 120;

/// A content that is about to be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endangered {
    /// The managed file.
    pub path: MachinePath,
    /// The name in the quarantine.
    pub name: String,
    /// What is kept.
    pub what: What,
}

/// What is kept in the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What is at the path now.
    Present,
    /// What was there before the agent's file, and will not be given back.
    Original(Box<Former>),
}

/// Where the quarantine is.
pub fn place(state: &Path) -> PathBuf {
    state.join("quarantined-files")
}

/// The name of a content of a path in the quarantine: readable, and the same for the same content only.
pub fn name(path: &MachinePath, digest: &str) -> String {
    let slug = path.as_str().trim_start_matches('/').chars().map(|letter| match letter {
        '.' | '_' | '-' => letter,
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    });
    let slug: String = slug.collect();
    let slug = &slug[slug.len().saturating_sub(MAX_SLUG)..];
    let mut hasher = Sha256::new();
    hasher.update(path.as_str());
    hasher.update([0]);
    hasher.update(digest);
    let digest: String = hasher.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{slug}.{digest}")
}

/// The name of what was there before the agent's file.
pub fn original_name(path: &MachinePath, digest: &str) -> String {
    format!("{}{ORIGINAL}", name(path, digest))
}

/// Copies a content into the quarantine, so that it survives a power cut. `Err` says that it could not be kept, so that it
/// must not be lost: the disk is full, or it is too large.
pub(super) fn keep(root: &Root, state: &Path, endangered: &Endangered) -> Result<(), FileError> {
    let (directory, Endangered { path, name, what }) = (place(state), endangered);
    let file = directory.join(name);
    if file.exists() {
        return Ok(());
    }
    root.permit(&Operation::Quarantine(path.clone())).map_err(FileError::of("write", &file))?;
    let content = match what {
        What::Original(former) => former.bytes(),
        What::Present => match root.present_bytes(path).map_err(FileError::of("read", Path::new(path.as_str())))? {
            Some(content) => content,
            None => return Ok(()),
        },
    };
    if content.len() > MAX_CONTENT {
        let why = io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {MAX_CONTENT} bytes"));
        return Err(FileError::of("keep", Path::new(path.as_str()))(why));
    }
    files::create_private_dir(&directory)?;
    files::sync_dir(state)?;
    make_room(&directory, content.len() as u64).map_err(FileError::of("clean up", &directory))?;
    files::replace(&file, &content, 0o600)
}

/// Removes the oldest contents until another one fits, originals last.
fn make_room(directory: &Path, size: u64) -> io::Result<()> {
    let mut kept: Vec<(bool, SystemTime, u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        let is_original = entry.file_name().to_string_lossy().ends_with(ORIGINAL);
        kept.push((is_original, facts.modified().unwrap_or(SystemTime::UNIX_EPOCH), facts.len(), entry.path()));
    }
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, _, size, _)| size).sum();
    let mut count = kept.len();
    for (_, _, length, path) in kept {
        if count < MAX_CONTENTS && total + size <= MAX_TOTAL {
            break;
        }
        std::fs::remove_file(path)?;
        (count, total) = (count - 1, total - length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_readable_and_the_same_for_the_same_content_only() {
        let path = MachinePath::new("/etc/security/faillock.conf");
        let known = name(&path, "one");
        assert!(known.starts_with("etc-security-faillock.conf."), "{known}");
        assert_eq!(name(&path, "one"), known);
        assert_ne!(name(&path, "two"), known);
        assert_ne!(name(&MachinePath::new("/etc-security/faillock.conf"), "one"), known);
        let long = MachinePath::new(format!("/é{}", "x/é".repeat(300)));
        assert!(name(&long, "one").len() < 200 && name(&long, "one").is_ascii());
    }

    #[test]
    fn the_oldest_contents_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        for number in 0..MAX_CONTENTS + 10 {
            let former = Former::Link(super::super::root::FormerLink {
                target: number.to_string(),
                properties: super::super::root::Properties::default(),
            });
            let (path, what) = (MachinePath::new("/etc/localtime"), What::Original(Box::new(former)));
            let endangered = Endangered { name: format!("{number:04}"), path, what };
            keep(&root, folder.path(), &endangered).unwrap();
        }
        let kept = std::fs::read_dir(place(folder.path())).unwrap().count();
        assert_eq!(kept, MAX_CONTENTS);
        assert!(place(folder.path()).join(format!("{:04}", MAX_CONTENTS + 9)).exists());
    }
}
