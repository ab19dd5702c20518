//! What the device itself answers with: facts about it, what was provisioned at enrolment, and what the machine and the
//! session say of themselves. None of it is part of a profile, and none of it is ever kept.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::Format;

use super::{Node, Tree};

/// Nodes of the device's own, by where they come from. A later layer hides an earlier one.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// The account as provisioned; the server may change and delete it.
    provisioned: BTreeMap<LocUri, Node>,
    /// Facts about the device and how its affairs stand.
    device: BTreeMap<LocUri, Node>,
    /// What is known of profiles that are applied on the machine.
    machine: BTreeMap<LocUri, Node>,
    /// What the commands of this session have requested.
    session: BTreeMap<LocUri, Node>,
}

impl Provided {
    /// A node of the device's own.
    pub(super) fn insert(&mut self, uri: LocUri, node: Node) {
        self.device.insert(uri, node);
    }

    fn layers(&self) -> [&BTreeMap<LocUri, Node>; 4] {
        [&self.session, &self.machine, &self.device, &self.provisioned]
    }
}

impl Tree {
    /// Puts in a node that the device itself provides.
    pub fn provide(&mut self, uri: LocUri, format: &Format, value: impl Into<String>) {
        self.provided.device.insert(uri, Node::new(format, value));
    }

    /// Takes out a node that the device itself provided.
    pub fn withdraw(&mut self, uri: &LocUri) {
        self.provided.device.remove(uri);
    }

    /// Puts in a node as it was provisioned: it is there until the server changes or deletes it.
    pub fn provision(&mut self, uri: LocUri, format: &Format, value: impl Into<String>) {
        self.provided.provisioned.insert(uri, Node::new(format, value));
    }

    /// Replaces everything that is known of profiles that are applied on the machine.
    pub fn provide_machine(&mut self, nodes: &[(String, Format, String)]) {
        self.provided.machine = parsed(nodes);
    }

    /// Replaces everything that the commands of this session have requested.
    pub fn provide_session(&mut self, nodes: &[(String, Format, String)]) {
        self.provided.session = parsed(nodes);
    }

    /// A node as it can be read, set by the server or provided by the agent.
    pub(super) fn visible(&self, uri: &LocUri) -> Option<&Node> {
        match self.own.get(uri) {
            Some(node) => (!node.is_absent()).then_some(node),
            None => {
                let node = self.provided.layers().into_iter().find_map(|layer| layer.get(uri))?;
                (!node.is_absent() && self.is_offered(uri)).then_some(node)
            }
        }
    }

    /// Whether there is a node, or anything below it.
    pub(super) fn exists(&self, uri: &LocUri) -> bool {
        self.own_within(uri).next().is_some()
            || self.is_offered(uri)
                && self
                    .provided
                    .layers()
                    .into_iter()
                    .any(|layer| within(layer, uri).any(|node| self.visible(node).is_some()))
    }

    /// Provisioned nodes within a node that the server has not deleted.
    pub(super) fn provisioned_within(&self, uri: &LocUri) -> Vec<LocUri> {
        within(&self.provided.provisioned, uri)
            .filter(|node| !self.own.get(*node).is_some_and(Node::is_absent))
            .cloned()
            .collect()
    }

    /// The names directly below a node, found by leaping from child to child.
    pub(super) fn visible_children(&self, parent: &LocUri) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let layers = self.provided.layers();
        for layer in layers.into_iter().chain([&self.own]) {
            let mut start = parent.child("");
            while let Some(name) = layer.range(&start..).next().and_then(|(node, _)| node.below(parent)?.first()) {
                if !names.contains(name) && self.exists(&parent.child(name)) {
                    names.insert(name.clone());
                }
                start = parent.child(format!("{name}\0"));
            }
        }
        names
    }

    /// What the device says of a profile goes with the profile.
    fn is_offered(&self, uri: &LocUri) -> bool {
        ProfileAddress::locate(uri).is_none_or(|address| self.own_within(&address.root).next().is_some())
    }
}

fn within<'a>(layer: &'a BTreeMap<LocUri, Node>, root: &'a LocUri) -> impl Iterator<Item = &'a LocUri> {
    layer.range(root.clone()..).map(|(uri, _)| uri).take_while(move |uri| uri.is_within(root))
}

fn parsed(nodes: &[(String, Format, String)]) -> BTreeMap<LocUri, Node> {
    let parsed = nodes.iter().filter_map(|(address, format, value)| {
        let uri = LocUri::parse(address).ok()?;
        Some((uri, Node::new(format, value.as_str())))
    });
    parsed.collect()
}
