//! Reads CMS SignedData (RFC 5652 section 5) in BER or DER and verifies its one signature by the certificate that it carries
//! itself. Takes signed attributes, SHA-2 with RSA and SHA-256 with P-256; whether the certificate is worth anything is
//! decided elsewhere.
//!
//! The certificates of some clients follow no rules but those of ASN.1 (serial numbers of 40 octets, version 1): they are
//! kept as they came, and only compared.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use cms::content_info::ContentInfo;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{Any, OctetString};
use der::{Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _};
use mdm_protocol::ber;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// More certificates than any client sends along.
const MAX_CERTIFICATES: usize = 16;
/// The longest serial number that is compared, in octets, a leading zero included.
const MAX_SERIAL: usize = 41;
const SUBJECT_KEY_IDENTIFIER: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };

/// Why a signed message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignedMessageError {
    #[error("the signed message is not a CMS SignedData")]
    Malformed,
    #[error("the signed message has no content")]
    NoContent,
    #[error("the signed message must have exactly one signer; it has {0}")]
    Signers(usize),
    #[error("the signed message does not carry its signer's certificate")]
    NoCertificate,
    #[error("the signed message has no signed attributes, or lacks one of contentType and messageDigest")]
    Attributes,
    #[error(
        "the signed message is signed with an algorithm that is not accepted; use RSA with SHA-2 or P-256 with SHA-256"
    )]
    Algorithm,
    #[error("the signature of the signed message is wrong")]
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
    // A list, not a set: some sign the order in which they wrote them.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    attributes: Option<Vec<Any>>,
    algorithm: AlgorithmIdentifierOwned,
    signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unsigned: Option<Vec<Any>>,
}

/// `IssuerAndSerialNumber`, both as a certificate has them.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(crate) struct IssuerAndSerial {
    issuer: Any,
    serial_number: Any,
}

/// A message of which nothing is proved yet.
pub(crate) struct SignedMessage {
    data: SignedData,
    signers: Vec<Signer>,
}

/// What a signature proves.
pub(crate) struct Verified {
    /// What was signed.
    pub(crate) content: Vec<u8>,
    /// The signer's certificate in DER.
    pub(crate) signer: Vec<u8>,
}

impl IssuerAndSerial {
    /// The name of a certificate.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> der::Result<Self> {
        Ok(Self {
            issuer: Any::from_der(certificate.issuer().as_raw())?,
            serial_number: Any::new(Tag::Integer, certificate.raw_serial())?,
        })
    }
}

impl SignedMessage {
    /// Reads a `ContentInfo`.
    pub(crate) fn read(message: &[u8]) -> Result<Self, SignedMessageError> {
        let malformed = |_| SignedMessageError::Malformed;
        let message = ber::definite(message).map_err(|_| SignedMessageError::Malformed)?;
        let info = ContentInfo::from_der(&message).map_err(malformed)?;
        let data: SignedData = info.content.decode_as().map_err(malformed)?;
        if info.content_type != ID_SIGNED_DATA || data.signers.tag() != Tag::Set {
            return Err(SignedMessageError::Malformed);
        }
        let signers = Any::new(Tag::Sequence, data.signers.value()).and_then(|list| list.decode_as());
        Ok(Self { signers: signers.map_err(malformed)?, data })
    }

    /// What the first signer signed beside the content, not verified.
    pub(crate) fn attributes(&self) -> Option<Vec<Attribute>> {
        let raw = self.signers.first()?.attributes.as_ref()?;
        raw.iter().map(|attribute| attribute.decode_as().ok()).collect()
    }

    /// Verifies the signature by the certificate that the message carries.
    pub(crate) fn verify(&self) -> Result<Verified, SignedMessageError> {
        let content = self.data.content.content.as_ref().ok_or(SignedMessageError::NoContent)?;
        if content.tag() != Tag::OctetString {
            return Err(SignedMessageError::Malformed);
        }
        let content = content.value();
        let [signer] = &self.signers[..] else { return Err(SignedMessageError::Signers(self.signers.len())) };
        let der = self.certificate_of(signer).ok_or(SignedMessageError::NoCertificate)?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| SignedMessageError::NoCertificate)?;
        let attributes = self.attributes().ok_or(SignedMessageError::Attributes)?;
        let kind = value(&attributes, ID_CONTENT_TYPE).and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let digest = value(&attributes, ID_MESSAGE_DIGEST).and_then(|any| any.decode_as::<OctetString>().ok());
        let (kind, digest) = kind.zip(digest).ok_or(SignedMessageError::Attributes)?;
        if kind != self.data.content.kind || digest.as_bytes() != digest_of(signer.digest.oid, content)? {
            return Err(SignedMessageError::Signature);
        }
        verify(signer, &certificate)?;
        Ok(Verified { content: content.to_vec(), signer: der })
    }

    /// The certificate (DER) that a signer names.
    fn certificate_of(&self, signer: &Signer) -> Option<Vec<u8>> {
        let all = self.data.certificates.iter().flatten().take(MAX_CERTIFICATES);
        let certificates = all.filter(|any| any.tag() == Tag::Sequence).filter_map(|any| any.to_der().ok());
        certificates.into_iter().find(|der| {
            let parsed = X509Certificate::from_der(der);
            parsed.is_ok_and(|(_, certificate)| {
                certificate.raw_serial().len() <= MAX_SERIAL && names(&signer.identifier, &certificate)
            })
        })
    }
}

/// Whether an identifier of a signer or of a recipient stands for this certificate.
pub(crate) fn names(identifier: &Any, certificate: &X509Certificate<'_>) -> bool {
    match identifier.tag() {
        Tag::Sequence => {
            let named = identifier.decode_as::<IssuerAndSerial>();
            named.is_ok_and(|named| IssuerAndSerial::of(certificate).is_ok_and(|own| own == named))
        }
        SUBJECT_KEY_IDENTIFIER => certificate.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(own)
                if own.0 == identifier.value())
        }),
        _ => false,
    }
}

/// The first value of the first attribute of this kind.
pub(crate) fn value(attributes: &[Attribute], oid: ObjectIdentifier) -> Option<&Any> {
    attributes.iter().find(|attribute| attribute.oid == oid)?.values.get(0)
}

fn verify(signer: &Signer, certificate: &X509Certificate<'_>) -> Result<(), SignedMessageError> {
    let key = certificate.public_key();
    let kind = ObjectIdentifier::new(&key.algorithm.algorithm.to_id_string());
    let algorithm = algorithm(kind.map_err(|_| SignedMessageError::Algorithm)?, signer)?;
    let verifier = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    let raw = signer.attributes.as_ref().ok_or(SignedMessageError::Attributes)?;
    let encoded: Result<Vec<Vec<u8>>, _> = raw.iter().map(der::Encode::to_der).collect();
    let mut encoded = encoded.map_err(|_| SignedMessageError::Malformed)?;
    let holds = |attributes: &[Vec<u8>]| {
        // What is signed has the tag of a set, not the one that it has inside the message.
        let signed = Any::new(Tag::Set, attributes.concat()).and_then(|set| set.to_der());
        signed.is_ok_and(|signed| verifier.verify(&signed, signer.signature.as_bytes()).is_ok())
    };
    if holds(&encoded) {
        return Ok(());
    }
    // What came in BER may have been signed in DER, where a set has one order only.
    encoded.sort();
    if holds(&encoded) { Ok(()) } else { Err(SignedMessageError::Signature) }
}

fn digest_of(digest: ObjectIdentifier, content: &[u8]) -> Result<Vec<u8>, SignedMessageError> {
    match digest {
        ID_SHA_256 => Ok(Sha256::digest(content).to_vec()),
        ID_SHA_384 => Ok(Sha384::digest(content).to_vec()),
        ID_SHA_512 => Ok(Sha512::digest(content).to_vec()),
        _ => Err(SignedMessageError::Algorithm),
    }
}

fn algorithm(key: ObjectIdentifier, signer: &Signer) -> Result<&'static dyn VerificationAlgorithm, SignedMessageError> {
    match (key, signer.digest.oid, signer.algorithm.oid) {
        (RSA_ENCRYPTION, ID_SHA_256, RSA_ENCRYPTION | SHA_256_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA256),
        (RSA_ENCRYPTION, ID_SHA_384, RSA_ENCRYPTION | SHA_384_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA384),
        (RSA_ENCRYPTION, ID_SHA_512, RSA_ENCRYPTION | SHA_512_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA512),
        (ID_EC_PUBLIC_KEY, ID_SHA_256, ECDSA_WITH_SHA_256) => Ok(&ECDSA_P256_SHA256_ASN1),
        _ => Err(SignedMessageError::Algorithm),
    }
}
