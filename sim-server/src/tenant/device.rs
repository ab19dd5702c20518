//! What the tenant knows of one enrolled device.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};

use super::delivery::ProfileEntry;
use super::fragment::Nodes;
use super::inventory::Inventory;
use super::life::{Authority, DeviceLife, TenantMode, completed};
use super::push::PushChannel;
use super::record::RecordKind;
use super::{AdminError, Compliance, DeviceOrder, DeviceReport, Tenant};

/// An enrolled device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub(super) id: String,
    /// The owner's key; `None` for a device without a user.
    pub(super) user: Option<String>,
    pub(super) name: String,
    /// Whether it enrolled for its user (`Full`) or for itself (`Device`).
    pub(super) full: bool,
    pub(super) enrolled: i64,
    pub(super) hardware_id: String,
    /// What the device says that it is.
    #[serde(default)]
    pub(super) device_type: String,
    pub(super) os_version: String,
    /// The certificate in use, and after a renewal the new one, which has not completed a session yet.
    pub(super) certificates: Vec<IssuedCertificate>,
    /// Fingerprints of certificates that no longer count.
    #[serde(default)]
    pub(super) superseded: Vec<String>,
    #[serde(default = "DeviceLife::unknown")]
    pub(super) life: DeviceLife,
    #[serde(default)]
    pub(super) push: PushChannel,
    /// The authority that the device should have, as far as it was worked out last, and since when.
    #[serde(default)]
    pub(super) due: Option<Authority>,
    #[serde(default)]
    pub(super) authority_changed: i64,
    /// The authority that gave the device what `profiles` and `nodes` list.
    #[serde(default)]
    pub(super) served_by: Option<Authority>,
    pub(super) secret: StoredSecret,
    pub(super) nonce: Option<Nonce>,
    /// The secrets of recoveries with which no session was completed yet, oldest first: until then all count.
    #[serde(default)]
    pub(super) recovery_secrets: Vec<StoredSecret>,
    /// Profiles' own nodes that an administrator's command has set: they need no assignment.
    #[serde(default)]
    pub(super) commanded: BTreeSet<String>,
    pub(super) last_session: Option<SessionRecord>,
    /// Changes of whether it complies, oldest first.
    #[serde(default)]
    pub(super) compliance: Vec<Compliance>,
    /// What it reported, oldest first.
    #[serde(default)]
    pub(super) reports: Vec<DeviceReport>,
    /// What was ordered to be done to it, oldest first.
    #[serde(default)]
    pub(super) orders: Vec<DeviceOrder>,
    /// The verdicts that it told last.
    #[serde(default)]
    pub(super) verdicts: Option<serde_json::Value>,
    /// What it says is redundant.
    #[serde(default)]
    pub(super) redundant: Option<serde_json::Value>,
    pub(super) dev_info: BTreeMap<String, String>,
    /// What it reported that it holds, by the address of the profile's own node.
    #[serde(default)]
    pub(super) inventory: Inventory,
    /// The profiles that were sent, by name.
    pub(super) profiles: BTreeMap<String, ProfileEntry>,
    /// Every profile node that was ever sent and not yet deleted.
    #[serde(flatten)]
    pub(super) nodes: Nodes,
}

/// A certificate that the tenant's authority issued to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// The serial number in hexadecimal.
    pub serial: String,
    /// The SHA-256 digest of its DER form in hexadecimal.
    pub fingerprint: String,
    /// The beginning of its validity, in seconds since 1970.
    pub not_before: i64,
    /// The end of its validity, in seconds since 1970.
    pub not_after: i64,
    /// The SHA-256 digest of its public key in hexadecimal; empty where an older server did not note it.
    #[serde(default)]
    pub key: String,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionOutcome {
    /// Nothing was left to say.
    Completed,
    /// The device gave it up.
    Aborted,
    /// It has begun and was not brought to an end yet.
    Open,
}

/// A device's last session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// When it began, in seconds since 1970.
    pub started: i64,
    /// When its last message was answered, in seconds since 1970.
    pub ended: i64,
    /// How it ended.
    pub outcome: SessionOutcome,
    /// How many messages the device sent in it.
    pub messages: u32,
}

/// The nonce that the device's next digest is made with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nonce {
    pub(super) value: Vec<u8>,
    pub(super) expires: i64,
}

/// A secret in a record; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct StoredSecret(String);

impl StoredSecret {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(secret.expose().to_owned())
    }

    pub(super) fn secret(&self) -> Secret {
        Secret::new(self.0.as_str())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Nonce").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredSecret(…)")
    }
}

impl Device {
    /// The device's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Fills in what a record of an older server does not say of the device's life.
    pub(super) fn complete_life(&mut self, mode: TenantMode) {
        if self.life != DeviceLife::unknown() {
            return;
        }
        let authority = mode.enrols_under(None).unwrap_or(self.life.authority);
        let (not_before, not_after) =
            self.certificates.last().map_or((self.enrolled, self.enrolled), |last| (last.not_before, last.not_after));
        self.life = DeviceLife::enrolled(authority, self.enrolled, not_before, not_after);
        if let Some(last) = self.last_session.filter(|last| last.outcome == SessionOutcome::Completed) {
            completed(&mut self.life, authority, last.ended);
        }
    }
}

impl Tenant {
    /// Removes a device with all that was queued for it; its certificate is worth nothing from now on.
    pub fn remove_device(&mut self, id: &str) -> Result<(), AdminError> {
        let device = self.devices.remove(id).ok_or_else(|| AdminError::no_such("device", id))?;
        self.note(RecordKind::Device, id);
        for certificate in &device.certificates {
            self.certificates.remove(&certificate.fingerprint);
        }
        self.sessions.remove(id);
        self.remove_commands_of(id);
        Ok(())
    }
}
