//! What a service owes its callers beyond the tenant's decisions: that what failed did not happen, and that nobody
//! waits for another's password.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdm_protocol::Secret;
use mdm_protocol::enrolment::GetPolicies;
use mdm_protocol::soap::RequestHeader;

use super::*;
use crate::tenant::test_support::{PASSWORD, USER, context, fragment, password, request};
use crate::tenant::{Licence, SettingsPatch, TenantMode};

fn service(directory: &std::path::Path, store: Store) -> Service {
    let (authority, _) = CertificateAuthority::create(machine_now()).unwrap();
    let tenant = Tenant::restore(store.records().unwrap()).unwrap();
    let service = Service::new(tenant, store, authority, format!("https://{}", directory.display())).unwrap();
    let patch = SettingsPatch { authority: Some(TenantMode::Intune), ..SettingsPatch::default() };
    service.act(|tenant, now| tenant.change_settings(patch, now).map(drop)).unwrap();
    service
}

fn enrolment_request(device: &str) -> Vec<u8> {
    let security = Some(password());
    let header = RequestHeader { message_id: "urn:uuid:1".to_owned(), to: String::new(), security };
    request(context(device)).encode(&header).into_bytes()
}

#[test]
fn what_could_not_be_stored_has_not_happened() {
    let directory = tempfile::tempdir().unwrap();
    let service = service(directory.path(), Store::open(directory.path(), false).unwrap());
    service.add_user(USER.to_owned(), Secret::new(PASSWORD), [Licence::Intune].into(), false).unwrap();
    assert_eq!(service.enrolment(&enrolment_request("device-1"), None).status, 200);
    let before = service.view(|tenant| tenant.device_view("device-1")).unwrap();

    service.lock().store.fail_from_now_on();
    let added = service.add_user("bob".to_owned(), Secret::new("pw"), [Licence::Intune].into(), false);
    assert!(matches!(added, Err(ServiceError::Store(_))));
    assert!(service.act(|tenant, now| tenant.put_profile("p", &fragment("Exec", "./A", ""), None, now)).is_err());
    assert!(service.act(|tenant, now| tenant.queue_unenrolment("device-1", now)).is_err());
    assert!(service.act(|tenant, _| tenant.remove_device("device-1")).is_err());
    assert_eq!(service.enrolment(&enrolment_request("device-1"), None).status, 500);
    assert_eq!(service.enrolment(&enrolment_request("device-2"), None).status, 500);

    let still_there = || {
        let users = service.view(|tenant| Ok(tenant.users())).unwrap();
        assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), [USER]);
        assert!(service.view(|tenant| Ok(tenant.profiles())).unwrap().is_empty());
        assert!(service.view(|tenant| tenant.commands("device-1")).unwrap().is_empty());
        assert_eq!(service.view(|tenant| tenant.device_view("device-1")).unwrap(), before);
        assert_eq!(service.view(|tenant| Ok(tenant.devices().len())).unwrap(), 1);
    };
    still_there();
    drop(service);
    let restored = Tenant::restore(Store::open(directory.path(), false).unwrap().records().unwrap()).unwrap();
    assert_eq!(restored.users().len(), 1);
    assert_eq!(restored.device_view("device-1").unwrap(), before);
    assert_eq!(restored.devices().len(), 1);
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let service = service(directory.path(), Store::open(directory.path(), true).unwrap());
    service.add_user(USER.to_owned(), Secret::new(PASSWORD), [Licence::Intune].into(), false).unwrap();
    let answer = service.enrolment(&enrolment_request("device-1"), None);
    assert!(answer.body.len() > 1000);
    let printed = format!("{service:?} {answer:?} {:?}", service.lock().store);
    assert!(printed.len() < 500, "{printed}");
}

#[test]
fn half_of_a_change_that_panicked_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let service = service(directory.path(), Store::open(directory.path(), true).unwrap());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        service.act(|tenant, now| {
            tenant.put_profile("p", &fragment("Exec", "./A", ""), None, now)?;
            if now > 0 { panic!("in the middle") } else { Ok(()) }
        })
    }));
    assert!(panicked.is_err());
    assert!(service.view(|tenant| Ok(tenant.profiles())).unwrap().is_empty());
}

#[test]
fn nobody_waits_while_a_password_is_tested() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), true).unwrap();
    slow_user(&mut store);
    let service = service(directory.path(), store);
    let header = RequestHeader { security: Some(password()), ..RequestHeader::default() };
    let requests = [GetPolicies::encode(&header).into_bytes(), enrolment_request("device-1")];
    for (request, is_policy) in requests.iter().zip([true, false]) {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let start = Instant::now();
                let answer = if is_policy { service.policy(request) } else { service.enrolment(request, None) };
                done.store(true, Ordering::Release);
                (answer.status, start.elapsed())
            });
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::Acquire) {
                let start = Instant::now();
                service.view(|tenant| Ok(tenant.users())).unwrap();
                longest = longest.max(start.elapsed());
                std::thread::yield_now();
            }
            let (status, whole) = asked.join().unwrap();
            assert_eq!(status, 500);
            assert!(longest < whole / 2, "waited {longest:?} of {whole:?}");
        });
    }
}

/// A user whose password takes long to test, and is never right.
fn slow_user(store: &mut Store) {
    let password = serde_json::json!({ "salt": "AAAA", "iterations": 5_000_000, "hash": "AAAAAAAAAAAAAAAAAAAAAA==" });
    let record = serde_json::json!({ "name": USER, "licensed": true, "password": password });
    let value = serde_json::json!({ "version": 1, "record": record }).to_string().into_bytes();
    let key = crate::tenant::RecordKey { kind: crate::tenant::RecordKind::User, key: USER.to_owned() };
    store.commit(&[Change { key, value: Some(value) }]).unwrap();
}
