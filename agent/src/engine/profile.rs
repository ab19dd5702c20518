//! Profiles as the device keeps them, and the changes that a session makes to them.

use std::collections::BTreeMap;
use std::fmt;

use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::profile::{ProfileAddress, ProfileKind};
use mdm_protocol::{LocUri, Scope, loc_uri};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::progress::Progress;
pub use super::retention::{RETENTION_WINDOW, RemovalReason, RetentionClock, RetentionRules, Tombstone};
use super::text;
use super::tree::Node;

/// The node that the device itself removes once it has served (rule R4).
const FORGOTTEN: &str = "Install/Challenge";

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

    /// Whether it is a mailbox, which its user has to sign in to.
    pub fn is_mailbox(&self) -> bool {
        self.address().is_some_and(|address| address.kind == ProfileKind::Email)
    }

    /// A digest of what the server has set: the same for as long as it sets nothing else, although the device itself
    /// forgets the one-time password of a certificate request that has begun.
    pub fn set_by_server(&self) -> String {
        if !self.nodes.contains_key(FORGOTTEN) {
            return self.content_hash.clone();
        }
        let kept = self.nodes.iter().filter(|(path, _)| *path != FORGOTTEN);
        content_hash(&kept.map(|(path, node)| (path.clone(), node.clone())).collect())
    }

    /// The payload as the typed readers of the protocol take it.
    pub fn leaves(&self) -> Leaves {
        Leaves(self.nodes.iter().map(|(path, node)| (path.clone(), node.value.clone())).collect())
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
    /// Whether this is all that should be in force. A store that was lost and begun anew does not know: until its loss
    /// was reported and a session made up for it, nothing may be taken away because it is not here.
    pub fn is_whole(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| !progress.rebuilt_unreported)
    }

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
