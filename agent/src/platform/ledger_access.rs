//! The ledger of this machine, as whoever applies, judges or foresees something needs it: also where it is damaged or was
//! lost. What is in it is not decided here.

use std::path::{Path, PathBuf};

use super::force::{Others, Platform};
use super::ledger::{Ledger, LedgerError};
use crate::engine::profile::Profile;

/// Where a damaged ledger goes.
pub(super) fn put_aside(ledger: &Path) -> PathBuf {
    ledger.with_extension("damaged")
}

impl Platform {
    /// The ledger as it is for these profiles: where it is lost though there should be one, files of the agent's are
    /// found by what they say themselves.
    pub(super) fn ledger_for(&self, stored: &[Profile], others: Others) -> Result<Ledger, LedgerError> {
        let mut ledger = self.readable_ledger()?;
        ledger.lost = self.lost_ledger(stored, others);
        Ok(ledger)
    }

    /// The same without changing anything.
    pub(super) fn ledger_to_foresee(&self, stored: &[Profile]) -> Result<Ledger, LedgerError> {
        match Ledger::read(self.state(), self.root()) {
            Err(LedgerError::Damaged { .. }) => {
                let root = Some(self.root().canonicalize().unwrap_or_else(|_| self.root().to_owned()));
                let mut ledger = Ledger::default();
                (ledger.root, ledger.lost) = (root, true);
                Ok(ledger)
            }
            Ok(mut ledger) => {
                ledger.lost = self.lost_ledger(stored, Others::Go);
                Ok(ledger)
            }
            other => other,
        }
    }

    /// Whether a ledger is missing that should be there.
    fn lost_ledger(&self, stored: &[Profile], others: Others) -> bool {
        let place = Ledger::place(self.state());
        let should_be_there = put_aside(&place).exists() || others == Others::Stay || !stored.is_empty();
        should_be_there && !place.exists()
    }

    /// A damaged ledger is put aside; what it would have said is found again by the names that only the agent gives.
    pub(super) fn readable_ledger(&self) -> Result<Ledger, LedgerError> {
        match Ledger::read(self.state(), self.root()) {
            Err(LedgerError::Damaged { path, reason }) => {
                tracing::error!(path = %path.display(), reason, "the ledger of what was made on this machine is damaged; it is put aside");
                crate::shell::files::rename(&path, &put_aside(&path))?;
                Ok(Ledger::default())
            }
            other => other,
        }
    }
}
