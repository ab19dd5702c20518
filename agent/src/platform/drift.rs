//! Changes of managed files by others, on their way to the server. They are found and put back elsewhere.

use super::force::Platform;
use super::ledger::{Drift, LedgerError};

impl Platform {
    /// The server was told of these changes by others: path, and what was done to it.
    pub fn drift_reported(&self, told: &[(String, String)]) -> Result<(), LedgerError> {
        let mut ledger = self.readable_ledger()?;
        let is_told =
            |drift: &Drift| told.iter().any(|(path, what)| path == drift.path.as_str() && what == drift.what.as_str());
        let before = ledger.unreported.len();
        ledger.unreported.retain(|drift| !is_told(drift));
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
