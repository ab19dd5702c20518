//! The messages that an enrolment sends.

use mdm_protocol::Secret;
use mdm_protocol::base64;
use mdm_protocol::enrolment::{
    AdditionalContext, AuthPolicy, CertificatePolicy, Discover, GetPolicies, RequestSecurityToken, RequestType, item,
};
use mdm_protocol::soap::{RequestHeader, Security};
use url::Url;

use super::{Enrolment, EnrolmentFailure, KeyKind, Proof, Stage, Step};
use crate::engine::facts::DeviceFacts;

/// The version of MS-MDE2 that every known server reads.
const REQUEST_VERSION: &str = "4.0";
/// The platform by which every known server recognises a client of this protocol.
const DEVICE_TYPE: &str = "CIMClient_Windows";
/// An operating system version that passes for a current one; servers compare it to a minimum.
const APPLICATION_VERSION: &str = "10.0.26100.0";
/// "Enterprise"; servers want a number.
const OS_EDITION: &str = "4";

const RSA: &str = "1.2.840.113549.1.1.1";
const ELLIPTIC_CURVE: &str = "1.2.840.10045.2.1";

/// The key that a policy asks for. What the policy leaves open is RSA of 2048 bits; digests weaker than SHA-256 are
/// never used, whatever it says.
pub(super) fn key_kind(policy: &CertificatePolicy) -> Result<KeyKind, EnrolmentFailure> {
    match policy.key_algorithm.as_deref() {
        Some(ELLIPTIC_CURVE) => {
            // A length that no curve has is a leftover of RSA and says nothing.
            return match policy.minimal_key_length {
                Some(bits @ 257..=521) => Err(EnrolmentFailure::Policy(format!(
                    "it asks for an elliptic curve of {bits} bits; at most 256 are supported"
                ))),
                _ => Ok(KeyKind::P256),
            };
        }
        None | Some(RSA) => {}
        Some(other) => {
            return Err(EnrolmentFailure::Policy(format!("it asks for a key of the unknown algorithm {other}")));
        }
    }
    match policy.minimal_key_length.unwrap_or(2048) {
        0..=2048 => Ok(KeyKind::Rsa(2048)),
        2049..=3072 => Ok(KeyKind::Rsa(3072)),
        3073..=4096 => Ok(KeyKind::Rsa(4096)),
        bits => Err(EnrolmentFailure::Policy(format!("it asks for a key of {bits} bits; at most 4096 are supported"))),
    }
}

impl Enrolment {
    /// The request of the present stage.
    pub(super) fn ask(&mut self) -> Step {
        match self.stage {
            Stage::Probe => Step::Get { url: self.discovery_url.clone() },
            Stage::Discovery => {
                let url = self.discovery_url.clone();
                let header = self.header(&url, false);
                Step::Post { body: discover(&self.request.user, &url).encode(&header).into_bytes(), url }
            }
            Stage::Policy | Stage::Key => {
                let url = self.services.as_ref().and_then(|services| services.policy_url.clone()).unwrap_or_default();
                let header = self.header(&url, true);
                Step::Post { body: GetPolicies::encode(&header).into_bytes(), url }
            }
            Stage::Certificate => {
                let url = self.services.as_ref().map(|services| services.enrollment_url.clone()).unwrap_or_default();
                let header = self.header(&url, true);
                Step::Post { body: self.token_request().encode(&header).into_bytes(), url }
            }
        }
    }

    fn header(&mut self, url: &str, with_proof: bool) -> RequestHeader {
        RequestHeader {
            message_id: message_id(&mut self.numbers),
            to: url.to_owned(),
            security: with_proof.then(|| self.security()),
        }
    }

    fn security(&self) -> Security {
        match &self.request.proof {
            Proof::Password(password) => {
                Security::UsernameToken { username: self.request.user.clone(), password: password.clone() }
            }
            Proof::Token { token, is_jwt } => binary_token(token, *is_jwt),
        }
    }

    fn token_request(&self) -> RequestSecurityToken {
        RequestSecurityToken {
            request_type: RequestType::Issue,
            certificate_request: self.certificate_request.clone(),
            context: context(&self.request.facts, &self.request.device_id, !self.request.user.is_empty()),
        }
    }
}

/// A token as it stands in a header.
pub(in crate::engine) fn binary_token(token: &Secret, is_jwt: bool) -> Security {
    Security::BinaryToken { is_jwt, content: Secret::new(base64::encode(token.expose())) }
}

/// A number for a message.
pub(in crate::engine) fn message_id(numbers: &mut fastrand::Rng) -> String {
    let number = uuid::Builder::from_random_bytes(numbers.u128(..).to_le_bytes()).into_uuid();
    format!("urn:uuid:{number}")
}

/// The question where the services at an address are. It has to name somebody (MS-MDE2 section 3.1.4.1.3.1): a device
/// without a user names itself at the server's host.
pub(in crate::engine) fn discover(user: &str, url: &str) -> Discover {
    let host = || Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    Discover {
        email: if user.is_empty() { format!("device@{}", host()) } else { user.to_owned() },
        request_version: REQUEST_VERSION.to_owned(),
        device_type: DEVICE_TYPE.to_owned(),
        application_version: APPLICATION_VERSION.to_owned(),
        os_edition: OS_EDITION.to_owned(),
        auth_policies: vec![AuthPolicy::OnPremise, AuthPolicy::Federated],
    }
}

/// The whole list that native clients send, in their order: every server wants another part of it.
pub(in crate::engine) fn context(facts: &DeviceFacts, device_id: &str, has_user: bool) -> AdditionalContext {
    let mut context = AdditionalContext::default()
        .with("UXInitiated", "true")
        .with(item::HARDWARE_ID, device_id)
        .with("Locale", if facts.language.is_empty() { "en-US" } else { &facts.language })
        .with("TargetedUserLoggedIn", if has_user { "true" } else { "false" })
        .with(item::OS_EDITION, OS_EDITION)
        .with(item::DEVICE_NAME, if facts.host_name.is_empty() { "linux" } else { &facts.host_name });
    for address in &facts.mac_addresses {
        context = context.with("MAC", address);
    }
    context
        .with(item::DEVICE_ID, device_id)
        .with(item::ENROLLMENT_TYPE, if has_user { "Full" } else { "Device" })
        .with(item::DEVICE_TYPE, DEVICE_TYPE)
        .with(item::OS_VERSION, APPLICATION_VERSION)
        .with(item::APPLICATION_VERSION, APPLICATION_VERSION)
        .with("NotInOobe", "true")
        .with("RequestVersion", REQUEST_VERSION)
}
