//! A strict tenant over real TLS: a client is told of its errors in words, with the rule that it broke; one that is not strict
//! takes what it can read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use mdm_protocol::enrolment::{AuthPolicy, Discover, DiscoverResponse};
use mdm_protocol::soap::{Fault, FaultKind, RequestHeader};
use mdm_sim_server::{Server, ServerOptions};
use support::{USER, admin, client, enrol, hello, options};

const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";
const MANAGEMENT: &str = "/ManagementServer/MDM.svc";
const SOAP: &str = "application/soap+xml; charset=utf-8";
const SYNCML: &str = "application/vnd.syncml.dm+xml";

fn discover() -> String {
    let question = Discover {
        email: USER.to_owned(),
        request_version: "3.0".to_owned(),
        device_type: "CIMClient_Windows".to_owned(),
        application_version: "10.0.26100.0".to_owned(),
        os_edition: "4".to_owned(),
        auth_policies: vec![AuthPolicy::OnPremise],
    };
    question.encode(&RequestHeader { message_id: "urn:uuid:1".to_owned(), ..RequestHeader::default() })
}

async fn post(client: &reqwest::Client, url: &str, kind: &str, body: impl Into<Vec<u8>>) -> (u16, Vec<u8>) {
    let request = client.post(url).body(body.into());
    let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn discovery_says_what_is_wrong_and_never_answers_a_later_version_than_the_clients() {
    let server = Server::start(options()).await.unwrap();
    let (client, url) = (client(&server, None), format!("{}{DISCOVERY}", server.device_url()));
    let (status, body) = post(&client, &url, SOAP, discover()).await;
    assert_eq!(status, 200);
    assert_eq!(DiscoverResponse::decode(&body).unwrap().enrollment_version, "3.0");
    for (from, to, reason) in [
        (">3.0<", ">three<", "RequestVersion is \"three\""),
        (USER, "", "EmailAddress is empty"),
        ("OnPremise", "Federated", "offers no OnPremise"),
        ("/Discover<", "/Find<", "Action is"),
    ] {
        let (status, body) = post(&client, &url, SOAP, discover().replacen(from, to, 1)).await;
        let fault = Fault::decode(&body).unwrap();
        assert_eq!((status, fault.kind), (500, FaultKind::MessageFormat));
        assert!(fault.reason.contains(reason) && fault.reason.contains("MS-MDE2 section"), "{}", fault.reason);
    }
    let (status, body) = post(&client, &url, "text/xml", discover()).await;
    assert_eq!(status, 415);
    assert!(String::from_utf8(body).unwrap().contains("application/soap+xml"));

    assert_eq!(admin(&server, "PATCH", "/tenant", r#"{"strict": false}"#).await.0, 200);
    let (status, body) = post(&client, &url, "", discover().replace(">3.0<", ">three<").replace(USER, "")).await;
    assert_eq!(status, 200);
    assert_eq!(DiscoverResponse::decode(&body).unwrap().enrollment_version, "4.0");
    server.shutdown().await;
}

#[tokio::test]
async fn a_management_request_that_does_not_conform_is_refused_in_words() {
    let server = Server::start(options()).await.unwrap();
    let (_, identity) = enrol(&server, "device-1").await;
    let (client, url) = (client(&server, Some(&identity)), format!("{}{MANAGEMENT}", server.device_url()));
    let hello = hello("device-1", 1, &url).encode();
    let wrong_number = hello.replace("<MsgID>1<", "<MsgID>2<");
    for (query, kind, body, expected) in [
        ("", "application/vnd.syncml.dm+wbxml", hello.as_bytes(), (415, "WBXML")),
        ("", SYNCML, &b"\x03\x01\x6a\x00"[..], (415, "WBXML")),
        ("", "", hello.as_bytes(), (415, "Content-Type is missing")),
        ("?mode=Magic", SYNCML, hello.as_bytes(), (400, "mode must be Maintenance or Machine")),
        ("?mode=Machine", SYNCML, wrong_number.as_bytes(), (400, "must have the MsgID 1")),
    ] {
        let (status, body) = post(&client, &format!("{url}{query}"), kind, body).await;
        let body = String::from_utf8(body).unwrap();
        assert!(status == expected.0 && body.contains(expected.1), "{query} {kind}: {status} {body}");
    }
    assert_eq!(post(&client, &format!("{url}?mode=Maintenance"), SYNCML, hello).await.0, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn a_tenant_is_lenient_unless_it_is_set_to_be_strict() {
    let server = Server::start(ServerOptions { strict: false, ..options() }).await.unwrap();
    assert_eq!(admin(&server, "GET", "/tenant", "").await.1["strict"], false);
    let (client, url) = (client(&server, None), format!("{}{DISCOVERY}", server.device_url()));
    assert_eq!(post(&client, &url, "", discover().replace(USER, "")).await.0, 200);
    // Binary XML cannot be read by either.
    let (_, identity) = enrol(&server, "device-1").await;
    let own = support::client(&server, Some(&identity));
    let url = format!("{}{MANAGEMENT}", server.device_url());
    let wbxml = post(&own, &url, "application/vnd.syncml.dm+wbxml", &b"\x03\x01\x6a\x00"[..]).await;
    assert_eq!(wbxml.0, 415);
    assert_eq!(post(&own, &url, "", hello("device-1", 1, &url).encode().replace("1201", "1299")).await.0, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn an_unknown_value_of_a_setting_is_refused() {
    let server = Server::start(options()).await.unwrap();
    for patch in [
        r#"{"authority": "magic"}"#,
        r#"{"auth": "magic"}"#,
        r#"{"message_authentication": "magic"}"#,
        r#"{"end_of_session": "magic"}"#,
        r#"{"fault_style": "magic"}"#,
        r#"{"scep": "magic"}"#,
        r#"{"bms_policies": "magic"}"#,
        r#"{"strict": "magic"}"#,
        r#"{"mode": "strict"}"#,
    ] {
        let (status, error) = admin(&server, "PATCH", "/tenant", patch).await;
        assert!(status == 400 && error["error"].is_string(), "{patch}: {status} {error}");
    }
    server.shutdown().await;
}
