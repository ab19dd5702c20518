//! What a conforming client would never send, for tenants that are set to `strict`: each violation is refused with what was
//! found, the rule, and the section that states it.
//!
//! The readers of messages take whatever real peers are known to send. These rules look at the same documents again and
//! decide nothing else: a tenant that is not strict never asks them.

mod enrolment;
mod names;
mod package;
mod structure;
mod syncml;
mod transport;

#[cfg(test)]
mod tests;

use mdm_protocol::soap::{Fault, FaultKind};

pub(crate) use enrolment::{decimal, discover, get_policies, request_security_token};
pub(super) use package::{Course, check_course};
pub(super) use syncml::Conformance;
pub use transport::Endpoint;
pub(crate) use transport::begins_as_wbxml;

/// How much of what was found is quoted, in characters.
const QUOTED: usize = 80;

/// What a client did wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}: {rule} ({section}).")]
pub struct Violation {
    /// What was found, in words.
    found: String,
    /// What the specification requires, in words.
    rule: &'static str,
    /// Where it does.
    section: &'static str,
    /// Whether it is the proof of who asks that cannot be used.
    in_proof: bool,
}

impl Violation {
    fn new(found: impl Into<String>, rule: &'static str, section: &'static str) -> Self {
        Self { found: found.into(), rule, section, in_proof: false }
    }

    fn of_proof(self) -> Self {
        Self { in_proof: true, ..self }
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        let kind = if violation.in_proof { FaultKind::InvalidSecurity } else { FaultKind::MessageFormat };
        Self::new(kind, violation.to_string())
    }
}

/// A value as it is quoted in a refusal.
fn quote(value: &str) -> String {
    format!("{:?}", value.chars().take(QUOTED).collect::<String>())
}
