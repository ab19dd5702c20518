//! Which addresses an enrolment may talk to.

use mdm_protocol::enrolment::DiscoverResponse;
use url::Url;

use super::EnrolmentFailure;

const DISCOVERY_PATH: &str = "/EnrollmentServer/Discovery.svc";

/// Where an enrolment begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A server's address, or that of its discovery service.
    Url(String),
    /// The host that MS-MDE2 section 3.1.4.1.1 derives from the domain of a mail address.
    MailAddress(String),
}

impl Target {
    /// The address of the discovery service.
    pub fn discovery_url(&self) -> Result<String, EnrolmentFailure> {
        let text = match self {
            Self::Url(text) if text.contains("://") => text.clone(),
            Self::Url(text) => format!("https://{text}"),
            Self::MailAddress(address) => {
                let domain = address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty());
                let domain = domain.ok_or_else(|| invalid(address, "it has no domain after an @"))?;
                format!("https://enterpriseenrollment.{domain}")
            }
        };
        let mut url = https(&text)?;
        if matches!(url.path(), "" | "/") {
            url.set_path(DISCOVERY_PATH);
        }
        Ok(url.into())
    }
}

fn invalid(address: &str, reason: &str) -> EnrolmentFailure {
    EnrolmentFailure::Address { address: address.chars().take(200).collect(), reason: reason.to_owned() }
}

/// Accepts only addresses that are encrypted, have a host and carry no password.
pub(in crate::engine) fn https(text: &str) -> Result<Url, EnrolmentFailure> {
    let url = Url::parse(text.trim()).map_err(|error| invalid(text, &error.to_string()))?;
    match () {
        () if url.scheme() != "https" => Err(invalid(text, "it does not begin with https://")),
        () if url.host_str().is_none_or(str::is_empty) => Err(invalid(text, "it names no host")),
        () if !url.username().is_empty() || url.password().is_some() => {
            Err(invalid(text, "it carries a user name or a password"))
        }
        () => Ok(url),
    }
}

/// All services must be encrypted; those for policy and certificate must share a host (MS-MDE2 section 3.1.4.1.3.2).
pub(in crate::engine) fn check_services(services: &DiscoverResponse) -> Result<(), EnrolmentFailure> {
    let enrolment = https(&services.enrollment_url)?;
    if let Some(page) = &services.authentication_url {
        https(page)?;
    }
    let Some(policy) = &services.policy_url else { return Ok(()) };
    if https(policy)?.host_str() == enrolment.host_str() {
        Ok(())
    } else {
        Err(invalid(policy, "the policy service is on another host than the enrolment service"))
    }
}

/// The target of a redirect, if it stays on the same host and port and encrypted.
pub(super) fn follow(from: &str, location: &str) -> Option<String> {
    let from = Url::parse(from).ok()?;
    let to = https(from.join(location).ok()?.as_str()).ok()?;
    let same = to.host_str() == from.host_str() && to.port_or_known_default() == from.port_or_known_default();
    same.then(|| to.into())
}
