use mdm_protocol::Secret;
use mdm_protocol::soap::FaultKind;

use crate::tenant::test_support::*;
use crate::tenant::{AccessRefusal, EnrolmentSecrets, IssuedCertificate};

const SECRET: &str = "a token of some length";

#[test]
fn a_recovered_device_keeps_its_record_and_only_its_new_certificate_counts() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.check_in();
    let late = NOW + 10_000_000;
    assert_eq!(talker.tenant.identify(Some(b"device-1"), late), Err(AccessRefusal::Expired));
    let expires = talker.tenant.add_recovery_token("device-1", &Secret::new(SECRET), late).unwrap();
    assert_eq!(expires, late + 86_400);
    let grant = permit(&talker.tenant, Some(&token(SECRET)), &request(context("device-1")), late).unwrap();
    let (serial, key) = ("02".to_owned(), String::new());
    let fingerprint = crate::tenant::fingerprint(b"new");
    let certificate = IssuedCertificate { serial, fingerprint, not_before: late, not_after: late + 86_400, key };
    let secrets = EnrolmentSecrets { secret: Secret::new("another"), nonce: b"n".to_vec() };
    talker.tenant.complete_enrolment(&grant, certificate, &secrets, late);
    assert_eq!(talker.tenant.identify(Some(b"new"), late).unwrap().id(), "device-1");
    assert_eq!(talker.tenant.identify(Some(b"device-1"), late), Err(AccessRefusal::Superseded));
    let view = talker.tenant.device_view("device-1").unwrap();
    assert_eq!((view.profiles.len(), view.summary.enrolled), (1, NOW));
    let again = permit(&talker.tenant, Some(&token(SECRET)), &request(context("device-1")), late).unwrap_err();
    assert_eq!(again.kind, FaultKind::Authentication);
}

#[test]
fn a_recovery_token_is_for_one_device_only_and_not_for_ever() {
    let mut talker = Talker::new();
    talker.tenant.add_recovery_token("device-1", &Secret::new(SECRET), NOW).unwrap();
    let ask = |talker: &Talker, device: &str, now| {
        permit(&talker.tenant, Some(&token(SECRET)), &request(context(device)), now)
            .map(drop)
            .map_err(|fault| fault.kind)
    };
    assert_eq!(ask(&talker, "device-2", NOW), Err(FaultKind::Authorization));
    assert_eq!(ask(&talker, "device-1", NOW + 86_400), Err(FaultKind::Authentication));
    talker.tenant.block_device("device-1", true).unwrap();
    assert_eq!(ask(&talker, "device-1", NOW), Err(FaultKind::Authorization));
    talker.tenant.block_device("device-1", false).unwrap();
    assert_eq!(ask(&talker, "device-1", NOW), Ok(()));
    talker.tenant.remove_device("device-1").unwrap();
    assert_eq!(ask(&talker, "device-1", NOW), Err(FaultKind::Authorization));
    assert!(talker.tenant.add_recovery_token("device-1", &Secret::new(SECRET), NOW).is_err());
}
