//! The certificate request of an order (RFC 2986, RFC 8894 section 2.3) and the self-signed certificate that stands for
//! the new key until it has a real one. Asks for what the order says; what comes of it is the authority's decision.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME};
use const_oid::db::rfc5912::{ID_EXTENSION_REQ, SHA_1_WITH_RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::{
    Any, BitString, GeneralizedTime, Ia5String, Null, OctetString, PrintableStringRef, SetOfVec, UtcTime, Utf8StringRef,
};
use der::{Decode as _, Encode};
use mdm_protocol::Secret;
use mdm_protocol::csp::certificate::AlternativeName;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

use super::message::MessageError;
use super::order::ScepOrder;
use crate::shell::cms::weak;

const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const USER_PRINCIPAL_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
const DAY: i64 = 86_400;
/// How long the self-signed certificate is valid: longer than any administrator takes to approve.
const SELF_SIGNED_DAYS: i64 = 366;

/// A request that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Something has no encoding.
    #[error("the certificate request cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// The key could not be made or does not sign.
    #[error("the private key cannot be made or used: {0}")]
    Key(#[from] rcgen::Error),
}

/// The PKCS#10 in DER. It contains the challenge password.
pub(super) fn certificate_request(
    order: &ScepOrder,
    key: &KeyPair,
    challenge: Option<&Secret>,
) -> Result<Vec<u8>, RequestError> {
    let extensions = Any::encode_from(&extensions(order)?)?;
    let mut attributes = vec![Attribute { oid: ID_EXTENSION_REQ, values: SetOfVec::try_from(vec![extensions])? }];
    if let Some(challenge) = challenge {
        let text = challenge.expose();
        let value = match PrintableStringRef::new(text) {
            Ok(text) => Any::encode_from(&text)?,
            Err(_) => Any::encode_from(&Utf8StringRef::new(text)?)?,
        };
        attributes.push(Attribute { oid: CHALLENGE_PASSWORD, values: SetOfVec::try_from(vec![value])? });
    }
    let info = CertReqInfo {
        version: x509_cert::request::Version::V1,
        subject: order.subject.clone(),
        public_key: public_key(key)?,
        attributes: SetOfVec::try_from(attributes)?,
    };
    let signature = BitString::from_bytes(&key.sign(&info.to_der()?)?)?;
    Ok(CertReq { info, algorithm: signature_algorithm()?, signature }.to_der()?)
}

/// A certificate that the key signs for itself, with the subject of the request, in DER.
pub(super) fn self_signed(subject: &Name, key: &KeyPair, now: i64) -> Result<Vec<u8>, RequestError> {
    let digest = Sha256::digest(key.subject_public_key_info());
    let mut serial = digest[..16].to_vec();
    serial[0] = serial[0] & 0x7F | 0x40;
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment);
    let body = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: signature_algorithm()?,
        issuer: subject.clone(),
        validity: Validity { not_before: moment(now - DAY)?, not_after: moment(now + SELF_SIGNED_DAYS * DAY)? },
        subject: subject.clone(),
        subject_public_key_info: public_key(key)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(vec![extension(ID_CE_KEY_USAGE, true, &usage)?]),
    };
    let signature = BitString::from_bytes(&key.sign(&body.to_der()?)?)?;
    let certificate = Certificate { tbs_certificate: body, signature_algorithm: signature_algorithm()?, signature };
    Ok(certificate.to_der()?)
}

/// The same certificate request with a signature over SHA-1, for servers that know no other digest.
pub(super) fn request_with_sha1(request: &[u8], key: &KeyPair) -> Result<Zeroizing<Vec<u8>>, MessageError> {
    let CertReq { info, .. } = CertReq::from_der(request)?;
    let signature = BitString::from_bytes(&weak::sign(&info.to_der()?, key)?)?;
    Ok(Zeroizing::new(CertReq { info, algorithm: sha1_signature()?, signature }.to_der()?))
}

/// The same self-signed certificate with a signature over SHA-1. It is the same each time.
pub(super) fn self_signed_with_sha1(certificate: &[u8], key: &KeyPair) -> Result<Vec<u8>, MessageError> {
    let Certificate { tbs_certificate: mut body, .. } = Certificate::from_der(certificate)?;
    body.signature = sha1_signature()?;
    let signature = BitString::from_bytes(&weak::sign(&body.to_der()?, key)?)?;
    Ok(Certificate { tbs_certificate: body, signature_algorithm: sha1_signature()?, signature }.to_der()?)
}

fn sha1_signature() -> der::Result<AlgorithmIdentifierOwned> {
    Ok(AlgorithmIdentifierOwned { oid: SHA_1_WITH_RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) })
}

fn extensions(order: &ScepOrder) -> der::Result<Vec<Extension>> {
    let flags = [
        (0x80, KeyUsages::DigitalSignature),
        (0x40, KeyUsages::NonRepudiation),
        (0x20, KeyUsages::KeyEncipherment),
        (0x10, KeyUsages::DataEncipherment),
        (0x08, KeyUsages::KeyAgreement),
    ];
    let usages = flags.into_iter().filter(|(bit, _)| order.key_usage & bit != 0);
    let usage = KeyUsage(usages.fold(Default::default(), |all, (_, usage)| all | usage));
    let mut extensions = vec![extension(ID_CE_KEY_USAGE, true, &usage)?];
    if !order.purposes.is_empty() {
        extensions.push(extension(ID_CE_EXT_KEY_USAGE, false, &order.purposes)?);
    }
    if !order.alternative_names.is_empty() {
        let names: Vec<GeneralName> = order.alternative_names.iter().map(general_name).collect::<Result<_, _>>()?;
        extensions.push(extension(ID_CE_SUBJECT_ALT_NAME, false, &names)?);
    }
    Ok(extensions)
}

fn general_name(name: &AlternativeName) -> der::Result<GeneralName> {
    Ok(match name {
        AlternativeName::Email(address) => GeneralName::Rfc822Name(Ia5String::new(address)?),
        AlternativeName::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        AlternativeName::Uri(address) => GeneralName::UniformResourceIdentifier(Ia5String::new(address)?),
        AlternativeName::UserPrincipal(name) => GeneralName::OtherName(OtherName {
            type_id: USER_PRINCIPAL_NAME,
            value: Any::encode_from(&Utf8StringRef::new(name)?)?,
        }),
    })
}

fn extension(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn public_key(key: &KeyPair) -> der::Result<SubjectPublicKeyInfoOwned> {
    SubjectPublicKeyInfoOwned::from_der(&key.subject_public_key_info())
}

fn signature_algorithm() -> der::Result<AlgorithmIdentifierOwned> {
    Ok(AlgorithmIdentifierOwned { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) })
}

/// Two digits for the year until they run out in 2050 (RFC 5280 section 4.1.2.5).
fn moment(time: i64) -> der::Result<Time> {
    let since_1970 = std::time::Duration::from_secs(u64::try_from(time).unwrap_or(0));
    match UtcTime::from_unix_duration(since_1970) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970)?)),
    }
}
