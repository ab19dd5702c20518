//! What is at a path, as anybody sees it who looks closely, and the whole of a root in that form.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{lgetxattr, llistxattr};

/// The most bytes of an extended attribute, or of the list of their names.
const MAX_ATTRIBUTE: usize = 4096;
/// The most characters of a content that are shown.
const SHOWN: usize = 60;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    File(Vec<u8>),
    Link(String),
    Directory,
    Pipe,
    Other,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) form: Form,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
    pub(super) modified: (i64, i64),
    pub(super) inode: u64,
    /// Whether it is a file for its owner alone that has further names.
    pub(super) is_shared_secret: bool,
}

/// Everything below a root, by real paths without the first slash.
pub(super) type Snapshot = BTreeMap<String, Node>;

impl Node {
    /// What is at a path; nothing if nothing is.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let facts = path.symlink_metadata().ok()?;
        let kind = facts.file_type();
        let form = match () {
            () if kind.is_dir() => Form::Directory,
            () if kind.is_symlink() => Form::Link(std::fs::read_link(path).ok()?.to_string_lossy().into_owned()),
            () if kind.is_file() => Form::File(std::fs::read(path).ok()?),
            () if kind.is_fifo() => Form::Pipe,
            () => Form::Other,
        };
        Some(Self {
            form,
            mode: facts.mode() & 0o7777,
            owner: (facts.uid(), facts.gid()),
            attributes: attributes(path),
            modified: (facts.mtime(), facts.mtime_nsec()),
            inode: facts.ino(),
            is_shared_secret: kind.is_file() && facts.mode() & 0o077 == 0 && facts.nlink() > 1,
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.form == Form::Directory
    }

    /// Whether the agent could have made it: it makes files and links, and they are root's.
    pub(super) fn may_be_the_agents(&self) -> bool {
        matches!(self.form, Form::File(_) | Form::Link(_)) && self.owner == (0, 0)
    }

    /// Whether both are files, or both links, and so on.
    pub(super) fn is_of_the_type_of(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.form) == std::mem::discriminant(&other.form)
    }

    /// What can be kept of it as bytes.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.form {
            Form::File(bytes) => Some(bytes),
            Form::Link(target) => Some(target.as_bytes()),
            Form::Directory | Form::Pipe | Form::Other => None,
        }
    }

    /// What is different about a node that was given back; nothing if it is as it was. Its inode may be another one.
    pub(super) fn differs_from_original(&self, original: &Self) -> Option<&'static str> {
        [
            ("another content", self.form != original.form),
            ("another mode", self.mode != original.mode),
            ("another owner", self.owner != original.owner),
            ("other extended attributes", self.attributes != original.attributes),
            ("another time of its last change", self.modified != original.modified),
        ]
        .into_iter()
        .find_map(|(what, differs)| differs.then_some(what))
    }

    /// What is different about somebody's node that nobody had a right to change. Of a directory, the time changes with what
    /// is in it.
    pub(super) fn differs_from_before(&self, before: &Self) -> Option<&'static str> {
        let in_time = Self { modified: before.modified, ..self.clone() };
        let now = if self.is_directory() { &in_time } else { self };
        now.differs_from_original(before).or((self.inode != before.inode).then_some("another inode"))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::File(bytes) => {
                let text: String = String::from_utf8_lossy(bytes).chars().take(SHOWN).collect();
                write!(formatter, "file {text:?}")?;
            }
            Form::Link(target) => write!(formatter, "link to {target}")?,
            other => write!(formatter, "{other:?}")?,
        }
        let (user, group) = self.owner;
        write!(formatter, " {:04o} {user}:{group} of {}", self.mode, self.modified.0)?;
        if self.attributes.is_empty() { Ok(()) } else { write!(formatter, " with {:?}", self.attributes.keys()) }
    }
}

/// A node, or that there is none, in words.
pub(super) fn shown(node: Option<&Node>) -> String {
    node.map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; MAX_ATTRIBUTE];
    let length = llistxattr(path, names.as_mut_slice()).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let read = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        let mut value = vec![0; MAX_ATTRIBUTE];
        let length = lgetxattr(path, name.as_str(), value.as_mut_slice()).unwrap_or(0);
        value.truncate(length);
        (name, value)
    };
    names.map(read).collect()
}

/// Everything below a root.
pub(super) fn snapshot(root: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(node) = Node::read(&path) else { continue };
            if node.is_directory() {
                open.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned(), node);
        }
    }
    found
}
