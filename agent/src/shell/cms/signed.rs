//! Reads CMS SignedData (RFC 5652 section 5) that others made, in BER or DER, and verifies its one signature by a
//! certificate that the caller trusts. Takes SHA-2 with RSA or ECDSA, SHA-1 only for callers that ask for it, and no MD5;
//! decides nothing about certificates themselves.

use ::cms::content_info::ContentInfo;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::{Any, OctetString};
use der::{Decode as _, Encode as _, Sequence, Tag, Tagged as _};
use mdm_protocol::ber::{self, BerError};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::recipient::names;

/// The largest message that is read, in bytes.
pub const LIMIT: usize = 4 << 20;
/// More certificates than any message in use carries.
const MAX_CERTIFICATES: usize = 64;

/// A signed message that cannot be read or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum SignedError {
    /// It is larger than anything that is expected.
    #[error("the signed message is larger than {LIMIT} bytes")]
    TooLarge,
    /// It is no BER.
    #[error(transparent)]
    Ber(#[from] BerError),
    /// It is no SignedData.
    #[error("the message is no CMS SignedData: {0}")]
    Malformed(#[from] der::Error),
    /// It is something else of CMS.
    #[error("the message is no CMS SignedData")]
    NotSigned,
    /// It carries more certificates than are looked at.
    #[error("the message carries more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// It has no signer, or several.
    #[error("the message must have exactly one signer; it has {0}")]
    Signers(usize),
    /// It is signed by somebody else.
    #[error("the message is not signed by a certificate of the authority")]
    OtherSigner,
    /// It lacks attributes that must be signed.
    #[error("the message lacks the signed attributes contentType and messageDigest")]
    Attributes,
    /// Its algorithms are not accepted.
    #[error("the message is signed with an algorithm that is not accepted; RSA and ECDSA with SHA-2 are")]
    Algorithm,
    /// It is signed with SHA-1, by a key of the authority as far as that proves it.
    #[error("the message is signed with SHA-1, which is not accepted")]
    Weak,
    /// Its content or its attributes were changed, or another key signed it.
    #[error("the signature of the message is wrong")]
    Signature,
}

#[derive(Sequence)]
struct SignedData {
    version: u8,
    digests: Any,
    content: Content,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<Vec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    revocations: Option<Vec<Any>>,
    signers: Any,
}

#[derive(Sequence)]
struct Content {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<Any>,
}

#[derive(Sequence)]
struct Signer {
    version: u8,
    identifier: Any,
    digest: AlgorithmIdentifierOwned,
    // A list, not a set: the signature is over the order in which they came.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    attributes: Option<Vec<Any>>,
    algorithm: AlgorithmIdentifierOwned,
    signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unsigned: Option<Vec<Any>>,
}

/// A message of which nothing is proved yet.
pub struct Message {
    data: SignedData,
    content: Vec<u8>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Message({} bytes)", self.content.len())
    }
}

/// What a signature proves.
#[derive(Debug)]
pub struct Proved<'a> {
    /// The content.
    pub content: &'a [u8],
    attributes: Vec<Attribute>,
}

impl Proved<'_> {
    /// The value of a signed attribute that has exactly one.
    pub fn attribute(&self, oid: ObjectIdentifier) -> Option<&Any> {
        value(&self.attributes, oid)
    }
}

impl Message {
    /// Reads a `ContentInfo`.
    pub fn read(message: &[u8]) -> Result<Self, SignedError> {
        if message.len() > LIMIT {
            return Err(SignedError::TooLarge);
        }
        let info = ContentInfo::from_der(&ber::definite(message)?)?;
        if info.content_type != ID_SIGNED_DATA {
            return Err(SignedError::NotSigned);
        }
        let data: SignedData = info.content.decode_as()?;
        if data.certificates.as_ref().is_some_and(|all| all.len() > MAX_CERTIFICATES) {
            return Err(SignedError::TooManyCertificates);
        }
        let content = match &data.content.content {
            Some(content) if content.tag() == Tag::OctetString => content.value().to_vec(),
            _ => Vec::new(),
        };
        Ok(Self { data, content })
    }

    /// The certificates that it carries, in DER. Attribute certificates and the like are left out.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let all = self.data.certificates.iter().flatten();
        all.filter(|any| any.tag() == Tag::Sequence).filter_map(|any| any.to_der().ok()).collect()
    }

    /// Verifies the signature by whichever of these certificates (DER) the signer names.
    pub fn verify(&self, trusted: &[Vec<u8>]) -> Result<Proved<'_>, SignedError> {
        let (proved, is_weak) = self.verify_any(trusted)?;
        if is_weak { Err(SignedError::Weak) } else { Ok(proved) }
    }

    /// The same for a caller to whom SHA-1 is good enough.
    pub fn verify_with_sha1(&self, trusted: &[Vec<u8>]) -> Result<Proved<'_>, SignedError> {
        self.verify_any(trusted).map(|(proved, _)| proved)
    }

    /// What the signature proves, and whether that is by SHA-1 only.
    fn verify_any(&self, trusted: &[Vec<u8>]) -> Result<(Proved<'_>, bool), SignedError> {
        let signers = elements(&self.data.signers)?;
        let [signer] = &signers[..] else { return Err(SignedError::Signers(signers.len())) };
        let signer: Signer = signer.decode_as()?;
        let mut known = trusted.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        let (_, certificate) =
            known.find(|(_, known)| names(&signer.identifier, known)).ok_or(SignedError::OtherSigner)?;
        let raw = signer.attributes.as_ref().ok_or(SignedError::Attributes)?;
        let attributes: Vec<Attribute> = raw.iter().map(Any::decode_as).collect::<Result<_, _>>()?;
        let kind = value(&attributes, ID_CONTENT_TYPE).and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let digest = value(&attributes, ID_MESSAGE_DIGEST).and_then(|any| any.decode_as::<OctetString>().ok());
        let (kind, digest) = kind.zip(digest).ok_or(SignedError::Attributes)?;
        if kind != self.data.content.kind || digest.as_bytes() != digest_of(signer.digest.oid, &self.content)? {
            return Err(SignedError::Signature);
        }
        let mut values = Vec::new();
        raw.iter().try_for_each(|attribute| attribute.encode_to_vec(&mut values).map(drop))?;
        // What is signed has the tag of a set, not the one that it has inside the message.
        let signed = Any::new(Tag::Set, values)?.to_der()?;
        let algorithm = algorithm(&certificate, signer.digest.oid)?;
        UnparsedPublicKey::new(algorithm, &certificate.public_key().subject_public_key.data)
            .verify(&signed, signer.signature.as_bytes())
            .map_err(|_| SignedError::Signature)?;
        Ok((Proved { content: &self.content, attributes }, signer.digest.oid == ID_SHA_1))
    }
}

fn elements(set: &Any) -> Result<Vec<Any>, SignedError> {
    let list = Any::new(Tag::Sequence, set.value())?;
    if set.tag() == Tag::Set { Ok(list.decode_as()?) } else { Err(SignedError::NotSigned) }
}

fn value(attributes: &[Attribute], oid: ObjectIdentifier) -> Option<&Any> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    match (found.next(), found.next()) {
        (Some(only), None) if only.values.len() == 1 => only.values.get(0),
        _ => None,
    }
}

fn digest_of(digest: ObjectIdentifier, content: &[u8]) -> Result<Vec<u8>, SignedError> {
    match digest {
        ID_SHA_256 => Ok(Sha256::digest(content).to_vec()),
        ID_SHA_384 => Ok(Sha384::digest(content).to_vec()),
        ID_SHA_512 => Ok(Sha512::digest(content).to_vec()),
        ID_SHA_1 => Ok(Sha1::digest(content).to_vec()),
        _ => Err(SignedError::Algorithm),
    }
}

fn algorithm(
    certificate: &X509Certificate<'_>,
    digest: ObjectIdentifier,
) -> Result<&'static dyn VerificationAlgorithm, SignedError> {
    match (certificate.public_key().parsed(), digest) {
        (Ok(PublicKey::RSA(_)), ID_SHA_256) => Ok(&RSA_PKCS1_2048_8192_SHA256),
        (Ok(PublicKey::RSA(_)), ID_SHA_384) => Ok(&RSA_PKCS1_2048_8192_SHA384),
        (Ok(PublicKey::RSA(_)), ID_SHA_512) => Ok(&RSA_PKCS1_2048_8192_SHA512),
        (Ok(PublicKey::RSA(_)), ID_SHA_1) => Ok(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        (Ok(PublicKey::EC(point)), ID_SHA_256) if point.key_size() == 256 => Ok(&ECDSA_P256_SHA256_ASN1),
        (Ok(PublicKey::EC(point)), ID_SHA_384) if point.key_size() == 384 => Ok(&ECDSA_P384_SHA384_ASN1),
        _ => Err(SignedError::Algorithm),
    }
}

#[cfg(test)]
mod tests;
