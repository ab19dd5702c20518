//! Which addresses are talked to, and which are not.

use mdm_protocol::enrolment::DiscoverResponse;

use super::{HOST, at, discovered, failure, request, services};
use crate::engine::enrolment::{Enrolment, EnrolmentFailure, EnrolmentRequest, Stage, Step, Target};
use crate::engine::reply::Reply;
use crate::engine::testing::NOW;

#[test]
fn the_discovery_address_follows_from_what_was_given() {
    let conventional = "/EnrollmentServer/Discovery.svc";
    let url = |text: &str| Target::Url(text.to_owned());
    let mail = |text: &str| Target::MailAddress(text.to_owned());
    for (target, expected) in [
        (url("mdm.example.org"), format!("{HOST}{conventional}")),
        (url("mdm.example.org:8443"), format!("{HOST}:8443{conventional}")),
        (url("https://mdm.example.org"), format!("{HOST}{conventional}")),
        (url(" HTTPS://MDM.example.org/ "), format!("{HOST}{conventional}")),
        (url("https://mdm.example.org/api/discovery"), format!("{HOST}/api/discovery")),
        (mail("ada@example.org"), format!("https://enterpriseenrollment.example.org{conventional}")),
        (mail("\"a@b\"@example.org"), format!("https://enterpriseenrollment.example.org{conventional}")),
    ] {
        assert_eq!(target.discovery_url(), Ok(expected), "{target:?}");
    }
}

#[test]
fn addresses_that_are_not_encrypted_or_carry_a_password_are_refused_before_anything_is_sent() {
    for target in [
        Target::Url("http://mdm.example.org".to_owned()),
        Target::Url("HTTP://mdm.example.org".to_owned()),
        Target::Url("ftp://mdm.example.org".to_owned()),
        Target::Url("https://ada:pw@mdm.example.org".to_owned()),
        Target::Url(String::new()),
        Target::Url("https://".to_owned()),
        Target::Url("not a host".to_owned()),
        Target::MailAddress("ada".to_owned()),
        Target::MailAddress("ada@".to_owned()),
    ] {
        let (enrolment, step) = Enrolment::begin(EnrolmentRequest { target: target.clone(), ..request() });
        assert!(enrolment.is_none());
        assert!(matches!(failure(step), EnrolmentFailure::Address { .. }), "{target:?}");
    }
}

#[test]
fn services_that_are_not_encrypted_or_not_on_one_host_are_refused() {
    let plain = || "http://mdm.example.org/x".to_owned();
    for services in [
        DiscoverResponse { enrollment_url: plain(), ..services() },
        DiscoverResponse { policy_url: Some(plain()), ..services() },
        DiscoverResponse { authentication_url: Some(plain()), ..services() },
        DiscoverResponse { enrollment_url: "/relative".to_owned(), ..services() },
        DiscoverResponse { policy_url: Some("https://other.example.org/x".to_owned()), ..services() },
    ] {
        let failed = failure(at(Stage::Discovery, request()).received(&discovered(&services), NOW));
        assert!(matches!(failed, EnrolmentFailure::Address { .. }), "{services:?}: {failed:?}");
    }
}

#[test]
fn redirects_on_the_same_host_are_followed_three_times() {
    for stage in [Stage::Probe, Stage::Discovery] {
        let mut enrolment = at(stage, request());
        for hop in 1..=3 {
            let expected = format!("{HOST}/hop{hop}");
            let location = if hop == 1 { expected.clone() } else { format!("/hop{hop}") };
            match enrolment.received(&redirect(&location), NOW) {
                Step::Get { url } | Step::Post { url, .. } => assert_eq!(url, expected),
                other => panic!("not followed: {other:?}"),
            }
        }
        let location = "/hop4".to_owned();
        let failed = failure(enrolment.received(&redirect("/hop4"), NOW));
        assert_eq!(failed, EnrolmentFailure::Redirected { location });
    }
}

#[test]
fn redirects_to_another_place_are_refused() {
    for location in [
        "https://evil.example.org/EnrollmentServer/Discovery.svc",
        "http://mdm.example.org/EnrollmentServer/Discovery.svc",
        "https://mdm.example.org:8443/",
        "//evil.example.org/",
        "https://ada:pw@mdm.example.org/",
        "javascript:alert(1)",
    ] {
        let failed = failure(at(Stage::Discovery, request()).received(&redirect(location), NOW));
        assert_eq!(failed, EnrolmentFailure::Redirected { location: location.to_owned() });
    }
}

#[test]
fn services_that_redirect_are_refused_even_on_the_same_host() {
    for stage in [Stage::Policy, Stage::Certificate] {
        let failed = failure(at(stage, request()).received(&redirect("/elsewhere"), NOW));
        assert_eq!(failed, EnrolmentFailure::Redirected { location: "/elsewhere".to_owned() });
    }
}

#[test]
fn a_redirect_without_an_end_or_an_address_ends() {
    let mut enrolment = at(Stage::Probe, request());
    let endless = Reply { status: 302, ..Reply::default() };
    let steps = std::iter::repeat_with(|| enrolment.received(&endless, NOW));
    assert_eq!(steps.take(10).take_while(|step| !matches!(step, Step::Fail(_))).count(), 3);
}

fn redirect(location: &str) -> Reply {
    Reply { status: 302, location: Some(location.to_owned()), ..Reply::default() }
}
