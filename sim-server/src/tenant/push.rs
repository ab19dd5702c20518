//! Doorbells: where a device can be rung, and which are to be rung. A ring carries nothing but the span over which the
//! devices may spread their sessions.

use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::{AdminError, Tenant};
use crate::push::is_topic;

/// What a device has acknowledged of push, and where it listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PushChannel {
    /// The name of the push service that the device was told (`PFN`).
    pub(super) name: Option<String>,
    /// The topic on which it listens.
    pub(super) topic: Option<String>,
}

/// A doorbell to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The device.
    pub device: String,
    /// The topic on which it listens.
    pub topic: String,
    /// Over how many seconds the devices may spread their sessions.
    pub spread: u32,
}

impl Ring {
    /// What the ring says.
    pub fn text(&self) -> String {
        format!("spread={}", self.spread)
    }
}

impl Tenant {
    /// Sets the address of the tenant's own push service, without a slash at its end; `None` for a tenant without.
    pub fn set_push_base(&mut self, base: Option<String>) {
        self.push_base = base;
    }

    /// The doorbells that are to be rung since the last call. Whoever takes them must ring them: they are not kept.
    pub fn take_rings(&mut self) -> Vec<Ring> {
        let rings = std::mem::take(&mut self.doorbells);
        if self.settings.lose_rings {
            return Vec::new();
        }
        let ring = |(id, spread): (String, u32)| {
            let topic = self.devices.get(&id)?.push.topic.clone()?;
            Some(Ring { device: id, topic, spread })
        };
        rings.into_iter().filter_map(ring).collect()
    }

    /// Has a device rung.
    pub fn ring_device(&mut self, device_id: &str) -> Result<(), AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        if device.push.topic.is_none() {
            return Err(AdminError::Conflict(format!("the device {device_id:?} has not said where it can be rung")));
        }
        self.note_ring(device_id, 0);
        Ok(())
    }

    /// Notes that a device is to be rung; of several rings the most urgent counts.
    pub(super) fn note_ring(&mut self, device_id: &str, spread: u32) {
        let noted = self.doorbells.entry(device_id.to_owned()).or_insert(spread);
        *noted = spread.min(*noted);
    }

    /// The name of the push service that a device must still be told.
    pub(super) fn push_name_to_tell(&self, device_id: &str) -> Option<String> {
        let name = format!("ntfy:{}", self.push_base.as_ref()?);
        let told = self.devices.get(device_id)?.push.name.as_ref();
        (told != Some(&name)).then_some(name)
    }

    /// Notes that a device has acknowledged the name of the push service.
    pub(super) fn push_name_told(&mut self, device_id: &str, name: &str) {
        if let Some(device) = self.devices.get_mut(device_id) {
            device.push.name = Some(name.to_owned());
            self.note(RecordKind::Device, device_id);
        }
    }

    /// Notes where a device says that it can be rung: at an address of the tenant's own push service, or nowhere.
    pub(super) fn channel_told(&mut self, device_id: &str, address: Option<&str>) {
        let topic = self.push_base.as_ref().zip(address).and_then(|(base, address)| {
            let topic = address.trim().strip_prefix(base.as_str())?.strip_prefix('/')?;
            is_topic(topic).then(|| topic.to_owned())
        });
        if let Some(device) = self.devices.get_mut(device_id).filter(|device| device.push.topic != topic) {
            device.push.topic = topic;
            self.note(RecordKind::Device, device_id);
        }
    }
}
