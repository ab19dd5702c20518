//! The discovery and policy services (MS-MDE2 sections 3.1 and 3.3).

use mdm_protocol::enrolment::{Discover, GetPolicies};
use mdm_protocol::soap::{CONTENT_TYPE, Fault, FaultKind, RequestHeader, ResponseHeader, Security, SoapError};

use super::{Answer, Service, fault, random};
use crate::tenant::{PasswordProof, PasswordTest, Violation, conformance};

impl Service {
    /// Answers the probe that clients make before they ask (a GET with an empty answer).
    pub fn probe(&self) -> Answer {
        Answer { status: 200, content_type: "text/html; charset=utf-8", body: Vec::new() }
    }

    /// Answers a Discover message.
    pub fn discovery(&self, body: &[u8]) -> Answer {
        let (header, question) = match Discover::decode(body) {
            Ok(request) => request,
            Err(error) => return self.fault(unreadable(&error), ""),
        };
        let needed = self.read(|tenant, _| tenant.settings().auth.needs());
        if let Err(violation) = self.conforms(|| conformance::discover(body, needed)) {
            return self.fault(violation.into(), &header.message_id);
        }
        self.read(|tenant, _| match tenant.discover(&self.base_url, &question) {
            Ok(response) => soap(response.encode(&response_header(&header))),
            Err(fault) => fault::answer(fault, &header.message_id, tenant.settings()),
        })
    }

    /// Answers a GetPolicies message.
    pub fn policy(&self, body: &[u8]) -> Answer {
        let (header, _) = match GetPolicies::decode(body) {
            Ok(request) => request,
            Err(error) => return self.fault(unreadable(&error), ""),
        };
        if let Err(violation) = self.conforms(|| conformance::get_policies(body)) {
            return self.fault(violation.into(), &header.message_id);
        }
        let proof = self.test_password(header.security.as_ref());
        self.read(|tenant, now| match tenant.check_policy_caller(header.security.as_ref(), proof.as_ref(), now) {
            Ok(()) => soap(tenant.certificate_policy().encode(&response_header(&header))),
            Err(fault) => fault::answer(fault, &header.message_id, tenant.settings()),
        })
    }

    /// Tests a password, if one was presented, without keeping the others waiting.
    pub(super) fn test_password(&self, security: Option<&Security>) -> Option<PasswordProof> {
        let test = self.read(|tenant, _| tenant.password_test(security));
        test.and_then(PasswordTest::run)
    }

    /// Checks a request, if the tenant is strict.
    pub(super) fn conforms(&self, check: impl FnOnce() -> Result<(), Violation>) -> Result<(), Violation> {
        if self.read(|tenant, _| tenant.settings().strict) { check() } else { Ok(()) }
    }

    pub(super) fn fault(&self, fault: Fault, relates_to: &str) -> Answer {
        self.read(|tenant, _| fault::answer(fault, relates_to, tenant.settings()))
    }
}

pub(super) fn soap(text: String) -> Answer {
    Answer { status: 200, content_type: CONTENT_TYPE, body: text.into_bytes() }
}

pub(super) fn response_header(request: &RequestHeader) -> ResponseHeader {
    ResponseHeader { relates_to: request.message_id.clone(), activity_id: random::activity_id(), valid_around: None }
}

pub(super) fn unreadable(error: &SoapError) -> Fault {
    Fault::new(FaultKind::MessageFormat, format!("The request cannot be used: {error}."))
}
