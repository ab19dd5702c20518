//! Recovery: a device whose certificate expired or was lost gets a new one for the same record, with a one-time token
//! that an administrator made for this one device.

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{AdditionalContext, item};
use mdm_protocol::soap::{Fault, FaultKind};

use super::device::{IssuedCertificate, Nonce, StoredSecret};
use super::record::RecordKind;
use super::{AdminError, Device, Tenant};

/// The most recoveries with which no session was completed that are remembered.
const MOST_UNPROVEN: usize = 3;

impl Tenant {
    /// Admits a fresh random token that recovers one device; returns the moment of its expiry.
    pub fn add_recovery_token(&mut self, device_id: &str, token: &Secret, now: i64) -> Result<i64, AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        let (user, device) = (device.user.clone(), Some(device.id.clone()));
        Ok(self.keep_token(token, user, device, i64::from(self.settings.recovery_hours) * 3600, now))
    }

    /// Whether a token that recovers `device` may be used by whoever says this of itself.
    pub(super) fn check_recovery(&self, device: &str, context: &AdditionalContext) -> Result<(), Fault> {
        let refuse = |reason: &str| Err(Fault::new(FaultKind::Authorization, reason));
        if context.get(item::DEVICE_ID).map(str::trim) != Some(device) {
            return refuse("The recovery token is for another device.");
        }
        match self.devices.get(device) {
            None => refuse("The device that the recovery token is for was removed; it must enrol anew."),
            Some(device) if device.life.blocked => refuse("The device is blocked; an administrator must unblock it."),
            Some(_) => Ok(()),
        }
    }

    /// Gives a device a new certificate and new credentials. What it had before counts until a session was completed with
    /// the new ones: the answer may get lost, or be refused.
    pub(super) fn complete_recovery(
        &mut self,
        device_id: &str,
        certificate: IssuedCertificate,
        secret: &Secret,
        nonce: Nonce,
    ) -> &Device {
        self.sessions.remove(device_id);
        self.note(RecordKind::Device, device_id);
        let device = self.devices.get_mut(device_id).expect("the caller has found the device");
        // The one in use stays, and so do those of former recoveries: which of them the device has is not known.
        while device.certificates.len() > MOST_UNPROVEN {
            let forgotten = device.certificates.remove(1);
            self.certificates.remove(&forgotten.fingerprint);
            device.supersede(forgotten.fingerprint);
        }
        self.certificates.insert(certificate.fingerprint.clone(), device_id.to_owned());
        // Whatever it was told may be lost with the rest.
        device.life.told = None;
        device.life.renewed(certificate.not_before, certificate.not_after);
        device.certificates.push(certificate);
        device.recovery_secrets.push(StoredSecret::new(secret));
        let surplus = device.recovery_secrets.len().saturating_sub(MOST_UNPROVEN);
        device.recovery_secrets.drain(..surplus);
        device.nonce = Some(nonce);
        device
    }
}

#[cfg(test)]
mod tests;
