//! A certificate request inside a CMS SignedData (RFC 5652), signed with the key of the certificate to be renewed. Only
//! what MS-MDE2 section 3.4.4.1 needs is accepted: one signer, signed attributes, SHA-2 with RSA or SHA-256 with
//! P-256. SCEP has its messages verified here too.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::{rfc5911, rfc6268};
use der::asn1::OctetString;
use der::{Decode as _, Encode as _};
use mdm_protocol::base64;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

/// A request whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedRequest {
    /// The PKCS#10 in DER.
    pub(super) request: Vec<u8>,
    /// The signer's certificate in DER.
    pub(super) signer: Vec<u8>,
}

/// Why a signed request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::tenant) enum SignedRequestError {
    #[error("the signed request is not a CMS SignedData in DER")]
    Malformed,
    #[error("the signed request has no certificate request in it")]
    NoContent,
    #[error("the signed request must have exactly one signer; it has {0}")]
    Signers(usize),
    #[error("the signed request does not carry its signer's certificate")]
    NoCertificate,
    #[error("the signed request has no signed attributes, or lacks one of contentType and messageDigest")]
    Attributes,
    #[error(
        "the signed request is signed with an algorithm that is not accepted; use RSA with SHA-2 or P-256 with SHA-256"
    )]
    Algorithm,
    #[error("the signature of the signed request is wrong")]
    Signature,
}

impl SignedRequestError {
    /// Whether the request could be read, and only its proof is bad.
    pub(super) fn is_about_proof(&self) -> bool {
        match self {
            Self::Signature => true,
            Self::Malformed
            | Self::NoContent
            | Self::Signers(_)
            | Self::NoCertificate
            | Self::Attributes
            | Self::Algorithm => false,
        }
    }
}

/// A message whose signature was verified.
pub(in crate::tenant) struct Verified {
    /// What was signed.
    pub(in crate::tenant) content: Vec<u8>,
    /// The signer's certificate in DER.
    pub(in crate::tenant) signer: Vec<u8>,
}

/// Opens a signed request and verifies its signature by the certificate that it carries.
pub(super) fn open(der: &[u8]) -> Result<SignedRequest, SignedRequestError> {
    let Verified { content, signer } = verified(der)?;
    Ok(SignedRequest { request: request(&content).ok_or(SignedRequestError::NoContent)?, signer })
}

/// Verifies the signature of a message by the certificate that it carries.
pub(in crate::tenant) fn verified(der: &[u8]) -> Result<Verified, SignedRequestError> {
    let malformed = |_| SignedRequestError::Malformed;
    let info = ContentInfo::from_der(der).map_err(malformed)?;
    if info.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(SignedRequestError::Malformed);
    }
    let signed: SignedData = info.content.decode_as().map_err(malformed)?;
    let content = signed.encap_content_info.econtent.as_ref().ok_or(SignedRequestError::NoContent)?;
    let content = content.decode_as::<OctetString>().map_err(malformed)?;
    let signers = signed.signer_infos.0.as_slice();
    let [signer] = signers else { return Err(SignedRequestError::Signers(signers.len())) };
    let certificate = certificate_of(&signed, signer).ok_or(SignedRequestError::NoCertificate)?;
    verify(signer, certificate, signed.encap_content_info.econtent_type, content.as_bytes())?;
    Ok(Verified { signer: certificate.to_der().map_err(malformed)?, content: content.into_bytes() })
}

/// The request itself: automatic renewal sends it raw, a user's as base64 text.
fn request(content: &[u8]) -> Option<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    match content.first()? {
        &SEQUENCE => Some(content.to_vec()),
        _ => base64::decode(std::str::from_utf8(content).ok()?).ok().filter(|request| !request.is_empty()),
    }
}

fn certificate_of<'a>(signed: &'a SignedData, signer: &SignerInfo) -> Option<&'a Certificate> {
    let certificates = signed.certificates.as_ref()?.0.iter().filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let mut certificates = certificates.filter(|certificate| {
        let certificate = &certificate.tbs_certificate;
        match &signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                id.issuer == certificate.issuer && id.serial_number == certificate.serial_number
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => {
                certificate.get::<SubjectKeyIdentifier>().is_ok_and(|own| own.is_some_and(|(_, own)| own == *id))
            }
        }
    });
    certificates.next()
}

fn verify(
    signer: &SignerInfo,
    certificate: &Certificate,
    content_type: ObjectIdentifier,
    content: &[u8],
) -> Result<(), SignedRequestError> {
    let computed = match signer.digest_alg.oid {
        ID_SHA_256 => Sha256::digest(content).to_vec(),
        ID_SHA_384 => Sha384::digest(content).to_vec(),
        ID_SHA_512 => Sha512::digest(content).to_vec(),
        _ => return Err(SignedRequestError::Algorithm),
    };
    let attributes = signer.signed_attrs.as_ref().ok_or(SignedRequestError::Attributes)?;
    let value = |oid: ObjectIdentifier| {
        let attribute = attributes.iter().find(|attribute| attribute.oid == oid);
        attribute.and_then(|attribute| attribute.values.get(0)).ok_or(SignedRequestError::Attributes)
    };
    let said_type = value(rfc6268::ID_CONTENT_TYPE)?.decode_as::<ObjectIdentifier>();
    let digest = value(rfc6268::ID_MESSAGE_DIGEST)?.decode_as::<OctetString>();
    let (Ok(said_type), Ok(digest)) = (said_type, digest) else { return Err(SignedRequestError::Attributes) };
    if said_type != content_type || digest.as_bytes() != computed {
        return Err(SignedRequestError::Signature);
    }
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let algorithm = algorithm(key.algorithm.oid, signer)?;
    let signed = attributes.to_der().map_err(|_| SignedRequestError::Malformed)?;
    UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
        .verify(&signed, signer.signature.as_bytes())
        .map_err(|_| SignedRequestError::Signature)
}

fn algorithm(
    key: ObjectIdentifier,
    signer: &SignerInfo,
) -> Result<&'static dyn VerificationAlgorithm, SignedRequestError> {
    match (key, signer.digest_alg.oid, signer.signature_algorithm.oid) {
        (RSA_ENCRYPTION, ID_SHA_256, RSA_ENCRYPTION | SHA_256_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA256),
        (RSA_ENCRYPTION, ID_SHA_384, RSA_ENCRYPTION | SHA_384_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA384),
        (RSA_ENCRYPTION, ID_SHA_512, RSA_ENCRYPTION | SHA_512_WITH_RSA_ENCRYPTION) => Ok(&RSA_PKCS1_2048_8192_SHA512),
        (ID_EC_PUBLIC_KEY, ID_SHA_256, ECDSA_WITH_SHA_256) => Ok(&ECDSA_P256_SHA256_ASN1),
        _ => Err(SignedRequestError::Algorithm),
    }
}

#[cfg(test)]
mod tests;
