//! Refusals and answers that are none: each has its name and its advice, and none installs anything.

use mdm_protocol::soap::{Fault, FaultKind, ResponseHeader};

use super::{at, discovered, failure, request, services};
use crate::engine::enrolment::{Enrolment, EnrolmentFailure, Stage, Step};
use crate::engine::reply::Reply;
use crate::engine::testing::{NOW, ok};

#[test]
fn every_fault_is_named_in_proper_and_in_lower_case_and_with_either_http_status() {
    for kind in FaultKind::ALL {
        let proper = Fault::new(kind.clone(), "because").encode(&ResponseHeader::default());
        for body in [proper, lower_case(kind)] {
            for status in [200, 500] {
                for stage in [Stage::Discovery, Stage::Policy, Stage::Certificate] {
                    let reply = Reply { status, body: body.clone().into_bytes(), ..Reply::default() };
                    let failed = last_failure(at(stage, request()), &reply);
                    let EnrolmentFailure::Fault(fault) = &failed else { panic!("{kind:?}: {failed:?}") };
                    assert_eq!((&fault.kind, fault.reason.as_str()), (kind, "because"));
                    assert!(!failed.is_unreachable());
                }
            }
        }
    }
}

#[test]
fn faults_that_may_pass_are_tried_again_and_others_are_not() {
    for kind in FaultKind::ALL {
        let reply = ok(Fault::new(kind.clone(), "because").encode(&ResponseHeader::default()));
        let step = at(Stage::Certificate, request()).received(&reply, NOW);
        let passing = [FaultKind::EnrollmentServer, FaultKind::InternalServiceFault, FaultKind::InMaintenance];
        assert_eq!(matches!(step, Step::Wait { .. }), passing.contains(kind), "{kind:?}");
    }
}

#[test]
fn advice_says_what_a_person_can_do() {
    for (kind, part) in [
        (FaultKind::Authentication, "password"),
        (FaultKind::Authorization, "MDM authority"),
        (FaultKind::DeviceCapReached, "Remove a device"),
        (FaultKind::DeviceNotSupported, "Linux"),
        (FaultKind::UserLicense, "licence"),
        (FaultKind::InMaintenance, "later"),
    ] {
        let advice = EnrolmentFailure::Fault(Fault::new(kind, "")).advice();
        assert!(advice.contains(part), "{advice}");
    }
    assert!(EnrolmentFailure::Http(401).advice().contains("password"));
    assert!(EnrolmentFailure::Http(404).advice().contains("address"));
}

#[test]
fn a_page_is_told_from_an_answer_at_every_stage() {
    for stage in [Stage::Probe, Stage::Discovery, Stage::Policy, Stage::Certificate] {
        let page = ok("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><br></body></html>");
        let failed = failure(at(stage, request()).received(&page, NOW));
        assert_eq!((&failed, failed.is_unreachable()), (&EnrolmentFailure::Page, true), "{stage:?}");
    }
}

#[test]
fn http_errors_without_a_reason_are_named_by_their_number() {
    for status in [400, 401, 403, 404, 410, 500] {
        let reply = Reply { status, body: b"no".to_vec(), ..Reply::default() };
        let failed = last_failure(at(Stage::Discovery, request()), &reply);
        assert_eq!(failed, EnrolmentFailure::Http(status));
    }
}

#[test]
fn answers_that_cannot_be_read_are_refused_with_the_reason() {
    let whole = String::from_utf8(discovered(&services()).body).unwrap();
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    for (body, reason) in [
        (whole.as_bytes()[..whole.len() / 2].to_vec(), "truncated"),
        (format!("<!DOCTYPE x>{whole}").into_bytes(), "DTD"),
        (b"<a>\xff</a>".to_vec(), "UTF-8"),
        (deep.into_bytes(), "nested"),
        (vec![b'x'; (512 << 10) + 1], "more than"),
        (b"<SyncML/>".to_vec(), "root element"),
        (b"{}".to_vec(), "outside the root"),
        (Vec::new(), "empty"),
        (whole.replace("DiscoverResponse>", "Other>").into_bytes(), "DiscoverResponse"),
        (whole.replace("OnPremise", "Telepathy").into_bytes(), "AuthPolicy"),
    ] {
        let failed = failure(at(Stage::Discovery, request()).received(&ok(body), NOW));
        assert!(matches!(failed, EnrolmentFailure::Answer(_)), "{failed:?}");
        assert!(failed.to_string().contains(reason), "{failed} does not say {reason:?}");
    }
}

/// As several servers write faults.
fn lower_case(kind: &FaultKind) -> String {
    let code = kind.code().to_lowercase();
    let (subcode, detail) = if kind.is_detail() {
        let error =
            format!("<deviceenrollmentserviceerror><errortype>{code}</errortype></deviceenrollmentserviceerror>");
        ("authorization".to_owned(), format!("<s:detail>{error}</s:detail>"))
    } else {
        (code, String::new())
    };
    format!(
        "<s:envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:body><s:fault><s:code><s:value>s:receiver\
         </s:value><s:subcode><s:value>s:{subcode}</s:value></s:subcode></s:code><s:reason><s:text>because</s:text>\
         </s:reason>{detail}</s:fault></s:body></s:envelope>"
    )
}

/// The failure after as many attempts as it takes.
fn last_failure(mut enrolment: Enrolment, reply: &Reply) -> EnrolmentFailure {
    loop {
        match enrolment.received(reply, NOW) {
            Step::Wait { .. } => drop(enrolment.waited()),
            step => return failure(step),
        }
    }
}
