//! The management tree: what the server can read, set and run.
//!
//! A [`Tree`] is a working copy for one session. Commands change it and every change can be undone; what has changed
//! is handed out as [`super::Changes`] to be kept before anything is acknowledged. The rules of each node (which
//! commands it takes, in which format) are in [`schema`].

mod access;
mod provided;
mod providers;
mod read;
pub mod schema;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::authority::parse_address_list;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::Format;
use serde::{Deserialize, Serialize};

use super::profile::{Changes, Owner, Profile, Stored, relative_path};
pub use access::Refusal;
use provided::Provided;

/// The format under which the deletion of a provisioned node is kept: an empty own node would be a value.
pub const ABSENT: &str = "absent";

/// A node's format and value. `Debug` hides the value, which may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The format's name on the wire; `node` for an interior node.
    pub format: String,
    /// The value; empty for an interior node.
    pub value: String,
}

impl Node {
    /// A node of a format.
    pub fn new(format: &Format, value: impl Into<String>) -> Self {
        Self { format: format.as_str().to_owned(), value: value.into() }
    }

    /// What is kept in the place of a provisioned node that the server deleted.
    fn absent() -> Self {
        Self { format: ABSENT.to_owned(), value: String::new() }
    }

    /// Whether this stands for a provisioned node that the server deleted.
    pub fn is_absent(&self) -> bool {
        self.format == ABSENT
    }

    /// Whether the node has children instead of a value.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node.as_str()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Node({}, {} bytes)", self.format, self.value.len())
    }
}

/// A working copy of the tree.
#[derive(Debug, Default)]
pub struct Tree {
    /// What the server has set: nodes of profiles and settings of the account.
    own: BTreeMap<LocUri, Node>,
    /// What the device itself answers with; never kept.
    provided: Provided,
    /// What was done, in order, so that it can be undone.
    journal: Vec<Deed>,
    /// How much of the journal has been handed out to be kept.
    kept: usize,
    /// Profiles as they are in the store, for their owner and date.
    profiles: BTreeMap<LocUri, Profile>,
    /// Profiles of another authority that were taken over.
    taken: BTreeSet<LocUri>,
    /// On whose behalf the server speaks, unless it says that it speaks for another authority.
    owner: Owner,
    succession: Option<Succession>,
    user_scope: bool,
    /// Whether nobody notices who signs in.
    misses_sign_ins: bool,
}

/// How a server announces during a session that it acts for another authority from now on: it names that authority and
/// lists no other address than its own.
#[derive(Debug, Clone)]
pub struct Succession {
    /// The server's address.
    pub address: String,
    /// The node that names the authority.
    pub name_node: LocUri,
    /// The node that lists the authority's addresses.
    pub addresses_node: LocUri,
}

/// Something that was done to the tree.
#[derive(Debug)]
enum Deed {
    /// A node was changed; what it was before.
    Changed(LocUri, Option<Node>),
    /// A profile of another authority was taken over.
    TakenOver(LocUri),
}

/// A moment to which a [`Tree`] can be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl Tree {
    /// A tree of what is stored; `user_scope` says whether `./User` may be used in this session.
    pub fn new(stored: &Stored, user_scope: bool) -> Self {
        let mut tree = Self { user_scope, ..Self::default() };
        tree.provide_versions();
        for (address, node) in &stored.settings {
            if let Ok(uri) = LocUri::parse(address) {
                tree.own.insert(uri, node.clone());
            }
        }
        for profile in &stored.profiles {
            for (path, node) in &profile.nodes {
                let address =
                    if path.is_empty() { profile.root.to_string() } else { format!("{}/{path}", profile.root) };
                if let Ok(uri) = LocUri::parse(&address) {
                    tree.own.insert(uri, node.clone());
                }
            }
            tree.profiles.insert(profile.root.clone(), profile.clone());
        }
        tree
    }

    /// Says on whose behalf the server speaks.
    #[must_use]
    pub fn speaking_for(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Says by what the server may say that it speaks for another authority.
    #[must_use]
    pub fn with_succession(mut self, succession: Option<Succession>) -> Self {
        self.succession = succession;
        self
    }

    /// Nothing on this machine notices who signs in.
    pub fn misses_sign_ins(&mut self, misses: bool) {
        self.misses_sign_ins = misses;
    }

    /// Whether that is this authority, or was when the session began.
    pub fn speaks_for(&self, authority: &str) -> bool {
        self.owner.authority == authority || self.authority() == authority
    }

    /// On whose behalf the server speaks.
    pub fn authority(&self) -> &str {
        self.successor().unwrap_or(&self.owner.authority)
    }

    fn owner(&self) -> Owner {
        match self.successor() {
            Some(name) => Owner {
                authority: name.to_owned(),
                epoch: self.owner.epoch.saturating_add(1),
                session: self.owner.session,
            },
            None => self.owner.clone(),
        }
    }

    /// The authority that the server has said that it speaks for instead.
    fn successor(&self) -> Option<&str> {
        let Succession { address, name_node, addresses_node } = self.succession.as_ref()?;
        let name = self.value(name_node).map(str::trim).filter(|name| !name.is_empty())?;
        let stays_here = self
            .value(addresses_node)
            .is_none_or(|list| parse_address_list(list).is_ok_and(|addresses| addresses.contains(address)));
        (stays_here && name != self.owner.authority).then_some(name)
    }

    /// Profiles as they are kept.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// Changes a node on the device's own account; it is kept like what the server sets.
    pub fn change_own(&mut self, uri: LocUri, format: &Format, value: &str) {
        self.set(uri, Some(Node::new(format, value)));
    }

    /// Takes a node out on the device's own account; that is kept like what the server does.
    pub fn forget(&mut self, uri: &LocUri) {
        self.set(uri.clone(), None);
    }

    /// A profile as it is in the store.
    pub fn stored_profile(&self, root: &LocUri) -> Option<&Profile> {
        self.profiles.get(root)
    }

    /// A leaf's value, whoever may read it.
    pub fn value(&self, uri: &LocUri) -> Option<&str> {
        self.visible(uri).filter(|node| !node.is_interior()).map(|node| node.value.as_str())
    }

    /// The present moment.
    pub fn mark(&self) -> Mark {
        Mark(self.journal.len())
    }

    /// Undoes everything since a moment.
    pub fn undo_to(&mut self, mark: Mark) {
        while self.journal.len() > mark.0 {
            match self.journal.pop() {
                Some(deed) => self.undo(deed),
                None => break,
            }
        }
    }

    fn undo(&mut self, deed: Deed) {
        match deed {
            Deed::Changed(uri, Some(before)) => drop(self.own.insert(uri, before)),
            Deed::Changed(uri, None) => drop(self.own.remove(&uri)),
            Deed::TakenOver(root) => drop(self.taken.remove(&root)),
        }
    }

    /// The profiles in which something was done since a moment, whether or not it is as it was by now.
    pub fn profiles_touched_since(&self, mark: Mark) -> BTreeSet<LocUri> {
        let touched = self.journal[mark.0..].iter().filter_map(|deed| match deed {
            Deed::Changed(uri, _) => ProfileAddress::locate(uri).map(|address| address.root),
            Deed::TakenOver(root) => Some(root.clone()),
        });
        touched.collect()
    }

    /// The nodes that are different from what they were at a moment.
    pub fn nodes_changed_since(&self, mark: Mark) -> Vec<&LocUri> {
        let mut seen = BTreeSet::new();
        let changed = self.journal[mark.0..].iter().filter_map(|deed| match deed {
            // What a node was before the first of several changes is what counts.
            Deed::Changed(uri, before) => (seen.insert(uri) && self.own.get(uri) != before.as_ref()).then_some(uri),
            // With the same content, too, it has another owner.
            Deed::TakenOver(root) => Some(root),
        });
        changed.collect()
    }

    /// Undoes everything that was not yet handed out by [`Self::changes`].
    pub fn undo_unkept(&mut self) {
        self.undo_to(Mark(self.kept));
    }

    /// What has changed since the last call of [`Self::accept`], ready to be kept.
    pub fn changes(&self, now: i64) -> Changes {
        let mut changes = Changes::default();
        let mut seen = BTreeSet::new();
        let changed = self.journal[self.kept..].iter().filter_map(|deed| match deed {
            Deed::Changed(uri, before) => Some((uri, before)),
            Deed::TakenOver(_) => None,
        });
        for (uri, before) in changed {
            match ProfileAddress::locate(uri) {
                Some(address) if seen.insert(address.root.clone()) => {
                    let profile = self.profile(&address.root, now);
                    if profile.as_ref() != self.profiles.get(&address.root) {
                        changes.profiles.insert(address.root.to_string(), profile);
                    }
                }
                // What a node was before the first of several changes is what counts.
                None if seen.insert(uri.clone()) && self.own.get(uri) != before.as_ref() => {
                    changes.settings.insert(uri.to_string(), self.own.get(uri).cloned());
                }
                Some(_) | None => {}
            }
        }
        changes
    }

    /// Takes note that the changes are kept.
    pub fn accept(&mut self, changes: &Changes) {
        self.kept = self.journal.len();
        for (root, profile) in &changes.profiles {
            let Ok(root) = LocUri::parse(root) else { continue };
            match profile {
                Some(profile) => self.profiles.insert(root, profile.clone()),
                None => self.profiles.remove(&root),
            };
        }
    }

    /// A profile as it would be kept now. An unchanged content keeps the date on which it was received.
    pub fn profile(&self, root: &LocUri, now: i64) -> Option<Profile> {
        let nodes = self.own_within(root).filter_map(|(uri, node)| {
            let below = uri.below(root)?;
            Some((relative_path(below), node.clone()))
        });
        let profile = Profile::new(root.clone(), &self.owner(), nodes.collect(), now)?;
        let Some(stored) = self.profiles.get(root) else { return Some(profile) };
        let is_same = stored.content_hash == profile.content_hash;
        Some(match stored.authority == profile.authority {
            true if is_same => {
                Profile { received: stored.received, session: stored.session, epoch: stored.epoch, ..profile }
            }
            // A new owner has set it now, the same content or not.
            true => profile,
            false if self.taken.contains(root) => profile,
            // The present owner has set nothing in it.
            false => Profile {
                authority: stored.authority.clone(),
                received: stored.received,
                session: stored.session,
                epoch: stored.epoch,
                ..profile
            },
        })
    }

    /// Whether the server has set anything of a node or below it.
    pub fn has_own(&self, root: &LocUri) -> bool {
        self.own_within(root).next().is_some()
    }

    /// What the server has set of a node and all below it.
    pub(in crate::engine) fn own_within<'a>(
        &'a self,
        root: &'a LocUri,
    ) -> impl Iterator<Item = (&'a LocUri, &'a Node)> {
        let within = self.own.range(root.clone()..).take_while(move |(uri, _)| uri.is_within(root));
        within.filter(|(_, node)| !node.is_absent())
    }

    /// The account's settings as the server has set them, without profiles.
    pub fn settings(&self) -> Stored {
        let settings = self.own.iter().filter(|(uri, _)| ProfileAddress::locate(uri).is_none());
        Stored { settings: settings.map(|(uri, node)| (uri.to_string(), node.clone())).collect(), ..Stored::default() }
    }

    /// Before another authority sets anything in a profile that is not its own, the old content goes: the profile is
    /// replaced as a whole, under the same name and in one step with what comes in its place (rule R3).
    fn take_over(&mut self, uri: &LocUri) {
        let Some(ProfileAddress { root, .. }) = ProfileAddress::locate(uri) else { return };
        let is_foreign = self.profiles.get(&root).is_some_and(|profile| profile.authority != self.authority());
        if is_foreign && self.taken.insert(root.clone()) {
            self.journal.push(Deed::TakenOver(root.clone()));
            let old: Vec<LocUri> = self.own_within(&root).map(|(uri, _)| uri.clone()).collect();
            old.into_iter().for_each(|uri| self.set(uri, None));
        }
    }

    fn set(&mut self, uri: LocUri, node: Option<Node>) {
        if self.own.get(&uri) == node.as_ref() {
            return;
        }
        let before = match node {
            Some(node) => self.own.insert(uri.clone(), node),
            None => self.own.remove(&uri),
        };
        self.journal.push(Deed::Changed(uri, before));
    }
}
