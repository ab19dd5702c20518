//! CMS (RFC 5652). Here messages are signed (section 5) as renewals and SCEP want it: the content inside, one signer,
//! SHA-256 (or SHA-1 for old SCEP servers, by the machine's configuration), the signer's certificate alongside. What others signed is verified in [`signed`], what they encrypted is
//! opened in [`envelope`].

pub mod envelope;
mod recipient;
pub mod signed;
mod transport;
pub(in crate::shell) mod weak;

use std::time::Duration;

use ::cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_1, ID_SHA_256, RSA_ENCRYPTION};
use der::asn1::{Any, GeneralizedTime, Null, OctetString, OctetStringRef, SetOfVec, UtcTime};
use der::{Decode as _, Encode as _};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SigningKey as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::identity::{Slot, SlotError};

/// A message that could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// The key or the certificate is unusable.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The key is of a kind that no server would verify.
    #[error("the device's key is neither RSA nor P-256 and cannot sign a renewal")]
    KeyKind,
    /// The certificate would not be the same after it has been taken apart, so its signature would not hold.
    #[error("the device's certificate is not encoded by the rules (DER) and cannot go into a signed message")]
    NotCanonical,
    /// Something has no encoding.
    #[error("the signed message cannot be encoded: {0}")]
    Encoding(String),
    /// The signature could not be made.
    #[error("the message cannot be signed: {0}")]
    Signature(#[from] rcgen::Error),
}

impl From<der::Error> for CmsError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// Signs `content` with the slot's key; the result is a `ContentInfo` in DER.
pub fn sign(content: &[u8], slot: &Slot, signing_time: i64) -> Result<Vec<u8>, CmsError> {
    let time = attribute(ID_SIGNING_TIME, Any::encode_from(&self::signing_time(signing_time)?)?)?;
    let certificate = canonical(&slot.certificate()?)?;
    sign_as(content, &slot.key_pair()?, certificate, vec![time], SigningDigest::Sha256)
}

/// Signs `content` with the slot's key and leaves it out (RFC 5652 section 5.2): the signature travels beside it.
pub fn sign_detached(content: &[u8], slot: &Slot, signing_time: i64) -> Result<Vec<u8>, CmsError> {
    let time = attribute(ID_SIGNING_TIME, Any::encode_from(&self::signing_time(signing_time)?)?)?;
    let certificate = canonical(&slot.certificate()?)?;
    let signer = signer(content, &slot.key_pair()?, &certificate, vec![time], SigningDigest::Sha256)?;
    signed_data(None, certificate, signer, SigningDigest::Sha256)
}

/// The digest under a signature that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningDigest {
    /// SHA-256.
    Sha256,
    /// SHA-1, with RSA keys only.
    Sha1,
}

/// Signs `content` and further `attributes` with the key of a certificate (DER); the result is a `ContentInfo` in DER.
pub fn sign_with(
    content: &[u8],
    key: &KeyPair,
    certificate: &[u8],
    attributes: Vec<Attribute>,
    digest: SigningDigest,
) -> Result<Vec<u8>, CmsError> {
    sign_as(content, key, canonical(certificate)?, attributes, digest)
}

fn sign_as(
    content: &[u8],
    key: &KeyPair,
    certificate: Certificate,
    attributes: Vec<Attribute>,
    digest: SigningDigest,
) -> Result<Vec<u8>, CmsError> {
    let signer = signer(content, key, &certificate, attributes, digest)?;
    signed_data(Some(Any::encode_from(&OctetStringRef::new(content)?)?), certificate, signer, digest)
}

fn signed_data(
    content: Option<Any>,
    certificate: Certificate,
    signer: SignerInfo,
    digest: SigningDigest,
) -> Result<Vec<u8>, CmsError> {
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest.algorithm()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: content },
        certificates: Some(CertificateSet(SetOfVec::try_from(vec![CertificateChoices::Certificate(certificate)])?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    Ok(ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()?)
}

fn canonical(der: &[u8]) -> Result<Certificate, CmsError> {
    let certificate = Certificate::from_der(der).map_err(|_| CmsError::NotCanonical)?;
    if certificate.to_der()? == der { Ok(certificate) } else { Err(CmsError::NotCanonical) }
}

fn signer(
    content: &[u8],
    key: &KeyPair,
    certificate: &Certificate,
    attributes: Vec<Attribute>,
    digest: SigningDigest,
) -> Result<SignerInfo, CmsError> {
    let attributes = signed_attributes(&digest.of(content), attributes)?;
    // What is signed is the set with its own tag, not with the one that it has inside the message.
    let signature = match digest {
        SigningDigest::Sha256 => key.sign(&attributes.to_der()?)?,
        SigningDigest::Sha1 => weak::sign(&attributes.to_der()?, key)?,
    };
    Ok(SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: digest.algorithm(),
        signed_attrs: Some(attributes),
        signature_algorithm: signature_algorithm(key)?,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    })
}

/// A set that DER puts into one order only.
fn signed_attributes(digest: &[u8], mut attributes: Vec<Attribute>) -> Result<SignedAttributes, CmsError> {
    attributes.push(attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?);
    attributes.push(attribute(ID_MESSAGE_DIGEST, Any::encode_from(&OctetStringRef::new(digest)?)?)?);
    Ok(SetOfVec::try_from(attributes)?)
}

/// An attribute with one value.
pub fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, CmsError> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// Two digits for the year until they run out in 2050 (RFC 5652 section 11.3).
fn signing_time(time: i64) -> Result<Time, CmsError> {
    let since_1970 = Duration::from_secs(u64::try_from(time).unwrap_or(0));
    match UtcTime::from_unix_duration(since_1970) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970)?)),
    }
}

impl SigningDigest {
    fn algorithm(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::Sha256 => ID_SHA_256,
            Self::Sha1 => ID_SHA_1,
        };
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    fn of(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(content).to_vec(),
            Self::Sha1 => Sha1::digest(content).to_vec(),
        }
    }
}

fn signature_algorithm(key: &KeyPair) -> Result<AlgorithmIdentifierOwned, CmsError> {
    if key.is_compatible(&PKCS_RSA_SHA256) {
        // The identifier that RFC 3370 section 3.2 demands of everyone; the digest is named beside it.
        return Ok(AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) });
    }
    if key.is_compatible(&PKCS_ECDSA_P256_SHA256) {
        return Ok(AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None });
    }
    Err(CmsError::KeyKind)
}

#[cfg(test)]
mod tests;
