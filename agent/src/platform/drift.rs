//! Changes of managed files by others, on their way to the history and the server. They are found, and put back, elsewhere.

use std::collections::BTreeMap;

use super::force::Platform;
use super::ledger::{Drift, DriftKind, Ledger, LedgerError};
use super::plan::drift_of;
use super::root::Root;
use crate::engine::application::{DriftOutcome, DriftReport};

impl Drift {
    /// Its summary for users: path, what was done to it, and what the agent did about it.
    pub fn brief(&self) -> (String, String, DriftOutcome) {
        (self.path.to_string(), self.what.as_str().to_owned(), self.outcome)
    }

    /// What was there could not be kept.
    pub(super) fn forget_kept(&mut self) {
        if let Some(name) = self.kept.take() {
            let found = self.found.trim_end_matches(&name).trim_end().len();
            self.found.truncate(found);
        }
    }

    /// What the engine reports of it.
    pub fn report(&self) -> DriftReport {
        DriftReport {
            path: self.path.to_string(),
            what: self.what.as_str().to_owned(),
            outcome: self.outcome,
            kept: self.kept.clone(),
            found: self.found.clone(),
        }
    }
}

impl Platform {
    /// Files of the agent's that are not as it left them, at this moment: the profiles that they are for by their address,
    /// and what was done. Reads content only of files that look different.
    pub fn altered(&self, ledger: &Ledger) -> BTreeMap<String, String> {
        let mut altered = BTreeMap::new();
        let Ok(root) = Root::open(self.root()) else { return altered };
        // A change that was cut off is not the work of others.
        for (path, entry) in ledger.files.iter().filter(|(_, entry)| entry.before.is_none()) {
            if root.are_untouched(std::iter::once((path, entry.stamp, entry.mode))) {
                continue;
            }
            let known = entry.stamp.map(|stamp| (entry.digest.as_str(), stamp));
            let what = match root.look(path, known) {
                Ok(found) => drift_of(entry, &found).map(DriftKind::in_words),
                Err(_) => Some("cannot be read"),
            };
            let Some(what) = what else { continue };
            for profile in &entry.profiles {
                altered.entry(profile.clone()).or_insert_with(|| format!("{path} {what} since the last check-in"));
            }
        }
        altered
    }

    /// These changes by others were reported to the server.
    pub fn drift_reported(&self, reported: &[DriftReport]) -> Result<(), LedgerError> {
        let mut ledger = self.readable_ledger()?;
        let before = ledger.unreported.len();
        ledger.unreported.retain(|drift| !reported.contains(&drift.report()));
        if ledger.unreported.len() < before { ledger.write(self.state()) } else { Ok(()) }
    }

    /// Forgets changes by others: there is no server any more that they could be reported to.
    pub fn forget_drift(&self) -> Result<(), LedgerError> {
        let mut ledger = self.readable_ledger()?;
        if ledger.unreported.is_empty() {
            return Ok(());
        }
        ledger.unreported.clear();
        ledger.write(self.state())
    }
}
