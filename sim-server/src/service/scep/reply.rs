//! The answers of SCEP: CertRep messages (RFC 8894 section 3.3.2), signed by the registration authority, and CMS messages
//! that are there for their certificates only (section 3.4).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ID_SHA_256, RSA_ENCRYPTION};
use der::asn1::{Any, Null, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Decode as _, Encode as _, Sequence};
use rcgen::SigningKey as _;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::registration::RegistrationAuthority;
use super::{ScepError, ScepRefusal, ScepReplyTo, envelope};
use crate::service::random;

const MESSAGE_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
const PKI_STATUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.3");
const FAIL_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.4");
const SENDER_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.5");
const RECIPIENT_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.6");
const TRANSACTION_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");
const FAIL_INFO_TEXT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.24.1");
const CERT_REP: &str = "3";

/// What is answered.
pub(super) enum Reply {
    /// The certificate, sealed.
    Granted(Vec<u8>),
    /// Not decided yet.
    Pending,
    /// No.
    Refused(ScepRefusal),
}

impl Reply {
    fn status(&self) -> &'static str {
        match self {
            Self::Granted(_) => "0",
            Self::Refused(_) => "2",
            Self::Pending => "3",
        }
    }
}

/// A certificate and that of its authority, sealed to the holder of another certificate (all DER).
pub(super) fn sealed(certificate: &[u8], authority: &[u8], recipient: &[u8]) -> Result<Vec<u8>, ScepError> {
    envelope::seal(&certificates_only(&[certificate, authority])?, recipient)
}

/// The whole message.
pub(super) fn message(
    registration: &RegistrationAuthority,
    reply_to: &ScepReplyTo,
    reply: &Reply,
) -> Result<Vec<u8>, ScepError> {
    let certificate = Certificate::from_der(registration.der()).map_err(|_| ScepError::Certificate)?;
    let content: &[u8] = if let Reply::Granted(sealed) = reply { sealed } else { &[] };
    let attributes = attributes(reply_to, reply, content)?;
    let signature = registration.key().sign(&attributes.to_der()?)?;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha256(),
        signed_attrs: Some(attributes),
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: RSA_ENCRYPTION,
            parameters: Some(Any::encode_from(&Null)?),
        },
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    // Without a content there is nothing that OpenSSL would verify, so an empty one stands where there is none.
    let econtent = Some(Any::encode_from(&OctetString::new(content)?)?);
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha256()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent },
        certificates: Some(CertificateSet(SetOfVec::try_from(vec![CertificateChoices::Certificate(certificate)])?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    Ok(wrap(&data)?)
}

/// Certificates in a message that nobody signed. A list where RFC 5652 has a set, so that they keep their order.
#[derive(Sequence)]
struct CertificatesOnly {
    version: CmsVersion,
    digest_algorithms: SetOfVec<Any>,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    certificates: Option<Vec<Any>>,
    signer_infos: SetOfVec<Any>,
}

/// Certificates (DER) in a message that nobody signed, in this order.
pub(super) fn certificates_only(certificates: &[&[u8]]) -> der::Result<Vec<u8>> {
    let data = CertificatesOnly {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::new(),
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(certificates.iter().map(|der| Any::from_der(der)).collect::<der::Result<_>>()?),
        signer_infos: SetOfVec::new(),
    };
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()
}

fn attributes(reply_to: &ScepReplyTo, reply: &Reply, content: &[u8]) -> Result<SetOfVec<Attribute>, ScepError> {
    let attribute =
        |oid: ObjectIdentifier, value: Any| SetOfVec::try_from(vec![value]).map(|values| Attribute { oid, values });
    let text = |text: &str| Any::encode_from(&PrintableStringRef::new(text)?);
    let bytes = |bytes: &[u8]| Any::encode_from(&OctetString::new(bytes)?);
    // Any ASCII may come as a transaction; it goes back as what it came as, as far as that can be told.
    let transaction =
        text(&reply_to.transaction).or_else(|_| Any::encode_from(&Utf8StringRef::new(&reply_to.transaction)?))?;
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        attribute(ID_MESSAGE_DIGEST, bytes(&Sha256::digest(content))?)?,
        attribute(MESSAGE_TYPE, text(CERT_REP)?)?,
        attribute(PKI_STATUS, text(reply.status())?)?,
        attribute(TRANSACTION_ID, transaction)?,
        attribute(SENDER_NONCE, bytes(&random::bytes::<16>()?)?)?,
        attribute(RECIPIENT_NONCE, bytes(&reply_to.nonce)?)?,
    ];
    if let Reply::Refused(refusal) = reply {
        attributes.push(attribute(FAIL_INFO, text(&refusal.fail_info().to_string())?)?);
        attributes.push(attribute(FAIL_INFO_TEXT, Any::encode_from(&Utf8StringRef::new(&refusal.to_string())?)?)?);
    }
    Ok(SetOfVec::try_from(attributes)?)
}

fn wrap(data: &SignedData) -> der::Result<Vec<u8>> {
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(data)? }.to_der()
}

fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None }
}
