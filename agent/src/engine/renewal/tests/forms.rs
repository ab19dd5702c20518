//! A server that faults the token of a renewal is asked again in the other forms of the request, once each.

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{RequestSecurityToken, RequestType};
use mdm_protocol::soap::{Fault, FaultKind, ResponseHeader, Security};
use rcgen::{KeyPair, PublicKeyData as _};

use super::{discovered, longer, order, services};
use crate::engine::account::{Account, StoredToken};
use crate::engine::renewal::{NewKeyRequest, Renewal, RenewalFailure, RenewalForm, RenewalOrder, Step};
use crate::engine::reply::Reply;
use crate::engine::testing::issued::{document, provisioned};
use crate::engine::testing::{NOW, account, ok};

const PKCS10: &str = "#PKCS10\"";
const PKCS7: &str = "#PKCS7\"";

#[test]
fn a_fault_about_the_token_is_answered_with_the_enrollments_token_and_then_with_the_bare_request() {
    let key = KeyPair::generate().unwrap();
    let (mut renewal, mut step) = asked(with_token(), &key);
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(read(&step));
        step = renewal.received(&fault(FaultKind::MessageFormat), NOW);
    }
    let (user, token) = (username(), "token eyJ");
    assert_eq!(
        sent,
        [
            (PKCS7, b"signed".to_vec(), user.to_owned()),
            (PKCS7, b"signed".to_vec(), token.to_owned()),
            (PKCS10, b"plain".to_vec(), token.to_owned())
        ]
    );
    let Step::Fail(RenewalFailure::Exchange(failed)) = step else { panic!("{step:?}") };
    assert!(failed.to_string().contains("not read"), "nothing is left to try: {failed}");
}

#[test]
fn without_a_token_of_the_enrollment_the_bare_request_comes_next() {
    let key = KeyPair::generate().unwrap();
    let (mut renewal, first) = asked(order(), &key);
    assert_eq!(read(&first), (PKCS7, b"signed".to_vec(), username().to_owned()));
    let second = renewal.received(&fault(FaultKind::InvalidSecurity), NOW);
    assert_eq!(read(&second), (PKCS10, b"plain".to_vec(), username().to_owned()));
    let own = longer(&key);
    let step = renewal.received(&provisioned(&document(&[("My", "User", &own)])), NOW);
    assert_eq!(step, Step::Install { certificate: own, intermediates: Vec::new() });
    assert_eq!(renewal.form(), RenewalForm::Plain);
}

#[test]
fn the_form_that_was_taken_last_is_sent_first() {
    let key = KeyPair::generate().unwrap();
    let (mut renewal, first) = asked(RenewalOrder { form: RenewalForm::Plain, ..with_token() }, &key);
    assert_eq!(read(&first).0, PKCS10);
    let second = renewal.received(&fault(FaultKind::Authentication), NOW);
    assert_eq!(read(&second), (PKCS7, b"signed".to_vec(), username().to_owned()), "the server was replaced");
    // A token that was remembered and is not there any more is not a form.
    let (_, first) = asked(RenewalOrder { form: RenewalForm::SignedWithToken, ..order() }, &key);
    assert_eq!(read(&first), (PKCS7, b"signed".to_vec(), username().to_owned()));
}

#[test]
fn faults_about_anything_else_are_the_end_of_the_attempt() {
    let key = KeyPair::generate().unwrap();
    for kind in FaultKind::ALL.iter().cloned().chain([FaultKind::Other("Tired".to_owned())]) {
        let (mut renewal, _) = asked(with_token(), &key);
        let is_about_token = matches!(
            kind,
            FaultKind::MessageFormat
                | FaultKind::Authentication
                | FaultKind::CertificateRequest
                | FaultKind::InvalidSecurity
                | FaultKind::InvalidEnrollmentData
        );
        let step = renewal.received(&fault(kind.clone()), NOW);
        assert_eq!(matches!(step, Step::Request { .. }), is_about_token, "{kind:?}: {step:?}");
    }
    let (mut renewal, _) = asked(with_token(), &key);
    let step = renewal.received(&fault(FaultKind::Other("unsupportedsecuritytoken".to_owned())), NOW);
    assert!(matches!(step, Step::Request { .. }), "WS-Security names the token too: {step:?}");
}

#[test]
fn a_fault_to_the_discovery_sends_no_request() {
    let (mut renewal, _) = Renewal::begin(with_token());
    let step = renewal.received(&fault(FaultKind::MessageFormat), NOW);
    assert!(matches!(step, Step::Fail(_)), "{step:?}");
}

fn with_token() -> RenewalOrder {
    let token = StoredToken { token: Secret::new("eyJ"), is_jwt: false };
    let account = Account { enrollment_token: Some(Box::new(token)), ..account() };
    RenewalOrder { account: account.into(), ..order() }
}

/// A renewal and its first request.
fn asked(order: RenewalOrder, key: &KeyPair) -> (Renewal, Step) {
    let (mut renewal, _) = Renewal::begin(order);
    renewal.received(&discovered(&services()), NOW);
    let step = renewal.key_made(NewKeyRequest {
        certificate_request: b"plain".to_vec(),
        signed_request: b"signed".to_vec(),
        public_key: key.subject_public_key_info(),
    });
    (renewal, step)
}

fn username() -> &'static str {
    "user ada@example.org"
}

/// The type, the content and the credentials of a request.
fn read(step: &Step) -> (&'static str, Vec<u8>, String) {
    let Step::Request { body, .. } = step else { panic!("{step:?}") };
    let text = std::str::from_utf8(body).expect("a message is text");
    let [form] = [PKCS7, PKCS10].into_iter().filter(|form| text.contains(form)).collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let (header, request) = RequestSecurityToken::decode(body).expect("a request is readable");
    assert_eq!(request.request_type, RequestType::Renew, "never taken for a new enrollment");
    let security = match header.security {
        Some(Security::UsernameToken { username, password }) if password.expose().is_empty() => {
            format!("user {username}")
        }
        Some(Security::BinaryToken { content, is_jwt: false }) => {
            let token = mdm_protocol::base64::decode(content.expose()).expect("a token is base64");
            format!("token {}", String::from_utf8_lossy(&token))
        }
        other => panic!("{other:?}"),
    };
    (form, request.certificate_request, security)
}

fn fault(kind: FaultKind) -> Reply {
    ok(Fault::new(kind, "the token was not read").encode(&ResponseHeader::default()))
}
