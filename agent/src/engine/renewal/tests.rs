//! Renewals against servers of every kind: what cannot be used is refused by name, and then nothing is installed.

use mdm_protocol::enrolment::{AuthPolicy, Discover, DiscoverResponse, RequestSecurityToken, RequestType};
use mdm_protocol::provisioning::WapDocument;
use mdm_protocol::soap::{Fault, FaultKind, ResponseHeader, Security};
use rcgen::{KeyPair, PublicKeyData as _};

mod forms;

use super::{NewKeyRequest, Renewal, RenewalFailure, RenewalForm, RenewalOrder, Step};
use crate::engine::ConnectionFailure;
use crate::engine::enrolment::{EnrolmentFailure, KeyKind};
use crate::engine::reply::Reply;
use crate::engine::testing::issued::{certificate, document, provisioned};
use crate::engine::testing::{DAY, DEVICE, NOW, account, certificate_for, facts, ok};

const SERVICE: &str = "https://mdm.example.org/Renewal.svc";
const NO_DEVICE_CERTIFICATE: &str = "none for this device";

#[test]
fn a_renewal_asks_where_and_then_for_a_certificate_for_a_new_key_of_the_same_kind() {
    let (mut renewal, step) = Renewal::begin(order());
    let Step::Discover { url, body } = step else { panic!("{step:?}") };
    let (header, discover) = Discover::decode(&body).unwrap();
    assert_eq!((url, header.security), (account().discovery_url, None));
    assert_eq!(discover.email, "ada@example.org");

    let step = renewal.received(&discovered(&services()), NOW);
    let Step::MakeKey(key_order) = step else { panic!("{step:?}") };
    assert_eq!((key_order.kind, key_order.common_name.as_str()), (KeyKind::P256, DEVICE));

    let key = KeyPair::generate().unwrap();
    let step = renewal.key_made(made(&key));
    let Step::Request { url, body } = step else { panic!("{step:?}") };
    let (header, token) = RequestSecurityToken::decode(&body).unwrap();
    assert_eq!((url.as_str(), token.request_type), (SERVICE, RequestType::Renew));
    assert_eq!((token.certificate_request.as_slice(), token.context.get("DeviceID")), (&b"signed"[..], Some(DEVICE)));
    let Some(Security::UsernameToken { username, password }) = header.security else { panic!("{header:?}") };
    assert_eq!((username.as_str(), password.expose()), ("ada@example.org", ""));

    let (own, intermediate) = (longer(&key), certificate(&key, NOW, NOW + DAY));
    let answer = document(&[("My", "User", &own), ("CA", "System", &intermediate)]);
    let step = renewal.received(&provisioned(&answer), NOW);
    assert_eq!(step, Step::Install { certificate: own, intermediates: vec![intermediate] });
}

#[test]
fn the_address_for_renewals_comes_first_where_one_was_provisioned() {
    let with = |renew_url: &str| Renewal::begin(RenewalOrder { renew_url: Some(renew_url.to_owned()), ..order() }).1;
    let Step::Discover { url, .. } = with("https://renew.example.org/x") else { panic!("not asked") };
    assert_eq!(url, "https://renew.example.org/x");
    for bad in ["http://renew.example.org/x", "renew.example.org", "https://a:b@renew.example.org/", ""] {
        let Step::Fail(failed) = with(bad) else { panic!("{bad} is asked") };
        assert!(matches!(failed, RenewalFailure::Exchange(EnrolmentFailure::Address { .. })), "{failed:?}");
    }
}

#[test]
fn certificates_that_cannot_be_used_are_refused_with_the_reason() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let trailing = [longer(&key).as_slice(), b"x"].concat();
    for (der, reason) in [
        (longer(&other), "another key"),
        (certificate(&key, NOW + 301, NOW + 999 * DAY), "not valid before"),
        (certificate(&key, NOW - 2 * DAY, NOW - DAY), "expired"),
        (certificate(&key, NOW - DAY, NOW), "expired"),
        (b"no certificate".to_vec(), "damaged"),
        (trailing, "follows"),
    ] {
        let failed = refused(&key, &document(&[("My", "User", &der)]));
        let RenewalFailure::Exchange(EnrolmentFailure::Certificate(_) | EnrolmentFailure::NotYetValid(_)) = failed
        else {
            panic!("{failed:?}")
        };
        assert!(failed.to_string().contains(reason), "{failed} does not say {reason:?}");
        assert_eq!(failed.code(), 0x8018_0019);
    }
}

#[test]
fn a_certificate_that_ends_before_the_one_in_use_is_refused_and_one_that_ends_with_it_is_not() {
    let key = KeyPair::generate().unwrap();
    let shorter = certificate(&key, NOW, NOW + 10 * DAY - 1);
    assert_eq!(refused(&key, &document(&[("My", "User", &shorter)])), RenewalFailure::Shorter);
    let as_long = certificate(&key, NOW, NOW + 10 * DAY);
    let step = last_step(&key, &provisioned(&document(&[("My", "System", &as_long)])));
    assert!(matches!(step, Step::Install { .. }), "{step:?}");
}

#[test]
fn an_intermediate_that_is_no_certificate_is_refused_before_the_device_depends_on_it() {
    let key = KeyPair::generate().unwrap();
    for store in ["CA", "Root"] {
        let failed = refused(&key, &document(&[("My", "User", &longer(&key)), (store, "System", b"no certificate")]));
        let damaged = matches!(failed, RenewalFailure::Exchange(EnrolmentFailure::Certificate(_)));
        assert!(damaged, "{store}: {failed:?}");
    }
}

#[test]
fn a_document_without_a_certificate_of_the_devices_own_is_refused() {
    let key = KeyPair::generate().unwrap();
    for document in [document(&[]), document(&[("Root", "System", &longer(&key))])] {
        let failed = refused(&key, &document);
        let named = matches!(failed, RenewalFailure::Exchange(EnrolmentFailure::Provisioning(_)));
        assert!(named || failed.to_string().contains(NO_DEVICE_CERTIFICATE), "{failed:?}");
    }
}

#[test]
fn the_answer_for_another_account_is_refused() {
    let key = KeyPair::generate().unwrap();
    let mut document = document(&[("My", "User", &longer(&key))]);
    let application = document.characteristics.iter_mut().find(|group| group.kind == "APPLICATION").unwrap();
    application.parameters.retain(|parameter| parameter.name != "PROVIDER-ID");
    *application = application.clone().with("PROVIDER-ID", "Evil".repeat(100));
    let failed = refused(&key, &document);
    let RenewalFailure::ForeignAccount(named) = &failed else { panic!("{failed:?}") };
    assert!(named.starts_with("Evil") && named.len() == 80, "what a stranger says is kept short: {named}");
}

#[test]
fn every_fault_is_named_with_its_own_number_whatever_the_http_status() {
    let key = KeyPair::generate().unwrap();
    for kind in FaultKind::ALL {
        for status in [200, 500] {
            let body = Fault::new(kind.clone(), "because").encode(&ResponseHeader::default()).into_bytes();
            let reply = Reply { status, body, ..Reply::default() };
            let (mut renewal, _) = Renewal::begin(order());
            for failed in [failure(renewal.received(&reply, NOW)), failure(last_step(&key, &reply))] {
                let RenewalFailure::Exchange(EnrolmentFailure::Fault(fault)) = &failed else { panic!("{failed:?}") };
                assert_eq!((&fault.kind, Some(failed.code())), (kind, kind.hresult()));
            }
        }
    }
    let unknown = Fault::new(FaultKind::Other("Tired".to_owned()), "because");
    let failed = failure(last_step(&key, &ok(unknown.encode(&ResponseHeader::default()))));
    assert_eq!(failed.code(), 0x8018_0006);
}

#[test]
fn what_is_no_answer_is_named_at_both_questions() {
    let key = KeyPair::generate().unwrap();
    let whole = provisioned(&document(&[("My", "User", &longer(&key))])).body;
    let redirect = Reply { status: 302, location: Some("https://mdm.example.org/y".to_owned()), ..Reply::default() };
    let cut = whole[..whole.len() / 2].to_vec();
    let answers: [(Reply, &str); 7] = [
        (redirect, "redirected"),
        (ok("<!DOCTYPE html><html><head><title>Sign in</title></head></html>"), "HTML page"),
        (Reply { status: 500, ..Reply::default() }, "HTTP 500"),
        (Reply { status: 404, body: b"no".to_vec(), ..Reply::default() }, "HTTP 404"),
        (ok(""), "cannot be used"),
        (ok(cut), "cannot be used"),
        (ok(vec![b'x'; (512 << 10) + 1]), "cannot be used"),
    ];
    for (reply, reason) in answers {
        let (mut renewal, _) = Renewal::begin(order());
        for failed in [failure(renewal.received(&reply, NOW)), failure(last_step(&key, &reply))] {
            assert!(failed.to_string().contains(reason), "{failed} does not say {reason:?}");
        }
    }
}

#[test]
fn no_prefix_of_a_sound_answer_installs_anything() {
    let key = KeyPair::generate().unwrap();
    let whole = provisioned(&document(&[("My", "User", &longer(&key))])).body;
    for end in 0..whole.trim_ascii_end().len() {
        failure(last_step(&key, &ok(&whole[..end])));
    }
}

#[test]
fn services_that_are_not_encrypted_get_neither_certificate_nor_request() {
    let plain = || "http://mdm.example.org/x".to_owned();
    for services in [
        DiscoverResponse { enrollment_url: plain(), ..services() },
        DiscoverResponse { policy_url: Some(plain()), ..services() },
        DiscoverResponse { authentication_url: Some(plain()), ..services() },
        DiscoverResponse { policy_url: Some("https://evil.example/Policy.svc".to_owned()), ..services() },
        DiscoverResponse { enrollment_url: "https://a:b@mdm.example.org/x".to_owned(), ..services() },
    ] {
        let (mut renewal, _) = Renewal::begin(order());
        let failed = failure(renewal.received(&discovered(&services), NOW));
        assert!(matches!(failed, RenewalFailure::Exchange(EnrolmentFailure::Address { .. })), "{failed:?}");
    }
}

#[test]
fn no_connection_has_a_number_of_its_own() {
    let (mut renewal, _) = Renewal::begin(order());
    let failed = failure(renewal.not_answered(ConnectionFailure::TimedOut));
    assert_eq!(failed.code(), 0x8007_2EE7);
}

fn order() -> RenewalOrder {
    RenewalOrder {
        account: account().into(),
        facts: Box::new(facts()),
        renew_url: None,
        entity_id: Some("entity-7".to_owned()),
        active: certificate_for(10),
        form: RenewalForm::default(),
        seed: 7,
    }
}

fn services() -> DiscoverResponse {
    DiscoverResponse {
        auth_policy: AuthPolicy::OnPremise,
        enrollment_version: "4.0".to_owned(),
        policy_url: None,
        enrollment_url: SERVICE.to_owned(),
        authentication_url: None,
    }
}

fn discovered(services: &DiscoverResponse) -> Reply {
    ok(services.encode(&ResponseHeader::default()))
}

/// A certificate that lasts longer than the one in use.
fn longer(key: &KeyPair) -> Vec<u8> {
    certificate(key, NOW, NOW + 365 * DAY)
}

/// What a renewal for this key makes of the answer to its request.
fn last_step(key: &KeyPair, reply: &Reply) -> Step {
    let (mut renewal, _) = Renewal::begin(order());
    renewal.received(&discovered(&services()), NOW);
    renewal.key_made(made(key));
    let mut step = renewal.received(reply, NOW);
    // A server that says the same to every form of the request.
    while let Step::Request { .. } = step {
        step = renewal.received(reply, NOW);
    }
    step
}

fn made(key: &KeyPair) -> NewKeyRequest {
    NewKeyRequest {
        certificate_request: b"plain".to_vec(),
        signed_request: b"signed".to_vec(),
        public_key: key.subject_public_key_info(),
    }
}

fn refused(key: &KeyPair, document: &WapDocument) -> RenewalFailure {
    failure(last_step(key, &provisioned(document)))
}

fn failure(step: Step) -> RenewalFailure {
    match step {
        Step::Fail(failure) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}
