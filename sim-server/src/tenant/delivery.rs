//! What a device should have, what it was given, and so what it must still be sent or rid of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fragment::Nodes;
use super::profile::Profile;
use super::record::RecordKind;
use super::{AdminError, Device, Tenant};

/// How far a profile got on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "code")]
pub enum DeliveryState {
    /// It is still to be sent, or was sent and not yet answered.
    Pending,
    /// The device has it.
    Delivered,
    /// The device refused it with this status; it is not sent again until it changes or the administrator asks.
    Failed(u16),
    /// It is no longer meant for the device and will be deleted there.
    Removing,
}

/// What is kept of a profile that was sent to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProfileEntry {
    pub(super) version: String,
    pub(super) state: DeliveryState,
    /// Why the device refused it, in its own words.
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(flatten)]
    pub(super) nodes: Nodes,
    pub(super) updated: i64,
}

impl Tenant {
    /// The profiles that are for a device, by name.
    pub(super) fn assigned<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = (&'a str, &'a Profile)> {
        self.profiles
            .iter()
            .filter(|(_, profile)| self.is_for(profile, device))
            .map(|(name, profile)| (name.as_str(), profile))
    }

    /// The profiles that the device must still be sent.
    pub(super) fn undelivered<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = (&'a str, &'a Profile)> {
        self.assigned(device).filter(|(name, profile)| {
            device.profiles.get(*name).is_none_or(|entry| match entry.state {
                DeliveryState::Pending | DeliveryState::Removing => true,
                DeliveryState::Delivered | DeliveryState::Failed(_) => entry.version != profile.version(),
            })
        })
    }

    /// The nodes that the device was given and that no profile assigned to it has any more: whole profiles by their
    /// roots, and below the roots that stay whatever left them.
    pub(super) fn surplus(&self, device: &Device) -> BTreeSet<String> {
        let wanted: Vec<&Nodes> = self.assigned(device).map(|(_, profile)| profile.nodes()).collect();
        let is_wanted = |root: &String| wanted.iter().any(|nodes| nodes.roots.contains(root));
        let mut surplus: BTreeSet<String> =
            device.nodes.roots.iter().filter(|root| !is_wanted(root)).cloned().collect();
        // Devices match most names below a root in any case: `wlanxml` is no reason to delete `WlanXml`.
        let kept: BTreeSet<String> =
            wanted.iter().flat_map(|nodes| &nodes.leaves).map(|leaf| leaf.to_lowercase()).collect();
        let gone: Vec<String> = surplus.iter().map(|root| format!("{root}/")).collect();
        let goes_alone = |leaf: &&String| !gone.iter().any(|root| leaf.starts_with(root.as_str()));
        let leaves = device.nodes.leaves.iter().filter(goes_alone).filter(|leaf| !would_lose(&kept, leaf));
        surplus.extend(leaves.cloned().collect::<Vec<_>>());
        surplus
    }

    /// Notes that a profile is on its way to a device.
    pub(super) fn profile_sent(&mut self, device_id: &str, name: &str, now: i64) {
        let (Some(device), Some(profile)) = (self.devices.get_mut(device_id), self.profiles.get(name)) else { return };
        let nodes = profile.nodes().clone();
        device.nodes.roots.extend(nodes.roots.iter().cloned());
        device.nodes.leaves.extend(nodes.leaves.iter().cloned());
        let version = profile.version().to_owned();
        let entry =
            ProfileEntry { version, state: DeliveryState::Pending, reason: None, nodes: nodes.clone(), updated: now };
        let before = device.profiles.insert(name.to_owned(), entry);
        let left = before.map(|entry| entry.nodes.without(&nodes)).unwrap_or_default();
        // What this version no longer sets may hold the last version's values where another profile sets it too.
        let others = device.profiles.values_mut().filter(|other| other.nodes.shares(&left));
        others.for_each(|other| other.state = DeliveryState::Pending);
        self.note(RecordKind::Device, device_id);
    }

    /// Notes what became of a profile that was sent in a certain version.
    pub(super) fn profile_answered(
        &mut self,
        device_id: &str,
        name: &str,
        version: &str,
        (state, reason): (DeliveryState, Option<String>),
        now: i64,
    ) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        if let Some(entry) = device.profiles.get_mut(name).filter(|entry| entry.version == version) {
            entry.state = state;
            entry.reason = reason;
            entry.updated = now;
        }
        self.note(RecordKind::Device, device_id);
    }

    /// Notes that a node is gone from a device, with all below it.
    pub(super) fn node_deleted(&mut self, device_id: &str, node: &str) {
        if let Some(device) = self.devices.get_mut(device_id) {
            let below = format!("{node}/");
            device.nodes.roots.remove(node);
            device.nodes.leaves.retain(|leaf| leaf != node && !leaf.starts_with(&below));
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Brings a device's list up to date: profiles that are no longer for it are being removed, and forgotten as soon
    /// as nothing of them is left there.
    pub(super) fn tidy_deliveries(&mut self, device_id: &str) {
        let Some(device) = self.devices.get(device_id) else { return };
        let assigned: BTreeSet<String> = self.assigned(device).map(|(name, _)| name.to_owned()).collect();
        let surplus = self.surplus(device);
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let before = device.profiles.clone();
        device.profiles.retain(|name, entry| assigned.contains(name) || entry.nodes.has_any(&surplus));
        // A node that a departed profile shared with one that stays may hold the departed one's values: say it again.
        let departed = before.iter().filter(|(name, _)| !device.profiles.contains_key(*name));
        let left: Vec<&Nodes> = departed.map(|(_, entry)| &entry.nodes).collect();
        for (name, entry) in &mut device.profiles {
            if !assigned.contains(name) {
                entry.state = DeliveryState::Removing;
            } else if left.iter().any(|nodes| !nodes.roots.is_disjoint(&entry.nodes.roots)) {
                entry.state = DeliveryState::Pending;
            }
        }
        if device.profiles != before {
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Forgets what was delivered: the device lost it. The nodes are remembered, so that what it still has and should
    /// not have is deleted all the same; who manages it and where it is rung is told anew.
    pub(super) fn store_rebuilt(&mut self, device_id: &str) {
        if let Some(device) = self.devices.get_mut(device_id) {
            device.profiles.clear();
            device.inventory.held.clear();
            device.redundant = None;
            device.life.told = None;
            device.push.name = None;
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Has a profile sent to a device once more, whatever became of it before.
    pub fn resend_profile(&mut self, device_id: &str, name: &str) -> Result<(), AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        let profile = self.profiles.get(name).ok_or_else(|| AdminError::no_such("profile", name))?;
        if !self.is_for(profile, device) {
            return Err(AdminError::Conflict(format!(
                "the profile {name:?} is not assigned to the device {device_id:?}"
            )));
        }
        if let Some(entry) = self.devices.get_mut(device_id).and_then(|device| device.profiles.get_mut(name)) {
            entry.state = DeliveryState::Pending;
            self.note(RecordKind::Device, device_id);
        }
        Ok(())
    }
}

/// Whether deleting a leaf would take away something that is to be kept.
fn would_lose(kept: &BTreeSet<String>, leaf: &str) -> bool {
    let leaf = leaf.to_lowercase();
    let below = format!("{leaf}/");
    kept.contains(&leaf) || kept.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
}

impl Nodes {
    fn has_any(&self, nodes: &BTreeSet<String>) -> bool {
        !(self.roots.is_disjoint(nodes) && self.leaves.is_disjoint(nodes))
    }

    fn shares(&self, other: &Self) -> bool {
        self.has_any(&other.roots) || self.has_any(&other.leaves)
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            roots: self.roots.difference(&other.roots).cloned().collect(),
            leaves: self.leaves.difference(&other.leaves).cloned().collect(),
        }
    }
}
