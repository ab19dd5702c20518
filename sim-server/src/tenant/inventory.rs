//! What a device reports that it holds, against what it was given: deliveries that were lost are made again, and what
//! nothing assigned to the device explains is deleted there.
//!
//! The device is asked for a digest in every session, and for the list only where the digest is not the one of the list
//! that was recorded last. What happened between the two does not matter: a profile that expired, a store that was lost
//! or restored, a report that did not arrive, a tenant that was restored.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::inventory::{InventoryEntry, digest};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::StatusCode;
use serde::{Deserialize, Serialize};

use super::delivery::ProfileEntry;
use super::life::{Authority, TenantMode};
use super::record::RecordKind;
use super::{DeliveryState, Device, PROVIDER_ID, Tenant};

/// What a device reported that it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Inventory {
    /// When the device answered that it does not know the nodes, as other clients do, in seconds since 1970.
    pub(super) refused: Option<i64>,
    /// Each profile's owner and a digest of its content.
    pub(super) held: BTreeMap<String, Held>,
}

/// A profile that a device holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) authority: String,
    pub(super) content: String,
}

impl Inventory {
    /// The digest of what was recorded.
    pub(super) fn digest(&self) -> String {
        let entries: Vec<InventoryEntry> = self.held.iter().map(|(address, held)| held.entry(address)).collect();
        digest(&entries)
    }
}

impl Held {
    fn entry(&self, address: &str) -> InventoryEntry {
        let (authority, content) = (self.authority.clone(), self.content.clone());
        InventoryEntry { address: address.to_owned(), authority, content }
    }
}

impl Tenant {
    /// Records what a device holds, and draws the conclusions. `changed` are the profiles' own nodes that commands of this
    /// session have changed: their content is new with good reason.
    pub(super) fn inventory_taken(
        &mut self,
        device_id: &str,
        at: Authority,
        entries: Vec<InventoryEntry>,
        changed: &BTreeSet<String>,
    ) {
        let mode = self.settings.authority;
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let held: BTreeMap<String, Held> = entries
            .into_iter()
            .map(|InventoryEntry { address, authority, content }| (address, Held { authority, content }))
            .collect();
        device.find_lost(&held, at, changed);
        device.find_surplus(&held, at, mode);
        device.redundant = device.redundant.take().and_then(|list| still_redundant(list, &held, at));
        device.inventory = Inventory { refused: None, held };
        self.note(RecordKind::Device, device_id);
    }

    /// The device does not know the nodes, or cannot tell now.
    pub(super) fn inventory_refused(&mut self, device_id: &str, code: StatusCode, now: i64) {
        let is_unknown = matches!(code, StatusCode::NOT_FOUND | StatusCode::NOT_ALLOWED | StatusCode::NOT_SUPPORTED);
        if let Some(device) = self.devices.get_mut(device_id).filter(|_| is_unknown) {
            device.inventory = Inventory { refused: Some(now), held: BTreeMap::new() };
            self.note(RecordKind::Device, device_id);
        }
    }

    /// A device reports that it has accepted settings of these profiles that it had refused.
    pub(super) fn refused_accepted(&mut self, device_id: &str, roots: &BTreeSet<String>) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let is_concerned = |entry: &&mut ProfileEntry| {
            matches!(entry.state, DeliveryState::Failed(_)) && !entry.nodes.roots.is_disjoint(roots)
        };
        device.profiles.values_mut().filter(is_concerned).for_each(|entry| entry.state = DeliveryState::Pending);
        self.note(RecordKind::Device, device_id);
    }

    /// A device reports that it no longer holds a profile that this authority had given it.
    pub(super) fn profile_lost(&mut self, device_id: &str, address: &str, authority: &str) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        // What was recorded of the inventory stays, so that the list is read: the record may be of another time.
        if authority == device.server().name() {
            device.send_again(address);
            self.note(RecordKind::Device, device_id);
        }
    }
}

impl Device {
    /// Deliveries of which the device lacks something, or holds it otherwise than it was left, are made again.
    fn find_lost(&mut self, held: &BTreeMap<String, Held>, at: Authority, changed: &BTreeSet<String>) {
        let before = &self.inventory.held;
        let present = |root: &String| held.get(root).filter(|held| is_of(held, at));
        let is_as_left = |root: &String| {
            present(root).is_some_and(|now| {
                changed.contains(root) || before.get(root).is_none_or(|known| known.content == now.content)
            })
        };
        // A setting that waited for its place has it now.
        let has_come =
            |root: &String| !changed.contains(root) && present(root).is_some_and(|now| before.get(root) != Some(now));
        for entry in self.profiles.values_mut() {
            let roots = &entry.nodes.roots;
            match entry.state {
                DeliveryState::Delivered if !roots.iter().all(is_as_left) => entry.state = DeliveryState::Pending,
                DeliveryState::Failed(WAITS) if !roots.is_empty() && roots.iter().all(has_come) => {
                    (entry.state, entry.reason) = (DeliveryState::Delivered, None);
                }
                _ => {}
            }
        }
    }

    /// What the device holds of this authority is deleted where nothing assigned explains it; so is what the other
    /// authority of a tenant with two has left.
    fn find_surplus(&mut self, held: &BTreeMap<String, Held>, at: Authority, mode: TenantMode) {
        let concerns = |held: &Held| {
            let others = Authority::ALL.into_iter().filter(|other| mode.leaves_nothing_of(*other));
            is_of(held, at) || others.into_iter().any(|other| is_of(held, other))
        };
        self.commanded.retain(|root| held.contains_key(root));
        let nodes = &mut self.nodes;
        // What was refused may still come: a device tries it again by itself.
        let refused = self.profiles.values().filter(|entry| matches!(entry.state, DeliveryState::Failed(_)));
        let refused: BTreeSet<&String> = refused.flat_map(|entry| &entry.nodes.roots).collect();
        nodes.roots.retain(|root| held.contains_key(root) || refused.contains(root));
        nodes.leaves.retain(|leaf| leaf.rmatch_indices('/').any(|(end, _)| held.contains_key(&leaf[..end])));
        let unexplained = held.iter().filter(|(root, held)| concerns(held) && !self.commanded.contains(*root));
        nodes.roots.extend(unexplained.map(|(root, _)| root.clone()));
    }

    /// An administrator's command has set something at these nodes, and needs no assignment for it.
    pub(super) fn commanded(&mut self, roots: impl IntoIterator<Item = String>) {
        let room = MOST_COMMANDED.saturating_sub(self.commanded.len());
        self.commanded.extend(roots.into_iter().take(room));
    }

    /// Has every profile sent again that sets something at this node.
    fn send_again(&mut self, root: &str) {
        let entries = self.profiles.values_mut().filter(|entry| entry.nodes.roots.contains(root));
        entries.filter(|entry| entry.state == DeliveryState::Delivered).for_each(|entry| {
            entry.state = DeliveryState::Pending;
        });
    }
}

/// What is still redundant of a list that was reported before: a profile of another authority that the device holds.
fn still_redundant(
    mut list: serde_json::Value,
    held: &BTreeMap<String, Held>,
    at: Authority,
) -> Option<serde_json::Value> {
    let left: Vec<(ProfileAddress, &str)> = held
        .iter()
        .filter(|(_, held)| held.authority != at.name())
        .filter_map(|(root, held)| Some((ProfileAddress::locate(&LocUri::parse(root).ok()?)?, held.authority.as_str())))
        .collect();
    if let Some(entries) = list.as_array_mut() {
        entries.retain(|entry| {
            left.iter().any(|(address, authority)| {
                entry["kind"] == address.kind.as_str()
                    && entry["name"] == address.name
                    && entry["authority"] == *authority
            })
        });
    }
    let is_list_of_some = list.as_array().is_none_or(|entries| !entries.is_empty());
    (is_list_of_some && !left.is_empty()).then_some(list)
}

/// Whether a profile is of an authority. What a device was given before it was sent the authority's name is filed under
/// the account's id until the session ends.
fn is_of(held: &Held, authority: Authority) -> bool {
    held.authority == authority.name() || held.authority == PROVIDER_ID
}

/// The most nodes set by commands that are remembered of one device.
const MOST_COMMANDED: usize = 1000;
/// The status of a setting that waits for a place that another one holds.
const WAITS: u16 = StatusCode::ALREADY_EXISTS.0;

#[cfg(test)]
mod tests;
