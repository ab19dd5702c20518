use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::service::{CertificateAuthority, Clock};
use crate::store::Store;
use crate::tenant::life::{DAY, LISTED_AFTER_EXPIRY};
use crate::tenant::test_support::{NOW, enrol, tenant};
use crate::tenant::{IssuedCertificate, PublicKey, RenewalGrant, Tenant};

/// When a device that [`enrol`] enrolled leaves the portal.
const LEAVES: i64 = NOW + DAY + LISTED_AFTER_EXPIRY;

/// Services whose clock stands at `NOW`.
fn service(directory: &Path, tenant: Tenant) -> (Service, Arc<Clock>) {
    let (authority, _) = CertificateAuthority::create(NOW).unwrap();
    let clock = Arc::new(Clock::standing(NOW));
    let store = Store::open(directory, false).unwrap();
    let service = Service::new(tenant, store, authority, String::new()).unwrap().with_clock(clock.clone());
    (service, clock)
}

fn add(service: &Service, device: &str) {
    service
        .act(|tenant, _| {
            enrol(tenant, device);
            Ok(())
        })
        .unwrap();
}

/// Gives a device a certificate that makes it leave at a moment.
fn renew(service: &Service, device: &str, leaves: i64) {
    let not_after = leaves - LISTED_AFTER_EXPIRY;
    let certificate = IssuedCertificate {
        serial: "02".to_owned(),
        fingerprint: format!("{device} {leaves}"),
        not_before: NOW,
        not_after,
        key: String::new(),
    };
    let grant = RenewalGrant { device_id: device.to_owned(), public_key: PublicKey(Vec::new()), full: true };
    service
        .act(|tenant, _| {
            tenant.complete_renewal(&grant, certificate);
            Ok(())
        })
        .unwrap();
}

fn scheduled(service: &Service) -> Option<i64> {
    *service.next_sweep().borrow()
}

/// Moments and texts of the audit's lines, oldest first.
fn lines(tenant: &Tenant) -> Vec<(i64, String)> {
    tenant.audit_lines(100).into_iter().rev().map(|line| (line.time, line.what)).collect()
}

fn line(moment: i64, device: &str) -> (i64, String) {
    (moment, format!("device {device}"))
}

#[test]
fn s48_every_read_of_the_audit_has_each_line_at_its_own_moment() {
    let directory = tempfile::tempdir().unwrap();
    let (service, clock) = service(directory.path(), tenant());
    for device in ["a", "b", "c"] {
        add(&service, device);
    }
    renew(&service, "a", LEAVES + 70);
    clock.advance(LEAVES - 1 - NOW);
    assert!(service.view(|tenant| Ok(lines(tenant))).unwrap().is_empty());
    clock.advance(1);
    let first = [line(LEAVES, "b"), line(LEAVES, "c")];
    assert_eq!(service.view(|tenant| Ok(lines(tenant))).unwrap(), first);
    assert_eq!(scheduled(&service), Some(LEAVES + 70));
    clock.advance(1000);
    service
        .act(|tenant, now| {
            tenant.audit("eve", "something", "done", now);
            Ok(())
        })
        .unwrap();
    let all = [&first[..], &[line(LEAVES + 70, "a"), (LEAVES + 1000, "something".to_owned())]].concat();
    assert_eq!(service.view(|tenant| Ok(lines(tenant))).unwrap(), all);
    let stored = Tenant::restore(service.lock().store.records().unwrap()).unwrap();
    assert_eq!((lines(&stored), stored.devices().len()), (all, 0));
}

#[test]
fn s48_a_server_that_was_stopped_at_the_moment_removes_the_device_when_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let (first, _) = service(directory.path(), tenant());
    add(&first, "a");
    let records = first.lock().store.records().unwrap();
    drop(first);
    let (second, clock) = service(directory.path(), Tenant::restore(records).unwrap());
    clock.advance(LEAVES + 3 * DAY - NOW);
    assert_eq!(scheduled(&second), Some(LEAVES));
    second.sweep();
    let stored = Tenant::restore(second.lock().store.records().unwrap()).unwrap();
    assert_eq!((lines(&stored), stored.devices().len()), (vec![line(LEAVES, "a")], 0));
}

#[test]
fn the_next_sweep_is_earlier_with_a_shorter_certificate_and_one_that_finds_nothing_corrects_it() {
    let directory = tempfile::tempdir().unwrap();
    let (service, clock) = service(directory.path(), tenant());
    assert_eq!(scheduled(&service), None);
    let mut next = service.next_sweep();
    add(&service, "a");
    assert!(next.has_changed().unwrap());
    assert_eq!(*next.borrow_and_update(), Some(LEAVES));
    add(&service, "b");
    renew(&service, "b", LEAVES + 50);
    assert!(!next.has_changed().unwrap(), "only a moment that is earlier matters");
    renew(&service, "b", LEAVES - 50);
    assert_eq!(*next.borrow_and_update(), Some(LEAVES - 50));
    service.act(|tenant, _| tenant.remove_device("b")).unwrap();
    assert_eq!(scheduled(&service), Some(LEAVES - 50));
    clock.advance(LEAVES - 50 - NOW);
    service.sweep();
    assert_eq!((scheduled(&service), service.view(|tenant| Ok(tenant.devices().len())).unwrap()), (Some(LEAVES), 1));
}

#[test]
fn a_removal_that_could_not_be_stored_has_not_happened_and_is_due_a_minute_later() {
    let directory = tempfile::tempdir().unwrap();
    let (service, clock) = service(directory.path(), tenant());
    add(&service, "a");
    service.lock().store.fail_from_now_on();
    clock.advance(LEAVES - NOW);
    for seconds in [0, 59] {
        clock.advance(seconds);
        assert!(service.view(|tenant| Ok(lines(tenant))).unwrap().is_empty());
        assert_eq!(service.view(|tenant| Ok(tenant.devices().len())).unwrap(), 1);
        assert!(service.view_now(|tenant, now| tenant.listed_device("a", now)).is_err());
        assert_eq!(scheduled(&service), Some(LEAVES + 60));
    }
    clock.advance(1);
    service.sweep();
    assert_eq!(scheduled(&service), Some(LEAVES + 120));
}
