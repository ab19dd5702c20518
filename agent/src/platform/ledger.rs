//! What the agent made on this machine, in a file of its own.
//!
//! The ledger is not in the profile store: losing the store must not make the agent forget what it put on the machine
//! (rules R6 and T2). It is written before anything on the machine is changed and again when that is done, so that a
//! restart in between knows what may be there. It never contains a secret: contents are told by their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::consumer::Consumer;
use super::desired::DesiredFile;
use super::path::MachinePath;
use super::root::{Former, Stamp};
use crate::engine::application::DriftOutcome;
use crate::shell::files::{self, FileError};

/// The form of the file; another one is not understood.
const VERSION: u32 = 1;
/// The largest ledger that is read, in bytes.
const MAX_LEDGER: u64 = 32 << 20;

/// The most changes by others that are kept for the server.
const MOST_UNREPORTED: usize = 1000;

/// What the agent made on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// What was put in force last, as a whole; `None` while something is under way or left to do.
    pub settled: Option<String>,
    /// The root that it is about.
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Files.
    pub files: BTreeMap<MachinePath, Entry>,
    /// Directories that were made for them.
    pub directories: BTreeSet<String>,
    /// Their inodes, as far as they were recorded: one that somebody has made anew is theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directory_inodes: BTreeMap<String, u64>,
    /// Consumers that have to be told still.
    pub untold: BTreeSet<Consumer>,
    /// Profiles that are not in force, by the address of their own node.
    pub profiles: BTreeMap<String, Standing>,
    /// Applied profiles, by the address of their own node, and the hash of the content that the files are made of;
    /// `None` in a ledger of a version that did not record it.
    #[serde(default)]
    pub applied: Option<BTreeMap<String, String>>,
    /// What that was before the last change: until the change is stored, it may still be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// What the server may read of the profiles in force: address, format, value.
    #[serde(default)]
    pub nodes: Vec<(String, String, String)>,
    /// Parts of profiles that have no effect on this machine, each with the reason, by the address of the profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without_effect: BTreeMap<String, Vec<String>>,
    /// What somebody else changed, as it was found last.
    pub drift: Vec<Drift>,
    /// What somebody else changed and the server does not know yet, wherever it was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreported: Vec<Drift>,
    /// What of that is not in the history yet, because the process that found it did not come to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<Drift>,
    /// Existing files in the way of profiles, and how each was found: all is tried again once one of them changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blocked: BTreeMap<MachinePath, Option<Stamp>>,
    /// Whether what was made before is not known, because the ledger was lost: files of the agent's are found by what they
    /// say themselves.
    #[serde(skip)]
    pub lost: bool,
}

/// What was applied before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The digest of the profiles that were stored.
    pub stored: String,
    /// Applied profiles, by the address of their own node, and the hash of their content.
    pub applied: BTreeMap<String, String>,
}

/// A file that the agent made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its content as it should be.
    pub digest: String,
    /// Its permission bits.
    pub mode: u32,
    /// Its content before that, while the change is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The profiles that it is there for.
    pub profiles: BTreeSet<String>,
    /// Who makes use of it.
    pub consumer: Consumer,
    /// What was there first and was put aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// What tells without reading it that it is still the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// What somebody else made of it, as far as that was recorded and is not put back: it is not recorded again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<String>,
    /// The directory that it is really in, where its path leads through a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<String>,
}

impl Entry {
    /// A file that is as it should be.
    pub(super) fn recorded(
        file: &DesiredFile,
        digest: String,
        profiles: &BTreeSet<String>,
        former: Option<Former>,
        stamp: Stamp,
    ) -> Self {
        Self {
            digest,
            mode: file.mode,
            before: None,
            profiles: profiles.clone(),
            consumer: file.consumer,
            former,
            stamp: Some(stamp),
            noticed: None,
            real: None,
        }
    }
}

/// How a profile stands on the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// Something is missing that may still come.
    Waiting {
        /// What.
        reason: String,
    },
    /// It is not in force.
    Refused {
        /// The status that says so.
        status: u16,
        /// Why.
        reason: String,
    },
}

/// A file that somebody else changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The file.
    pub path: MachinePath,
    /// What became of it.
    pub what: DriftKind,
    /// The profiles that it is there for.
    pub profiles: BTreeSet<String>,
    /// What distinguishes this change from the next one of the same file.
    #[serde(default)]
    pub found: String,
    /// What the agent does about it.
    #[serde(default)]
    pub outcome: DriftOutcome,
    /// The name under which a content that is lost by it is in the quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// What somebody did to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// Its content was changed.
    Changed,
    /// It was removed.
    Removed,
    /// Its permissions were changed.
    Permissions,
    /// It was given to another user or group.
    Owner,
    /// A file for root alone was given a further name (hard link).
    Linked,
    /// Something of another type is in its place: a link, a directory, a device.
    Replaced,
}

impl DriftKind {
    /// The name, for people and servers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Permissions => "permissions",
            Self::Owner => "owner",
            Self::Linked => "linked",
            Self::Replaced => "replaced",
        }
    }

    /// What was done to a file, in words that follow its path.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Changed => "was changed locally",
            Self::Removed => "was removed locally",
            Self::Permissions => "was given other permissions",
            Self::Owner => "was given to another user or group",
            Self::Linked => "was given a further name",
            Self::Replaced => "was replaced locally by something else",
        }
    }
}

/// A ledger that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is about another machine's root.
    #[error(
        "{} is the ledger of what was made below {}, not below {}; use another state directory",
        path.display(), known.display(), asked.display()
    )]
    OtherRoot {
        /// The file.
        path: PathBuf,
        /// The root that it is about.
        known: PathBuf,
        /// The root that it was read for.
        asked: PathBuf,
    },
    /// It is damaged or of a later version.
    #[error("{} is not a ledger that this version understands: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Ledger {
    /// Where the ledger is.
    pub fn place(state: &Path) -> PathBuf {
        state.join("ledger.json")
    }

    /// Reads the ledger of what was made below a root; an empty one if there is none yet.
    pub fn read(state: &Path, root: &Path) -> Result<Self, LedgerError> {
        let asked = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let ledger = Self::read_any(state)?;
        match ledger.root {
            Some(known) if known != asked => Err(LedgerError::OtherRoot { path: Self::place(state), known, asked }),
            _ => Ok(Self { root: Some(asked), ..ledger }),
        }
    }

    fn read_any(state: &Path) -> Result<Self, LedgerError> {
        let path = Self::place(state);
        let Some(content) = files::read_bounded(&path, MAX_LEDGER)? else { return Ok(Self::default()) };
        let damaged = |reason: String| LedgerError::Damaged { path: path.clone(), reason };
        let ledger: Self = serde_json::from_slice(&content).map_err(|error| damaged(error.to_string()))?;
        if ledger.version == VERSION { Ok(ledger) } else { Err(damaged(format!("it has version {}", ledger.version))) }
    }

    /// Whether there is nothing of the agent's on the machine, and nobody who has to be told.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty() && self.untold.is_empty()
    }

    /// Records changes by others, for the history and the server, so that the same change is not recorded again.
    pub(super) fn record_drift(&mut self, found: &[Drift]) {
        for drift in found {
            for list in [&mut self.unreported, &mut self.unrecorded] {
                if !list.contains(drift) && list.len() < MOST_UNREPORTED {
                    list.push(drift.clone());
                }
            }
            if let Some(entry) = self.files.get_mut(&drift.path) {
                entry.noticed = Some(drift.found.clone());
            }
        }
    }

    /// Whether a profile is applied with this content.
    pub fn has_applied(&self, root: &str, content: &str) -> bool {
        match &self.applied {
            Some(applied) => applied.get(root).is_some_and(|applied| applied == content),
            // An earlier version did not record which content it had applied.
            None => self.files.values().any(|entry| entry.profiles.contains(root)),
        }
    }

    /// Whether a profile is applied, as it is or as it was before.
    pub fn is_applied(&self, root: &str) -> bool {
        self.applied.as_ref().is_some_and(|applied| applied.contains_key(root))
    }

    /// Goes by what was applied before the last change, if these are the profiles that were stored then: the change was
    /// not kept.
    pub fn go_by(&mut self, stored: &str) {
        if let Some(before) = self.before.take_if(|before| before.stored == stored) {
            self.applied = Some(before.applied);
        }
    }

    /// Writes the ledger so that it survives a power cut; an empty one is no file.
    pub fn write(&mut self, state: &Path) -> Result<(), LedgerError> {
        self.version = VERSION;
        let path = Self::place(state);
        let records_nothing = self.profiles.is_empty() && self.applied.as_ref().is_none_or(BTreeMap::is_empty);
        let is_reported = self.unreported.is_empty() && self.unrecorded.is_empty();
        if self.is_empty() && records_nothing && is_reported {
            files::remove_file(&path)?;
            if state.is_dir() {
                files::sync_dir(state)?;
            }
            return Ok(());
        }
        files::create_private_dir(state)?;
        let content = serde_json::to_vec(self).expect("a ledger has only text, numbers and lists");
        Ok(files::replace(&path, &content, 0o600)?)
    }
}
