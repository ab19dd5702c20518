//! What is inside a client's SCEP message once it is opened: a certificate request whose key is the one that signed the
//! message or takes its place, or the question about one (RFC 8894 sections 3.3.1 and 3.3.3).

use const_oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use mdm_protocol::Secret;
use x509_cert::request::CertReq;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{ScepMessage, ScepRefusal};
use crate::tenant::certificate_request::{self, CertificateRequestError};
use crate::tenant::fingerprint;

const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");

/// A certificate request, whose sender holds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepApplication {
    /// The number of the transaction.
    pub transaction: String,
    /// The fingerprint of the key that signed the message, and that polls.
    pub key: String,
    /// The fingerprint of the key that is to be certified.
    pub new_key: String,
    /// The certificate (DER) that signed the message, if its key is another than the one that is to be certified.
    pub holder: Option<Vec<u8>>,
    /// The subject that is asked for.
    pub subject: String,
    /// The one-time password, if there is one.
    pub challenge: Option<Secret>,
    /// The PKCS#10 in DER.
    pub request: Vec<u8>,
}

/// The question whether a request was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepPoll {
    /// The number of the transaction.
    pub transaction: String,
    /// The fingerprint of the key that asks.
    pub key: String,
}

impl ScepApplication {
    /// Reads the content of a message that is no poll. A request for another key than the one that signed the message must
    /// come from the holder of a certificate for the same subject; whether it was issued here, the tenant knows.
    pub fn read(message: &ScepMessage, content: &[u8], now: i64) -> Result<Self, ScepRefusal> {
        let key = certificate_request::verify(content).map_err(|error| match error {
            CertificateRequestError::Malformed => ScepRefusal::Request,
            CertificateRequestError::Algorithm | CertificateRequestError::Key => ScepRefusal::Algorithm,
            CertificateRequestError::Signature => ScepRefusal::MessageCheck,
        })?;
        let (_, signer) = X509Certificate::from_der(&message.signer).map_err(|_| ScepRefusal::Request)?;
        let signer_key = signer.public_key().raw;
        let is_another = signer_key != key.0;
        if is_another
            && !(signer.validity().not_before.timestamp()..=signer.validity().not_after.timestamp()).contains(&now)
        {
            return Err(ScepRefusal::Holder);
        }
        let request = CertReq::from_der(content).map_err(|_| ScepRefusal::Request)?;
        let challenge = request.info.attributes.iter().find(|attribute| attribute.oid == CHALLENGE_PASSWORD);
        let challenge = challenge.and_then(|attribute| attribute.values.get(0));
        let challenge = challenge.and_then(|text| std::str::from_utf8(text.value()).ok()).map(Secret::new);
        if is_another && request.info.subject.to_der().ok().as_deref() != Some(signer.subject().as_raw()) {
            return Err(ScepRefusal::Holder);
        }
        Ok(Self {
            transaction: message.reply_to.transaction.clone(),
            key: fingerprint(signer_key),
            new_key: fingerprint(&key.0),
            holder: is_another.then(|| message.signer.clone()),
            subject: request.info.subject.to_string(),
            challenge,
            request: content.to_vec(),
        })
    }
}

impl ScepPoll {
    /// Reads a poll. Issuer and subject inside tell nothing that the transaction and the key do not.
    pub fn read(message: &ScepMessage) -> Result<Self, ScepRefusal> {
        let key = fingerprint(&signer_key(message)?);
        Ok(Self { transaction: message.reply_to.transaction.clone(), key })
    }
}

fn signer_key(message: &ScepMessage) -> Result<Vec<u8>, ScepRefusal> {
    let (_, certificate) = X509Certificate::from_der(&message.signer).map_err(|_| ScepRefusal::Request)?;
    Ok(certificate.public_key().raw.to_vec())
}
