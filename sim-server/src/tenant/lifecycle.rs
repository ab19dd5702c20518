//! What happens to devices over time and from above: they leave the portal, get another user, are moved by support, or
//! wait for the certificate of Apple's push service.

use serde::{Deserialize, Serialize};

use super::life::{Authority, DAY, DeviceLife, LISTED_AFTER_EXPIRY, Registration, is_listed};
use super::record::RecordKind;
use super::user::user_key;
use super::{AccessRefusal, Admin, AdminError, Device, DeviceView, Tenant};

/// How long after a sweep whose removals could not be stored the next one is due, in seconds.
const RETRY_SECONDS: i64 = 60;
/// Device types that are managed through Apple's push service.
const APPLE: [&str; 3] = ["iOS", "iPadOS", "macOS"];

/// The certificate of Apple's push service (APNs). It is bound to the authority: a change of that asks for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApnsCertificate {
    /// When it was uploaded, in seconds since 1970.
    pub uploaded: i64,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
}

/// Whether a type of device is managed through Apple's push service.
pub(super) fn is_apple(device_type: &str) -> bool {
    APPLE.iter().any(|name| name.eq_ignore_ascii_case(device_type))
}

/// When a device leaves the portal, in seconds since 1970: the first moment at which it is not listed.
fn leaves(life: &DeviceLife) -> i64 {
    life.certificate_not_after.saturating_add(LISTED_AFTER_EXPIRY)
}

impl Tenant {
    /// Removes the devices whose certificate expired 180 days ago or earlier; returns their ids in the order in which
    /// they left the portal. Each line of the audit has the moment at which its device left, however late the sweep is.
    pub fn sweep(&mut self, now: i64) -> Vec<String> {
        self.swept = now;
        let leaving = self.devices.values().filter(|device| !is_listed(&device.life, now));
        let mut leaving: Vec<(i64, String)> = leaving.map(|device| (leaves(&device.life), device.id.clone())).collect();
        leaving.sort_unstable();
        for (moment, id) in &leaving {
            // It cannot fail: the device was found above.
            let _ = self.remove_device(id);
            self.audit("tenant", &format!("device {id}"), "removed 180 days after its certificate expired", *moment);
        }
        leaving.into_iter().map(|(_, id)| id).collect()
    }

    /// When the next sweep is due, in seconds since 1970; `None` without devices. Inspects every device: the caller
    /// keeps the answer, and lowers it by [`Tenant::next_sweep_of`] for each device whose record changes. A device that
    /// is removed or renewed in between leaves it too early, which costs one sweep that finds nothing.
    pub fn next_sweep(&self) -> Option<i64> {
        self.devices.values().map(|device| self.sweep_due(device)).min()
    }

    /// When the sweep that removes a device is due, in seconds since 1970.
    pub fn next_sweep_of(&self, device_id: &str) -> Option<i64> {
        self.devices.get(device_id).map(|device| self.sweep_due(device))
    }

    /// Whether a sweep is due at `now`: at the moment that [`Tenant::next_sweep`] returned, or when the clock was set back
    /// to before the last sweep. Without that one, a device that leaves between the two moments would count as one whose
    /// removal failed.
    pub fn is_sweep_due(&self, next_sweep: Option<i64>, now: i64) -> bool {
        next_sweep.is_some_and(|moment| moment <= now) || now < self.swept
    }

    /// A device that left before the last sweep and is still there is one whose removal could not be stored.
    fn sweep_due(&self, device: &Device) -> i64 {
        let moment = leaves(&device.life);
        if moment > self.swept { moment } else { self.swept.saturating_add(RETRY_SECONDS) }
    }

    /// One device, as long as it is listed.
    pub fn listed_device(&self, id: &str, now: i64) -> Result<DeviceView, AdminError> {
        match self.devices.get(id).filter(|device| is_listed(&device.life, now)) {
            Some(_) => self.device_view(id),
            None => Err(AdminError::no_such("device", id)),
        }
    }

    /// Moves a device without a user to another authority, which only support may do.
    pub fn move_userless_device(
        &mut self,
        admin: &Admin,
        device_id: &str,
        to: Authority,
        now: i64,
    ) -> Result<DeviceView, AdminError> {
        if !self.settings.authority.offers(to) {
            return Err(AdminError::Conflict(format!("this tenant has no authority {to}")));
        }
        let device = self.devices.get_mut(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        if let Some(user) = &device.user {
            return Err(AdminError::Conflict(format!(
                "the device {device_id:?} belongs to {user:?}; its authority is decided through the user"
            )));
        }
        device.life.home = to;
        self.note(RecordKind::Device, device_id);
        self.reconsider(|device| device.id == device_id, now);
        self.audit(&admin.name, &format!("device {device_id}: authority {to}"), "moved", now);
        self.device_view(device_id)
    }

    /// Gives a device to another user, or to none; who manages it follows.
    pub fn change_device_user(
        &mut self,
        device_id: &str,
        user: Option<&str>,
        now: i64,
    ) -> Result<DeviceView, AdminError> {
        let key = user.map(user_key);
        if let Some(unknown) = key.as_ref().filter(|key| !self.users.contains_key(*key)) {
            return Err(AdminError::no_such("user", unknown));
        }
        let device = self.devices.get_mut(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        // One that was without a user before stays where support is moving it.
        if key.is_none() && device.user.is_some() {
            device.life.home = device.life.authority;
        }
        device.user = key;
        self.note(RecordKind::Device, device_id);
        self.reconsider(|device| device.id == device_id, now);
        self.device_view(device_id)
    }

    /// Takes the certificate of Apple's push service.
    pub fn upload_apns_certificate(&mut self, days: u32, now: i64) -> Result<ApnsCertificate, AdminError> {
        if !(1..=3650).contains(&days) {
            return Err(AdminError::Invalid("days must be 1 to 3650".to_owned()));
        }
        let certificate = ApnsCertificate { uploaded: now, expires: now.saturating_add(i64::from(days) * DAY) };
        self.settings.apns_certificate = Some(certificate);
        self.note(RecordKind::Settings, "");
        Ok(certificate)
    }

    /// Why Apple's devices cannot be managed at present.
    pub(super) fn apns_trouble(&self, now: i64) -> Option<String> {
        let changed = self.settings.authority_changed;
        match self.settings.apns_certificate {
            None => Some("no APNs certificate was uploaded".to_owned()),
            Some(certificate) if now >= certificate.expires => Some("the APNs certificate has expired".to_owned()),
            Some(certificate) if certificate.uploaded < changed => Some(format!(
                "the APNs certificate must be renewed and uploaded again, because the authority was changed {} seconds \
                 ago",
                now.saturating_sub(changed)
            )),
            Some(_) => None,
        }
    }

    /// Whether a device may check in as far as Apple's push service is concerned.
    pub(super) fn check_apns(&self, device: &Device, now: i64) -> Result<(), AccessRefusal> {
        let trouble = is_apple(&device.device_type).then(|| self.apns_trouble(now)).flatten();
        trouble.map_or(Ok(()), |reason| Err(AccessRefusal::PushCertificate { reason }))
    }

    /// What the administrator should know at any time.
    pub(super) fn standing_warnings(&self, now: i64) -> Vec<String> {
        let mut warnings = Vec::new();
        let moving = self.devices.values().filter(|device| self.registration(device) == Registration::Moving).count();
        if moving > 0 {
            let since = now.saturating_sub(self.settings.authority_changed);
            warnings.push(format!(
                "{moving} devices have not completed a session with their new authority yet; the tenant's was last \
                 changed {since} seconds ago"
            ));
        }
        let concerned = self.settings.apns_certificate.is_some()
            || self.devices.values().any(|device| is_apple(&device.device_type));
        warnings.extend(self.apns_trouble(now).filter(|_| concerned));
        warnings
    }
}

#[cfg(test)]
mod tests;
