//! Enrolment over MS-MDE2: discovery, certificate policy, certificate, provisioning document.
//!
//! [`Enrolment`] says what to ask next and judges every answer. It keeps nothing and installs nothing: whoever drives
//! it holds the key, and stores key, certificate and account in one stroke when [`Step::Install`] comes out. Until
//! then there is nothing that a failure could leave behind.

pub(super) mod address;
pub(super) mod certificate;
pub(super) mod failure;
mod install;
mod order;
pub(super) mod request;
#[cfg(test)]
mod tests;

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{AuthPolicy, CertificatePolicy, DiscoverResponse, SecurityTokenResponse};
use mdm_protocol::soap::SoapError;
use serde::{Deserialize, Serialize};

use super::account::{Account, Trust};
use super::facts::DeviceFacts;
use super::failure::ConnectionFailure;
use super::reply::Reply;
pub use address::Target;
pub use failure::EnrolmentFailure;
pub use order::{EnrolOrder, OrderError, recovery};

/// Attempts for one request that fails in a way which may pass.
const MAX_ATTEMPTS: u32 = 3;
/// Same-host redirects that are followed during discovery.
const MAX_REDIRECTS: u32 = 3;

/// How the user proves who they are.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// A token from the administrator or from the server's sign-in page.
    Token {
        /// The token itself.
        token: Secret,
        /// Whether it is a JSON Web Token.
        is_jwt: bool,
    },
}

/// Everything an enrolment needs to know before it begins.
#[derive(Debug, Clone)]
pub struct EnrolmentRequest {
    /// Where to ask.
    pub target: Target,
    /// The user's name, mail-like where the server wants it so; empty for a device without a user.
    pub user: String,
    /// How the user proves who they are.
    pub proof: Proof,
    /// The user's name on this machine.
    pub local_user: Option<String>,
    /// Whom to believe that it is the server.
    pub trust: Trust,
    /// The id under which the device will speak.
    pub device_id: String,
    /// Facts about the machine.
    pub facts: DeviceFacts,
    /// Feeds the numbers of messages.
    pub seed: u64,
}

/// The key that has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// The kind of key.
    pub kind: KeyKind,
    /// The common name of the request's subject.
    pub common_name: String,
}

/// Kinds of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA of this many bits.
    Rsa(u32),
    /// Elliptic curve P-256.
    P256,
}

/// What came of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The account.
    pub account: Account,
    /// The device's certificate in DER.
    pub certificate: Vec<u8>,
    /// Intermediates to send along, DER.
    pub intermediates: Vec<Vec<u8>>,
}

/// What an enrolment wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask whether there is a discovery service.
    Get {
        /// The address.
        url: String,
    },
    /// Send a message.
    Post {
        /// The address.
        url: String,
        /// The message.
        body: Vec<u8>,
    },
    /// Make a key and a certificate request, and report by [`Enrolment::key_made`].
    MakeKey(KeyOrder),
    /// Wait, then call [`Enrolment::waited`].
    Wait {
        /// How long.
        ms: u64,
    },
    /// Keep key, certificate and account.
    Install(Box<Installation>),
    /// Give up.
    Fail(EnrolmentFailure),
}

/// A stage of the enrolment, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Is there a discovery service?
    Probe,
    /// Where are the services?
    Discovery,
    /// What must the certificate look like?
    Policy,
    /// The key is being made.
    Key,
    /// The certificate.
    Certificate,
}

impl Stage {
    /// The stage in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "looking for the enrolment server",
            Self::Discovery => "asking where its services are",
            Self::Policy => "asking what the certificate must look like",
            Self::Key => "making the private key",
            Self::Certificate => "requesting the certificate",
        }
    }
}

/// An enrolment in progress.
#[derive(Debug)]
pub struct Enrolment {
    request: EnrolmentRequest,
    stage: Stage,
    discovery_url: String,
    redirects: u32,
    attempts: u32,
    services: Option<DiscoverResponse>,
    /// The public key of the certificate request, SubjectPublicKeyInfo in DER.
    public_key: Vec<u8>,
    certificate_request: Vec<u8>,
    numbers: fastrand::Rng,
}

impl Enrolment {
    /// An enrolment and its first step.
    pub fn begin(request: EnrolmentRequest) -> (Option<Self>, Step) {
        let discovery_url = match request.target.discovery_url() {
            Ok(url) => url,
            Err(failure) => return (None, Step::Fail(failure)),
        };
        let mut enrolment = Self {
            numbers: fastrand::Rng::with_seed(request.seed),
            request,
            stage: Stage::Probe,
            discovery_url,
            redirects: 0,
            attempts: 0,
            services: None,
            public_key: Vec::new(),
            certificate_request: Vec::new(),
        };
        let step = enrolment.ask();
        (Some(enrolment), step)
    }

    /// The stage it is in.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes an answer; `now` is the wall clock in seconds since 1970.
    pub fn received(&mut self, reply: &Reply, now: i64) -> Step {
        match self.judge(reply, now) {
            Ok(step) => step,
            Err(failure) => self.retry_or_fail(failure),
        }
    }

    /// Takes note that no answer came.
    pub fn not_answered(&mut self, failure: ConnectionFailure) -> Step {
        self.retry_or_fail(EnrolmentFailure::Connection(failure))
    }

    /// Takes note that the wait is over.
    pub fn waited(&mut self) -> Step {
        self.ask()
    }

    /// Takes the certificate request (PKCS#10, DER) and the public key in it (SubjectPublicKeyInfo, DER).
    pub fn key_made(&mut self, certificate_request: Vec<u8>, public_key: Vec<u8>) -> Step {
        self.certificate_request = certificate_request;
        self.public_key = public_key;
        self.advance_to(Stage::Certificate)
    }

    fn judge(&mut self, reply: &Reply, now: i64) -> Result<Step, EnrolmentFailure> {
        if (300..400).contains(&reply.status) {
            return self.redirected(reply.location.as_deref().unwrap_or_default());
        }
        if self.stage == Stage::Probe {
            // The probe only warms up: servers exist that do not answer it well, so only a page is a bad sign.
            failure::check_page(reply)?;
            return Ok(self.advance_to(Stage::Discovery));
        }
        let soap = |error: SoapError| failure::from_soap(error, reply);
        match self.stage {
            Stage::Probe | Stage::Key => Ok(self.ask()),
            Stage::Discovery => {
                let services = DiscoverResponse::decode(&reply.body).map_err(soap)?;
                address::check_services(&services)?;
                self.check_proof(&services)?;
                let has_policy = services.policy_url.is_some();
                self.services = Some(services);
                if has_policy {
                    Ok(self.advance_to(Stage::Policy))
                } else {
                    self.order_key(&CertificatePolicy::default())
                }
            }
            Stage::Policy => {
                let policy = CertificatePolicy::decode(&reply.body).map_err(soap)?;
                self.order_key(&policy)
            }
            Stage::Certificate => {
                let response = SecurityTokenResponse::decode(&reply.body).map_err(soap)?;
                let installation = self.install(&response.provisioning_document, now)?;
                Ok(Step::Install(Box::new(installation)))
            }
        }
    }

    /// A federated server needs a token; a token may be sent to any server, because some want one and say otherwise.
    fn check_proof(&self, services: &DiscoverResponse) -> Result<(), EnrolmentFailure> {
        match (services.auth_policy, &self.request.proof) {
            (AuthPolicy::OnPremise, _) | (AuthPolicy::Federated, Proof::Token { .. }) => Ok(()),
            (AuthPolicy::Federated, Proof::Password(_)) => Err(EnrolmentFailure::TokenNeeded {
                sign_in_page: services.authentication_url.clone().unwrap_or_default(),
            }),
            (AuthPolicy::Certificate, _) => Err(EnrolmentFailure::CertificateNeeded),
        }
    }

    fn order_key(&mut self, policy: &CertificatePolicy) -> Result<Step, EnrolmentFailure> {
        self.stage = Stage::Key;
        self.attempts = 0;
        let kind = request::key_kind(policy)?;
        Ok(Step::MakeKey(KeyOrder { kind, common_name: self.request.device_id.clone() }))
    }

    fn redirected(&mut self, location: &str) -> Result<Step, EnrolmentFailure> {
        let target = address::follow(&self.discovery_url, location);
        let in_discovery = matches!(self.stage, Stage::Probe | Stage::Discovery);
        match target {
            Some(url) if in_discovery && self.redirects < MAX_REDIRECTS => {
                self.redirects += 1;
                self.discovery_url = url;
                Ok(self.ask())
            }
            _ => Err(EnrolmentFailure::Redirected { location: location.chars().take(200).collect() }),
        }
    }

    fn advance_to(&mut self, stage: Stage) -> Step {
        self.stage = stage;
        self.attempts = 0;
        self.ask()
    }

    fn retry_or_fail(&mut self, failure: EnrolmentFailure) -> Step {
        self.attempts += 1;
        if failure.is_transient() && self.attempts < MAX_ATTEMPTS {
            return Step::Wait { ms: super::backoff::ceiling_ms(self.attempts, 1000, 4000) };
        }
        Step::Fail(failure)
    }
}
