//! Certificates as both sides see them: their terms, and nothing of their keys.

use mdm_agent::engine::certificates::{CertificateTerms, Certificates};
use mdm_agent::engine::enrolment::KeyKind;
use mdm_protocol::Thumbprint;

use super::time::{Moment, utc};

const DAY: i64 = 86_400;

/// A certificate that is issued now.
pub(super) fn issue(now: Moment, days: u32) -> CertificateTerms {
    let begins = utc(now);
    let not_after = begins + i64::from(days) * DAY;
    // Nobody here looks at it, and a digest for every certificate of a million devices would cost.
    const NONE: &str = "0000000000000000000000000000000000000000";
    let thumbprint = Thumbprint::parse(NONE).expect("forty digits");
    CertificateTerms { not_before: begins, not_after, thumbprint, key: KeyKind::P256 }
}

/// A device's certificates after enrolment.
pub(super) fn in_use(certificate: CertificateTerms) -> Certificates {
    Certificates { active: Some(certificate), pending: None }
}
