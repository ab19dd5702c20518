//! The certificates of the provisioning document, real ones.

use mdm_protocol::Secret;
use mdm_protocol::base64;
use mdm_protocol::csp::dm_client::Poll;
use mdm_protocol::provisioning::{Characteristic, ProvisioningError, WapDocument};
use rcgen::{KeyPair, PublicKeyData as _};

use super::{at, failure, request};
use crate::engine::enrolment::{EnrolmentFailure, EnrolmentRequest, Installation, Proof, Stage, Step};
use crate::engine::testing::issued::{certificate, document, provisioned};
use crate::engine::testing::{DEVICE, NOW, SERVER};

const DAY: i64 = 86_400;

#[test]
fn a_sound_document_becomes_an_account_with_its_certificates() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (own, root, intermediate) = (valid(&key), valid(&other), certificate(&other, NOW - 1, NOW + 2));
    let (own, root, intermediate) = (own.as_slice(), root.as_slice(), intermediate.as_slice());
    let certificates =
        [("Root", "System", root), ("CA", "System", intermediate), ("My", "User", own), ("Root", "System", root)];
    let installation = installed(&key, &document(&certificates));
    assert_eq!((installation.certificate.as_slice(), installation.intermediates), (own, vec![intermediate.to_vec()]));
    let account = installation.account;
    assert_eq!((account.provider_id.as_str(), account.name.as_str()), ("Contoso", "Contoso Ltd"));
    assert_eq!((account.management_url.as_str(), account.device_id.as_str()), (SERVER, DEVICE));
    assert_eq!(account.discovery_url, "https://mdm.example.org/EnrollmentServer/Discovery.svc");
    assert_eq!((account.user.as_deref(), account.local_user.as_deref()), (Some("ada@example.org"), Some("ada")));
    assert_eq!((account.trust.system, account.trust.roots), (true, vec![base64::encode(root)]));
    assert_eq!((account.poll, account.enrolled_at), (Poll::DEFAULT.into(), NOW));
    assert_eq!((account.initial_backoff_ms, account.max_backoff_ms), (16_000, 86_400_000));
    assert_eq!((account.renew_period_days, account.renew_retry_days), (42, 7));
    assert_eq!((account.credentials, account.enrollment_token), (None, None));
}

#[test]
fn the_token_of_the_enrollment_is_kept_for_renewals_and_never_printed() {
    let key = KeyPair::generate().unwrap();
    let proof = Proof::Token { token: Secret::new("tok-7"), is_jwt: true };
    let mut enrolment = at(Stage::Key, EnrolmentRequest { proof, ..request() });
    enrolment.key_made(b"csr".to_vec(), key.subject_public_key_info());
    let step = enrolment.received(&provisioned(&document(&[("My", "User", &valid(&key))])), NOW);
    let Step::Install(installation) = step else { panic!("{step:?}") };
    assert!(!format!("{installation:?}").contains("tok-7"));
    let known = installation.account.enrollment_token.unwrap();
    assert_eq!((known.token.expose(), known.is_jwt), ("tok-7", true));
}

#[test]
fn the_certificate_of_the_devices_key_is_picked_from_several() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (own, foreign) = (valid(&key), valid(&other));
    let document = document(&[("My", "System", &foreign), ("My", "User", &own)]);
    assert_eq!(installed(&key, &document).certificate, own);
}

#[test]
fn certificates_that_cannot_be_used_are_refused_with_the_reason() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let own = valid(&key);
    let trailing = [own.as_slice(), b"x"].concat();
    for (der, reason) in [
        (valid(&other), "another key"),
        (certificate(&key, NOW - 2 * DAY, NOW - DAY), "expired"),
        (certificate(&key, NOW - DAY, NOW), "expired"),
        (b"no certificate".to_vec(), "damaged"),
        (trailing, "follows"),
    ] {
        let failed = refused(&key, &document(&[("My", "User", &der)]));
        assert!(matches!(failed, EnrolmentFailure::Certificate(_)), "{failed:?}");
        assert!(failed.to_string().contains(reason), "{failed} does not say {reason:?}");
    }
    let failed = refused(&key, &document(&[("My", "User", &certificate(&key, NOW + 301, NOW + DAY))]));
    assert!(matches!(failed, EnrolmentFailure::NotYetValid(_)), "{failed:?}");
    assert!(failed.to_string().contains("this machine's clock is behind"), "{failed}");
    assert!(failed.advice().starts_with("Set this machine's clock"), "{}", failed.advice());
    let failed = refused(&key, &document(&[("Root", "System", &own)]));
    assert!(failed.to_string().contains("none for this device"), "{failed}");
}

#[test]
fn a_clock_that_is_a_little_behind_is_tolerated() {
    let key = KeyPair::generate().unwrap();
    let own = certificate(&key, NOW + 300, NOW + DAY);
    assert_eq!(installed(&key, &document(&[("My", "User", &own)])).certificate, own);
}

#[test]
fn authorities_that_are_no_certificates_are_refused_before_a_device_depends_on_them() {
    let key = KeyPair::generate().unwrap();
    let own = valid(&key);
    for store in ["Root", "CA"] {
        let failed = refused(&key, &document(&[("My", "User", &own), (store, "System", b"no certificate")]));
        assert!(matches!(failed, EnrolmentFailure::Certificate(_)), "{store}: {failed:?}");
    }
}

#[test]
fn a_certificate_under_a_wrong_thumbprint_is_refused() {
    let key = KeyPair::generate().unwrap();
    for store in ["Root", "CA", "My"] {
        let entry = Characteristic::new("0".repeat(40)).with("EncodedCertificate", base64::encode(valid(&key)));
        let place = Characteristic::new("System").with_child(entry);
        let mut document = document(&[("My", "User", &valid(&key))]);
        let store = Characteristic::new(store).with_child(place);
        document.characteristics.push(Characteristic::new("CertificateStore").with_child(store));
        let failed = refused(&key, &document);
        let wrong = matches!(failed, EnrolmentFailure::Provisioning(ProvisioningError::Thumbprint { .. }));
        assert!(wrong, "{failed:?}");
    }
}

#[test]
fn a_management_server_that_is_not_encrypted_is_refused() {
    let key = KeyPair::generate().unwrap();
    let own = valid(&key);
    for address in ["http://mdm.example.org/x", "mdm.example.org", "https://a:b@mdm.example.org/"] {
        let mut document = document(&[("My", "User", &own)]);
        let application = document.characteristics.iter_mut().find(|group| group.kind == "APPLICATION").unwrap();
        application.parameters.retain(|parameter| parameter.name != "ADDR");
        *application = application.clone().with("ADDR", address);
        assert!(matches!(refused(&key, &document), EnrolmentFailure::Address { .. }), "{address}");
    }
}

#[test]
fn documents_that_lack_something_are_refused() {
    let key = KeyPair::generate().unwrap();
    let own = valid(&key);
    for missing in ["APPID", "PROVIDER-ID", "ADDR"] {
        let mut document = document(&[("My", "User", &own)]);
        for group in &mut document.characteristics {
            group.parameters.retain(|parameter| parameter.name != missing);
        }
        assert!(matches!(refused(&key, &document), EnrolmentFailure::Provisioning(_)), "{missing}");
    }
}

#[test]
fn the_clients_credentials_are_taken_and_not_the_servers() {
    let key = KeyPair::generate().unwrap();
    let own = valid(&key);
    let mut document = document(&[("My", "User", &own)]);
    let credentials = |level: &str, kind: &str, nonce: &str| {
        Characteristic::new("APPAUTH")
            .with("AAUTHLEVEL", level)
            .with("AAUTHTYPE", kind)
            .with("AAUTHNAME", level)
            .with("AAUTHSECRET", "hush")
            .with("AAUTHDATA", nonce)
    };
    let application = document.characteristics.iter_mut().find(|group| group.kind == "APPLICATION").unwrap();
    application.children = vec![credentials("CLIENT", "DIGEST", "AAAA"), credentials("APPSRV", "BASIC", "nonce")];
    let known = installed(&key, &document).account.credentials.unwrap();
    assert_eq!((known.digest, known.name.as_str(), known.nonce), (false, "APPSRV", None));
    assert_eq!(known.secret.expose(), "hush");
}

fn valid(key: &KeyPair) -> Vec<u8> {
    certificate(key, NOW - DAY, NOW + 365 * DAY)
}

fn last_step(key: &KeyPair, document: &WapDocument) -> Step {
    let mut enrolment = at(Stage::Key, request());
    enrolment.key_made(b"csr".to_vec(), key.subject_public_key_info());
    enrolment.received(&provisioned(document), NOW)
}

fn installed(key: &KeyPair, document: &WapDocument) -> Installation {
    match last_step(key, document) {
        Step::Install(installation) => *installation,
        other => panic!("not installed: {other:?}"),
    }
}

fn refused(key: &KeyPair, document: &WapDocument) -> EnrolmentFailure {
    failure(last_step(key, document))
}
