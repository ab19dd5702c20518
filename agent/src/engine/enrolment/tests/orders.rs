//! Orders of people, and those that make no sense.

use crate::engine::enrolment::{EnrolOrder, OrderError, Proof, Target};
use crate::engine::facts::DeviceFacts;
use crate::engine::testing::facts;

#[test]
fn an_order_becomes_a_request() {
    let request = order().into_request(None, facts(), 7).unwrap();
    assert_eq!(request.target, Target::Url("mdm.example.org".to_owned()));
    assert!(matches!(&request.proof, Proof::Password(password) if password.expose() == "pw"));
    assert_eq!((request.trust.system, request.trust.roots.len()), (true, 0));
    assert_eq!(request.device_id, "0123456789ABCDEF");
}

#[test]
fn without_a_server_the_mail_address_leads_to_one() {
    let request = EnrolOrder { server: None, ..order() }.into_request(None, facts(), 7).unwrap();
    assert_eq!(request.target, Target::MailAddress("ada@example.org".to_owned()));
    let user = "ada".to_owned();
    let refused = EnrolOrder { server: None, user, ..order() }.into_request(None, facts(), 7);
    assert_eq!(refused.map(drop), Err(OrderError::NoServer));
}

#[test]
fn one_proof_is_needed_and_not_two() {
    let text = |text: &str| Some(text.to_owned());
    for (user, password, token, expected) in [
        ("ada", text("pw"), None, Ok(())),
        ("ada", None, text("t"), Ok(())),
        ("", None, text("t"), Ok(())),
        ("ada", text(""), text("t"), Ok(())),
        ("ada", None, None, Err(OrderError::Proof)),
        ("ada", text("pw"), text("t"), Err(OrderError::Proof)),
        ("", text("pw"), None, Err(OrderError::Proof)),
        ("ada", text(""), None, Err(OrderError::Proof)),
        ("ada", None, text(""), Err(OrderError::Proof)),
    ] {
        let order = EnrolOrder { user: user.to_owned(), password, token, ..order() };
        assert_eq!(order.into_request(None, facts(), 7).map(drop), expected);
    }
}

#[test]
fn a_json_web_token_is_recognised_and_an_opaque_one_is_not_taken_for_one() {
    for (token, expected) in [("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", true), ("a.b.c", false), ("eyJhbGci", false)] {
        let order = EnrolOrder { password: None, token: Some(token.to_owned()), ..order() };
        let request = order.into_request(None, facts(), 7).unwrap();
        assert!(matches!(request.proof, Proof::Token { is_jwt, .. } if is_jwt == expected), "{token}");
    }
}

#[test]
fn authorities_that_are_given_take_the_place_of_the_machines_own() {
    let request = order().into_request(Some(vec!["AAAA".to_owned()]), facts(), 7).unwrap();
    assert_eq!((request.trust.system, request.trust.roots), (false, vec!["AAAA".to_owned()]));
    assert_eq!(order().into_request(Some(Vec::new()), facts(), 7).map(drop), Err(OrderError::NoAuthority));
}

#[test]
fn a_device_needs_an_id_that_every_server_takes() {
    let with = |id: &str| EnrolOrder { device_id: Some(id.to_owned()), ..order() }.into_request(None, facts(), 7);
    let longest = "x".repeat(64);
    for id in ["a", "A-1_b.c", &longest] {
        assert_eq!(with(id).map(|request| request.device_id), Ok(id.to_owned()));
    }
    let too_long = "x".repeat(65);
    for id in ["", " ", "a b", "a!b", "ä", "a/b", &too_long] {
        assert_eq!(with(id).map(drop), Err(OrderError::DeviceId), "{id:?}");
    }
    assert_eq!(order().into_request(None, DeviceFacts::default(), 7).map(drop), Err(OrderError::NoDeviceId));
}

#[test]
fn an_order_shows_no_secret() {
    let order = EnrolOrder { token: Some("hush".to_owned()), ..order() };
    assert!(!format!("{order:?}").contains("hush"));
    let request = EnrolOrder { token: None, ..order }.into_request(None, facts(), 7).unwrap();
    assert!(!format!("{request:?}").contains("\"pw\""));
}

fn order() -> EnrolOrder {
    EnrolOrder {
        server: Some("mdm.example.org".to_owned()),
        user: "ada@example.org".to_owned(),
        password: Some("pw".to_owned()),
        token: None,
        local_user: None,
        authorities: None,
        device_id: None,
    }
}

#[test]
fn an_enrolled_device_and_one_that_is_enrolling_may_not_enrol() {
    use crate::engine::testing::{SERVER, account, beginning};
    use crate::engine::{Engine, Now, Progress};
    let now = Now { boot_ms: 0, wall: 0 };
    let enrolled = Engine::new(beginning(Some(account()), Progress::default(), 1), now);
    assert_eq!(enrolled.check_enrolment(false), Err(OrderError::AlreadyEnrolled(SERVER.to_owned())));
    let blank = Engine::new(beginning(None, Progress::default(), 1), now);
    assert_eq!(blank.check_enrolment(true), Err(OrderError::UnderWay));
    assert_eq!(blank.check_enrolment(false), Ok(()));
}
