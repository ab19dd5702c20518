//! The tenant's certificate authority. It signs what the tenant permitted: the subject, the extensions and the term are
//! the server's own, never the request's.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;

use super::random::{self, RandomError};
use crate::tenant::{IssuedCertificate, PublicKey, fingerprint};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const CA_DAYS: i64 = 20 * 365;
const SERVER_DAYS: i64 = 397;

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate library refused.
    #[error("the certificate authority failed: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The stored authority cannot be read.
    #[error("the stored certificate of the authority cannot be read: {0}")]
    Stored(#[from] rustls::pki_types::pem::Error),
    /// There are no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// An authority: its certificate and its key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CertificateAuthority(…)")
    }
}

impl CertificateAuthority {
    /// Makes a new authority; returns it with its key in PEM, which belongs into a file of mode 0600.
    pub fn create(now: i64) -> Result<(Self, String), AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = params(now - DAY, now + CA_DAYS * DAY)?;
        params.distinguished_name.push(DnType::CommonName, "Simulated MDM tenant CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key)?;
        let key_pem = key.serialize_pem();
        Ok((Self::load(&certificate.pem(), &key_pem)?, key_pem))
    }

    /// Takes up an authority that was made before.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, KeyPair::from_pem(key_pem)?)?;
        let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())?.to_vec();
        Ok(Self { issuer, der, pem: certificate_pem.to_owned() })
    }

    /// The authority's certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The authority's certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a device's certificate; returns it in DER with what the tenant keeps of it.
    pub fn issue(
        &self,
        device_id: &str,
        organisation: &str,
        key: &PublicKey,
        days: u32,
        now: i64,
    ) -> Result<(Vec<u8>, IssuedCertificate), AuthorityError> {
        let (not_before, not_after) = (now - HOUR, now + i64::from(days) * DAY);
        let mut params = params(not_before, not_after)?;
        params.distinguished_name.push(DnType::CommonName, device_id);
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let serial = params.serial_number.as_ref().map(ToString::to_string).unwrap_or_default().replace(':', "");
        let certificate = params.signed_by(&SubjectPublicKeyInfo::from_der(&key.0)?, &self.issuer)?;
        let der = certificate.der().to_vec();
        let key = fingerprint(&key.0);
        let issued = IssuedCertificate { serial, fingerprint: fingerprint(&der), not_before, not_after, key };
        Ok((der, issued))
    }

    /// The authority's key.
    pub(in crate::service) fn key(&self) -> &KeyPair {
        self.issuer.key()
    }

    /// Issues a certificate for the key that stands in for the authority's own where RSA is needed: to be encrypted to,
    /// and to sign answers. Returned in DER.
    pub(in crate::service) fn issue_registration(&self, key: &KeyPair, now: i64) -> Result<Vec<u8>, AuthorityError> {
        let mut params = params(now - DAY, now + CA_DAYS * DAY - DAY)?;
        params.distinguished_name.push(DnType::CommonName, "Simulated MDM tenant SCEP");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer)?.der().to_vec())
    }

    /// Issues a certificate for the server itself; returns it with its key, both in DER.
    pub(crate) fn issue_server(&self, names: &[String], now: i64) -> Result<(Vec<u8>, Vec<u8>), AuthorityError> {
        let key = KeyPair::generate()?;
        let names_params = CertificateParams::new(names.to_vec())?;
        let mut params = params(now - HOUR, now + SERVER_DAYS * DAY)?;
        params.subject_alt_names = names_params.subject_alt_names;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("localhost", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().to_vec(), key.serialize_der()))
    }
}

fn params(not_before: i64, not_after: i64) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = moment(not_before);
    params.not_after = moment(not_after);
    let mut serial: [u8; 16] = random::bytes()?;
    // RFC 5280 section 4.1.2.2: positive, and without a leading zero its length is always the same.
    serial[0] = serial[0] & 0x7F | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;
    use crate::tenant::test_support::certificate_request;

    #[test]
    fn a_certificate_has_the_servers_extensions_and_serials_differ() {
        let (authority, key_pem) = CertificateAuthority::create(1_000_000).unwrap();
        let (authority, _) = (CertificateAuthority::load(authority.pem(), &key_pem).unwrap(), authority);
        let (_, key) = certificate_request("x");
        let key = PublicKey(rcgen::PublicKeyData::subject_public_key_info(&key));
        let (der, issued) = authority.issue("device-1", "Contoso", &key, 365, 1_000_000).unwrap();
        let (_, again) = authority.issue("device-1", "Contoso", &key, 365, 1_000_000).unwrap();
        assert_ne!(issued.serial, again.serial);
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert!(!certificate.is_ca());
        assert!(certificate.extended_key_usage().unwrap().unwrap().value.client_auth);
        assert_eq!(certificate.subject().iter_common_name().next().unwrap().as_str().unwrap(), "device-1");
        assert_eq!(certificate.validity().not_before.timestamp(), 1_000_000 - HOUR);
        assert_eq!(certificate.validity().not_after.timestamp(), 1_000_000 + 365 * DAY);
        assert_eq!(certificate.raw_serial_as_string().replace(':', ""), issued.serial);
        let (_, ca) = X509Certificate::from_der(authority.der()).unwrap();
        certificate.verify_signature(Some(ca.public_key())).unwrap();
    }
}
