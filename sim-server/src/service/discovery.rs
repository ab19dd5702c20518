//! The discovery and policy services (MS-MDE2 sections 3.1 and 3.3).

use mdm_protocol::enrolment::{Discover, GetPolicies};
use mdm_protocol::soap::{CONTENT_TYPE, Fault, FaultKind, RequestHeader, ResponseHeader, SoapError};

use super::{Answer, Service, fault, random};

impl Service {
    /// Answers the probe that clients make before they ask (a GET with an empty answer).
    pub fn probe(&self) -> Answer {
        Answer { status: 200, content_type: "text/html; charset=utf-8", body: Vec::new() }
    }

    /// Answers a Discover message.
    pub fn discovery(&self, body: &[u8]) -> Answer {
        self.read(|tenant, _| match Discover::decode(body) {
            Ok((header, _)) => soap(tenant.discover(&self.base_url).encode(&response_header(&header))),
            Err(error) => fault::answer(unreadable(&error), "", tenant.settings()),
        })
    }

    /// Answers a GetPolicies message.
    pub fn policy(&self, body: &[u8]) -> Answer {
        self.read(|tenant, now| {
            let (header, _) = match GetPolicies::decode(body) {
                Ok(request) => request,
                Err(error) => return fault::answer(unreadable(&error), "", tenant.settings()),
            };
            match tenant.check_policy_caller(header.security.as_ref(), now) {
                Ok(()) => soap(tenant.certificate_policy().encode(&response_header(&header))),
                Err(fault) => fault::answer(fault, &header.message_id, tenant.settings()),
            }
        })
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
