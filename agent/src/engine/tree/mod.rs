//! The management tree: what the server can read, set and run.
//!
//! A [`Tree`] is a working copy for one session. Commands change it and every change can be undone; what has changed
//! is handed out as [`super::Changes`] to be kept before anything is acknowledged. The rules of each node (which
//! commands it takes, in which format) are in [`schema`].

mod access;
mod application;
mod read;
pub mod schema;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::Format;
use serde::{Deserialize, Serialize};

use super::profile::{Changes, Owner, Profile, Stored, relative_path};
pub use access::Refusal;

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
    nodes: BTreeMap<LocUri, Node>,
    /// What was done, in order, so that it can be undone.
    journal: Vec<Deed>,
    /// How much of the journal has been handed out to be kept.
    kept: usize,
    /// Profiles as they are in the store, for their owner and date.
    profiles: BTreeMap<LocUri, Profile>,
    /// Profiles of another authority that were taken over.
    taken: BTreeSet<LocUri>,
    /// On whose behalf the server speaks.
    owner: Owner,
    user_scope: bool,
    /// Nodes that the device itself provides below profiles: no part of their content.
    provided: BTreeSet<LocUri>,
    /// The Atomic that is being carried out, by a number of its own.
    group: Option<u32>,
}

/// Something that was done to the tree.
#[derive(Debug)]
enum Deed {
    /// A node was changed; what it was before, and the Atomic that changed it.
    Changed(LocUri, Option<Node>, Option<u32>),
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
        for (address, node) in &stored.settings {
            if let Ok(uri) = LocUri::parse(address) {
                tree.nodes.insert(uri, node.clone());
            }
        }
        for profile in &stored.profiles {
            for (path, node) in &profile.nodes {
                let address =
                    if path.is_empty() { profile.root.to_string() } else { format!("{}/{path}", profile.root) };
                if let Ok(uri) = LocUri::parse(&address) {
                    tree.nodes.insert(uri, node.clone());
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

    /// Profiles as they are kept.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// Puts in a node that the device itself provides; it is never kept.
    pub fn provide(&mut self, uri: LocUri, format: &Format, value: impl Into<String>) {
        self.provided.insert(uri.clone());
        self.nodes.insert(uri, Node::new(format, value));
    }

    /// Takes out a node that the device itself provided.
    pub fn withdraw(&mut self, uri: &LocUri) {
        self.nodes.remove(uri);
    }

    /// Changes a node on the device's own account; it is kept like what the server sets.
    pub fn change_own(&mut self, uri: LocUri, format: &Format, value: &str) {
        self.set(uri, Some(Node::new(format, value)));
    }

    /// Takes a node out on the device's own account; that is kept like what the server does.
    pub fn forget(&mut self, uri: &LocUri) {
        self.set(uri.clone(), None);
    }

    /// A profile as it would be kept now.
    pub fn profile_at(&self, address: &ProfileAddress, now: i64) -> Option<Profile> {
        self.profile(address, now)
    }

    /// A leaf's value, whoever may read it.
    pub fn value(&self, uri: &LocUri) -> Option<&str> {
        self.nodes.get(uri).filter(|node| !node.is_interior()).map(|node| node.value.as_str())
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
            Deed::Changed(uri, Some(before), _) => drop(self.nodes.insert(uri, before)),
            Deed::Changed(uri, None, _) => drop(self.nodes.remove(&uri)),
            Deed::TakenOver(root) => drop(self.taken.remove(&root)),
        }
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
            Deed::Changed(uri, before, _) => Some((uri, before)),
            Deed::TakenOver(_) => None,
        });
        for (uri, before) in changed {
            match ProfileAddress::locate(uri) {
                Some(address) if seen.insert(address.root.clone()) => {
                    let profile = self.profile(&address, now);
                    if profile.as_ref() != self.profiles.get(&address.root) {
                        changes.profiles.insert(address.root.to_string(), profile);
                    }
                }
                // What a node was before the first of several changes is what counts.
                None if seen.insert(uri.clone()) && self.nodes.get(uri) != before.as_ref() => {
                    changes.settings.insert(uri.to_string(), self.nodes.get(uri).cloned());
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

    /// Gathers a profile's nodes. An unchanged content keeps the date on which it was received.
    fn profile(&self, address: &ProfileAddress, now: i64) -> Option<Profile> {
        let own = self.within(&address.root).filter(|(uri, _)| !self.provided.contains(uri));
        let nodes = own.filter_map(|(uri, node)| {
            let below = uri.below(&address.root)?;
            Some((relative_path(below), node.clone()))
        });
        let profile = Profile::new(address.root.clone(), &self.owner, nodes.collect(), now)?;
        let stored = self.profiles.get(&address.root);
        Some(match stored.filter(|stored| stored.content_hash == profile.content_hash) {
            // A new owner has set it now, the same content or not.
            Some(stored) if stored.authority == profile.authority => {
                Profile { received: stored.received, session: stored.session, epoch: stored.epoch, ..profile }
            }
            Some(_) => profile,
            None => profile,
        })
    }

    /// A node and all below it.
    fn within<'a>(&'a self, root: &'a LocUri) -> impl Iterator<Item = (&'a LocUri, &'a Node)> {
        self.nodes.range(root.clone()..).take_while(move |(uri, _)| uri.is_within(root))
    }

    /// The account's settings as they are now, without profiles.
    pub fn settings(&self) -> Stored {
        let settings = self.nodes.iter().filter(|(uri, _)| ProfileAddress::locate(uri).is_none());
        Stored { settings: settings.map(|(uri, node)| (uri.to_string(), node.clone())).collect(), ..Stored::default() }
    }

    /// Before another authority sets anything in a profile that is not its own, the old content goes: the profile is
    /// replaced as a whole, under the same name and in one step with what comes in its place (rule R3).
    fn take_over(&mut self, uri: &LocUri) {
        let Some(ProfileAddress { root, .. }) = ProfileAddress::locate(uri) else { return };
        let is_foreign = self.profiles.get(&root).is_some_and(|profile| profile.authority != self.owner.authority);
        if is_foreign && self.taken.insert(root.clone()) {
            self.journal.push(Deed::TakenOver(root.clone()));
            let old: Vec<LocUri> = self.within(&root).map(|(uri, _)| uri.clone()).collect();
            old.into_iter().for_each(|uri| self.set(uri, None));
        }
    }

    fn set(&mut self, uri: LocUri, node: Option<Node>) {
        if self.nodes.get(&uri) == node.as_ref() {
            return;
        }
        let before = match node {
            Some(node) => self.nodes.insert(uri.clone(), node),
            None => self.nodes.remove(&uri),
        };
        self.journal.push(Deed::Changed(uri, before, self.group));
    }
}
