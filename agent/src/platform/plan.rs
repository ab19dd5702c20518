//! What has to be done so that the machine has what it should: desired against ledger against what is there. Pure.
//!
//! The agent changes only what its ledger says it made. An existing file stays, and so does something of another type
//! that somebody put in the place of a managed file (rule R6). A content of somebody else's that would be lost is copied
//! into the quarantine first.

mod holder;

use std::collections::{BTreeMap, BTreeSet};

use self::holder::is_agents;
pub use self::holder::obstacle;
pub(super) use self::holder::{Holder, LEAVING, NOTHING_BEFORE, drift_of, holder};
use super::consumer::Consumer;
use super::desired::{Desired, DesiredFile};
use super::ledger::{Drift, DriftKind, Entry, Ledger};
use super::path::MachinePath;
use super::quarantine::{self, Endangered, What};
use super::root::{Former, Found, Stamp, digest};
use crate::engine::application::DriftOutcome;
use crate::engine::tree::Refusal;

/// What is there, and what could be put aside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What is there.
    pub found: Found,
    /// The whole of it, where it is not the agent's and may be put aside.
    pub former: Option<Former>,
}

impl Seen {
    /// What is in the way where a file cannot be at a path: what is there, or above it.
    pub(super) fn in_the_way(&self, path: &MachinePath) -> impl Iterator<Item = MachinePath> {
        let above = match &self.found {
            Found::Blocked(above) => MachinePath::parse(above),
            _ => None,
        };
        above.into_iter().chain([path.clone()])
    }
}

/// What has to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Files to write.
    pub writes: Vec<Write>,
    /// Files to remove.
    pub removals: Vec<MachinePath>,
    /// How files were found that are written over or removed: nobody may change them in between.
    pub stamps: BTreeMap<MachinePath, Option<Stamp>>,
    /// Files that are as they should be, though the ledger does not say so.
    pub records: Vec<(MachinePath, Entry)>,
    /// Files that the ledger names and that are somebody else's: they stay.
    pub forgotten: Vec<MachinePath>,
    /// Contents that would be lost, to be copied into the quarantine before anything is changed.
    pub endangered: Vec<Endangered>,
    /// What somebody else changed, as far as it was not recorded before.
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

/// Says what has to be done.
pub fn plan(desired: &Desired, ledger: &Ledger, seen: &BTreeMap<MachinePath, Seen>) -> Plan {
    let mut plan = Plan::default();
    let nothing = Seen { found: Found::Nothing, former: None };
    for (path, (file, profiles)) in &desired.files {
        let seen = seen.get(path).unwrap_or(&nothing);
        let entry = ledger.files.get(path);
        let holder = entry.map(|entry| (entry, holder(entry, &seen.found)));
        let obstacle = obstacle(path, file.where_taken, ledger, seen, || digest(&file.content));
        if let Some((entry, Holder::Other | Holder::Displaced)) = &holder {
            let outcome = if obstacle.is_some() { DriftOutcome::LeftAlone } else { DriftOutcome::PutBack };
            plan.forget(path, entry, &seen.found, outcome);
        }
        match (obstacle, holder) {
            (Some(why), holder) => {
                if let Some((entry, Holder::Agent)) = holder {
                    plan.note_drift(path, entry, &seen.found, DriftOutcome::LeftAlone, None);
                }
                plan.obstacles.insert(path.clone(), why);
            }
            (None, Some((entry, Holder::Agent))) => plan.own(path, file, profiles, entry, &seen.found),
            (None, _) => plan.foreign(path, file, profiles, seen, ledger.lost),
        }
    }
    for (path, entry) in &ledger.files {
        if desired.files.contains_key(path) {
            continue;
        }
        let found = seen.get(path).map_or(&Found::Nothing, |seen| &seen.found);
        match holder(entry, found) {
            Holder::Agent if desired.used.contains(path) => plan.watch(path, entry, found),
            Holder::Agent => plan.give_back(path, entry, found),
            Holder::Other | Holder::Displaced => plan.forget(path, entry, found, DriftOutcome::LeftAlone),
        }
    }
    let changed = plan.writes.iter().map(|write| &write.path).chain(&plan.removals);
    let stamp = |path: &MachinePath| match seen.get(path).map(|seen| &seen.found) {
        Some(Found::Content { stamp, .. }) => (path.clone(), Some(*stamp)),
        _ => (path.clone(), None),
    };
    plan.stamps = changed.map(stamp).collect();
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
        let drift = drift_of(entry, found);
        let kept = if drift == Some(DriftKind::Changed) { self.keep_present(path, found) } else { None };
        self.note_drift(path, entry, found, DriftOutcome::PutBack, kept);
        let over = match found {
            Found::Content { digest, mode, stamp, .. } if *digest == want && *mode == file.mode && drift.is_none() => {
                let record = Entry::recorded(file, want, profiles, entry.former.clone(), *stamp);
                let record = Entry { real: entry.real.clone(), ..record };
                if record != *entry {
                    self.records.push((path.clone(), record));
                }
                return;
            }
            Found::Content { digest, .. } => Some(digest.clone()),
            Found::Other | Found::Nothing | Found::Blocked(_) => None,
        };
        let former = entry.former.clone();
        self.writes.push(Write { path: path.clone(), file: file.clone(), profiles: profiles.clone(), over, former });
    }

    /// A file that is not in the ledger, with nothing in its way.
    fn foreign(
        &mut self,
        path: &MachinePath,
        file: &DesiredFile,
        profiles: &BTreeSet<String>,
        seen: &Seen,
        lost: bool,
    ) {
        let want = digest(&file.content);
        let (over, former) = match &seen.found {
            Found::Nothing | Found::Other | Found::Blocked(_) => (None, None),
            Found::Content { digest, mode, stamp, marked, .. } => {
                let is_own = lost && is_agents(path, digest, *marked, || want.clone());
                if is_own && *digest == want && *mode == file.mode {
                    self.records.push((path.clone(), Entry::recorded(file, want, profiles, None, *stamp)));
                    return;
                }
                if is_own && *digest != want {
                    // Without a ledger nobody knows whether somebody has edited it.
                    let recorded = Entry::recorded(file, want, profiles, None, *stamp);
                    let kept = self.keep_present(path, &seen.found);
                    self.note_drift(path, &recorded, &seen.found, DriftOutcome::PutBack, kept);
                }
                (Some(digest.clone()), if is_own { None } else { seen.former.clone() })
            }
        };
        self.writes.push(Write { path: path.clone(), file: file.clone(), profiles: profiles.clone(), over, former });
    }

    /// A file that is kept as it is. Nobody says what it should be, so it cannot be put back; what is there, and the
    /// original, are kept now, for what is recorded of it is recorded once.
    fn watch(&mut self, path: &MachinePath, entry: &Entry, found: &Found) {
        let kept = match (drift_of(entry, found), &entry.former) {
            // It stays in the end, and the original does not come back.
            (Some(DriftKind::Changed | DriftKind::Removed), Some(former)) => Some(self.keep_original(path, former)),
            (Some(DriftKind::Changed), None) => self.keep_present(path, found),
            (None, _) => return self.watch_whole(path, entry, found),
            _ => None,
        };
        self.note_drift(path, entry, found, DriftOutcome::LeftAlone, kept);
    }

    /// What was changed before and is as it was again can be changed anew.
    fn watch_whole(&mut self, path: &MachinePath, entry: &Entry, found: &Found) {
        let Found::Content { digest, stamp, .. } = found else { return };
        let record = Entry { stamp: Some(*stamp), noticed: None, ..entry.clone() };
        if *digest == entry.digest && entry.before.is_none() && record != *entry {
            self.records.push((path.clone(), record));
        }
    }

    /// A file of the agent's that is not wanted any more.
    fn give_back(&mut self, path: &MachinePath, entry: &Entry, found: &Found) {
        let drift = drift_of(entry, found);
        match (&entry.former, drift) {
            // Somebody has made it what it was.
            (Some(former), _) if former.digest() != entry.digest && found.has(&former.digest()) => {
                self.note_drift(path, entry, found, DriftOutcome::LeftAlone, None);
                self.forgotten.push(path.clone());
            }
            // It was deleted while it was being given back.
            (Some(former), None) if *found == Found::Nothing => {
                self.keep_original(path, former);
                self.forgotten.push(path.clone());
            }
            // What somebody made of it since is newer.
            (Some(former), Some(DriftKind::Changed | DriftKind::Removed)) => {
                let kept = self.keep_original(path, former);
                self.note_drift(path, entry, found, DriftOutcome::LeftAlone, Some(kept));
                self.forgotten.push(path.clone());
            }
            _ => {
                let kept = if drift == Some(DriftKind::Changed) { self.keep_present(path, found) } else { None };
                self.note_drift(path, entry, found, DriftOutcome::Removed, kept);
                self.removals.push(path.clone());
            }
        }
    }

    /// A file that is somebody else's by now.
    fn forget(&mut self, path: &MachinePath, entry: &Entry, found: &Found, outcome: DriftOutcome) {
        self.forgotten.push(path.clone());
        // Where a change was cut off it is not known whether the original was ever replaced: it is kept, and no more.
        let original = entry.former.as_ref().filter(|former| !found.has(&former.digest()));
        let kept = original.map(|former| self.keep_original(path, former));
        if holder(entry, found) == Holder::Displaced {
            self.note_drift(path, entry, found, outcome, kept);
        }
    }

    fn keep_present(&mut self, path: &MachinePath, found: &Found) -> Option<String> {
        let Found::Content { digest, .. } = found else { return None };
        let name = quarantine::name(path, digest);
        self.endangered.push(Endangered { path: path.clone(), name: name.clone(), what: What::Present });
        Some(name)
    }

    fn keep_original(&mut self, path: &MachinePath, former: &Former) -> String {
        let name = quarantine::original_name(path, &former.digest());
        let what = What::Original(Box::new(former.clone()));
        self.endangered.push(Endangered { path: path.clone(), name: name.clone(), what });
        name
    }

    /// Records what somebody did to a file, unless that was recorded before.
    fn note_drift(
        &mut self,
        path: &MachinePath,
        entry: &Entry,
        found: &Found,
        outcome: DriftOutcome,
        kept: Option<String>,
    ) {
        let Some(what) = drift_of(entry, found) else { return };
        let found = match found {
            Found::Content { digest, mode, .. } => format!("{} {digest} {mode:o}", what.as_str()),
            Found::Nothing | Found::Other | Found::Blocked(_) => what.as_str().to_owned(),
        };
        let found = kept.iter().fold(found, |found, name| format!("{found} {name}"));
        if entry.noticed.as_ref() != Some(&found) {
            let (path, profiles) = (path.clone(), entry.profiles.clone());
            self.drift.push(Drift { path, what, profiles, found, outcome, kept });
        }
    }
}
