//! Requests to renew, signed as a device signs them.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use const_oid::db::rfc6268::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST};
use der::asn1::{OctetString, SetOfVec};
use der::{Any, Decode as _, Encode as _};
use rcgen::{KeyPair, SigningKey as _};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::spki::AlgorithmIdentifierOwned;

/// A CMS SignedData over `content` by the key of a certificate (both P-256).
pub(crate) fn sign(content: &[u8], certificate: &[u8], key: &KeyPair) -> Vec<u8> {
    signed_data(content, certificate, key, |_| {})
}

/// The same, with something changed after it was signed.
pub(crate) fn signed_data(
    content: &[u8],
    certificate: &[u8],
    key: &KeyPair,
    change: impl FnOnce(&mut SignedData),
) -> Vec<u8> {
    let certificate = Certificate::from_der(certificate).unwrap();
    let digest = OctetString::new(Sha256::digest(content).as_slice()).unwrap();
    let attributes = [
        attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA).unwrap()),
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&digest).unwrap()),
    ];
    let attributes = Attributes::try_from(attributes.to_vec()).unwrap();
    let signature = key.sign(&attributes.to_der().unwrap()).unwrap();
    let identifier = IssuerAndSerialNumber {
        issuer: certificate.tbs_certificate.issuer.clone(),
        serial_number: certificate.tbs_certificate.serial_number.clone(),
    };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(identifier),
        digest_alg: algorithm(ID_SHA_256),
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm(ECDSA_WITH_SHA_256),
        signature: OctetString::new(signature).unwrap(),
        unsigned_attrs: None,
    };
    let content = Any::encode_from(&OctetString::new(content).unwrap()).unwrap();
    let mut signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(ID_SHA_256)]).unwrap(),
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: Some(content) },
        certificates: Some(CertificateSet::try_from(vec![CertificateChoices::Certificate(certificate)]).unwrap()),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer]).unwrap(),
    };
    change(&mut signed);
    let content = Any::encode_from(&signed).unwrap();
    ContentInfo { content_type: ID_SIGNED_DATA, content }.to_der().unwrap()
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Attribute {
    Attribute { oid, values: SetOfVec::try_from(vec![value]).unwrap() }
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}
