//! Enrolments, from the first question to the account.

mod addresses;
mod faults;
mod orders;
mod policy;
mod steps;

#[cfg(feature = "daemon")]
mod certificates;

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{AuthPolicy, CertificatePolicy, DiscoverResponse};
use mdm_protocol::soap::ResponseHeader;

use super::{Enrolment, EnrolmentFailure, EnrolmentRequest, Proof, Stage, Step, Target};
use crate::engine::account::Trust;
use crate::engine::reply::Reply;
use crate::engine::testing::{DEVICE, NOW, facts, ok};

pub(super) const HOST: &str = "https://mdm.example.org";

pub(super) fn request() -> EnrolmentRequest {
    EnrolmentRequest {
        target: Target::Url("mdm.example.org".to_owned()),
        user: "ada@example.org".to_owned(),
        proof: Proof::Password(Secret::new("s3cret")),
        local_user: Some("ada".to_owned()),
        trust: Trust { system: true, roots: Vec::new() },
        device_id: DEVICE.to_owned(),
        facts: facts(),
        seed: 7,
    }
}

pub(super) fn services() -> DiscoverResponse {
    DiscoverResponse {
        auth_policy: AuthPolicy::OnPremise,
        enrollment_version: "4.0".to_owned(),
        policy_url: Some(format!("{HOST}/Policy.svc")),
        enrollment_url: format!("{HOST}/Enrollment.svc"),
        authentication_url: None,
    }
}

pub(super) fn discovered(services: &DiscoverResponse) -> Reply {
    ok(services.encode(&ResponseHeader::default()))
}

pub(super) fn policy(policy: &CertificatePolicy) -> Reply {
    ok(policy.encode(&ResponseHeader::default()))
}

/// An enrolment that has been brought to a stage by a server that does everything right.
pub(super) fn at(stage: Stage, request: EnrolmentRequest) -> Enrolment {
    let (enrolment, _) = Enrolment::begin(request);
    let mut enrolment = enrolment.expect("the request is in order");
    let answers = [ok(""), discovered(&services()), policy(&CertificatePolicy::default())];
    for answer in answers {
        if enrolment.stage() == stage {
            return enrolment;
        }
        enrolment.received(&answer, NOW);
    }
    if stage == Stage::Certificate {
        enrolment.key_made(b"csr".to_vec(), b"key".to_vec());
    }
    assert_eq!(enrolment.stage(), stage);
    enrolment
}

pub(super) fn failure(step: Step) -> EnrolmentFailure {
    match step {
        Step::Fail(failure) => {
            assert!(failure.advice().len() > 10, "no advice for {failure}");
            failure
        }
        other => panic!("not a failure: {other:?}"),
    }
}
