//! What the server can have done to the machine: locked, unlocked, restarted, wiped.
//!
//! Everything here may be done again from the beginning, because a process may end anywhere; whether something is done
//! at all, and that it is not done twice, is the engine's business.

mod code;
mod host;
pub mod lock;
#[cfg(test)]
mod tests;
pub mod wipe;

use crate::engine::remote::{RemoteKind, RemoteOrder, RemoteOutcome};

use super::force::Platform;
use super::root::Root;
pub use code::verifier;
pub use host::{Host, OtherRoot, SystemHost};

impl Platform {
    /// Carries an order out; a wipe that is not confirmed is only planned. Blocks.
    pub fn carry_out(&self, order: &RemoteOrder, is_confirmed: bool, now: i64) -> RemoteOutcome {
        let root = match Root::open(self.root()) {
            Ok(root) => root,
            Err(error) => return RemoteOutcome::Failed(error.to_string()),
        };
        let host = self.host();
        let done = match &order.kind {
            RemoteKind::Lock(terms) => lock::engage(&root, self.state(), host, terms, now)
                .map(RemoteOutcome::Done)
                .map_err(|error| error.to_string()),
            RemoteKind::Unlock => {
                lock::release(&root, self.state(), host).map(RemoteOutcome::Done).map_err(|error| error.to_string())
            }
            RemoteKind::Reboot => host.reboot().map(RemoteOutcome::Begun),
            RemoteKind::Wipe { .. } if is_confirmed => wipe::begin(&root, self.state(), host),
            RemoteKind::Wipe { .. } => wipe::prepare(&root, self.state()),
        };
        done.unwrap_or_else(RemoteOutcome::Failed)
    }

    /// Whether and how the machine is locked.
    pub fn lock_state(&self) -> Result<Option<lock::LockState>, lock::LockError> {
        lock::read(self.state())
    }

    /// Unlocks the machine, for whatever reason. Blocks.
    pub fn unlock(&self) -> Result<(), lock::LockError> {
        lock::release(&Root::open(self.root())?, self.state(), self.host()).map(drop)
    }

    /// Locks again what a restart of the machine has unlocked. Blocks.
    pub fn stay_locked(&self) -> Result<(), lock::LockError> {
        match lock::read(self.state())? {
            Some(locked) => {
                let root = Root::open(self.root())?;
                lock::engage(&root, self.state(), self.host(), &locked.terms, locked.since).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Unlocks the machine with its one-time code. Blocks.
    pub fn unlock_with(&self, code: &str, now: i64) -> Result<String, lock::LockError> {
        lock::unlock_with(&Root::open(self.root())?, self.state(), self.host(), code, now)
    }
}
