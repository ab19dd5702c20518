//! One attempt to put a set of profiles in force: what falls out of it, what goes without, and how everything stands at
//! its end.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::{self, Applied, Site};
use super::assembly::Assembly;
use super::desired::{Desired, DesiredFile, Untranslatable};
use super::force::{Others, PlatformError};
use super::ledger::{Drift, Entry, Ledger, LedgerError, Standing};
use super::look::see;
use super::path::MachinePath;
use super::plan::{Plan, Seen, drift_of, plan};
use super::root::{Root, digest};
use crate::engine::tree::Refusal;

/// The profiles of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Set<'a> {
    pub(super) assembly: &'a Assembly,
    /// Those that may fall out.
    pub(super) open: &'a BTreeSet<String>,
    pub(super) others: Others,
}

/// What an attempt came to.
pub(super) struct Attempt {
    pub(super) desired: Desired,
    pub(super) drift: Vec<Drift>,
    pub(super) refused: BTreeMap<String, Refusal>,
    /// Files that cannot be had, whatever is tried.
    failed: BTreeSet<MachinePath>,
    /// Files of nobody's that cannot be had either.
    courtesies_failed: BTreeSet<MachinePath>,
    /// Files that were tried to be put right by what they have in them.
    restored: BTreeSet<MachinePath>,
    /// Files whose original could not be copied into the quarantine.
    unkept: BTreeSet<MachinePath>,
    /// Existing files that are in the way.
    obstructed: BTreeSet<MachinePath>,
    /// Whether several profiles fell out because of one file: not all of them need be to blame.
    pub(super) is_shared: bool,
    /// Whether something stays of profiles that nobody knows.
    holds_unknown: bool,
    /// Profiles that can be applied, or keep what they have, and the hash of their content.
    applied: BTreeMap<String, String>,
    /// The same before the attempt.
    before: BTreeMap<String, String>,
}

impl Attempt {
    /// Tries until what can be had is in force. `open` are the profiles that may fall out: as soon as one does, the
    /// attempt is over; of the others only what can be had is put in force.
    pub(super) fn settle(site: &Site<'_>, ledger: &mut Ledger, set: &Set<'_>) -> Result<Self, PlatformError> {
        let mut attempt = Self::begin(ledger, set);
        follow_links(site.root, ledger);
        tidy(site, ledger);
        while let Some(mut plan) = attempt.next_plan(site.root, ledger, set.open)? {
            if let Some(failed) = apply::quarantine(site, &plan) {
                attempt.take(&failed, ledger, set.open);
                continue;
            }
            // It is put back with the first change, and may not be found again.
            ledger.record_drift(&plan.drift);
            attempt.drift.append(&mut plan.drift);
            if plan.is_empty() && ledger.untold.is_empty() {
                break;
            }
            plan.applied = Some(attempt.applied.clone());
            let applied = apply::apply(site, ledger, plan)?;
            if !attempt.take(&applied, ledger, set.open) {
                break;
            }
        }
        Ok(attempt)
    }

    /// What [`Self::settle`] would do first, and how everything would stand.
    pub(super) fn foresee(root: &Root, ledger: &mut Ledger, set: &Set<'_>) -> Result<(Self, Plan), PlatformError> {
        let mut attempt = Self::begin(ledger, set);
        follow_links(root, ledger);
        let mut plan = attempt.next_plan(root, ledger, set.open)?.unwrap_or_default();
        attempt.drift.append(&mut plan.drift);
        Ok((attempt, plan))
    }

    fn begin(ledger: &Ledger, set: &Set<'_>) -> Self {
        let Set { assembly, others, .. } = *set;
        let mut attempt = Self {
            desired: assembly.desired(),
            drift: ledger.unrecorded.clone(),
            refused: BTreeMap::new(),
            failed: BTreeSet::new(),
            courtesies_failed: BTreeSet::new(),
            restored: BTreeSet::new(),
            unkept: BTreeSet::new(),
            obstructed: assembly.obstructed(),
            is_shared: false,
            holds_unknown: others == Others::Stay,
            applied: assembly.applicable(),
            before: ledger.applied.clone().unwrap_or_default(),
        };
        for (root, why) in &attempt.desired.without {
            if let Untranslatable::Refused(refusal) = why {
                attempt.refused.insert(root.clone(), refusal.clone());
            }
        }
        attempt.applied.extend(hold_unchanged(&mut attempt.desired, ledger, assembly));
        if others == Others::Stay {
            attempt.hold_unknown(ledger, assembly);
        }
        attempt
    }

    /// The next plan with nothing in its way; `None` once a profile fell out that may.
    fn next_plan(
        &mut self,
        root: &Root,
        ledger: &mut Ledger,
        open: &BTreeSet<String>,
    ) -> Result<Option<Plan>, PlatformError> {
        loop {
            if self.refused.keys().any(|root| open.contains(root)) {
                return Ok(None);
            }
            let seen = see(root, ledger, &self.desired)?;
            self.restore_looks(root, ledger, &seen);
            let mut plan = plan(&self.desired, ledger, &seen);
            plan.forgotten.retain(|path| !self.unkept.contains(path));
            plan.endangered.retain(|endangered| !self.unkept.contains(&endangered.path));
            let unkept = plan.drift.iter_mut().filter(|drift| self.unkept.contains(&drift.path));
            unkept.for_each(Drift::forget_kept);
            let is_news = |drift: &Drift| {
                ledger.files.get(&drift.path).is_none_or(|entry| entry.noticed.as_ref() != Some(&drift.found))
            };
            plan.drift.retain(is_news);
            let obstacles = std::mem::take(&mut plan.obstacles);
            if obstacles.is_empty() {
                return Ok(Some(plan));
            }
            let in_the_way = obstacles.keys().filter_map(|path| Some(seen.get(path)?.in_the_way(path)));
            self.obstructed.extend(in_the_way.flatten());
            self.fail(&obstacles, ledger, open);
        }
    }

    /// A file that is kept for others while nobody says what is in it, such as a key, is put right by its own content
    /// where somebody changed only its permissions or its owner.
    fn restore_looks(&mut self, root: &Root, ledger: &Ledger, seen: &BTreeMap<MachinePath, Seen>) {
        let held = self.desired.used.iter().filter(|path| !self.desired.files.contains_key(*path));
        let held = held.filter(|path| !self.restored.contains(*path) && !self.failed.contains(*path));
        let changed = held.filter_map(|path| {
            let (entry, seen) = (ledger.files.get(path)?, seen.get(path)?);
            let is_whole = entry.before.is_none() && seen.found.has(&entry.digest);
            (is_whole && drift_of(entry, &seen.found).is_some()).then_some((path.clone(), entry))
        });
        let restored = changed.filter_map(|(path, entry)| {
            let content = root.read(&path)?;
            let file = DesiredFile::bytes(content, entry.mode, entry.consumer);
            (digest(&file.content) == entry.digest).then(|| (path, (file, entry.profiles.clone())))
        });
        let restored: Vec<_> = restored.collect();
        self.restored.extend(restored.iter().map(|(path, _)| path.clone()));
        self.desired.files.extend(restored);
    }

    /// Writes down how everything stands.
    pub(super) fn conclude(&self, site: &Site<'_>, ledger: &mut Ledger, fingerprint: &str) -> Result<(), LedgerError> {
        let standing = self.standing();
        // With something left to do, every session tries again.
        let is_settled = self.failed.is_empty() && !self.holds_unknown && ledger.untold.is_empty();
        let settled = is_settled.then(|| fingerprint.to_owned());
        let drift_is_news = !self.drift.is_empty();
        let stamp = |path: &MachinePath| (path.clone(), site.root.stamp(path));
        let blocked: BTreeMap<_, _> = self.obstructed.iter().map(stamp).collect();
        let nodes: Vec<(String, String, String)> = self
            .desired
            .nodes
            .iter()
            .map(|(address, format, value)| (address.clone(), format.as_str().to_owned(), value.clone()))
            .collect();
        // What could not be changed is as it was.
        let before = self.before.iter().filter(|(root, _)| self.has_failed(root));
        let applied = self.applied.iter().filter(|(root, _)| !self.has_failed(root)).chain(before);
        let applied = Some(applied.map(|(root, content)| (root.clone(), content.clone())).collect());
        let is_news = ledger.profiles != standing
            || ledger.settled != settled
            || ledger.nodes != nodes
            || ledger.without_effect != self.desired.without_effect;
        if is_news || ledger.applied != applied || ledger.blocked != blocked || drift_is_news {
            ledger.blocked = blocked;
            ledger.profiles = standing;
            ledger.applied = applied;
            ledger.nodes = nodes;
            ledger.without_effect.clone_from(&self.desired.without_effect);
            ledger.settled = settled;
            if drift_is_news {
                ledger.drift.clone_from(&self.drift);
                ledger.unrecorded.clear();
            }
            apply::write_ledger(site, ledger)?;
        }
        Ok(())
    }

    /// What is there for profiles that nobody knows any more stays until the server has spoken.
    fn hold_unknown(&mut self, ledger: &Ledger, assembly: &Assembly) {
        // What is nobody's own is a courtesy to one of them.
        let is_unknown =
            |profiles: &BTreeSet<String>| profiles.is_empty() || profiles.iter().any(|root| !assembly.knows(root));
        let held = ledger.files.iter().filter(|(_, entry)| is_unknown(&entry.profiles));
        self.desired.used.extend(held.map(|(path, _)| path.clone()));
    }

    /// Takes note of files that cannot be had; what may fall out falls out, the others go without.
    fn fail(&mut self, failures: &BTreeMap<MachinePath, Refusal>, ledger: &Ledger, open: &BTreeSet<String>) {
        for (path, refusal) in failures {
            let should_go = !self.desired.files.contains_key(path);
            let owners = match (self.desired.files.get(path), ledger.files.get(path)) {
                (Some((_, owners)), _) => owners.clone(),
                // It should go and does not.
                (None, Some(entry)) => entry.profiles.clone(),
                (None, None) => BTreeSet::new(),
            };
            let fallen: Vec<&String> = owners.iter().filter(|root| open.contains(*root)).collect();
            self.is_shared |= fallen.len() > 1;
            for root in &fallen {
                self.refused.entry((*root).clone()).or_insert_with(|| refusal.clone());
            }
            if fallen.is_empty() {
                self.desired.files.remove(path);
                // A courtesy that nobody depends on is not worth another try in every session.
                let failed =
                    if owners.is_empty() && !should_go { &mut self.courtesies_failed } else { &mut self.failed };
                failed.insert(path.clone());
                // What is there of it stays as it is.
                self.desired.used.insert(path.clone());
                for root in owners {
                    self.refused.entry(root).or_insert_with(|| refusal.clone());
                }
            }
        }
    }

    /// Takes note of what became of a plan; says whether to go on.
    fn take(&mut self, applied: &Applied, ledger: &Ledger, open: &BTreeSet<String>) -> bool {
        let mut failures = applied.failures.clone();
        for (consumer, refusal) in &applied.deaf {
            // Nobody knows which of its files the consumer has taken, or of which it knows that they are gone.
            for root in applied.removed.iter().filter(|(told, _)| told == consumer).flat_map(|(_, owners)| owners) {
                if open.contains(root) {
                    self.refused.entry(root.clone()).or_insert_with(|| refusal.clone());
                }
            }
            let files = ledger.files.iter().filter(|(_, entry)| entry.consumer == *consumer);
            failures.extend(files.map(|(path, _)| (path.clone(), refusal.clone())));
        }
        self.unkept.extend(applied.unkept.iter().cloned());
        let is_known = |path: &MachinePath| self.failed.contains(path) || self.courtesies_failed.contains(path);
        let nothing_new = failures.is_empty() || (!applied.abandoned && failures.keys().all(is_known));
        self.fail(&failures, ledger, open);
        applied.abandoned && !nothing_new
    }

    /// Whether a profile could not be applied, so that what is there of it is not of this content.
    fn has_failed(&self, root: &str) -> bool {
        self.refused.contains_key(root) && !self.desired.without.contains_key(root)
    }

    pub(super) fn standing(&self) -> BTreeMap<String, Standing> {
        let mut standing = BTreeMap::new();
        for (root, why) in &self.desired.without {
            if let Untranslatable::Waiting(reason) = why {
                standing.insert(root.clone(), Standing::Waiting { reason: reason.clone() });
            }
        }
        for (root, refusal) in &self.refused {
            let (status, reason) = (refusal.status.0, refusal.reason.clone());
            standing.insert(root.clone(), Standing::Refused { status, reason });
        }
        standing
    }
}

/// A profile that is as it was applied, and asks for nothing at present because the machine or another profile has
/// changed under it, keeps what it has: only its owner takes it away. Answers with those profiles and the hash of their
/// content.
pub(super) fn hold_unchanged(desired: &mut Desired, ledger: &Ledger, assembly: &Assembly) -> BTreeMap<String, String> {
    let unchanged: BTreeMap<String, String> = desired
        .without
        .keys()
        .filter_map(|root| {
            let content = assembly.content(root)?;
            ledger.has_applied(root, content).then(|| (root.clone(), content.to_owned()))
        })
        .collect();
    let held = ledger.files.iter().filter(|(path, entry)| {
        !desired.files.contains_key(*path) && entry.profiles.iter().any(|root| unchanged.contains_key(root))
    });
    let held: Vec<MachinePath> = held.map(|(path, _)| path.clone()).collect();
    desired.used.extend(held);
    unchanged
}

/// Removes what a process that ended in the middle had written beside its place.
fn tidy(site: &Site<'_>, ledger: &Ledger) {
    let unfinished = ledger.files.iter().filter(|(_, entry)| entry.before.is_some());
    for (path, _) in unfinished {
        if let Err(error) = site.root.unstage(path) {
            tracing::warn!(%error, "an unfinished file stays behind");
        }
    }
}

/// A file that was made through a link stays the agent's where it really is when the link leads elsewhere by now.
fn follow_links(root: &Root, ledger: &mut Ledger) {
    let moved = ledger.files.iter().filter_map(|(path, entry)| {
        let real = entry.real.as_ref()?;
        // Where it leads nowhere, it may lead there again.
        let now = root.real_path(path.directory())?;
        let is_there = now == *real;
        let place = MachinePath::parse(&format!("{}/{}", real.trim_end_matches('/'), path.name()))?;
        (!is_there && !ledger.files.contains_key(&place)).then(|| (path.clone(), place))
    });
    for (path, place) in moved.collect::<Vec<_>>() {
        if let Some(entry) = ledger.files.remove(&path) {
            ledger.files.insert(place, Entry { real: None, ..entry });
        }
    }
}
