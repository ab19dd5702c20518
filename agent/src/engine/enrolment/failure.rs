//! Why an enrolment failed, and what a person can do about it.

use mdm_protocol::provisioning::ProvisioningError;
use mdm_protocol::soap::{Fault, FaultKind, SoapError};
use mdm_protocol::xml::XmlError;

use crate::engine::failure::ConnectionFailure;
use crate::engine::reply::Reply;

/// Why an enrolment failed. Nothing is left behind by any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentFailure {
    /// An address cannot be used.
    #[error("the address {address:?} cannot be used: {reason}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer came.
    #[error(transparent)]
    Connection(#[from] ConnectionFailure),
    /// The server refused.
    #[error("the server refused: {0}")]
    Fault(Fault),
    /// The server answered with an HTTP error and without a reason.
    #[error("the server answered with HTTP {0}")]
    Http(u16),
    /// The server wants the request to go elsewhere.
    #[error("the server redirected to {location:?}, which is not followed")]
    Redirected {
        /// Where to.
        location: String,
    },
    /// An HTML page came instead of an answer.
    #[error("an HTML page came instead of an answer; a captive portal, a proxy or a wrong address answered")]
    Page,
    /// The answer is not what the service should answer.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// The server wants a token.
    #[error("the server wants a sign-in token instead of a password")]
    TokenNeeded {
        /// Where a token is to be had.
        sign_in_page: String,
    },
    /// The server wants a certificate that the device has already.
    #[error("the server wants a certificate that was issued before, which is not supported")]
    CertificateNeeded,
    /// The certificate policy asks for something that is not supported.
    #[error("the server's certificate policy cannot be met: {0}")]
    Policy(String),
    /// The provisioning document cannot be used.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
    /// The certificate in the provisioning document cannot be used.
    #[error("the certificate in the provisioning document cannot be used: {0}")]
    Certificate(String),
    /// The certificate in the provisioning document is valid by the server's clock, and not yet by this machine's.
    #[error("the new certificate is not valid before {0}: this machine's clock is behind")]
    NotYetValid(String),
}

impl EnrolmentFailure {
    /// Whether the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.kind.is_transient(),
            Self::Http(status) => *status >= 500,
            Self::Connection(failure) => matches!(failure, ConnectionFailure::TimedOut | ConnectionFailure::Broken(_)),
            _ => false,
        }
    }

    /// Whether no usable answer of the server was had.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Page)
    }

    /// What a person can do about it.
    pub fn advice(&self) -> String {
        let text = match self {
            Self::Fault(fault) => fault_advice(&fault.kind),
            Self::Address { .. } => "Check the address; it must begin with https://.",
            Self::Connection(failure) => connection_advice(failure),
            Self::Http(401 | 403) => fault_advice(&FaultKind::Authentication),
            Self::Http(404) => "Check the address: there is no enrolment service at it.",
            Self::Http(_) | Self::Answer(_) => "Ask the administrator of the server; its log has the reason.",
            Self::Redirected { .. } => "If you trust the address it names, enrol with that address.",
            Self::Page => "Sign in to the network if it asks for it, check the proxy and the address, and try again.",
            Self::TokenNeeded { sign_in_page } if !sign_in_page.is_empty() => {
                return format!("Sign in at {sign_in_page} and give the token with --token-file.");
            }
            Self::TokenNeeded { .. } => "Ask the administrator for a token and give it with --token-file.",
            Self::CertificateNeeded => "Ask the administrator to allow enrolment by password or token.",
            Self::NotYetValid(_) => {
                "Set this machine's clock, then try again; a one-time token was used up, so ask the administrator for another."
            }
            Self::Policy(_) | Self::Provisioning(_) | Self::Certificate(_) => {
                "Nothing was kept. Ask the administrator of the server: it issues something that is not sound."
            }
        };
        text.to_owned()
    }
}

fn fault_advice(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Authentication | FaultKind::InvalidSecurity => "Check the user name and the password or token.",
        FaultKind::Authorization => {
            "Ask the administrator to allow this user to enrol; the tenant may have no MDM authority set yet."
        }
        FaultKind::DeviceCapReached => {
            "Remove a device you no longer use, or ask the administrator to raise the limit."
        }
        FaultKind::DeviceNotSupported | FaultKind::NotSupported => {
            "Ask the administrator whether this server accepts Linux machines."
        }
        FaultKind::UserLicense => "Ask the administrator to assign a licence to this user.",
        FaultKind::InMaintenance => "Try again later.",
        FaultKind::EnrollmentServer | FaultKind::InternalServiceFault => {
            "Try again later; if it stays, ask the administrator of the server."
        }
        _ => "Ask the administrator of the server; its log has the reason.",
    }
}

fn connection_advice(failure: &ConnectionFailure) -> &'static str {
    match failure {
        ConnectionFailure::NoNetwork(_) => "Connect the machine to a network.",
        ConnectionFailure::NameResolution(_) => "Check the address for mistakes, and the machine's name servers.",
        ConnectionFailure::Untrusted(_) => {
            "If the server uses a certificate authority of its own, give its certificate with --ca-file."
        }
        ConnectionFailure::ClockOrExpiry(_) => "Check this machine's clock; if it is right, tell the administrator.",
        ConnectionFailure::Local(_) => "See what uses up this machine's memory, threads or file descriptors.",
        _ => "Check the address and the network, and try again.",
    }
}

/// An HTML page, or an empty refusal, where a service should have answered.
pub(super) fn check_page(reply: &Reply) -> Result<(), EnrolmentFailure> {
    let head = String::from_utf8_lossy(&reply.body[..reply.body.len().min(256)]).to_ascii_lowercase();
    if head.contains("<html") || head.contains("<!doctype html") { Err(EnrolmentFailure::Page) } else { Ok(()) }
}

/// Looks at the body before the status: faults come with HTTP 200 and with HTTP 500.
pub(in crate::engine) fn from_soap(error: SoapError, reply: &Reply) -> EnrolmentFailure {
    match error {
        SoapError::Fault(fault) => EnrolmentFailure::Fault(*fault),
        _ if !(200..300).contains(&reply.status) => EnrolmentFailure::Http(reply.status),
        SoapError::Xml(XmlError::Html) => EnrolmentFailure::Page,
        error => EnrolmentFailure::Answer(error.to_string()),
    }
}
