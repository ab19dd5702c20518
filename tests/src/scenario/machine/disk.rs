//! The disk of a simulated machine: what outlasts its power, is lost, and is put back from a backup.

use mdm_agent::engine::Account;
use mdm_agent::engine::certificates::Certificates;
use mdm_agent::engine::profile::{Profile, Stored};
use mdm_agent::shell::identity::Slot;

use super::Machine;

/// A former disk of a machine.
#[derive(Debug, Clone)]
pub struct Backup(pub(super) Disk);

/// What outlasts a power cut.
#[derive(Debug, Default, Clone)]
pub(super) struct Disk {
    pub(super) account: Option<Account>,
    pub(super) active: Option<Slot>,
    pub(super) pending: Option<Slot>,
    pub(super) stored: Stored,
}

impl Machine {
    /// The terms of both certificates.
    pub fn certificates(&self) -> Certificates {
        let terms = |slot: &Option<Slot>| slot.as_ref().and_then(|slot| slot.terms().ok());
        Certificates { active: terms(&self.disk.active), pending: terms(&self.disk.pending) }
    }

    /// The profiles on the disk.
    pub fn profiles(&self) -> &[Profile] {
        &self.disk.stored.profiles
    }

    /// Everything that the store holds.
    pub fn stored(&self) -> &Stored {
        &self.disk.stored
    }

    /// The value of a setting, if there is one.
    pub fn value(&self, setting: &str) -> Option<&str> {
        let root = crate::scenario::address(setting);
        let profile = self.profiles().iter().find(|profile| profile.root.to_string() == root)?;
        profile.nodes.get("").map(|node| node.value.as_str())
    }

    /// How long it waits between two attempts at most from its next start on, in milliseconds.
    pub fn set_longest_wait(&mut self, ms: u64) {
        if let Some(account) = &mut self.disk.account {
            account.max_backoff_ms = ms;
        }
    }

    /// What is on the disk, to put it back later.
    pub fn backup(&self) -> Backup {
        Backup(self.disk.clone())
    }

    /// Puts a former disk in, while the power is off.
    pub fn put_back(&mut self, backup: &Backup) {
        self.disk = backup.0.clone();
    }

    /// Its profiles are gone, and nothing that it reports says so.
    pub fn forget_profiles_without_a_word(&mut self) {
        self.disk.stored.profiles.clear();
        self.disk.stored.tombstones.clear();
    }

    /// The store is lost, while the power is off.
    pub fn lose_store(&mut self) {
        self.disk.stored = Stored::default();
    }
}
