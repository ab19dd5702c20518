//! What a SCEP enrolment is to achieve, checked as far as that goes without asking anybody: an order that this program
//! cannot carry out is refused before a key is made.

use const_oid::ObjectIdentifier;
use mdm_protocol::csp::certificate::{AlternativeName, ScepInstall};
use mdm_protocol::{Secret, Thumbprint};
use url::Url;
use x509_cert::name::Name;

use super::oid;
use super::subject::{self, SubjectError};

const MAX_SERVERS: usize = 8;
const MAX_CHALLENGE: usize = 2048;
const MAX_PURPOSES: usize = 32;

/// An order that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// An address cannot be used.
    #[error(
        "a server's address is not an http or https address without a password, or there are more than {MAX_SERVERS}"
    )]
    Server,
    /// Nobody could tell the authority from another.
    #[error(
        "the server is asked over plain HTTP and the order names no CAThumbprint: anybody could play the authority"
    )]
    Unauthenticated,
    /// The key is too short.
    #[error("an RSA key of {0} bits is too short to be of use; order 2048 or 4096")]
    KeyLength(u32),
    /// The digests that may be used are not good enough.
    #[error("the order allows no SHA-2, and nothing else is used")]
    Hash,
    /// The subject is no name.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A purpose is no object identifier.
    #[error("a purpose in EKUMapping is not an object identifier, or there are more than {MAX_PURPOSES}")]
    Purpose,
    /// The password is too long.
    #[error("the challenge password is longer than {MAX_CHALLENGE} bytes")]
    Challenge,
}

/// A certificate to be had from a SCEP server.
#[derive(Debug, Clone)]
pub struct ScepOrder {
    /// The servers, best first.
    pub servers: Vec<Url>,
    /// The one-time password; only the first step needs it.
    pub challenge: Option<Secret>,
    /// The subject.
    pub subject: Name,
    /// The length of the key in bits.
    pub key_length: u32,
    /// The purposes of the key.
    pub purposes: Vec<ObjectIdentifier>,
    /// The uses of the key, as [`ScepInstall::key_usage`] has them.
    pub key_usage: u8,
    /// Further names of the subject.
    pub alternative_names: Vec<AlternativeName>,
    /// The thumbprint of the authority, which alone is believed then.
    pub authority: Option<Thumbprint>,
}

impl ScepOrder {
    /// Checks what the nodes say.
    pub fn new(install: &ScepInstall) -> Result<Self, OrderError> {
        Self::with_legacy(install, false)
    }

    /// The same, where the machine's configuration allows SHA-1 (`legacy`) or not.
    pub fn with_legacy(install: &ScepInstall, legacy: bool) -> Result<Self, OrderError> {
        if install.servers.is_empty() || install.servers.len() > MAX_SERVERS {
            return Err(OrderError::Server);
        }
        let servers = install.servers.iter().map(|server| address(server, install.authority.is_some()));
        let servers = servers.collect::<Result<_, _>>()?;
        if install.key_length < 2048 {
            return Err(OrderError::KeyLength(install.key_length));
        }
        let is_sha_2 = |hash: &String| hash.to_ascii_uppercase().starts_with("SHA-2");
        if !legacy && !install.hashes.is_empty() && !install.hashes.iter().any(is_sha_2) {
            return Err(OrderError::Hash);
        }
        if install.challenge.as_ref().is_some_and(|challenge| challenge.expose().len() > MAX_CHALLENGE) {
            return Err(OrderError::Challenge);
        }
        if install.purposes.len() > MAX_PURPOSES {
            return Err(OrderError::Purpose);
        }
        let purposes = install.purposes.iter().map(|purpose| oid::parse(purpose));
        Ok(Self {
            servers,
            challenge: install.challenge.clone(),
            subject: subject::parse(&install.subject)?,
            key_length: install.key_length,
            purposes: purposes.collect::<Option<_>>().ok_or(OrderError::Purpose)?,
            key_usage: install.key_usage,
            alternative_names: install.alternative_names.clone(),
            authority: install.authority,
        })
    }
}

fn address(text: &str, is_authority_named: bool) -> Result<Url, OrderError> {
    let url = Url::parse(text).map_err(|_| OrderError::Server)?;
    match url.scheme() {
        "https" => {}
        "http" if is_authority_named => {}
        "http" => return Err(OrderError::Unauthenticated),
        _ => return Err(OrderError::Server),
    }
    let is_usable =
        url.host_str().is_some_and(|host| !host.is_empty()) && url.username().is_empty() && url.password().is_none();
    if is_usable { Ok(url) } else { Err(OrderError::Server) }
}
