//! The end of everything that the agent made on this machine. Who is enrolled, and what else is kept of an enrollment, is
//! not its business.

use super::force::{Others, Platform, PlatformError, put_aside};
use super::ledger::Ledger;

impl Platform {
    /// Takes everything that the agent made off the machine, or says what is left. Blocks.
    pub fn clear(&self) -> Result<(), PlatformError> {
        let found = self.converge(&[], Others::Go)?;
        // What it would have said is not known, whenever it was put aside.
        let path = put_aside(&Ledger::place(self.state()));
        if path.exists() {
            return Err(PlatformError::LedgerLost { path });
        }
        self.forget_drift()?;
        let ledger = self.readable_ledger()?;
        if ledger.is_empty() {
            return Ok(());
        }
        let why = found.refused.into_values().map(|refusal| refusal.reason).next();
        let untold = || {
            format!("{} was not told", ledger.untold.iter().filter_map(|it| it.name()).collect::<Vec<_>>().join(", "))
        };
        Err(PlatformError::Left { left: ledger.files.into_keys().collect(), why: why.unwrap_or_else(untold) })
    }
}
