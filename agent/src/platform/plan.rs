//! What has to be done so that the machine has what it should: desired against ledger against what is there. Pure.
//!
//! The agent changes only what its ledger says it made. What was there first stays, and so does what somebody put in
//! the place of a file of ours that is no file at all (rule R6).

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::base64;
use mdm_protocol::syncml::StatusCode;

use super::consumer::Consumer;
use super::desired::{Desired, DesiredFile, WhereTaken};
use super::ledger::{Drift, DriftKind, Entry, Ledger};
use super::path::MachinePath;
use super::root::{Former, Found, digest};
use crate::engine::tree::Refusal;

/// What is there, and what could be put aside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What is there.
    pub found: Found,
    /// The whole of it, where it is not the agent's and may be put aside.
    pub former: Option<Former>,
}

/// What has to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Files to write.
    pub writes: Vec<Write>,
    /// Files to remove.
    pub removals: Vec<MachinePath>,
    /// Files that are as they should be, though the ledger does not say so.
    pub records: Vec<(MachinePath, Entry)>,
    /// Files that the ledger names and the agent never put in place: somebody else did.
    pub forgotten: Vec<MachinePath>,
    /// What somebody else changed.
    pub drift: Vec<Drift>,
    /// Profiles that are applied once this is done, and the hash of their content.
    pub applied: Option<BTreeMap<String, String>>,
    /// Files that cannot be had, and why.
    pub obstacles: BTreeMap<MachinePath, Refusal>,
}

/// A file to write.
#[derive(Debug)]
pub struct Write {
    /// Where.
    pub path: MachinePath,
    /// What.
    pub file: DesiredFile,
    /// The profiles that it is there for.
    pub profiles: BTreeSet<String>,
    /// The digest of what is there, if anything is; it may be written over.
    pub over: Option<String>,
    /// What was there first and is put aside.
    pub former: Option<Former>,
}

impl Plan {
    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.removals.is_empty() && self.records.is_empty() && self.forgotten.is_empty()
    }
}

/// What the ledger says was there before, where that was nothing.
pub(super) const NOTHING_BEFORE: &str = "";

/// Says what has to be done.
pub fn plan(desired: &Desired, ledger: &Ledger, seen: &BTreeMap<MachinePath, Seen>) -> Plan {
    let mut plan = Plan::default();
    let nothing = Seen { found: Found::Nothing, former: None };
    for (path, (file, profiles)) in &desired.files {
        let seen = seen.get(path).unwrap_or(&nothing);
        let entry = ledger.files.get(path);
        let own = entry.filter(|entry| !is_somebody_elses(entry, &seen.found));
        if entry.is_some() && own.is_none() {
            plan.forgotten.push(path.clone());
        }
        match (obstacle(path, file.where_taken, entry, seen, || digest(&file.content)), own) {
            (Some(why), own) => {
                if let Some((own, what)) = own.and_then(|own| Some((own, drift_of(own, &seen.found)?))) {
                    plan.note_drift(path, own, what);
                }
                plan.obstacles.insert(path.clone(), why);
            }
            (None, Some(own)) => plan.own(path, file, profiles, own, &seen.found),
            (None, None) => plan.foreign(path, file, profiles, seen),
        }
    }
    for (path, entry) in &ledger.files {
        if desired.files.contains_key(path) || desired.used.contains(path) {
            continue;
        }
        let found = seen.get(path).map_or(&Found::Nothing, |seen| &seen.found);
        if is_somebody_elses(entry, found) {
            plan.forgotten.push(path.clone());
            continue;
        }
        if let Some(what) = drift_of(entry, found) {
            plan.note_drift(path, entry, what);
        }
        plan.removals.push(path.clone());
    }
    // What others refer to, such as a key, is there before whoever refers to it, and goes after it.
    plan.writes.sort_by_key(|write| write.file.consumer != Consumer::Nobody);
    plan.removals.sort_by_key(|path| ledger.files.get(path).is_some_and(|entry| entry.consumer == Consumer::Nobody));
    plan
}

impl Plan {
    /// A file that the agent made before.
    fn own(
        &mut self,
        path: &MachinePath,
        file: &DesiredFile,
        profiles: &BTreeSet<String>,
        entry: &Entry,
        found: &Found,
    ) {
        let want = digest(&file.content);
        if let Some(what) = drift_of(entry, found) {
            self.note_drift(path, entry, what);
        }
        let over = match found {
            Found::Other | Found::Nothing => None,
            Found::Content { digest, mode, stamp, .. } if *digest == want && *mode == file.mode => {
                let former = entry.former.clone();
                let record = Entry::recorded(file, want, profiles, former, *stamp);
                if record != *entry {
                    self.records.push((path.clone(), record));
                }
                return;
            }
            Found::Content { digest, .. } => Some(digest.clone()),
        };
        let former = entry.former.clone();
        self.writes.push(Write { path: path.clone(), file: file.clone(), profiles: profiles.clone(), over, former });
    }

    /// A file that is not in the ledger, with nothing in its way.
    fn foreign(&mut self, path: &MachinePath, file: &DesiredFile, profiles: &BTreeSet<String>, seen: &Seen) {
        let want = digest(&file.content);
        let (over, former) = match &seen.found {
            Found::Nothing | Found::Other => (None, None),
            Found::Content { digest, mode, stamp, marked } => {
                let is_own = is_agents(path, digest, *marked, || want.clone());
                if is_own && *digest == want && *mode == file.mode {
                    self.records.push((path.clone(), Entry::recorded(file, want, profiles, None, *stamp)));
                    return;
                }
                (Some(digest.clone()), if is_own { None } else { seen.former.clone() })
            }
        };
        self.writes.push(Write { path: path.clone(), file: file.clone(), profiles: profiles.clone(), over, former });
    }

    fn note_drift(&mut self, path: &MachinePath, entry: &Entry, what: DriftKind) {
        self.drift.push(Drift { path: path.clone(), what, profiles: entry.profiles.clone() });
    }
}

/// Why a file of the agent's cannot be at a path, if it cannot. `want` gives the digest of the content it would have.
pub fn obstacle(
    path: &MachinePath,
    where_taken: WhereTaken,
    entry: Option<&Entry>,
    seen: &Seen,
    want: impl FnOnce() -> String,
) -> Option<Refusal> {
    let is_own = entry.is_some_and(|entry| !is_somebody_elses(entry, &seen.found));
    let reason = match &seen.found {
        Found::Nothing => return None,
        Found::Other if is_own => format!("{path} is a directory or a device by now; remove it"),
        _ if is_own => return None,
        Found::Content { digest, marked, .. } if is_agents(path, digest, *marked, want) => return None,
        Found::Content { .. } => match (where_taken, &seen.former) {
            (WhereTaken::PutAside, Some(_)) => return None,
            (WhereTaken::PutAsideInert, Some(former)) if sets_nothing(former) => return None,
            _ => format!("{path} was there first and is left alone; remove it or move it away"),
        },
        Found::Other => format!("{path} was there first and is left alone; remove it or move it away"),
    };
    Some(Refusal { status: StatusCode::ALREADY_EXISTS, reason })
}

/// Whether a file that is not in the ledger is the agent's all the same, because the ledger was lost: the file says
/// itself who made it, or has a name that only the agent gives.
fn is_agents(path: &MachinePath, found: &str, marked: bool, want: impl FnOnce() -> String) -> bool {
    marked || (path.name().contains("mdm-agent") && found == want())
}

/// Whether a file was made by somebody else after the agent had meant to make it and before it did.
fn is_somebody_elses(entry: &Entry, found: &Found) -> bool {
    let never_placed = entry.before.as_deref() == Some(NOTHING_BEFORE);
    never_placed
        && !matches!(found, Found::Nothing)
        && !matches!(found, Found::Content { digest, .. } if *digest == entry.digest)
}

/// What somebody else did to a file; nothing while a change of ours is under way.
fn drift_of(entry: &Entry, found: &Found) -> Option<DriftKind> {
    match found {
        Found::Nothing => entry.before.is_none().then_some(DriftKind::Removed),
        Found::Other => Some(DriftKind::Changed),
        Found::Content { digest, .. } if *digest != entry.digest && entry.before.as_ref() != Some(digest) => {
            Some(DriftKind::Changed)
        }
        Found::Content { mode, .. } if *mode != entry.mode && entry.before.is_none() => Some(DriftKind::Permissions),
        Found::Content { .. } => None,
    }
}

/// Whether a file has only comments and blank lines.
fn sets_nothing(former: &Former) -> bool {
    let Former::File { content, .. } = former else { return false };
    base64::decode(content).is_ok_and(|bytes| {
        bytes.split(|byte| *byte == b'\n').all(|line| {
            let line = line.trim_ascii();
            line.is_empty() || line.starts_with(b"#")
        })
    })
}
