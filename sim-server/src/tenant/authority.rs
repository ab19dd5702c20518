//! Who manages which device: what follows for devices when the tenant, a licence or a user changes.

use super::life::{Authority, Registration, TenantMode, UserStanding, effective, registration};
use super::record::RecordKind;
use super::{Device, Tenant};

impl Tenant {
    /// What counts of a device's user; `None` for a device without one.
    pub(super) fn owner(&self, device: &Device) -> Option<UserStanding> {
        self.standing(device.user.as_deref()?)
    }

    /// The authority that should manage a device.
    pub(super) fn due_authority(&self, device: &Device) -> Authority {
        effective(self.settings.authority, self.owner(device), &device.life)
    }

    /// How far a device is registered with the authority that it should have.
    pub(super) fn registration(&self, device: &Device) -> Registration {
        registration(self.settings.authority, self.owner(device), &device.life)
    }

    /// Readies a device's record for the authority that it is with. What another authority had given it is either
    /// removed, because it is surplus, or forgotten, and then lingers until the device itself lets it go.
    pub(super) fn serve_from(&mut self, device_id: &str, authority: Authority, remove_old: bool) {
        let Some(device) = self.devices.get_mut(device_id).filter(|device| device.server() != authority) else {
            return;
        };
        if !remove_old {
            device.profiles.clear();
            device.nodes = super::fragment::Nodes::default();
        }
        device.served_by = Some(authority);
        // What is of which authority has another meaning now, so the list is read again.
        device.inventory.held.clear();
        self.note(RecordKind::Device, device_id);
    }

    /// Works out anew who should manage the devices; those for whom that has changed are rung.
    pub(super) fn reconsider(&mut self, concerns: impl Fn(&Device) -> bool, now: i64) {
        let changes = self.devices.values().filter(|device| concerns(device)).filter_map(|device| {
            let due = self.due_authority(device);
            (device.due != Some(due)).then(|| (device.id.clone(), due))
        });
        for (id, due) in changes.collect::<Vec<_>>() {
            let Some(device) = self.devices.get_mut(&id) else { continue };
            device.due = Some(due);
            device.authority_changed = now;
            self.note(RecordKind::Device, id.as_str());
            self.note_ring(&id, self.settings.ring_spread_seconds);
        }
    }

    /// Draws the conclusions from a change of the tenant's authority, or of what reaches devices under it.
    pub(super) fn mode_changed(&mut self, before: TenantMode, now: i64) {
        if self.settings.authority != before {
            self.settings.authority_changed = now;
            self.reconsider(|_| true, now);
        }
        self.ring_all();
    }

    /// Has every enrolled device rung, within the span that is set.
    pub(super) fn ring_all(&mut self) {
        let ids: Vec<String> = self.devices.keys().cloned().collect();
        ids.iter().for_each(|id| self.note_ring(id, self.settings.ring_spread_seconds));
    }
}

impl Device {
    /// The authority that gave the device what it has.
    pub(super) fn server(&self) -> Authority {
        self.served_by.unwrap_or(self.life.authority)
    }
}
