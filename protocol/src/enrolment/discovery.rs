//! Discovery: where the services are and how a user proves who they are (MS-MDE2 section 3.1).

use crate::soap::{self, RequestHeader, ResponseHeader, SoapError, ns};
use crate::xml::{Document, Limits};

/// How a user proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPolicy {
    /// User name and password.
    OnPremise,
    /// A token from a web page.
    Federated,
    /// A certificate that the device has already.
    Certificate,
}

impl AuthPolicy {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnPremise => "OnPremise",
            Self::Federated => "Federated",
            Self::Certificate => "Certificate",
        }
    }

    /// Reads the name on the wire, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::OnPremise, Self::Federated, Self::Certificate]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// The question to the discovery service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discover {
    /// The user's mail-like name; may be empty.
    pub email: String,
    /// The version of MS-MDE2 that the client speaks, such as `4.0`.
    pub request_version: String,
    /// The platform.
    pub device_type: String,
    /// The version of the operating system.
    pub application_version: String,
    /// The edition of the operating system, a number.
    pub os_edition: String,
    /// The ways of proof that the client can use, best first.
    pub auth_policies: Vec<AuthPolicy>,
}

/// The answer of the discovery service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverResponse {
    /// The way of proof that the server wants.
    pub auth_policy: AuthPolicy,
    /// The version of MS-MDE2 that the server speaks.
    pub enrollment_version: String,
    /// The address of the policy service, where the server has one.
    pub policy_url: Option<String>,
    /// The address of the security token service.
    pub enrollment_url: String,
    /// The page where a token is to be had; only with [`AuthPolicy::Federated`].
    pub authentication_url: Option<String>,
}

impl Discover {
    /// Writes the request.
    pub fn encode(&self, header: &RequestHeader) -> String {
        let action = format!("{}/IDiscoveryService/Discover", ns::DISCOVERY);
        soap::request(&action, header, &[], |xml| {
            xml.element("Discover", &[("xmlns", ns::DISCOVERY)], |xml| {
                xml.element("request", &[("xmlns:i", ns::SCHEMA_INSTANCE)], |xml| {
                    xml.text_leaf("EmailAddress", &self.email);
                    xml.text_leaf("RequestVersion", &self.request_version);
                    xml.text_leaf("DeviceType", &self.device_type);
                    xml.text_leaf("ApplicationVersion", &self.application_version);
                    xml.text_leaf("OSEdition", &self.os_edition);
                    xml.element("AuthPolicies", &[], |xml| {
                        self.auth_policies.iter().for_each(|policy| xml.text_leaf("AuthPolicy", policy.as_str()));
                    });
                });
            });
        })
    }

    /// Reads the request.
    pub fn decode(bytes: &[u8]) -> Result<(RequestHeader, Self), SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let discover = soap::body(&document, "Discover")?;
        let request = discover.child("request").ok_or(SoapError::Missing("request"))?;
        let text = |name| request.child_text(name).unwrap_or_default().to_owned();
        let policies = request.child("AuthPolicies").into_iter().flat_map(|list| list.children_named("AuthPolicy"));
        let message = Self {
            email: text("EmailAddress"),
            request_version: text("RequestVersion"),
            device_type: text("DeviceType"),
            application_version: text("ApplicationVersion"),
            os_edition: text("OSEdition"),
            auth_policies: policies.filter_map(|policy| AuthPolicy::parse(policy.text())).collect(),
        };
        Ok((RequestHeader::read(&document), message))
    }
}

impl DiscoverResponse {
    /// Writes the response.
    pub fn encode(&self, header: &ResponseHeader) -> String {
        let action = format!("{}/IDiscoveryService/DiscoverResponse", ns::DISCOVERY);
        soap::response(&action, header, |xml| {
            xml.element("DiscoverResponse", &[("xmlns", ns::DISCOVERY)], |xml| {
                xml.element("DiscoverResult", &[], |xml| {
                    xml.text_leaf("AuthPolicy", self.auth_policy.as_str());
                    xml.text_leaf("EnrollmentVersion", &self.enrollment_version);
                    if let Some(url) = &self.policy_url {
                        xml.text_leaf("EnrollmentPolicyServiceUrl", url);
                    }
                    xml.text_leaf("EnrollmentServiceUrl", &self.enrollment_url);
                    if let Some(url) = &self.authentication_url {
                        xml.text_leaf("AuthenticationServiceUrl", url);
                    }
                });
            });
        })
    }

    /// Reads the response.
    pub fn decode(bytes: &[u8]) -> Result<Self, SoapError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let response = soap::body(&document, "DiscoverResponse")?;
        let result = response.child("DiscoverResult").ok_or(SoapError::Missing("DiscoverResult"))?;
        let optional = |name| result.child_text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let policy = result.child_text("AuthPolicy").unwrap_or(AuthPolicy::OnPremise.as_str());
        Ok(Self {
            auth_policy: AuthPolicy::parse(policy).ok_or_else(|| SoapError::Invalid {
                element: "AuthPolicy",
                reason: format!("{:?} is not known", policy.chars().take(40).collect::<String>()),
            })?,
            enrollment_version: optional("EnrollmentVersion").unwrap_or_default(),
            policy_url: optional("EnrollmentPolicyServiceUrl"),
            enrollment_url: optional("EnrollmentServiceUrl").ok_or(SoapError::Missing("EnrollmentServiceUrl"))?,
            authentication_url: optional("AuthenticationServiceUrl"),
        })
    }
}
