//! The end of everything that the agent made on this machine. Who is enrolled, and what else is kept of an enrollment, is
//! not its business.

use super::apply::remove_directories;
use super::force::{Others, Platform, PlatformError};
use super::ledger::Ledger;
use super::ledger_access::put_aside;
use super::root::Root;
use crate::engine::application::DriftReport;

impl Platform {
    /// Takes everything that the agent made off the machine, or says what is left. What others had changed is added to
    /// `drift`. Blocks.
    pub fn clear(&self, drift: &mut Vec<DriftReport>) -> Result<(), PlatformError> {
        self.clear_in(&Root::open(self.root())?, drift)
    }

    /// As [`Self::clear`], on a root that is open.
    pub fn clear_in(&self, root: &Root, drift: &mut Vec<DriftReport>) -> Result<(), PlatformError> {
        let found = self.converge_in(root, &[], Others::Go)?;
        drift.extend(found.drift.iter().map(super::ledger::Drift::report));
        // What it would have said is not known, whenever it was put aside.
        let path = put_aside(&Ledger::place(self.state()));
        if path.exists() {
            return Err(PlatformError::LedgerLost { path });
        }
        self.forget_drift()?;
        let mut ledger = self.readable_ledger()?;
        if ledger.files.is_empty() && !ledger.directories.is_empty() {
            remove_directories(&self.site(root), &mut ledger);
            // Somebody has put something into the others: they are theirs.
            ledger.directories.clear();
            ledger.write(self.state())?;
        }
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
