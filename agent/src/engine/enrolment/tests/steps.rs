//! The way through, and what is sent on it.

use mdm_protocol::base64;
use mdm_protocol::enrolment::{
    AuthPolicy, CertificatePolicy, Discover, DiscoverResponse, GetPolicies, RequestSecurityToken, RequestType,
};
use mdm_protocol::soap::Security;

use super::{HOST, at, discovered, failure, policy, request, services};
use crate::engine::ConnectionFailure;
use crate::engine::enrolment::{Enrolment, EnrolmentFailure, EnrolmentRequest, KeyKind, KeyOrder, Proof, Stage, Step};
use crate::engine::reply::Reply;
use crate::engine::testing::{DEVICE, NOW, ok};

#[test]
fn an_enrolment_asks_in_the_order_of_the_protocol_and_proves_who_asks() {
    let (enrolment, step) = Enrolment::begin(request());
    let mut enrolment = enrolment.unwrap();
    let discovery = format!("{HOST}/EnrollmentServer/Discovery.svc");
    assert_eq!(step, Step::Get { url: discovery.clone() });

    let (url, body) = post(enrolment.received(&ok(""), NOW));
    let (header, discover) = Discover::decode(&body).unwrap();
    assert_eq!((&url, &header.to, &header.security), (&discovery, &discovery, &None));
    assert_eq!((discover.email.as_str(), discover.request_version.as_str()), ("ada@example.org", "4.0"));
    assert_eq!(discover.auth_policies, [AuthPolicy::OnPremise, AuthPolicy::Federated]);
    let userless = crate::engine::enrolment::request::discover("", &url);
    assert_eq!(userless.email, "device@mdm.example.org", "the address must not be empty");

    let (url, body) = post(enrolment.received(&discovered(&services()), NOW));
    let (header, _) = GetPolicies::decode(&body).unwrap();
    assert_eq!((url, header.security), (format!("{HOST}/Policy.svc"), Some(password())));

    let step = enrolment.received(&policy(&CertificatePolicy::default()), NOW);
    assert_eq!(step, Step::MakeKey(KeyOrder { kind: KeyKind::Rsa(2048), common_name: DEVICE.to_owned() }));

    let (url, body) = post(enrolment.key_made(b"csr".to_vec(), b"key".to_vec()));
    let (header, token) = RequestSecurityToken::decode(&body).unwrap();
    assert_eq!((url, header.security), (format!("{HOST}/Enrollment.svc"), Some(password())));
    assert_eq!((token.request_type, token.certificate_request.as_slice()), (RequestType::Issue, &b"csr"[..]));
    let context = |name: &str| token.context.get(name).unwrap_or_default();
    for (name, value) in [
        ("DeviceID", DEVICE),
        ("HWDevID", DEVICE),
        ("EnrollmentType", "Full"),
        ("DeviceType", "CIMClient_Windows"),
        ("DeviceName", "babbage"),
        ("MAC", "00-11-22-33-44-55"),
        ("Locale", "en-GB"),
        ("TargetedUserLoggedIn", "true"),
        ("NotInOobe", "true"),
    ] {
        assert_eq!(context(name), value, "{name}");
    }
    for required in ["OSEdition", "OSVersion", "ApplicationVersion", "UXInitiated", "RequestVersion"] {
        assert!(!context(required).is_empty(), "{required}");
    }
}

#[test]
fn a_device_without_a_user_enrols_as_a_device() {
    let proof = Proof::Token { token: "opaque".into(), is_jwt: false };
    let mut enrolment = at(Stage::Key, EnrolmentRequest { user: String::new(), proof, ..request() });
    let (_, body) = post(enrolment.key_made(b"csr".to_vec(), b"key".to_vec()));
    let (_, token) = RequestSecurityToken::decode(&body).unwrap();
    assert_eq!(token.context.get("EnrollmentType"), Some("Device"));
    assert_eq!(token.context.get("TargetedUserLoggedIn"), Some("false"));
}

#[test]
fn a_token_is_sent_even_to_a_server_that_asks_for_a_password() {
    for is_jwt in [false, true] {
        let proof = Proof::Token { token: "{\"type\":1}".into(), is_jwt };
        let mut enrolment = at(Stage::Discovery, EnrolmentRequest { proof, ..request() });
        let (_, body) = post(enrolment.received(&discovered(&services()), NOW));
        let (header, _) = GetPolicies::decode(&body).unwrap();
        let content = base64::encode("{\"type\":1}").as_str().into();
        assert_eq!(header.security, Some(Security::BinaryToken { is_jwt, content }));
    }
}

#[test]
fn a_server_without_a_policy_service_gets_a_key_of_2048_bits() {
    let mut enrolment = at(Stage::Discovery, request());
    let step = enrolment.received(&discovered(&DiscoverResponse { policy_url: None, ..services() }), NOW);
    assert!(matches!(step, Step::MakeKey(KeyOrder { kind: KeyKind::Rsa(2048), .. })));
}

#[test]
fn a_federated_server_gets_no_password_and_names_its_page() {
    let page = "https://login.example.org/";
    let federated = DiscoverResponse {
        auth_policy: AuthPolicy::Federated,
        authentication_url: Some(page.to_owned()),
        ..services()
    };
    let failed = failure(at(Stage::Discovery, request()).received(&discovered(&federated), NOW));
    assert_eq!(failed, EnrolmentFailure::TokenNeeded { sign_in_page: page.to_owned() });
    assert!(failed.advice().contains(page));
    let proof = Proof::Token { token: "t".into(), is_jwt: true };
    let mut enrolment = at(Stage::Discovery, EnrolmentRequest { proof, ..request() });
    assert!(matches!(enrolment.received(&discovered(&federated), NOW), Step::Post { .. }));
    let by_certificate = DiscoverResponse { auth_policy: AuthPolicy::Certificate, ..services() };
    let failed = failure(at(Stage::Discovery, request()).received(&discovered(&by_certificate), NOW));
    assert_eq!(failed, EnrolmentFailure::CertificateNeeded);
}

#[test]
fn a_probe_that_is_answered_badly_does_not_matter() {
    for status in [200, 404, 405, 500] {
        let step = at(Stage::Probe, request()).received(&Reply { status, ..Reply::default() }, NOW);
        assert!(matches!(step, Step::Post { .. }), "{status}");
    }
}

#[test]
fn what_may_pass_is_tried_three_times_with_waits_between() {
    let unavailable = Reply { status: 503, ..Reply::default() };
    for stage in [Stage::Discovery, Stage::Policy, Stage::Certificate] {
        let mut enrolment = at(stage, request());
        assert_eq!(enrolment.received(&unavailable, NOW), Step::Wait { ms: 1000 });
        assert!(matches!(enrolment.waited(), Step::Post { .. }));
        assert_eq!(enrolment.not_answered(ConnectionFailure::TimedOut), Step::Wait { ms: 2000 });
        assert!(matches!(enrolment.waited(), Step::Post { .. }));
        assert_eq!(failure(enrolment.received(&unavailable, NOW)), EnrolmentFailure::Http(503));
    }
}

#[test]
fn attempts_are_counted_anew_for_every_question() {
    let mut enrolment = at(Stage::Discovery, request());
    let broken = || ConnectionFailure::Broken("reset".to_owned());
    enrolment.not_answered(broken());
    enrolment.not_answered(broken());
    assert!(matches!(enrolment.received(&discovered(&services()), NOW), Step::Post { .. }));
    assert_eq!(enrolment.not_answered(broken()), Step::Wait { ms: 1000 });
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    for failed in [
        ConnectionFailure::NameResolution("no such host".to_owned()),
        ConnectionFailure::Untrusted("unknown issuer".to_owned()),
        ConnectionFailure::ClockOrExpiry("expired".to_owned()),
        ConnectionFailure::NoNetwork("down".to_owned()),
        ConnectionFailure::Oversized { limit: 1 },
    ] {
        let found = failure(at(Stage::Discovery, request()).not_answered(failed.clone()));
        assert_eq!(found, EnrolmentFailure::Connection(failed));
        assert!(found.is_unreachable());
    }
}

#[test]
fn the_same_question_is_asked_again_with_another_number() {
    let mut enrolment = at(Stage::Policy, request());
    enrolment.not_answered(ConnectionFailure::TimedOut);
    let (_, first) = post(enrolment.waited());
    enrolment.not_answered(ConnectionFailure::TimedOut);
    let (_, second) = post(enrolment.waited());
    let number = |body: &[u8]| GetPolicies::decode(body).unwrap().0.message_id;
    assert!(number(&first).starts_with("urn:uuid:"));
    assert_ne!(number(&first), number(&second));
}

fn post(step: Step) -> (String, Vec<u8>) {
    match step {
        Step::Post { url, body } => (url, body),
        other => panic!("not a message: {other:?}"),
    }
}

fn password() -> Security {
    Security::UsernameToken { username: "ada@example.org".to_owned(), password: "s3cret".into() }
}
