//! How long profiles stay, and what remains of them (rules R2 to R4). Whether the time has come for a removal, and what
//! is tried before it, is decided in [`super::life`].

use serde::{Deserialize, Serialize};

use super::authority::OwnerRole;
use super::profile::{Changes, Profile, Stored, scope_name};
use super::progress::{Progress, RetentionDeadlines};

/// How long a profile stays in force after its owner last confirmed it (rule R2), in seconds.
pub const RETENTION_WINDOW: i64 = 7 * 24 * 3600;
/// Removed profiles that are remembered.
const MAX_TOMBSTONES: usize = 64;

/// How long profiles stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionRules {
    /// The window, in seconds.
    pub window: i64,
    /// When it begins.
    pub clock: RetentionClock,
}

/// When the retention window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionClock {
    /// At the owner's last word: the last completed session with it.
    LastConfirmed,
    /// When the device hears that another authority takes over; until then profiles stay, for fleets that go on long
    /// leave.
    AuthorityChange,
}

impl Default for RetentionRules {
    fn default() -> Self {
        Self { window: RETENTION_WINDOW, clock: RetentionClock::LastConfirmed }
    }
}

/// What remains of a profile that was removed (rule R4): enough to tell why it is gone, nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// `device` or `user`.
    pub scope: String,
    /// The authority that owned it.
    pub authority: String,
    /// Why it was removed.
    pub reason: RemovalReason,
    /// When, seconds.
    pub removed: i64,
    /// Whether it was reported to the server.
    #[serde(default)]
    pub reported: bool,
    /// The address of the profile's own node; empty where an older agent removed it.
    #[serde(default)]
    pub root: String,
}

/// Why a profile was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemovalReason {
    /// Its owner was not heard of within the retention window.
    Retention,
    /// The server deleted it.
    Server,
}

impl RemovalReason {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "its owner was not heard of within the retention window",
            Self::Server => "the server deleted it",
        }
    }
}

impl Profile {
    /// When the owner last confirmed the profile: in the last completed session with it, or on receipt.
    pub fn confirmed(&self, progress: &Progress) -> i64 {
        progress.confirmed(&self.authority).map_or(self.received, |moment| moment.max(self.received))
    }

    /// Whether another authority than its owner manages the device by now (rule R3).
    pub fn is_redundant(&self, authority: &str) -> bool {
        self.authority != authority
    }

    /// Until when the profile stays if its owner is not heard of again (rule R2); `None` for as long as need be.
    /// `authority` is the one that manages the device.
    pub fn retain_until(&self, progress: &Progress, authority: &str, rules: &RetentionRules) -> Option<i64> {
        let begins = match rules.clock {
            RetentionClock::LastConfirmed => self.confirmed(progress),
            RetentionClock::AuthorityChange if self.is_redundant(authority) => {
                progress.authority.since.unwrap_or_else(|| self.confirmed(progress))
            }
            RetentionClock::AuthorityChange => progress.authority.moving.as_ref()?.heard,
        };
        Some(begins.saturating_add(rules.window))
    }

    /// What remains of it once it is removed.
    pub fn tombstone(&self, reason: RemovalReason, now: i64) -> Tombstone {
        let address = self.address();
        Tombstone {
            kind: address.as_ref().map_or_else(String::new, |address| address.kind.to_string()),
            name: address.map_or_else(|| self.root.name().to_owned(), |address| address.name),
            scope: scope_name(self.root.scope()).to_owned(),
            authority: self.authority.clone(),
            reason,
            removed: now,
            reported: false,
            root: self.root.to_string(),
        }
    }
}

impl Stored {
    /// When the first profile expires, for each role of its owner.
    pub fn deadlines(&self, progress: &Progress, authority: &str, rules: &RetentionRules) -> RetentionDeadlines {
        let mut deadlines = RetentionDeadlines::default();
        for profile in &self.profiles {
            if let Some(at) = profile.retain_until(progress, authority, rules) {
                deadlines.enter(progress.authority.role_of(&profile.authority, authority), at);
            }
        }
        deadlines
    }

    /// Changes that remove every profile that has expired and may be removed.
    pub fn removals(
        &self,
        progress: &Progress,
        authority: &str,
        rules: &RetentionRules,
        now: i64,
        may_expire: impl Fn(OwnerRole) -> bool,
    ) -> Changes {
        let has_expired = |profile: &&Profile| {
            let until = profile.retain_until(progress, authority, rules);
            until.is_some_and(|until| until <= now)
                && may_expire(progress.authority.role_of(&profile.authority, authority))
        };
        let mut changes = Changes::default();
        let mut tombstones = Vec::new();
        for profile in self.profiles.iter().filter(has_expired) {
            changes.profiles.insert(profile.root.to_string(), None);
            tombstones.push(profile.tombstone(RemovalReason::Retention, now));
        }
        if !tombstones.is_empty() {
            changes.tombstones = Some(self.with_tombstones(tombstones));
        }
        changes
    }

    /// The tombstones with further ones, the oldest forgotten where there are too many.
    pub fn with_tombstones(&self, more: Vec<Tombstone>) -> Vec<Tombstone> {
        let mut all: Vec<Tombstone> = self.tombstones.iter().cloned().chain(more).collect();
        all.drain(..all.len().saturating_sub(MAX_TOMBSTONES));
        all
    }
}

#[cfg(test)]
mod tests;
