//! How far an enrolment has come: everything that must outlast a power cut, so that the same key asks in the same
//! transaction again. Holds the private key and the challenge password, so it is shown to nobody.

use mdm_protocol::{Secret, Thumbprint, base64};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::order::ScepOrder;
use super::request::{self, RequestError};
use crate::shell::identity::pem;

/// The version of the form in which a state is kept.
pub(super) const VERSION: u32 = 1;
/// 160 bits, as many clients use, for servers that take no more.
const TRANSACTION_BYTES: usize = 20;

/// An enrolment that has begun.
#[derive(Clone, Serialize, Deserialize)]
pub struct ScepState {
    pub(super) version: u32,
    /// When it was ordered; tells one order for the same profile from the next.
    #[serde(default)]
    ordered_at: i64,
    #[serde(with = "secret")]
    private_key: Secret,
    /// The self-signed certificate, in base64.
    certificate: String,
    /// The certificate request, in base64; it contains the challenge password.
    #[serde(with = "secret")]
    request: Secret,
    pub(super) transaction: String,
    pub(super) servers: Vec<Url>,
    authority: Option<String>,
    /// The server that is asked, or was asked last.
    pub(super) server: usize,
    /// Whether the server has said that the request waits for somebody.
    pub(super) pending: bool,
    /// Whether a request was sent whose answer never came.
    pub(super) unanswered: bool,
    pub(super) attempts: u32,
    pub(super) issued: Option<Issued>,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Issued {
    certificate: String,
    chain: Vec<String>,
}

impl std::fmt::Debug for ScepState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ScepState")
            .field("transaction", &self.transaction)
            .field("pending", &self.pending)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Material of a state that was damaged on the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was kept of the SCEP enrolment cannot be used: its {0} is damaged")]
pub struct DamagedState(pub(super) &'static str);

impl ScepState {
    /// Begins: makes the key and the request. RSA keys take up to seconds: call it where nothing waits, and keep the
    /// state before the first step.
    pub fn begin(order: &ScepOrder, now: i64) -> Result<Self, RequestError> {
        let size = match order.key_length {
            0..=2048 => RsaKeySize::_2048,
            2049..=3072 => RsaKeySize::_3072,
            _ => RsaKeySize::_4096,
        };
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size)?;
        let request = Zeroizing::new(request::certificate_request(order, &key, order.challenge.as_ref())?);
        let digest = Sha256::digest(key.subject_public_key_info());
        Ok(Self {
            version: VERSION,
            ordered_at: 0,
            private_key: Secret::new(key.serialize_pem()),
            certificate: base64::encode(request::self_signed(&order.subject, &key, now)?),
            request: Secret::new(base64::encode(request.as_slice())),
            transaction: digest[..TRANSACTION_BYTES].iter().map(|byte| format!("{byte:02x}")).collect(),
            servers: order.servers.clone(),
            authority: order.authority.map(|thumbprint| thumbprint.to_string()),
            server: 0,
            pending: false,
            unanswered: false,
            attempts: 0,
            issued: None,
        })
    }

    /// The same enrolment, for an order of that time.
    #[must_use]
    pub fn for_order_of(self, ordered_at: i64) -> Self {
        Self { ordered_at, ..self }
    }

    /// When it was ordered, in seconds since 1970; 0 if that was not said.
    pub fn ordered_at(&self) -> i64 {
        self.ordered_at
    }

    /// The private key, PKCS#8 in PEM, for a file of mode 0600.
    pub fn private_key(&self) -> &Secret {
        &self.private_key
    }

    /// The number of the transaction, as the server knows it.
    pub fn transaction(&self) -> &str {
        &self.transaction
    }

    /// How many messages were sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The server that is asked, or was asked last (`RespondentServerUrl`).
    pub fn server(&self) -> Option<&Url> {
        self.servers.get(self.server)
    }

    /// The certificate and those above it, in DER, once it was issued.
    pub fn issued_chain(&self) -> Option<Vec<Vec<u8>>> {
        let (certificate, chain) = self.issued.as_ref()?.der().ok()?;
        Some(std::iter::once(certificate).chain(chain).collect())
    }

    pub(super) fn key(&self) -> Result<KeyPair, DamagedState> {
        KeyPair::from_pem(self.private_key.expose()).map_err(|_| DamagedState("private key"))
    }

    pub(super) fn certificate(&self) -> Result<Vec<u8>, DamagedState> {
        base64::decode(&self.certificate).map_err(|_| DamagedState("own certificate"))
    }

    pub(super) fn request(&self) -> Result<Zeroizing<Vec<u8>>, DamagedState> {
        base64::decode(self.request.expose()).map(Zeroizing::new).map_err(|_| DamagedState("certificate request"))
    }

    pub(super) fn authority(&self) -> Result<Option<Thumbprint>, DamagedState> {
        let thumbprint =
            self.authority.as_deref().map(|text| Thumbprint::parse(text).ok_or(DamagedState("thumbprint")));
        thumbprint.transpose()
    }

    pub(super) fn forget_challenge(&mut self) {
        self.request = Secret::default();
    }
}

impl Issued {
    pub(super) fn new(certificate: &[u8], chain: &[Vec<u8>]) -> Self {
        Self { certificate: base64::encode(certificate), chain: chain.iter().map(base64::encode).collect() }
    }

    pub(super) fn der(&self) -> Result<(Vec<u8>, Vec<Vec<u8>>), DamagedState> {
        let decode = |text: &String| base64::decode(text).map_err(|_| DamagedState("issued certificate"));
        Ok((decode(&self.certificate)?, self.chain.iter().map(decode).collect::<Result<_, _>>()?))
    }
}

/// A certificate and those above it (DER) in PEM, in the order in which programs want them.
pub fn chain_pem(certificate: &[u8], chain: &[Vec<u8>]) -> String {
    std::iter::once(certificate).chain(chain.iter().map(Vec::as_slice)).map(|der| pem("CERTIFICATE", der)).collect()
}

/// Secrets in a file that only its owner may read.
mod secret {
    use mdm_protocol::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}
