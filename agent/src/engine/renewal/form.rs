//! How the request of a renewal is put. MS-MDE2 describes one form; servers exist that refuse it and take another, so
//! each form is tried once where a fault is about the token, and the one that was taken is remembered.

use mdm_protocol::soap::FaultKind;
use serde::{Deserialize, Serialize};

/// Codes of WS-Security 1.1 section 12 and WS-Trust 1.3 section 11 that name the token; MS-MDE2 does not list them.
const TOKEN_CODES: [&str; 7] = [
    "UnsupportedSecurityToken",
    "InvalidSecurityToken",
    "FailedAuthentication",
    "SecurityTokenUnavailable",
    "FailedCheck",
    "InvalidRequest",
    "BadRequest",
];

/// The form of a renewal's request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenewalForm {
    /// CMS that the present key signed (PKCS#7), and the user's name without a password in the header.
    #[default]
    Signed,
    /// The same CMS, and the token of the enrollment in the header.
    SignedWithToken,
    /// The PKCS#10 alone; mutual TLS says whose it is.
    Plain,
}

impl RenewalForm {
    const ALL: [Self; 3] = [Self::Signed, Self::SignedWithToken, Self::Plain];

    /// The forms to try, each once: the one that was taken last, then the others in their usual order.
    pub(super) fn order(known: Self, has_token: bool) -> impl Iterator<Item = Self> {
        let others = Self::ALL.into_iter().filter(move |form| *form != known);
        [known].into_iter().chain(others).filter(move |form| has_token || *form != Self::SignedWithToken)
    }
}

/// Whether a fault is about the token that was sent, so that another form may be taken.
pub(super) fn blames_token(kind: &FaultKind) -> bool {
    match kind {
        FaultKind::MessageFormat
        | FaultKind::Authentication
        | FaultKind::CertificateRequest
        | FaultKind::InvalidSecurity
        | FaultKind::InvalidEnrollmentData => true,
        FaultKind::Other(code) => TOKEN_CODES.iter().any(|known| known.eq_ignore_ascii_case(code)),
        _ => false,
    }
}
