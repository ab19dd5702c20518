//! What a device should have, what it was given, and so what it must still be sent or rid of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
    pub(super) roots: BTreeSet<String>,
    pub(super) updated: i64,
}

impl Tenant {
    /// The profiles that are for a device, by name.
    pub(super) fn assigned<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = (&'a str, &'a Profile)> {
        self.profiles
            .iter()
            .filter(|(_, profile)| profile.is_for(device))
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

    /// The nodes that the device was given and that no profile assigned to it has any more.
    pub(super) fn surplus_roots(&self, device: &Device) -> BTreeSet<String> {
        let wanted: BTreeSet<&String> = self.assigned(device).flat_map(|(_, profile)| profile.roots()).collect();
        device.roots.iter().filter(|root| !wanted.contains(root)).cloned().collect()
    }

    /// Notes that a profile is on its way to a device.
    pub(super) fn profile_sent(&mut self, device_id: &str, name: &str, now: i64) {
        let (Some(device), Some(profile)) = (self.devices.get_mut(device_id), self.profiles.get(name)) else { return };
        device.roots.extend(profile.roots().iter().cloned());
        let entry = ProfileEntry {
            version: profile.version().to_owned(),
            state: DeliveryState::Pending,
            roots: profile.roots().clone(),
            updated: now,
        };
        device.profiles.insert(name.to_owned(), entry);
        self.note(RecordKind::Device, device_id);
    }

    /// Notes what became of a profile that was sent in a certain version.
    pub(super) fn profile_answered(
        &mut self,
        device_id: &str,
        name: &str,
        version: &str,
        state: DeliveryState,
        now: i64,
    ) {
        let Some(device) = self.devices.get_mut(device_id) else { return };
        if let Some(entry) = device.profiles.get_mut(name).filter(|entry| entry.version == version) {
            entry.state = state;
            entry.updated = now;
        }
        self.note(RecordKind::Device, device_id);
    }

    /// Notes that a node is gone from a device.
    pub(super) fn root_deleted(&mut self, device_id: &str, root: &str) {
        if let Some(device) = self.devices.get_mut(device_id) {
            device.roots.remove(root);
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Brings a device's list up to date: profiles that are no longer for it are being removed, and forgotten as soon
    /// as nothing of them is left there.
    pub(super) fn tidy_deliveries(&mut self, device_id: &str) {
        let Some(device) = self.devices.get(device_id) else { return };
        let assigned: BTreeSet<String> = self.assigned(device).map(|(name, _)| name.to_owned()).collect();
        let surplus = self.surplus_roots(device);
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let before = device.profiles.clone();
        device.profiles.retain(|name, entry| assigned.contains(name) || !entry.roots.is_disjoint(&surplus));
        // A node that a departed profile shared with one that stays may hold the departed one's values: say it again.
        let left: BTreeSet<&String> = before
            .iter()
            .filter(|(name, _)| !device.profiles.contains_key(*name))
            .flat_map(|(_, entry)| &entry.roots)
            .collect();
        for (name, entry) in &mut device.profiles {
            if !assigned.contains(name) {
                entry.state = DeliveryState::Removing;
            } else if entry.roots.iter().any(|root| left.contains(root)) {
                entry.state = DeliveryState::Pending;
            }
        }
        if device.profiles != before {
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Forgets what was delivered: the device lost it. The nodes are remembered, so that what it still has and should
    /// not have is deleted all the same.
    pub(super) fn store_rebuilt(&mut self, device_id: &str) {
        if let Some(device) = self.devices.get_mut(device_id) {
            device.profiles.clear();
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Has a profile sent to a device once more, whatever became of it before.
    pub fn resend_profile(&mut self, device_id: &str, name: &str) -> Result<(), AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        let profile = self.profiles.get(name).ok_or_else(|| AdminError::no_such("profile", name))?;
        if !profile.is_for(device) {
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
