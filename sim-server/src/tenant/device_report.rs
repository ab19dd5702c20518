//! What a device reports of its own accord: profiles that it let go, settings that are redundant or not
//! in force, files that were changed, a new certificate.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Item, alert_type};
use serde::{Deserialize, Serialize};

use super::Tenant;
use super::record::RecordKind;

/// The most reports that are kept of one device, and the longest, in bytes.
const REPORTS: usize = 100;
const REPORT_BYTES: usize = 4096;
/// The longest list of settings that were accepted later, in bytes.
const ACCEPTED_BYTES: usize = 64 << 10;
/// The longest list of redundant settings, in bytes.
const REDUNDANT_BYTES: usize = 64 << 10;

/// Something that a device reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// When it came, in seconds since 1970.
    pub time: i64,
    /// What it is about: the alert's type.
    pub kind: String,
    /// What it says: JSON where it is JSON, else text.
    pub data: serde_json::Value,
}

impl Tenant {
    /// Keeps what a device reports; what is too long is left out.
    pub(super) fn device_reported(&mut self, device_id: &str, kind: &str, item: &Item, now: i64) {
        match kind {
            alert_type::ORDER => {
                self.order_told(device_id, item, now);
                return;
            }
            alert_type::COMPLIANCE => return self.compliance_told(device_id, item, now),
            alert_type::PROFILE_REMOVED => self.removal_reported(device_id, item),
            alert_type::ACCEPTED => self.acceptance_reported(device_id, item),
            _ => {}
        }
        let Some(device) = self.devices.get_mut(device_id) else { return };
        let text = item.data.as_deref().unwrap_or_default();
        let value = || serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::from(text));
        match kind {
            alert_type::REDUNDANT if text.len() <= REDUNDANT_BYTES => {
                device.redundant = redundant(value(), device.server().name());
            }
            alert_type::PROFILE_REMOVED
            | alert_type::CERTIFICATE_RENEWED
            | alert_type::DRIFT
            | alert_type::NOT_IN_FORCE
            | alert_type::ACCEPTED
                if text.len() <= REPORT_BYTES =>
            {
                let data = value();
                let last = device.reports.iter().rev().find(|report| report.kind == kind);
                // What goes on being so is told in every session.
                if kind == alert_type::NOT_IN_FORCE && last.is_some_and(|report| report.data == data) {
                    return;
                }
                device.reports.push(DeviceReport { time: now, kind: kind.to_owned(), data });
                let surplus = device.reports.len().saturating_sub(REPORTS);
                device.reports.drain(..surplus);
            }
            _ => return,
        }
        self.note(RecordKind::Device, device_id);
    }

    /// A profile that the device let go is to be delivered again, if it is still for the device.
    fn removal_reported(&mut self, device_id: &str, item: &Item) {
        let text = item.data.as_deref().filter(|text| text.len() <= REPORT_BYTES).unwrap_or_default();
        let Ok(removal) = serde_json::from_str::<Removal>(text) else { return };
        self.profile_lost(device_id, &removal.address, &removal.authority);
    }
}

impl Tenant {
    /// What the device had refused and has accepted by itself since is sent once more: its status says how that stands.
    fn acceptance_reported(&mut self, device_id: &str, item: &Item) {
        let text = item.data.as_deref().filter(|text| text.len() <= ACCEPTED_BYTES).unwrap_or_default();
        let settings: Vec<AcceptedSetting> = serde_json::from_str(text).unwrap_or_default();
        let nodes = settings.iter().filter_map(|setting| LocUri::parse(&setting.node).ok());
        let roots: BTreeSet<String> =
            nodes.filter_map(|node| Some(ProfileAddress::locate(&node)?.root.to_string())).collect();
        self.refused_accepted(device_id, &roots);
    }
}

/// What is redundant of a list: a device that was recovered may not know yet for whom the server speaks.
fn redundant(mut list: serde_json::Value, present: &str) -> Option<serde_json::Value> {
    if let Some(entries) = list.as_array_mut() {
        entries.retain(|entry| entry["authority"] != present);
        if entries.is_empty() {
            return None;
        }
    }
    Some(list)
}

/// What a report of a removed profile says that matters here.
#[derive(Deserialize)]
struct Removal {
    #[serde(default)]
    address: String,
    #[serde(default)]
    authority: String,
}

/// An entry of a report of settings that were accepted later.
#[derive(Deserialize)]
struct AcceptedSetting {
    node: String,
}

#[cfg(test)]
mod tests {
    use mdm_protocol::syncml::{AlertCode, Meta};

    use super::*;
    use crate::tenant::test_support::*;

    #[test]
    fn s35_s72_losses_and_redundant_settings_are_kept_as_reported() {
        let mut talker = Talker::new();
        let report = |kind: &str, data: &str| {
            let item = Item::default().with_meta(Meta::media_type(kind)).with_data(data);
            alert(AlertCode::GENERIC, vec![item])
        };
        let lost = r#"{"kind":"email","name":"work","reason":"deadline"}"#;
        talker.begin(vec![
            report(alert_type::PROFILE_REMOVED, lost),
            report(alert_type::REDUNDANT, r#"[{"kind":"wifi","name":"Old"}]"#),
            report("org.example:unknown", "x"),
            report(alert_type::CERTIFICATE_RENEWED, &"x".repeat(REPORT_BYTES + 1)),
        ]);
        let view = talker.tenant.device_view("device-1").unwrap();
        assert_eq!(view.reports.len(), 1);
        assert_eq!((view.reports[0].time, view.reports[0].data["name"].as_str()), (NOW, Some("work")));
        assert_eq!(view.redundant.unwrap()[0]["name"], "Old");
        for _ in 0..150 {
            talker.begin(vec![report(alert_type::PROFILE_REMOVED, lost)]);
        }
        assert_eq!(talker.tenant.device_view("device-1").unwrap().reports.len(), REPORTS);
    }
}
