//! Credentials and challenges inside messages (OMA-DM security section 5.3: Basic and MD5 digest).

use md5::{Digest, Md5};

use crate::base64;
use crate::secret::Secret;

/// How a sender proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsKind {
    /// Name and secret in base64 (`syncml:auth-basic`).
    Basic,
    /// A digest over name, secret and the receiver's nonce (`syncml:auth-md5`).
    Md5,
}

impl CredentialsKind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "syncml:auth-basic",
            Self::Md5 => "syncml:auth-md5",
        }
    }

    /// Reads the name on the wire, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Basic, Self::Md5].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// A sender's proof, in the header of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The kind of proof.
    pub kind: CredentialsKind,
    /// The proof in base64.
    pub data: Secret,
}

impl Credentials {
    /// `syncml:auth-basic` credentials.
    pub fn basic(name: &str, secret: &Secret) -> Self {
        let data = base64::encode(format!("{name}:{}", secret.expose()));
        Self { kind: CredentialsKind::Basic, data: Secret::new(data) }
    }

    /// `syncml:auth-md5` credentials for a nonce in its decoded form.
    pub fn md5(name: &str, secret: &Secret, nonce: &[u8]) -> Self {
        Self { kind: CredentialsKind::Md5, data: Secret::new(digest(name, secret, nonce)) }
    }
}

/// A receiver's demand for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The kind of proof that is asked for.
    pub kind: CredentialsKind,
    /// The nonce for the next digest, decoded; `None` if there was none or it was not base64.
    pub nonce: Option<Vec<u8>>,
}

/// base64(MD5(base64(MD5(name ":" secret)) ":" nonce)), OMA-DM security section 5.3.
pub fn digest(name: &str, secret: &Secret, nonce: &[u8]) -> String {
    let inner = base64::encode(Md5::digest(format!("{name}:{}", secret.expose())));
    base64::encode(Md5::new().chain_update(inner).chain_update(b":").chain_update(nonce).finalize())
}
