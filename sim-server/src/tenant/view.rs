//! Devices as the administrator sees them. No secret is ever part of a view.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::life::{Authority, Registration, is_listed};
use super::{
    AdminError, Compliance, DeliveryState, Device, DeviceOrder, DeviceReport, IssuedCertificate, SessionRecord, Tenant,
};

/// Which devices are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceFilter {
    /// Those of one portal.
    pub authority: Option<Authority>,
    /// Those in one state.
    pub state: Option<ListState>,
}

/// A state that devices are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListState {
    /// They have not completed a session with the authority that they should have.
    Pending,
    /// They have.
    Registered,
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceSummary {
    /// The device's id.
    pub id: String,
    /// The owner's name; `None` for a device without a user.
    pub user: Option<String>,
    /// The device's own name for itself.
    pub name: String,
    /// The authority whose portal lists it.
    pub authority: Authority,
    /// How far it is registered with the authority that it should have.
    pub registration: Registration,
    /// `pending` until it has completed a session with the authority that it should have, else `registered`.
    pub state: &'static str,
    /// The authority that it should have.
    pub due_authority: Authority,
    /// When it enrolled, in seconds since 1970.
    pub enrolled: i64,
    /// When its last message was answered, in seconds since 1970.
    pub last_check_in: Option<i64>,
    /// When its newest certificate ends, in seconds since 1970.
    pub certificate_expires: i64,
    /// Its last session, if it had one.
    pub last_session: Option<SessionRecord>,
}

/// How far one profile got on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileDelivery {
    /// The profile's name.
    pub name: String,
    /// The version that was sent, or that is to be sent.
    pub version: String,
    /// How far it got.
    #[serde(flatten)]
    pub state: DeliveryState,
    /// Why the device refused it, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When that was noted, in seconds since 1970; `None` if nothing was sent yet.
    pub updated: Option<i64>,
}

/// All that is known of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// What lists show.
    #[serde(flatten)]
    pub summary: DeviceSummary,
    /// `Full` or `Device`.
    pub enrollment_type: &'static str,
    /// The id of the hardware.
    pub hardware_id: String,
    /// What it said at enrolment that it is.
    pub device_type: String,
    /// The version of the operating system at enrolment.
    pub os_version: String,
    /// The certificate in use.
    pub certificate: Option<IssuedCertificate>,
    /// The certificate that was issued by a renewal and has not completed a session yet.
    pub new_certificate: Option<IssuedCertificate>,
    /// Whether the device may not renew its certificate.
    pub blocked: bool,
    /// What the device said of itself in its last session (`./DevInfo`).
    pub devinfo: BTreeMap<String, String>,
    /// Whether it complies, as the directory knows it.
    pub compliance: Option<Compliance>,
    /// What it reported of its own accord, oldest first.
    pub reports: Vec<DeviceReport>,
    /// What was ordered to be done to it and how that stands, oldest first.
    pub orders: Vec<DeviceOrder>,
    /// The verdicts of the device's own rules, as it told them last.
    pub verdicts: Option<serde_json::Value>,
    /// What it says is redundant.
    pub redundant: Option<serde_json::Value>,
    /// The profiles that it has, should have or must lose.
    pub profiles: Vec<ProfileDelivery>,
}

impl Tenant {
    /// All devices.
    pub fn devices(&self) -> Vec<DeviceSummary> {
        self.devices.values().map(|device| self.summary(device)).collect()
    }

    /// The devices of one portal, in one state, or both; those whose certificate expired too long ago are not listed.
    pub fn listed_devices(&self, filter: &DeviceFilter, now: i64) -> Vec<DeviceSummary> {
        let listed = self.devices.values().filter(|device| is_listed(&device.life, now));
        let summaries = listed.map(|device| self.summary(device));
        summaries
            .filter(|device| filter.authority.is_none_or(|authority| authority == device.authority))
            .filter(|device| {
                filter.state.is_none_or(|state| (state == ListState::Pending) == (device.state == "pending"))
            })
            .collect()
    }

    /// One device.
    pub fn device_view(&self, id: &str) -> Result<DeviceView, AdminError> {
        let device = self.devices.get(id).ok_or_else(|| AdminError::no_such("device", id))?;
        Ok(DeviceView {
            summary: self.summary(device),
            enrollment_type: if device.full { "Full" } else { "Device" },
            hardware_id: device.hardware_id.clone(),
            device_type: device.device_type.clone(),
            os_version: device.os_version.clone(),
            certificate: device.certificates.first().cloned(),
            new_certificate: device.certificates.get(1..).and_then(<[_]>::last).cloned(),
            blocked: device.life.blocked,
            devinfo: device.dev_info.clone(),
            compliance: device.compliance.last().copied(),
            reports: device.reports.clone(),
            orders: device.orders.clone(),
            verdicts: device.verdicts.clone(),
            redundant: device.redundant.clone(),
            profiles: self.deliveries(device),
        })
    }

    fn summary(&self, device: &Device) -> DeviceSummary {
        let user = device.user.as_ref();
        let registration = self.registration(device);
        DeviceSummary {
            id: device.id.clone(),
            user: user.map(|key| self.users.get(key).map_or_else(|| key.clone(), |user| user.name.clone())),
            name: device.name.clone(),
            authority: device.life.authority,
            registration,
            state: if registration == Registration::Registered { "registered" } else { "pending" },
            due_authority: self.due_authority(device),
            enrolled: device.enrolled,
            last_check_in: device.last_session.map(|session| session.ended),
            certificate_expires: device.life.certificate_not_after,
            last_session: device.last_session,
        }
    }

    fn deliveries(&self, device: &Device) -> Vec<ProfileDelivery> {
        let mut deliveries: BTreeMap<&str, ProfileDelivery> = BTreeMap::new();
        for (name, entry) in &device.profiles {
            let state = if self.profiles.get(name).is_some_and(|profile| self.is_for(profile, device)) {
                entry.state
            } else {
                DeliveryState::Removing
            };
            let (name, version) = (name.as_str(), entry.version.clone());
            let (reason, updated) = (entry.reason.clone(), Some(entry.updated));
            let delivery = ProfileDelivery { name: name.to_owned(), version, state, reason, updated };
            deliveries.insert(name, delivery);
        }
        for (name, profile) in self.undelivered(device) {
            let updated = deliveries.get(name).and_then(|delivery| delivery.updated);
            let (state, version) = (DeliveryState::Pending, profile.version().to_owned());
            let delivery = ProfileDelivery { name: name.to_owned(), version, state, reason: None, updated };
            deliveries.insert(name, delivery);
        }
        deliveries.into_values().collect()
    }
}
