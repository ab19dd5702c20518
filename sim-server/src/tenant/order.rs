//! What an administrator has done to a machine from afar: locking, unlocking, restarting, renaming, wiping. Queued as
//! commands with ids of their own, by which the device knows an order again; what came of each it tells itself.

use mdm_protocol::syncml::Item;
use mdm_protocol::xml::XmlWriter;
use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::{AdminError, Device, Tenant};

/// The most orders that are remembered of one device, and the longest account of one, in bytes.
const ORDERS: usize = 50;
const REPORT_BYTES: usize = 16 << 10;
/// The longest message to whoever sits in front of a locked machine, in characters.
const MAX_MESSAGE: usize = 256;

/// An order, as the device last told how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOrder {
    /// Its id.
    pub id: String,
    /// `lock`, `unlock`, `reboot` or `wipe`.
    pub kind: String,
    /// `queued` until the device has told anything; then `done`, `failed` or `awaiting-confirmation`.
    pub state: String,
    /// What came of it, in the device's words.
    pub detail: String,
    /// When that was, in seconds since 1970.
    pub time: i64,
    /// What a planned wipe has to be confirmed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What a device tells of an order.
#[derive(Deserialize)]
struct Told {
    id: String,
    kind: String,
    state: String,
    #[serde(default)]
    detail: String,
    token: Option<String>,
}

impl Tenant {
    /// Queues the order to lock a device. `verifier` is what the device knows the code by that unlocks it.
    pub fn queue_lock(&mut self, device_id: &str, message: &str, verifier: &str, now: i64) -> Result<u64, AdminError> {
        if message.chars().count() > MAX_MESSAGE || message.chars().any(char::is_control) {
            let reason = "the message may have at most 256 characters and no control characters";
            return Err(AdminError::Invalid(reason.to_owned()));
        }
        let id = self.order_id("lock", now);
        let data = serde_json::json!({ "id": id, "message": message, "verifier": verifier }).to_string();
        self.queue_order(device_id, &id, "lock", "./Device/Vendor/MSFT/RemoteLock/Lock", &data, now)
    }

    /// Queues the order to unlock a device.
    pub fn queue_unlock(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let id = self.order_id("unlock", now);
        let data = serde_json::json!({ "id": id }).to_string();
        self.queue_order(device_id, &id, "unlock", "./Device/Vendor/LinuxMDM/RemoteLock/Unlock", &data, now)
    }

    /// Queues the order to restart a device.
    pub fn queue_reboot(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let id = self.order_id("reboot", now);
        let data = serde_json::json!({ "id": id }).to_string();
        self.queue_order(device_id, &id, "reboot", "./Device/Vendor/MSFT/Reboot/RebootNow", &data, now)
    }

    /// Queues the order to wipe a device, which only has it tell what it would do.
    pub fn queue_wipe(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let id = self.order_id("wipe", now);
        let data = serde_json::json!({ "id": id }).to_string();
        self.queue_order(device_id, &id, "wipe", "./Device/Vendor/MSFT/RemoteWipe/doWipe", &data, now)
    }

    /// Queues the confirmation of the wipe that a device has planned.
    pub fn queue_wipe_confirmation(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        let planned = device.orders.iter().rev().find(|order| order.state == "awaiting-confirmation");
        let token = planned.and_then(|order| order.token.clone()).ok_or_else(|| {
            AdminError::Conflict(format!(
                "the device {device_id:?} has not told the plan of a wipe that could be confirmed"
            ))
        })?;
        self.queue_command(device_id, &exec("./Device/Vendor/LinuxMDM/RemoteWipe/Confirm", &token), now)
    }

    /// Queues a new name for a device.
    pub fn queue_rename(&mut self, device_id: &str, name: &str, now: i64) -> Result<u64, AdminError> {
        let fragment = operation("Replace", "./DevDetail/Ext/Microsoft/DeviceName", name);
        self.queue_command(device_id, &fragment, now)
    }

    /// The same command of the same server in the same second has the same number only once.
    fn order_id(&self, kind: &str, now: i64) -> String {
        format!("{kind}-{now}-{}", self.last_command + 1)
    }

    fn queue_order(
        &mut self,
        device_id: &str,
        id: &str,
        kind: &str,
        node: &str,
        data: &str,
        now: i64,
    ) -> Result<u64, AdminError> {
        let number = self.queue_command(device_id, &exec(node, data), now)?;
        self.note_order(
            device_id,
            DeviceOrder {
                id: id.to_owned(),
                kind: kind.to_owned(),
                state: "queued".to_owned(),
                detail: String::new(),
                time: now,
                token: None,
            },
        );
        Ok(number)
    }

    /// Takes note of how an order stands, as the device tells; `false` if it does not make sense.
    pub(super) fn order_told(&mut self, device_id: &str, item: &Item, now: i64) -> bool {
        let text = item.data.as_deref().unwrap_or_default();
        if text.len() > REPORT_BYTES {
            return false;
        }
        let Ok(Told { id, kind, state, detail, token }) = serde_json::from_str(text) else { return false };
        self.note_order(device_id, DeviceOrder { id, kind, state, detail, time: now, token });
        true
    }

    fn note_order(&mut self, device_id: &str, order: DeviceOrder) {
        let Some(Device { orders, .. }) = self.devices.get_mut(device_id) else { return };
        match orders.iter_mut().find(|known| known.id == order.id) {
            Some(known) => *known = order,
            None => orders.push(order),
        }
        let surplus = orders.len().saturating_sub(ORDERS);
        orders.drain(..surplus);
        self.note(RecordKind::Device, device_id);
    }
}

fn exec(node: &str, data: &str) -> String {
    operation("Exec", node, data)
}

fn operation(verb: &str, node: &str, data: &str) -> String {
    let mut writer = XmlWriter::new();
    writer.element(verb, &[], |writer| {
        writer.element("Item", &[], |writer| {
            writer.element("Target", &[], |writer| writer.text_leaf("LocURI", node));
            writer.text_leaf("Data", data);
        });
    });
    writer.finish()
}

#[cfg(test)]
mod tests {
    use mdm_protocol::syncml::{AlertCode, Meta, alert_type};

    use super::*;
    use crate::tenant::test_support::*;

    fn tell(talker: &mut Talker, data: &str) {
        let item = Item::default().with_meta(Meta::media_type(alert_type::ORDER)).with_data(data);
        talker.begin(vec![alert(AlertCode::GENERIC, vec![item])]);
    }

    #[test]
    fn a_wipe_can_be_confirmed_only_once_the_device_has_told_what_it_would_do() {
        let mut talker = Talker::new();
        assert!(matches!(talker.tenant.queue_wipe_confirmation("device-1", NOW), Err(AdminError::Conflict(_))));
        talker.tenant.queue_wipe("device-1", NOW).unwrap();
        let id = talker.tenant.device_view("device-1").unwrap().orders[0].id.clone();
        assert!(matches!(talker.tenant.queue_wipe_confirmation("device-1", NOW), Err(AdminError::Conflict(_))));
        let plan = serde_json::json!({"id": id, "kind": "wipe", "state": "awaiting-confirmation", "detail": "x", "token": "t&1"});
        tell(&mut talker, &plan.to_string());
        let number = talker.tenant.queue_wipe_confirmation("device-1", NOW).unwrap();
        assert!(talker.tenant.command("device-1", number).is_ok());
        assert_eq!(talker.tenant.device_view("device-1").unwrap().orders.len(), 1);
    }

    #[test]
    fn what_makes_no_sense_changes_nothing_and_orders_are_bounded() {
        let mut talker = Talker::new();
        tell(&mut talker, "nonsense");
        tell(&mut talker, &format!(r#"{{"id": "{}", "kind": "x", "state": "y"}}"#, "z".repeat(REPORT_BYTES)));
        assert!(talker.tenant.device_view("device-1").unwrap().orders.is_empty());
        for number in 0..80 {
            tell(&mut talker, &format!(r#"{{"id": "{number}", "kind": "lock", "state": "done"}}"#));
        }
        assert_eq!(talker.tenant.device_view("device-1").unwrap().orders.len(), ORDERS);
        let long = "x".repeat(300);
        assert!(talker.tenant.queue_lock("device-1", &long, "v", NOW).is_err());
    }
}
