use serde_json::{Value, json};

use super::*;
use crate::tenant::life::{Authority, Registration};
use crate::tenant::test_support::*;
use crate::tenant::{Licence, TenantMode};

fn record(kind: RecordKind, key: &str, record: &Value) -> (RecordKey, Vec<u8>) {
    let bytes = json!({ "version": 1, "record": record }).to_string().into_bytes();
    (RecordKey { kind, key: key.to_owned() }, bytes)
}

/// What the first version of this server kept.
fn old_records() -> Vec<(RecordKey, Vec<u8>)> {
    let settings = json!({
        "name": "Old", "authority": "office365", "device_limit": 15, "auth": "on-premise",
        "message_authentication": "none", "end_of_session": "status", "maintenance": false, "certificate_days": 365,
        "fault_style": "proper", "fault_http_status": 500, "max_commands_per_message": 50
    });
    let password = json!({ "salt": "AAAA", "iterations": 1, "hash": "AAAA" });
    let session = json!({ "started": NOW, "ended": NOW + 5, "outcome": "completed", "messages": 1 });
    let certificate = json!({ "serial": "01", "fingerprint": "ab", "not_before": NOW, "not_after": NOW + 900 });
    let device = json!({
        "id": "device-1", "user": "alice", "name": "laptop", "full": true, "enrolled": NOW, "hardware_id": "h",
        "os_version": "12", "certificates": [certificate], "secret": "s", "nonce": null, "last_session": session,
        "dev_info": {}, "profiles": {}, "roots": [], "leaves": []
    });
    let fragment = fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x");
    let assignment = json!({ "all": true, "users": [], "devices": [] });
    let profile =
        json!({ "name": "wifi", "fragment": fragment, "version": "1", "updated": NOW, "assignment": assignment });
    vec![
        record(RecordKind::Settings, "", &json!({ "settings": settings, "last_command": 3 })),
        record(RecordKind::User, "alice", &json!({ "name": "Alice", "licensed": true, "password": password })),
        record(RecordKind::Token, "k", &json!({ "user": null, "expires": NOW })),
        record(RecordKind::Device, "device-1", &device),
        record(RecordKind::Profile, "wifi", &profile),
    ]
}

#[test]
fn the_records_of_an_older_server_are_read_and_completed() {
    let mut tenant = Tenant::restore(old_records()).unwrap();
    assert_eq!(tenant.settings().authority, TenantMode::Office365);
    let user = tenant.users().remove(0);
    assert_eq!((user.licensed, user.licences), (true, [Licence::Intune].into()));
    let view = tenant.device_view("device-1").unwrap();
    assert_eq!((view.summary.authority, view.summary.registration), (Authority::Office365, Registration::Registered));
    assert_eq!((view.summary.certificate_expires, view.profiles.len()), (NOW + 900, 1));
    assert_eq!(tenant.profile("wifi").unwrap().authority, None);

    tenant.block_device("device-1", true).unwrap();
    let changes = tenant.take_changes().into_iter().filter_map(|change| Some((change.key, change.value?)));
    let again = Tenant::restore(old_records().into_iter().chain(changes)).unwrap();
    assert!(again.device_view("device-1").unwrap().blocked);
    assert_eq!(again.device_view("device-1").unwrap().summary.registration, Registration::Registered);
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.check_in();
    talker.tenant.put_group("sales", &[USER.to_owned()].into()).unwrap();
    talker.tenant.upload_apns_certificate(5, NOW).unwrap();
    talker.tenant.set_compliance("device-1", true, NOW).unwrap();
    talker.tenant.audit("eve", "x", "done", NOW);
    talker.tenant.queue_renewal("device-1", NOW).unwrap();
    let records: Vec<_> =
        talker.tenant.take_changes().into_iter().filter_map(|change| Some((change.key, change.value?))).collect();
    let mut again = Tenant::restore(records).unwrap();
    assert_eq!(again.device_view("device-1"), talker.tenant.device_view("device-1"));
    assert_eq!(again.groups(), talker.tenant.groups());
    assert_eq!(again.settings(), talker.tenant.settings());
    assert_eq!(again.audit_lines(9), talker.tenant.audit_lines(9));
    assert_eq!(again.commands("device-1"), talker.tenant.commands("device-1"));
    assert!(again.take_changes().is_empty());
}
