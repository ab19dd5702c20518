use mdm_protocol::Secret;
use mdm_protocol::enrolment::{AdditionalContext, item};
use mdm_protocol::soap::FaultKind;

use super::*;
use crate::tenant::life::{LISTED_AFTER_EXPIRY, TenantMode};
use crate::tenant::test_support::*;
use crate::tenant::{Role, SettingsPatch, UserPatch};

fn mode(authority: TenantMode) -> SettingsPatch {
    SettingsPatch { authority: Some(authority), ..SettingsPatch::default() }
}

/// A context with another value for one item.
fn with(name: &str, value: &str) -> AdditionalContext {
    let items = context("device-1").0.into_iter().filter(|(item, _)| item != name).collect();
    AdditionalContext(items).with(name, value)
}

fn userless(tenant: &mut Tenant, device_id: &str) {
    tenant.add_token(None, &Secret::new("a token"), NOW).unwrap();
    let grant = permit(tenant, Some(&token("a token")), &request(context(device_id)), NOW).unwrap();
    complete(tenant, &grant);
}

#[test]
fn s48_a_device_leaves_the_portal_180_days_after_its_certificate_expired() {
    let mut talker = Talker::new();
    let end = NOW + 86_400 + LISTED_AFTER_EXPIRY;
    assert!(talker.tenant.sweep(end - 1).is_empty());
    assert!(talker.tenant.listed_device("device-1", end - 1).is_ok());
    assert_eq!(talker.tenant.listed_devices(&Default::default(), end - 1).len(), 1);
    assert!(talker.tenant.listed_devices(&Default::default(), end + 1).is_empty());
    assert!(talker.tenant.listed_device("device-1", end + 1).is_err());
    assert_eq!(talker.tenant.sweep(end), ["device-1"]);
    assert!(talker.tenant.device("device-1").is_none());
    let line = talker.tenant.audit_lines(1).remove(0);
    assert_eq!((line.who.as_str(), line.time, line.what.as_str()), ("tenant", end, "device device-1"));
}

/// A tenant with devices whose certificates expire at these moments.
fn with_expiries(expiries: &[(&str, i64)]) -> Tenant {
    let mut tenant = tenant();
    for (id, expires) in expiries {
        enrol(&mut tenant, id);
        tenant.devices.get_mut(*id).unwrap().life.certificate_not_after = *expires;
    }
    tenant
}

#[test]
fn s48_however_late_the_sweep_is_each_line_has_the_moment_at_which_its_device_left() {
    let mut tenant = with_expiries(&[("a", NOW + 30), ("b", NOW + 10), ("c", NOW + 30), ("d", NOW + 500)]);
    assert_eq!(tenant.next_sweep(), Some(NOW + 10 + LISTED_AFTER_EXPIRY));
    assert_eq!(tenant.sweep(NOW + 499 + LISTED_AFTER_EXPIRY), ["b", "a", "c"]);
    let lines: Vec<(i64, String)> = tenant.audit_lines(3).into_iter().map(|line| (line.time, line.what)).collect();
    let line = |seconds, id| (NOW + seconds + LISTED_AFTER_EXPIRY, format!("device {id}"));
    assert_eq!(lines, [line(30, "c"), line(30, "a"), line(10, "b")]);
    let next = NOW + 500 + LISTED_AFTER_EXPIRY;
    assert_eq!(
        (tenant.next_sweep(), tenant.next_sweep_of("d"), tenant.next_sweep_of("a")),
        (Some(next), Some(next), None)
    );
    tenant.sweep(next);
    assert_eq!(tenant.next_sweep(), None);
}

#[test]
fn s48_a_removal_that_could_not_be_stored_is_due_again_after_a_minute() {
    let mut tenant = with_expiries(&[("a", NOW + 10), ("b", NOW + 500)]);
    let stored: Vec<_> = tenant.take_changes();
    let left = NOW + 10 + LISTED_AFTER_EXPIRY;
    tenant.sweep(left + 5);
    let before: Vec<_> = tenant.take_changes().into_iter().map(|change| change.key).collect();
    let before = before.into_iter().map(|key| {
        let value = stored.iter().find(|change| change.key == key).and_then(|change| change.value.clone());
        crate::tenant::Change { key, value }
    });
    tenant.roll_back(&before.collect::<Vec<_>>()).unwrap();
    let due = tenant.next_sweep();
    assert_eq!(due, Some(left + 65));
    assert!(!tenant.is_sweep_due(due, left + 64) && tenant.is_sweep_due(due, left + 65));
    assert_eq!(tenant.sweep(left + 65), ["a"]);
    assert_eq!(tenant.audit_lines(1)[0].time, left);
}

#[test]
fn s48_a_clock_that_is_set_back_makes_a_sweep_due() {
    let mut tenant = tenant();
    tenant.sweep(NOW + 1000 * DAY);
    assert!(tenant.is_sweep_due(tenant.next_sweep(), NOW));
    tenant.sweep(NOW);
    enrol(&mut tenant, "device-1");
    assert_eq!(tenant.next_sweep(), Some(NOW + DAY + LISTED_AFTER_EXPIRY));
    assert!(!tenant.is_sweep_due(tenant.next_sweep(), NOW));
}

#[test]
fn s25_s26_a_device_without_a_user_stays_until_support_moves_it() {
    let mut tenant = fresh_tenant();
    change(&mut tenant, mode(TenantMode::Office365));
    userless(&mut tenant, "kiosk");
    let support = Admin { name: "support".to_owned(), role: Role::Support, licensed: false };
    let refused = tenant.move_userless_device(&support, "kiosk", Authority::Intune, NOW);
    assert!(matches!(refused, Err(AdminError::Conflict(_))), "there is no Intune yet");
    change(&mut tenant, mode(TenantMode::Coexistence));
    assert_eq!(tenant.device_view("kiosk").unwrap().summary.due_authority, Authority::Office365);
    let moved = tenant.move_userless_device(&support, "kiosk", Authority::Intune, NOW + 5).unwrap();
    assert_eq!((moved.summary.due_authority, moved.summary.state), (Authority::Intune, "pending"));
    assert_eq!(tenant.audit_lines(1)[0].who, "support");
    enrol(&mut tenant, "device-1");
    let refused = tenant.move_userless_device(&support, "device-1", Authority::Office365, NOW).unwrap_err();
    assert!(refused.to_string().contains("through the user"), "{refused}");
}

#[test]
fn s28_the_user_of_a_device_decides_who_manages_it() {
    let mut tenant = fresh_tenant();
    change(&mut tenant, mode(TenantMode::Coexistence));
    tenant.add_user(new_user("bob", "pw")).unwrap();
    let none = UserPatch { licences: Some([].into()), co_managed: None };
    tenant.change_user("bob", none, NOW).unwrap();
    enrol(&mut tenant, "device-1");
    let due = |tenant: &Tenant| tenant.device_view("device-1").unwrap().summary.due_authority;
    assert_eq!(due(&tenant), Authority::Intune);
    tenant.change_device_user("device-1", Some("Bob"), NOW).unwrap();
    assert_eq!(due(&tenant), Authority::Office365);
    tenant.change_user("bob", UserPatch { licences: None, co_managed: Some(true) }, NOW).unwrap();
    assert_eq!(due(&tenant), Authority::Intune);
    tenant.change_device_user("device-1", None, NOW).unwrap();
    assert_eq!(due(&tenant), Authority::Intune);
    assert!(tenant.change_device_user("device-1", Some("nobody"), NOW).is_err());
}

#[test]
fn s58_s59_without_a_renewed_apns_certificate_only_apple_devices_fail() {
    let mut tenant = tenant();
    let ask = |tenant: &Tenant, kind: &str| {
        let asked = request(with(item::DEVICE_TYPE, kind));
        permit(tenant, Some(&password()), &asked, NOW).map_err(|fault| (fault.kind, fault.reason))
    };
    let (kind, reason) = ask(&tenant, "iOS").unwrap_err();
    assert_eq!(kind, FaultKind::NotSupported);
    assert!(reason.contains("no APNs certificate"), "{reason}");
    tenant.upload_apns_certificate(365, NOW).unwrap();
    let grant = ask(&tenant, "iOS").unwrap();
    complete(&mut tenant, &grant);
    assert!(tenant.identify(Some(b"device-1"), NOW).is_ok());

    tenant.change_settings(mode(TenantMode::CoManagement), NOW + 10).unwrap();
    let refusal = tenant.identify(Some(b"device-1"), NOW + 15).unwrap_err().to_string();
    assert!(refusal.contains("APNs certificate must be renewed") && refusal.contains("5 seconds"), "{refusal}");
    assert!(ask(&tenant, "iPadOS").is_err());
    assert!(ask(&tenant, "CIMClient_Windows").is_ok());
    assert!(tenant.tenant_view(NOW + 15).warnings.iter().any(|warning| warning.contains("APNs")));

    tenant.upload_apns_certificate(1, NOW + 20).unwrap();
    assert!(tenant.identify(Some(b"device-1"), NOW + 20).is_ok());
    assert!(!tenant.tenant_view(NOW + 20).warnings.iter().any(|warning| warning.contains("APNs")));
    let refusal = tenant.identify(Some(b"device-1"), NOW + 20 + 86_400).unwrap_err();
    assert!(matches!(refusal, AccessRefusal::PushCertificate { .. } | AccessRefusal::Expired));
}

#[test]
fn s29_s50_all_devices_of_a_user_move_together_and_each_is_in_one_portal() {
    let mut tenant = fresh_tenant();
    change(&mut tenant, mode(TenantMode::Office365));
    tenant.add_user(new_user("bob", "pw")).unwrap();
    let none = || UserPatch { licences: Some([].into()), co_managed: None };
    tenant.change_user(USER, none(), NOW).unwrap();
    for device in ["device-1", "device-2", "device-3"] {
        enrol(&mut tenant, device);
    }
    change(&mut tenant, mode(TenantMode::Coexistence));
    let count = |tenant: &Tenant, authority, state| {
        let filter = crate::tenant::DeviceFilter { authority: Some(authority), state };
        tenant.listed_devices(&filter, NOW).len()
    };
    let due = |tenant: &Tenant| {
        let devices = tenant.devices();
        devices.iter().filter(|device| device.due_authority == Authority::Intune).count()
    };
    assert_eq!((count(&tenant, Authority::Office365, None), due(&tenant)), (3, 0));
    let licences = Some([crate::tenant::Licence::E5].into());
    tenant.change_user(USER, UserPatch { licences, co_managed: None }, NOW).unwrap();
    assert_eq!(due(&tenant), 3);
    let pending = Some(crate::tenant::ListState::Pending);
    assert_eq!((count(&tenant, Authority::Office365, pending), count(&tenant, Authority::Intune, None)), (3, 0));
}

#[test]
fn s5_users_need_no_licence_where_configuration_manager_is() {
    let mut tenant = fresh_tenant();
    let none = UserPatch { licences: Some([].into()), co_managed: None };
    tenant.change_user(USER, none, NOW).unwrap();
    change(&mut tenant, mode(TenantMode::Intune));
    let ask = |tenant: &Tenant| permit(tenant, Some(&password()), &request(context("device-1")), NOW);
    assert_eq!(ask(&tenant).unwrap_err().kind, FaultKind::UserLicense);
    change(&mut tenant, mode(TenantMode::CoManagement));
    assert_eq!(ask(&tenant).unwrap().authority, Authority::CoManagement);
}
