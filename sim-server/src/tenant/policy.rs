//! What the tenant says of itself before anybody enrols: where to go, how to prove oneself, what certificates must be.

use mdm_protocol::enrolment::{AuthPolicy, CertificatePolicy, DiscoverResponse};
use mdm_protocol::provisioning::RenewalTerms;

use super::{Authentication, Tenant};

const ENROLLMENT_VERSION: &str = "4.0";
const SECONDS_PER_DAY: u64 = 86_400;

impl Tenant {
    /// The answer of discovery, for the server at this address (without a slash at its end).
    pub fn discover(&self, base: &str) -> DiscoverResponse {
        let (auth_policy, authentication_url) = match self.settings.auth {
            Authentication::OnPremise => (AuthPolicy::OnPremise, None),
            Authentication::Federated => {
                (AuthPolicy::Federated, Some(format!("{base}/EnrollmentServer/Authenticate.svc")))
            }
        };
        DiscoverResponse {
            auth_policy,
            enrollment_version: ENROLLMENT_VERSION.to_owned(),
            policy_url: Some(format!("{base}/EnrollmentServer/Policy.svc")),
            enrollment_url: format!("{base}/EnrollmentServer/Enrollment.svc"),
            authentication_url,
        }
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
