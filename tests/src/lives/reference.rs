//! The page's rules, in the plainest form: who manages the device, what it has from whom, until when, and what the
//! console shows. It knows of sessions only with whom they were completed; everything else it works out by itself.

use std::collections::{BTreeMap, BTreeSet};

use mdm_sim_server::tenant::{Authority, TenantMode};

use super::clock::AgeClock;

/// How long a profile stays after its owner's last completed session, in seconds.
const WINDOW: i64 = 7 * 86_400;

/// A profile that the device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) value: String,
    pub(super) owner: String,
    /// When this content was received from this owner, by the device's own time.
    pub(super) received: i64,
}

/// What the tenant is set to.
#[derive(Debug, Clone)]
pub(super) struct TenantRules {
    pub(super) mode: TenantMode,
    pub(super) licensed: bool,
    pub(super) has_user: bool,
    /// Where a device without a user belongs.
    pub(super) home: Authority,
    /// The portal that lists the device.
    pub(super) portal: Authority,
    pub(super) assigned: BTreeMap<(Authority, String), String>,
}

/// What should be so.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) tenant: TenantRules,
    pub(super) clock: AgeClock,
    /// The authority that manages the device.
    pub(super) manager: String,
    /// When a session with each authority was last completed, by the device's own time.
    pub(super) words: BTreeMap<String, i64>,
    pub(super) held: BTreeMap<String, Held>,
    /// The redundant settings that the server was last sent.
    pub(super) redundant: Vec<String>,
}

impl TenantRules {
    /// The authority that should manage the device: with a user the user decides, without one nothing changes.
    pub(super) fn due(&self) -> Authority {
        if !self.has_user {
            return self.home;
        }
        match self.mode {
            TenantMode::Intune => Authority::Intune,
            TenantMode::CoManagement => Authority::CoManagement,
            TenantMode::Coexistence if self.licensed => Authority::Intune,
            TenantMode::Coexistence | TenantMode::Office365 => Authority::Office365,
            TenantMode::Unknown => self.home,
        }
    }

    /// Where there are two authorities, what the one has set is deleted by the other.
    fn deletes_of(&self, owner: &str) -> bool {
        self.mode == TenantMode::Coexistence && owner != Authority::CoManagement.name()
    }

    pub(super) fn set_user(&mut self, has_user: bool) {
        if !has_user && self.has_user {
            self.home = self.portal;
        }
        self.has_user = has_user;
    }
}

impl Reference {
    pub(super) fn new(tenant: TenantRules, at: i64) -> Self {
        Self {
            manager: tenant.portal.name().to_owned(),
            tenant,
            clock: AgeClock::new(at, at),
            words: BTreeMap::new(),
            held: BTreeMap::new(),
            redundant: Vec::new(),
        }
    }

    /// Until when a profile stays, by the device's own time.
    pub(super) fn deadline(&self, held: &Held) -> i64 {
        self.words.get(&held.owner).copied().unwrap_or(held.received).max(held.received) + WINDOW
    }

    /// What the device has once a session with an authority was completed.
    pub(super) fn after_session(&self, with: &str) -> BTreeMap<String, Held> {
        let due = self.tenant.due();
        let mut held = self.held.clone();
        if with != due.name() {
            // The device is sent elsewhere, and nothing else happens.
            return held;
        }
        let assigned = |setting: &String| self.tenant.assigned.get(&(due, setting.clone()));
        held.retain(|setting, profile| {
            assigned(setting).is_some() || profile.owner != with && !self.tenant.deletes_of(&profile.owner)
        });
        for ((_, setting), value) in self.tenant.assigned.iter().filter(|((authority, _), _)| *authority == due) {
            let is_there = held.get(setting).is_some_and(|known| known.owner == with && known.value == *value);
            if !is_there {
                let fresh = Held { value: value.clone(), owner: with.to_owned(), received: self.clock.reading };
                held.insert(setting.clone(), fresh);
            }
        }
        held
    }

    /// A session with an authority was completed.
    pub(super) fn session_completed(&mut self, with: &str) {
        self.redundant = self.redundant_with(with);
        self.held = self.after_session(with);
        if with == self.tenant.due().name() {
            self.tenant.portal = self.tenant.due();
        }
        self.manager = with.to_owned();
        self.words.insert(with.to_owned(), self.clock.reading);
        let now = self.clock.reading;
        let expired = |profile: &Held| profile.owner != *with && self.deadline(profile) <= now;
        let gone: Vec<String> =
            self.held.iter().filter(|(_, profile)| expired(profile)).map(|(setting, _)| setting.clone()).collect();
        gone.iter().for_each(|setting| drop(self.held.remove(setting)));
    }

    /// The settings that the console may show as redundant: those that the server was sent, and those that are; a tenant
    /// that was restored may know them already.
    pub(super) fn may_be_redundant(&self) -> BTreeSet<&str> {
        let left = self.held.iter().filter(|(_, profile)| profile.owner != self.manager).map(|(setting, _)| setting);
        self.redundant.iter().chain(left).map(String::as_str).collect()
    }

    /// The settings of other authorities than those that matter in a session.
    fn redundant_with(&self, with: &str) -> Vec<String> {
        let is_redundant = |profile: &Held| profile.owner != *with && profile.owner != self.manager;
        self.held.iter().filter(|(_, profile)| is_redundant(profile)).map(|(setting, _)| setting.clone()).collect()
    }
}
