use mdm_protocol::Secret;
use mdm_protocol::soap::FaultKind;
use mdm_protocol::syncml::StatusCode;

use crate::tenant::test_support::*;
use crate::tenant::{AccessRefusal, EnrolmentSecrets, IssuedCertificate, MessageAuthentication, SettingsPatch};

const SECRET: &str = "a token of some length";

#[test]
fn a_recovered_device_keeps_its_record_and_its_old_certificate_counts_until_the_new_one_has_proved_itself() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker.check_in();
    let late = NOW + 80_000;
    let expires = talker.tenant.add_recovery_token("device-1", &Secret::new(SECRET), late).unwrap();
    assert_eq!(expires, late + 86_400);
    let grant = permit(&talker.tenant, Some(&token(SECRET)), &request(context("device-1")), late).unwrap();
    let (serial, key) = ("02".to_owned(), String::new());
    let fingerprint = crate::tenant::fingerprint(b"new");
    let certificate = IssuedCertificate { serial, fingerprint, not_before: late, not_after: late + 86_400, key };
    let secrets = EnrolmentSecrets { secret: Secret::new("another"), nonce: b"n".to_vec() };
    talker.tenant.complete_enrolment(&grant, certificate, &secrets, late);
    assert_eq!(talker.tenant.identify(Some(b"new"), late).unwrap().id(), "device-1");
    assert_eq!(talker.tenant.identify(Some(b"device-1"), late).unwrap().id(), "device-1", "the answer may be lost");
    // With the old certificate the device goes on as before, and the new one waits.
    (talker.now, talker.certificate) = (late, b"device-1".to_vec());
    talker.check_in();
    assert!(talker.tenant.identify(Some(b"new"), late).is_ok());
    talker.certificate = b"new".to_vec();
    talker.check_in();
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

#[test]
fn whichever_of_several_recoveries_arrived_the_device_is_let_in_and_only_that_counts_then() {
    for arrived in [0, 1] {
        let mut talker = Talker::new();
        change(
            &mut talker.tenant,
            SettingsPatch { message_authentication: Some(MessageAuthentication::Md5), ..SettingsPatch::default() },
        );
        for number in 0..2 {
            talker.tenant.add_recovery_token("device-1", &Secret::new(SECRET), NOW).unwrap();
            let grant = permit(&talker.tenant, Some(&token(SECRET)), &request(context("device-1")), NOW).unwrap();
            let (serial, key) = (format!("1{number}"), String::new());
            let fingerprint = crate::tenant::fingerprint(format!("new {number}").as_bytes());
            let certificate = IssuedCertificate { serial, fingerprint, not_before: NOW, not_after: NOW + 86_400, key };
            let secret = Secret::new(format!("secret {number}"));
            let secrets = EnrolmentSecrets { secret, nonce: b"n".to_vec() };
            talker.tenant.complete_enrolment(&grant, certificate, &secrets, NOW);
        }
        let certificate = |number: usize| format!("new {number}").into_bytes();
        talker.secret = format!("secret {arrived}");
        talker.certificate = certificate(arrived);
        talker.nonce = Some(b"n".to_vec());
        let reply = talker.begin(Vec::new()).unwrap();
        assert_eq!(header_code(&reply), StatusCode::OK);
        talker.nonce = Some(challenge(&reply));
        let answers = work(&reply).iter().map(|command| status(&reply, command, StatusCode::OK)).collect();
        assert!(is_end(talker.send(answers).as_ref()), "the session is completed");
        let view = talker.tenant.device_view("device-1").unwrap();
        assert_eq!((view.certificate.unwrap().serial, view.new_certificate), (format!("1{arrived}"), None));
        assert!(talker.tenant.identify(Some(&certificate(1 - arrived)), NOW).is_err());
    }
}
