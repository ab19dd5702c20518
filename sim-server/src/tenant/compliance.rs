//! Whether devices comply: what the directory knows at the moment, and the admin centre's report, which comes later and
//! says of when it is.

use mdm_protocol::syncml::Item;
use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::{AdminError, Tenant};

/// How long a report may lag, in seconds: a week.
pub(super) const MAX_LAG: u32 = 7 * 86_400;
/// The most changes that are kept of one device.
const CHANGES: usize = 64;

/// The longest list of verdicts that is kept, in bytes.
const MAX_VERDICTS: usize = 256 << 10;

/// Whether a device complies, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compliance {
    /// Whether it complies.
    pub compliant: bool,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

/// One device in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceCompliance {
    /// The device's id.
    pub device: String,
    /// The owner's name.
    pub user: Option<String>,
    /// What the directory knows, which is accurate.
    pub directory: Option<Compliance>,
    /// What the report says, as of its moment.
    pub report: Option<Compliance>,
}

/// The admin centre's report beside the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComplianceReport {
    /// Of when the report is, in seconds since 1970.
    pub as_of: i64,
    /// By how much it lags, in seconds.
    pub lag_seconds: u32,
    /// All devices.
    pub devices: Vec<DeviceCompliance>,
}

impl Tenant {
    /// Notes whether a device complies.
    pub fn set_compliance(&mut self, device_id: &str, compliant: bool, now: i64) -> Result<(), AdminError> {
        let device = self.devices.get_mut(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        if device.compliance.last().is_none_or(|last| last.compliant != compliant) {
            device.compliance.push(Compliance { compliant, since: now });
            let surplus = device.compliance.len().saturating_sub(CHANGES);
            device.compliance.drain(..surplus);
            self.note(RecordKind::Device, device_id);
        }
        Ok(())
    }

    /// Takes note of the verdicts that a device tells: the directory knows at once what the device knows.
    pub(super) fn compliance_told(&mut self, device_id: &str, item: &Item, now: i64) {
        let text = item.data.as_deref().unwrap_or_default();
        let Some(device) = self.devices.get_mut(device_id).filter(|_| text.len() <= MAX_VERDICTS) else { return };
        let Ok(verdicts) = serde_json::from_str::<serde_json::Value>(text) else { return };
        let overall = verdicts.get("overall").and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
        let Some(overall) = overall else { return };
        device.verdicts = Some(verdicts);
        self.note(RecordKind::Device, device_id);
        // A rule that is broken but still has time does not count against the device.
        let compliant = matches!(overall.as_str(), "compliant" | "in grace");
        // The device is there, or it could not have told.
        let _ = self.set_compliance(device_id, compliant, now);
    }

    /// The report, and the truth beside it.
    pub fn compliance_report(&self, now: i64) -> ComplianceReport {
        let lag_seconds = self.settings.report_lag_seconds;
        let as_of = now.saturating_sub(i64::from(lag_seconds));
        let devices = self.devices.values().map(|device| DeviceCompliance {
            device: device.id.clone(),
            user: device.user.as_ref().and_then(|key| self.users.get(key)).map(|user| user.name.clone()),
            directory: device.compliance.last().copied(),
            report: device.compliance.iter().rev().find(|state| state.since <= as_of).copied(),
        });
        ComplianceReport { as_of, lag_seconds, devices: devices.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::SettingsPatch;
    use crate::tenant::test_support::*;

    #[test]
    fn s69_s70_the_report_lags_and_says_so_while_the_directory_is_accurate() {
        let mut tenant = Talker::new().tenant;
        change(&mut tenant, SettingsPatch { report_lag_seconds: Some(MAX_LAG), ..SettingsPatch::default() });
        tenant.set_compliance("device-1", true, NOW).unwrap();
        let week = i64::from(MAX_LAG);
        tenant.set_compliance("device-1", false, NOW + week).unwrap();
        tenant.set_compliance("device-1", false, NOW + week + 1).unwrap();
        let report = tenant.compliance_report(NOW + week);
        assert_eq!(report.as_of, NOW);
        let (then, since) = (Compliance { compliant: true, since: NOW }, NOW + week);
        assert_eq!(report.devices[0].report, Some(then));
        assert_eq!(report.devices[0].directory, Some(Compliance { compliant: false, since }));
        assert_eq!(tenant.compliance_report(NOW + week - 1).devices[0].report, None);
        let settled = tenant.compliance_report(NOW + 2 * week);
        assert_eq!(settled.devices[0].report, settled.devices[0].directory);
        let longer = SettingsPatch { report_lag_seconds: Some(MAX_LAG + 1), ..SettingsPatch::default() };
        assert!(tenant.change_settings(longer, NOW).is_err());
    }
}
