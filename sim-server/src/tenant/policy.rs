//! What the tenant says of itself before anybody enrols: where to go, how to prove oneself, what certificates must be.

use mdm_protocol::enrolment::{AuthPolicy, CertificatePolicy, Discover, DiscoverResponse};
use mdm_protocol::provisioning::RenewalTerms;
use mdm_protocol::soap::{Fault, FaultKind};

use super::conformance::decimal;
use super::{Authentication, Tenant};

/// The latest version of MS-MDE2 that the tenant speaks.
const ENROLLMENT_VERSION: (u32, u32) = (4, 0);
const SECONDS_PER_DAY: u64 = 86_400;

impl Tenant {
    /// The answer of discovery to a question, for the server at this address (without a slash at its end).
    pub fn discover(&self, base: &str, question: &Discover) -> Result<DiscoverResponse, Fault> {
        let auth_policy = self.settings.auth.announced_to(&question.auth_policies)?;
        Ok(DiscoverResponse {
            auth_policy,
            enrollment_version: enrollment_version(&question.request_version),
            policy_url: Some(format!("{base}/EnrollmentServer/Policy.svc")),
            enrollment_url: format!("{base}/EnrollmentServer/Enrollment.svc"),
            authentication_url: (auth_policy == AuthPolicy::Federated)
                .then(|| format!("{base}/EnrollmentServer/Authenticate.svc")),
        })
    }

    /// When devices renew their certificates.
    pub fn renewal_terms(&self) -> RenewalTerms {
        let (period_days, retry_days) = (self.settings.renew_period_days, self.settings.renew_retry_days);
        RenewalTerms { automatic: true, period_days, retry_days, server_url: None }
    }

    /// The answer of the policy service.
    pub fn certificate_policy(&self) -> CertificatePolicy {
        CertificatePolicy {
            minimal_key_length: Some(2048),
            key_algorithm: None,
            hash_algorithm: None,
            validity_seconds: Some(u64::from(self.settings.certificate_days) * SECONDS_PER_DAY),
            renewal_seconds: Some(u64::from(self.settings.renew_period_days) * SECONDS_PER_DAY),
        }
    }
}

impl Authentication {
    /// The ways of proof that are accepted, the preferred one first. A client is only sent to a sign-in page where the
    /// administrator announces one, or where it offers nothing else.
    fn offers(self) -> &'static [AuthPolicy] {
        match self {
            Self::OnPremise => &[AuthPolicy::OnPremise, AuthPolicy::Federated],
            Self::Federated => &[AuthPolicy::Federated],
            Self::Any => &[AuthPolicy::Federated, AuthPolicy::OnPremise],
        }
    }

    /// The way that a client must offer; `None` if any of those that are accepted will do.
    pub(crate) fn needs(self) -> Option<AuthPolicy> {
        match self {
            Self::OnPremise => Some(AuthPolicy::OnPremise),
            Self::Federated => Some(AuthPolicy::Federated),
            Self::Any => None,
        }
    }

    /// What discovery answers to a client with these offers; one that offers nothing is told what is preferred here.
    fn announced_to(self, offered: &[AuthPolicy]) -> Result<AuthPolicy, Fault> {
        let accepted = self.offers();
        let common = accepted.iter().copied().find(|policy| offered.is_empty() || offered.contains(policy));
        common.ok_or_else(|| {
            let names: Vec<_> = accepted.iter().map(|policy| policy.as_str()).collect();
            let reason = format!("The client offers none of the ways of proof of this tenant: {}.", names.join(", "));
            Fault::new(FaultKind::NotSupported, reason)
        })
    }
}

/// The version that both sides speak; the tenant's own for a client that states none.
fn enrollment_version(requested: &str) -> String {
    let (major, minor) = decimal(requested).unwrap_or(ENROLLMENT_VERSION).min(ENROLLMENT_VERSION);
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests;
