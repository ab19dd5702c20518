//! A certificate as a SCEP request asks for it: subject, names and purposes are the request's, because that is what the
//! order to the device was about; term, serial number and what only an authority may do are the server's.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME, ID_KP_CLIENT_AUTH,
};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_EXTENSION_REQ, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::{Any, BitString, Null, OctetString, UtcTime};
use der::flagset::FlagSet;
use der::{Decode as _, Encode, asn1::GeneralizedTime};
use rcgen::{PKCS_RSA_SHA256, SigningKey as _};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::request::CertReq;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::{Time, Validity};

use super::ScepError;
use crate::service::{CertificateAuthority, random};

const HOUR: i64 = 3600;

/// Makes the certificate for a request (PKCS#10) whose signature was verified; both are DER.
pub(super) fn issue(
    authority: &CertificateAuthority,
    request: &[u8],
    days: u32,
    now: i64,
) -> Result<Vec<u8>, ScepError> {
    let request = CertReq::from_der(request)?.info;
    let issuer = Certificate::from_der(authority.der())?.tbs_certificate;
    let mut serial: [u8; 16] = random::bytes()?;
    serial[0] = serial[0] & 0x7F | 0x40;
    let algorithm = if authority.key().is_compatible(&PKCS_RSA_SHA256) {
        AlgorithmIdentifierOwned { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) }
    } else {
        AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None }
    };
    let mut extensions = extensions(&request)?;
    if let Ok(Some((_, SubjectKeyIdentifier(identifier)))) = issuer.get::<SubjectKeyIdentifier>() {
        let identifier = AuthorityKeyIdentifier { key_identifier: Some(identifier), ..Default::default() };
        extensions.push(extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &identifier)?);
    }
    let body = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: algorithm.clone(),
        issuer: issuer.subject,
        validity: Validity { not_before: moment(now - HOUR)?, not_after: moment(authority.expiry(days.into(), now)?)? },
        subject: request.subject,
        subject_public_key_info: request.public_key,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = BitString::from_bytes(&authority.key().sign(&body.to_der()?)?)?;
    Ok(Certificate { tbs_certificate: body, signature_algorithm: algorithm, signature }.to_der()?)
}

fn extensions(request: &x509_cert::request::CertReqInfo) -> Result<Vec<Extension>, ScepError> {
    let wanted = request.attributes.iter().find(|attribute| attribute.oid == ID_EXTENSION_REQ);
    let wanted = wanted.and_then(|attribute| attribute.values.get(0)).map(|any| any.decode_as::<Vec<Extension>>());
    let wanted = wanted.transpose()?.unwrap_or_default();
    let find = |oid: ObjectIdentifier| {
        wanted.iter().find(|extension| extension.extn_id == oid).map(|extension| extension.extn_value.as_bytes())
    };
    let common = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment;
    let allowed = common | KeyUsages::NonRepudiation | KeyUsages::DataEncipherment | KeyUsages::KeyAgreement;
    let usage = find(ID_CE_KEY_USAGE).map(KeyUsage::from_der).transpose()?;
    let usage = usage.map_or(common, |KeyUsage(usage)| usage & allowed);
    let usage: FlagSet<KeyUsages> = if usage.is_empty() { common } else { usage };
    let purposes = find(ID_CE_EXT_KEY_USAGE).map(ExtendedKeyUsage::from_der).transpose()?;
    let purposes = purposes.map_or_else(|| vec![ID_KP_CLIENT_AUTH], |purposes| purposes.0);
    let mut extensions =
        vec![extension(ID_CE_KEY_USAGE, true, &KeyUsage(usage))?, extension(ID_CE_EXT_KEY_USAGE, false, &purposes)?];
    if let Some(names) = find(ID_CE_SUBJECT_ALT_NAME) {
        extensions.push(extension(ID_CE_SUBJECT_ALT_NAME, false, &Vec::<GeneralName>::from_der(names)?)?);
    }
    Ok(extensions)
}

fn extension(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn moment(time: i64) -> der::Result<Time> {
    let since_1970 = std::time::Duration::from_secs(u64::try_from(time).unwrap_or(0));
    match UtcTime::from_unix_duration(since_1970) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_1970)?)),
    }
}
