//! Renewal and recovery over real TLS on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../src/tenant/test_support/renewal.rs"]
mod cms;
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use mdm_protocol::enrolment::{AdditionalContext, RequestSecurityToken, RequestType, SecurityTokenResponse};
use mdm_protocol::provisioning::RenewedCertificate;
use mdm_protocol::soap::{Fault, FaultKind, RequestHeader};
use mdm_sim_server::Server;
use rcgen::{CertificateParams, KeyPair};
use support::{Identity, admin, client, enrol, hello, options, post};

#[tokio::test]
async fn s46_a_device_renews_with_its_old_certificate_and_goes_on_with_the_new_one() {
    let server = Server::start(options()).await.unwrap();
    let (document, old) = enrol(&server, "device-1").await;
    let url = format!("{}/EnrollmentServer/Enrollment.svc", server.device_url());
    let (request, key) = renewal_request(&old);
    let early = post(&client(&server, Some(&old)), &url, request.clone()).await;
    assert_eq!(Fault::decode(&early.bytes().await.unwrap()).unwrap().kind, FaultKind::NotEligibleToRenew);
    let stranger = post(&client(&server, None), &url, request.clone()).await;
    assert_eq!(Fault::decode(&stranger.bytes().await.unwrap()).unwrap().kind, FaultKind::InvalidSecurity);

    assert_eq!(admin(&server, "POST", "/devices/device-1/renew", "").await.0, 202);
    // Some clients name the token's type by the other namespace.
    let other = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7";
    let request = request.replace("http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS7", other);
    assert!(request.contains(other));
    let answer = post(&client(&server, Some(&old)), &url, request).await;
    assert_eq!(answer.status(), 200);
    let answer = SecurityTokenResponse::decode(&answer.bytes().await.unwrap()).unwrap();
    let renewed = RenewedCertificate::decode(&answer.provisioning_document).unwrap();
    assert_eq!(renewed.provider_id.as_deref(), Some("LinuxMDM"));
    let new = Identity { certificate: renewed.certificates[0].der.clone(), key: key.serialize_der() };

    // The order to renew was queued: it is taken out of the way by a session that answers nothing else.
    let url = &document.management_url;
    for (session, identity) in [(1, &old), (2, &new)] {
        let answer = post(&client(&server, Some(identity)), url, hello("device-1", session, url).encode()).await;
        assert_eq!(answer.status(), 200);
    }
    let (_, device) = admin(&server, "GET", "/devices/device-1", "").await;
    assert!(device["new_certificate"].is_object());
    server.shutdown().await;
}

#[tokio::test]
async fn an_administrator_makes_a_recovery_token_for_one_device() {
    let server = Server::start(options()).await.unwrap();
    enrol(&server, "device-1").await;
    let (status, token) = admin(&server, "POST", "/devices/device-1/recovery", "").await;
    assert_eq!((status, token["token"].as_str().unwrap().len()), (201, 64));
    assert_eq!(admin(&server, "POST", "/devices/device-2/recovery", "").await.0, 404);
    assert_eq!(admin(&server, "POST", "/devices/device-1/block", "").await.0, 204);
    assert_eq!(admin(&server, "GET", "/devices/device-1", "").await.1["blocked"], true);
    assert_eq!(admin(&server, "POST", "/devices/device-1/unblock", "").await.0, 204);
    server.shutdown().await;
}

fn renewal_request(old: &Identity) -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let content = CertificateParams::default().serialize_request(&key).unwrap();
    let old_key = KeyPair::try_from(old.key.as_slice()).unwrap();
    let request = RequestSecurityToken {
        request_type: RequestType::Renew,
        certificate_request: cms::sign(content.der(), &old.certificate, &old_key),
        context: AdditionalContext::default(),
    };
    let header = RequestHeader { message_id: "urn:uuid:1".to_owned(), ..RequestHeader::default() };
    (request.encode(&header), key)
}
