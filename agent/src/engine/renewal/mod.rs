//! Renewal of the certificate (MS-MDE2 "ROBO", PROTOCOL section 3): discovery, then a request that the old key has
//! signed for a new one, over mutual TLS.
//!
//! [`Renewal`] says what to ask next and judges every answer. It keeps nothing: whoever drives it puts the new key and
//! certificate into the pending slot when [`Step::Install`] comes out. When to renew is decided in
//! [`super::certificates`]; a failure here changes nothing at all. A server that faults the token is asked again in
//! the other forms of [`RenewalForm`], once each.

mod form;

#[cfg(all(test, feature = "daemon"))]
mod tests;

use std::sync::Arc;

use mdm_protocol::Secret;
use mdm_protocol::enrolment::{DiscoverResponse, RequestSecurityToken, RequestType, SecurityTokenResponse};
use mdm_protocol::provisioning::{CertificateEntry, RenewedCertificate, StoreName};
use mdm_protocol::soap::{RequestHeader, Security, SoapError};

use super::account::Account;
use super::certificates::CertificateTerms;
use super::enrolment::{EnrolmentFailure, KeyOrder, address, certificate, failure, request};
use super::facts::DeviceFacts;
use super::failure::ConnectionFailure;
use super::reply::Reply;
pub use form::RenewalForm;

/// What a renewal needs to know before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalOrder {
    /// The account.
    pub account: Arc<Account>,
    /// Facts about the machine.
    pub facts: Box<DeviceFacts>,
    /// Where to ask, if not at the discovery address: as provisioned, or as the server has set it since.
    pub renew_url: Option<String>,
    /// `EntDMID`, to be signed by the old key, if the server has set one.
    pub entity_id: Option<String>,
    /// The certificate in use.
    pub active: CertificateTerms,
    /// The form of the request that the server took last.
    pub form: RenewalForm,
    /// Feeds the numbers of messages.
    pub seed: u64,
}

/// Why a renewal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalFailure {
    /// As an enrolment would have failed.
    #[error(transparent)]
    Exchange(#[from] EnrolmentFailure),
    /// The new certificate would not last as long as the one in use.
    #[error("the new certificate would end before the one in use")]
    Shorter,
    /// The answer is for another account.
    #[error("the answer is for the account {0:?}")]
    ForeignAccount(String),
    /// The key, its request or the pending slot could not be made.
    #[error("{0}")]
    Local(String),
}

impl RenewalFailure {
    /// The HRESULT for the `ErrorCode` node.
    pub fn code(&self) -> u32 {
        match self {
            // What a server invents counts as its own failure.
            Self::Exchange(EnrolmentFailure::Fault(fault)) => fault.kind.hresult().unwrap_or(0x8018_0006),
            Self::Exchange(EnrolmentFailure::Connection(_)) => 0x8007_2EE7,
            Self::Exchange(_) | Self::Shorter | Self::ForeignAccount(_) | Self::Local(_) => 0x8018_0019,
        }
    }
}

/// What a renewal wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask where the services are, without the device's certificate.
    Discover {
        /// The address.
        url: String,
        /// The message.
        body: Vec<u8>,
    },
    /// Make a new key and a request that the old key signs, and report by [`Renewal::key_made`].
    MakeKey(KeyOrder),
    /// Send the request over mutual TLS with the certificate in use.
    Request {
        /// The address.
        url: String,
        /// The message.
        body: Vec<u8>,
    },
    /// Put the new key and these certificates in the pending slot.
    Install {
        /// The device's new certificate, DER.
        certificate: Vec<u8>,
        /// Intermediates to send along, DER.
        intermediates: Vec<Vec<u8>>,
    },
    /// Give up, for this time.
    Fail(RenewalFailure),
}

/// The new key's request, both ways in which it can be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewKeyRequest {
    /// PKCS#10, DER.
    pub certificate_request: Vec<u8>,
    /// CMS over it that the present key signed, DER.
    pub signed_request: Vec<u8>,
    /// The new public key, SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
}

/// A renewal in progress.
#[derive(Debug)]
pub struct Renewal {
    order: RenewalOrder,
    services: Option<DiscoverResponse>,
    key: NewKeyRequest,
    /// The form that was sent last.
    form: RenewalForm,
    /// The forms that were not tried, the next one last.
    forms_left: Vec<RenewalForm>,
    /// What the server said to the first form.
    refusal: Option<RenewalFailure>,
    numbers: fastrand::Rng,
}

impl Renewal {
    /// A renewal and its first step.
    pub fn begin(order: RenewalOrder) -> (Self, Step) {
        let numbers = fastrand::Rng::with_seed(order.seed);
        let mut forms: Vec<RenewalForm> =
            RenewalForm::order(order.form, order.account.enrollment_token.is_some()).collect();
        forms.reverse();
        let mut renewal = Self {
            services: None,
            key: NewKeyRequest::default(),
            form: order.form,
            forms_left: forms,
            refusal: None,
            numbers,
            order,
        };
        let account = &renewal.order.account;
        let url = renewal.order.renew_url.clone().unwrap_or_else(|| account.discovery_url.clone());
        let step = match address::https(&url) {
            Ok(_) => {
                let user = account.user.clone().unwrap_or_default();
                let header = renewal.header(&url, None);
                Step::Discover { body: request::discover(&user, &url).encode(&header).into_bytes(), url }
            }
            Err(failure) => Step::Fail(failure.into()),
        };
        (renewal, step)
    }

    /// The form of the request that was sent last.
    pub fn form(&self) -> RenewalForm {
        self.form
    }

    /// Takes an answer; `now` is UTC in seconds since 1970.
    pub fn received(&mut self, reply: &Reply, now: i64) -> Step {
        self.judge(reply, now).unwrap_or_else(|failure| self.fall_back(failure))
    }

    /// Takes note that no answer came.
    pub fn not_answered(&mut self, failure: ConnectionFailure) -> Step {
        Step::Fail(EnrolmentFailure::Connection(failure).into())
    }

    /// Takes the new key's request, plain and signed by the present key.
    pub fn key_made(&mut self, key: NewKeyRequest) -> Step {
        self.key = key;
        match self.forms_left.pop() {
            Some(form) => self.request(form),
            None => Step::Fail(RenewalFailure::Local("no form of the request is left".to_owned())),
        }
    }

    /// A fault about the token is answered with the next form. If none is taken, what the server said to the first
    /// counts, which is the one that it should have understood.
    fn fall_back(&mut self, failure: RenewalFailure) -> Step {
        let RenewalFailure::Exchange(EnrolmentFailure::Fault(fault)) = &failure else { return Step::Fail(failure) };
        if self.key.public_key.is_empty() || !form::blames_token(&fault.kind) {
            return Step::Fail(failure);
        }
        let first = self.refusal.get_or_insert(failure).clone();
        match self.forms_left.pop() {
            Some(form) => self.request(form),
            None => Step::Fail(first),
        }
    }

    fn request(&mut self, form: RenewalForm) -> Step {
        let Some(services) = &self.services else { return Step::Fail(RenewalFailure::Local("no service".to_owned())) };
        let url = services.enrollment_url.clone();
        let account = &self.order.account;
        let user = account.user.clone().unwrap_or_default();
        let is_plain = form == RenewalForm::Plain;
        let message = RequestSecurityToken {
            request_type: RequestType::Renew,
            certificate_request: if is_plain { &self.key.certificate_request } else { &self.key.signed_request }
                .clone(),
            context: request::context(&self.order.facts, &account.device_id, !user.is_empty()),
        };
        let token = account.enrollment_token.as_deref().filter(|_| form != RenewalForm::Signed);
        // The server believes the certificate and the signature; a token is there because some demand one.
        let security = match token {
            Some(token) => request::binary_token(&token.token, token.is_jwt),
            None => Security::UsernameToken { username: user, password: Secret::new("") },
        };
        self.form = form;
        let header = self.header(&url, Some(security));
        let body = if is_plain { message.encode_pkcs10(&header) } else { message.encode(&header) };
        Step::Request { body: body.into_bytes(), url }
    }

    fn judge(&mut self, reply: &Reply, now: i64) -> Result<Step, RenewalFailure> {
        if (300..400).contains(&reply.status) {
            // Not even to the same host: this exchange decides who the device is.
            let location = reply.location.as_deref().unwrap_or_default().chars().take(200).collect();
            return Err(EnrolmentFailure::Redirected { location }.into());
        }
        let soap = |error: SoapError| failure::from_soap(error, reply);
        if self.services.is_none() {
            let services = DiscoverResponse::decode(&reply.body).map_err(soap)?;
            address::check_services(&services)?;
            self.services = Some(services);
            let common_name = self.order.account.device_id.clone();
            return Ok(Step::MakeKey(KeyOrder { kind: self.order.active.key, common_name }));
        }
        let response = SecurityTokenResponse::decode(&reply.body).map_err(soap)?;
        let renewed =
            RenewedCertificate::decode(&response.provisioning_document).map_err(EnrolmentFailure::Provisioning)?;
        if let Some(other) = renewed.provider_id.filter(|id| *id != self.order.account.provider_id) {
            return Err(RenewalFailure::ForeignAccount(other.chars().take(80).collect()));
        }
        let own = certificate::own(&renewed.certificates, &self.key.public_key, now)?;
        if certificate::not_after(own)? < self.order.active.not_after {
            return Err(RenewalFailure::Shorter);
        }
        for entry in renewed.certificates.iter().filter(|entry| entry.store != StoreName::My) {
            certificate::parse(&entry.der)?;
        }
        let intermediate = |entry: &&CertificateEntry| entry.store == StoreName::Intermediate;
        let intermediates = renewed.certificates.iter().filter(intermediate).map(|entry| entry.der.clone());
        Ok(Step::Install { certificate: own.der.clone(), intermediates: intermediates.collect() })
    }

    fn header(&mut self, url: &str, security: Option<Security>) -> RequestHeader {
        RequestHeader { message_id: request::message_id(&mut self.numbers), to: url.to_owned(), security }
    }
}
