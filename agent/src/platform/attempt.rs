//! One attempt to put a set of profiles in force: what falls out of it, what goes without, and how everything stands at
//! its end.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::{self, Applied, Site};
use super::assembly::Assembly;
use super::desired::{Desired, Untranslatable};
use super::force::{Others, PlatformError};
use super::ledger::{Drift, Ledger, LedgerError, Standing};
use super::look::see;
use super::path::MachinePath;
use super::plan::plan;
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
        let Set { assembly, open, others } = *set;
        let mut attempt = Self {
            desired: assembly.desired(),
            drift: Vec::new(),
            refused: BTreeMap::new(),
            failed: BTreeSet::new(),
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
        tidy(site, ledger)?;
        loop {
            if attempt.refused.keys().any(|root| open.contains(root)) {
                return Ok(attempt);
            }
            let seen = see(site.root, ledger, &attempt.desired)?;
            let mut plan = plan(&attempt.desired, ledger, &seen);
            if attempt.drift.is_empty() {
                attempt.drift.clone_from(&plan.drift);
                // It is put back with the first change, and may not be found again.
                ledger.note_drift(&plan.drift);
            }
            let obstacles = std::mem::take(&mut plan.obstacles);
            if !obstacles.is_empty() {
                attempt.fail(&obstacles, ledger, open);
                continue;
            }
            if plan.is_empty() && ledger.untold.is_empty() {
                return Ok(attempt);
            }
            plan.applied = Some(attempt.applied.clone());
            let applied = apply::apply(site, ledger, plan)?;
            if !attempt.take(&applied, ledger, open) {
                return Ok(attempt);
            }
        }
    }

    /// Writes down how everything stands.
    pub(super) fn conclude(&self, site: &Site<'_>, ledger: &mut Ledger, fingerprint: &str) -> Result<(), LedgerError> {
        let standing = self.standing();
        // With something left to do, every session tries again.
        let is_settled = self.failed.is_empty() && !self.holds_unknown && ledger.untold.is_empty();
        let settled = is_settled.then(|| fingerprint.to_owned());
        let drift_is_news = !self.drift.is_empty() && ledger.drift != self.drift;
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
        let is_news = ledger.profiles != standing || ledger.settled != settled || ledger.nodes != nodes;
        if is_news || ledger.applied != applied || drift_is_news {
            ledger.profiles = standing;
            ledger.applied = applied;
            ledger.nodes = nodes;
            ledger.settled = settled;
            if drift_is_news {
                ledger.drift.clone_from(&self.drift);
            }
            ledger.write(site.state)?;
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
                if !owners.is_empty() {
                    self.failed.insert(path.clone());
                }
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
        let nothing_new =
            failures.is_empty() || (!applied.abandoned && failures.keys().all(|path| self.failed.contains(path)));
        self.fail(&failures, ledger, open);
        applied.abandoned && !nothing_new
    }

    /// Whether a profile could not be applied, so that what is there of it is not of this content.
    fn has_failed(&self, root: &str) -> bool {
        self.refused.contains_key(root) && !self.desired.without.contains_key(root)
    }

    fn standing(&self) -> BTreeMap<String, Standing> {
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
fn tidy(site: &Site<'_>, ledger: &Ledger) -> Result<(), PlatformError> {
    let unfinished = ledger.files.iter().filter(|(_, entry)| entry.before.is_some());
    unfinished.map(|(path, _)| path).try_for_each(|path| site.root.unstage(path))?;
    Ok(())
}
