//! Profiles as the device keeps them, and the changes that a session makes to them.

use std::collections::BTreeMap;
use std::fmt;

use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use mdm_protocol::{LocUri, Scope, loc_uri};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::text;
use super::tree::Node;

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

/// What tells one profile from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileKey {
    /// The kind.
    pub kind: ProfileKind,
    /// Whose it is: the provider trees of machine and user are separate, so a name may occur in both.
    pub scope: Scope,
    /// The name.
    pub name: String,
}

impl From<&ProfileAddress> for ProfileKey {
    fn from(address: &ProfileAddress) -> Self {
        Self { kind: address.kind, scope: address.scope, name: address.name.clone() }
    }
}

impl fmt::Display for ProfileKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.kind, self.name)
    }
}

/// A profile with everything known about it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The profile's own node.
    #[serde(with = "text")]
    pub root: LocUri,
    /// The authority that owns it.
    pub authority: String,
    /// The payload: nodes by their path below the root, segments escaped.
    pub nodes: BTreeMap<String, Node>,
    /// SHA-256 over the payload, in hexadecimal digits.
    pub content_hash: String,
    /// When this content was received, seconds since 1970.
    pub received: i64,
    /// How many authorities there had been before the one that owns it.
    #[serde(default)]
    pub epoch: u32,
    /// The session that brought its content.
    #[serde(default)]
    pub session: u16,
}

/// On whose behalf profiles are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The authority.
    pub authority: String,
    /// How many there were before.
    pub epoch: u32,
    /// The session's number.
    pub session: u16,
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
    /// Whether the server was told.
    #[serde(default)]
    pub reported: bool,
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
    /// A profile of some nodes; `None` if there are none.
    pub fn new(root: LocUri, owner: &Owner, nodes: BTreeMap<String, Node>, now: i64) -> Option<Self> {
        if nodes.is_empty() {
            return None;
        }
        let content_hash = content_hash(&nodes);
        let Owner { authority, epoch, session } = owner.clone();
        Some(Self { root, authority, nodes, content_hash, received: now, epoch, session })
    }

    /// The profile's place and name; every stored profile has one.
    pub fn address(&self) -> Option<ProfileAddress> {
        ProfileAddress::locate(&self.root)
    }

    /// The payload as the typed readers of the protocol take it.
    pub fn leaves(&self) -> Leaves {
        Leaves(self.nodes.iter().map(|(path, node)| (path.clone(), node.value.clone())).collect())
    }

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
        }
    }
}

/// A scope as people and programs are told.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "user",
        Scope::Device => "device",
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Profile({} {})", self.root, self.content_hash.get(..12).unwrap_or_default())
    }
}

fn content_hash(nodes: &BTreeMap<String, Node>) -> String {
    let mut hasher = Sha256::new();
    for (path, node) in nodes {
        for part in [path, &node.format, &node.value] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The path of a node below a profile's root, segments escaped.
pub fn relative_path(segments: &[String]) -> String {
    segments.iter().map(|segment| loc_uri::encode_segment(segment)).collect::<Vec<_>>().join("/")
}

/// What has to be kept, as one unit: all of it or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Profiles by the address of their own node; `None` removes.
    pub profiles: BTreeMap<String, Option<Profile>>,
    /// Settings of the account by address; `None` removes.
    pub settings: BTreeMap<String, Option<Node>>,
    /// What remains of removed profiles, all of it.
    #[serde(default)]
    pub tombstones: Option<Vec<Tombstone>>,
    /// Where the agent stands.
    pub progress: Option<Progress>,
}

impl Changes {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.settings.is_empty() && self.tombstones.is_none() && self.progress.is_none()
    }
}

impl Stored {
    /// Does to this copy what was done to the store.
    pub fn apply(&mut self, changes: &Changes) {
        if !changes.profiles.is_empty() {
            self.profiles.retain(|known| !changes.profiles.contains_key(&known.root.to_string()));
            self.profiles.extend(changes.profiles.values().flatten().cloned());
        }
        for (address, node) in &changes.settings {
            match node {
                Some(node) => self.settings.insert(address.clone(), node.clone()),
                None => self.settings.remove(address),
            };
        }
        if let Some(tombstones) = &changes.tombstones {
            self.tombstones.clone_from(tombstones);
        }
        if let Some(progress) = &changes.progress {
            self.progress = Some(progress.clone());
        }
    }

    /// The earliest moment at which a profile has to go; `None` if none has to.
    pub fn earliest_removal(&self, progress: &Progress, authority: &str, rules: &RetentionRules) -> Option<i64> {
        self.profiles.iter().filter_map(|profile| profile.retain_until(progress, authority, rules)).min()
    }

    /// Changes that remove every profile whose time is over.
    pub fn removals(&self, progress: &Progress, authority: &str, rules: &RetentionRules, now: i64) -> Changes {
        let is_over = |profile: &&Profile| {
            profile.retain_until(progress, authority, rules).is_some_and(|deadline| deadline <= now)
        };
        let mut changes = Changes::default();
        let mut tombstones = Vec::new();
        for profile in self.profiles.iter().filter(is_over) {
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

/// Everything that the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// All profiles.
    pub profiles: Vec<Profile>,
    /// Settings of the account by address.
    pub settings: BTreeMap<String, Node>,
    /// What remains of removed profiles, oldest first.
    #[serde(default)]
    pub tombstones: Vec<Tombstone>,
    /// Where the agent stands, if it ever said so.
    pub progress: Option<Progress>,
}
