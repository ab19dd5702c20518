//! Answers that are no messages, each with a failure of its own.

use mdm_protocol::soap::{Fault, FaultKind, ResponseHeader};

use crate::engine::failure::SessionFailure;
use crate::engine::reply::Reply;
use crate::engine::session::SessionEnd;
use crate::engine::testing::{Talk, add, config, ok};

#[test]
fn http_errors_are_told_apart() {
    let reply = |status: u16| Reply { status, ..Reply::default() };
    let location = Some("https://elsewhere.example.org/".to_owned());
    for (reply, name, unreachable, retry_after) in [
        (Reply { location: location.clone(), ..reply(302) }, "redirected", true, None),
        (Reply { location, ..reply(307) }, "redirected", true, None),
        (reply(401), "device-refused", false, None),
        (reply(403), "device-refused", false, None),
        (reply(400), "http", false, None),
        (reply(404), "http", false, None),
        (reply(500), "http", true, None),
        (Reply { retry_after: Some(90), ..reply(503) }, "http", true, Some(90)),
        (Reply { body: b"<html>Sorry</html>".to_vec(), ..reply(502) }, "http", true, None),
    ] {
        let failure = failure_of(&reply);
        assert_eq!((failure.name(), failure.is_unreachable(), failure.retry_after()), (name, unreachable, retry_after));
    }
}

#[test]
fn a_redirect_names_where_it_leads_and_is_not_followed() {
    let reply = Reply { status: 301, location: Some("https://evil.example.org/".to_owned()), ..Reply::default() };
    let location = "https://evil.example.org/".to_owned();
    assert_eq!(failure_of(&reply), SessionFailure::Redirected { location });
}

#[test]
fn any_empty_success_ends_the_session() {
    for status in [200, 202, 204] {
        let mut talk = Talk::begin();
        talk.say([crate::engine::testing::get("g", "./DevInfo/DevId")]);
        talk.answer(&Reply { status, ..Reply::default() });
        assert_eq!(talk.end, Some(SessionEnd::Completed));
    }
}

#[test]
fn documents_that_are_no_messages_are_refused_each_with_its_reason() {
    let message = valid();
    let deep = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
    let mut seen = std::collections::BTreeSet::new();
    for (body, name, reason) in [
        (b"<!DOCTYPE html><html><body>Sign in".to_vec(), "captive-portal", "captive portal"),
        (message.as_bytes()[..message.len() - 20].to_vec(), "malformed", "truncated"),
        (deep.into_bytes(), "malformed", "nested more than"),
        (b"<SyncML>\xff\xfe</SyncML>".to_vec(), "malformed", "not UTF-8"),
        (format!("<!DOCTYPE SyncML [<!ENTITY a 'b'>]>{message}").into_bytes(), "malformed", "DTD"),
        (b"<Envelope/>".to_vec(), "malformed", "root element is <Envelope>"),
        (vec![b' '; (4 << 20) + 1], "malformed", "more than the"),
        (b"<SyncML/>".to_vec(), "malformed", "no <SyncHdr>"),
        (b"{\"error\":1}".to_vec(), "malformed", "outside the root"),
        (b"   ".to_vec(), "malformed", "empty"),
    ] {
        let failure = failure_of(&ok(body));
        assert_eq!(failure.name(), name, "{failure}");
        assert!(failure.to_string().contains(reason), "{failure} does not say {reason:?}");
        assert!(seen.insert(failure.to_string()), "{failure} is not told from another");
        assert!(!failure.is_unreachable() || name == "captive-portal");
    }
}

#[test]
fn a_soap_fault_with_http_200_is_a_fault_in_any_case_of_its_names() {
    let fault = Fault::new(FaultKind::Authorization, "device is blocked").encode(&ResponseHeader::default());
    let lower = "<s:envelope xmlns:s=\"x\"><s:body><s:fault><s:code><s:value>s:receiver</s:value><s:subcode>\
                 <s:value>s:authorization</s:value></s:subcode></s:code><s:reason><s:text>no</s:text></s:reason>\
                 </s:fault></s:body></s:envelope>";
    for body in [fault.as_str(), lower] {
        let failure = failure_of(&ok(body));
        let SessionFailure::Fault(fault) = &failure else { panic!("{failure:?}") };
        assert_eq!((failure.name(), &fault.kind), ("fault", &FaultKind::Authorization));
    }
}

#[test]
fn a_failure_takes_back_nothing_that_was_acknowledged() {
    let mut talk = Talk::begin();
    talk.say([add("a", &config("A"), "1")]);
    talk.answer(&Reply { status: 500, ..Reply::default() });
    assert_eq!(talk.failure(), "http");
    let uri = mdm_protocol::LocUri::parse(&config("A")).unwrap();
    assert_eq!(talk.session.tree().get(&uri).map(|node| node.value), Ok("1".to_owned()));
}

fn valid() -> String {
    use mdm_protocol::syncml::{Header, Message};
    let header = Header { session_id: "7".to_owned(), message_id: 1, ..Header::default() };
    Message { header, commands: vec![add("a", &config("A"), "1")], is_final: true }.encode()
}

fn failure_of(reply: &Reply) -> SessionFailure {
    let mut talk = Talk::begin();
    talk.answer(reply);
    assert!(talk.kept.is_empty());
    match talk.end {
        Some(SessionEnd::Failed(failure)) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}
