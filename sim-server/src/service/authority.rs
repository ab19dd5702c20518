//! The tenant's certificate authority. It signs what the tenant permitted: the subject, the extensions and the term are
//! the server's own, never the request's.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::random::{self, RandomError};
use crate::tenant::{IssuedCertificate, PublicKey, fingerprint};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// The authority's own validity in days. Devices pin its certificate at enrollment, and nothing replaces it.
const CA_DAYS: i64 = 20 * 365;
/// The validity of the server's own certificate in days, if the authority does not expire earlier.
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
    /// The authority expired; the field is its notAfter in seconds since 1970.
    #[error(
        "the certificate authority expired on {}; stop the server and move ca.pem, ca.key, scep.pem and scep.key out of \
         its state directory: the next start creates a new authority, with which every device must enroll again",
        utc(*.0)
    )]
    Expired(i64),
    /// There are no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// An authority: its certificate and its key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
    not_after: i64,
}

/// A certificate of the server itself with its key. Moments are seconds since 1970.
pub(crate) struct ServerIdentity {
    /// The certificate in DER.
    pub(crate) certificate: Vec<u8>,
    /// The key in PKCS#8 (DER).
    pub(crate) key: Vec<u8>,
    /// The serial number in hexadecimal.
    pub(crate) serial: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
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
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
        let not_after = parsed.validity().not_after.timestamp();
        Ok(Self { issuer, der, pem: certificate_pem.to_owned(), not_after })
    }

    /// The authority's certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The authority's certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// When the authority's certificate expires (notAfter), in seconds since 1970.
    pub(crate) fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The notAfter of a certificate that is issued at `now` for `days` days: a path is valid only as long as every
    /// certificate in it is (RFC 5280 section 6.1.3), so none outlives the authority.
    pub(in crate::service) fn expiry(&self, days: i64, now: i64) -> Result<i64, AuthorityError> {
        if now >= self.not_after {
            return Err(AuthorityError::Expired(self.not_after));
        }
        Ok(now.saturating_add(days * DAY).min(self.not_after))
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
        let (not_before, not_after) = (now - HOUR, self.expiry(days.into(), now)?);
        let mut params = params(not_before, not_after)?;
        params.distinguished_name.push(DnType::CommonName, device_id);
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let serial = serial(&params);
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
        let mut params = params(now - DAY, self.expiry(CA_DAYS, now)?)?;
        params.distinguished_name.push(DnType::CommonName, "Simulated MDM tenant SCEP");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer)?.der().to_vec())
    }

    /// Issues a certificate for the server itself, for these DNS names and addresses.
    pub(crate) fn issue_server(&self, names: &[String], now: i64) -> Result<ServerIdentity, AuthorityError> {
        let key = KeyPair::generate()?;
        let names_params = CertificateParams::new(names.to_vec())?;
        let (not_before, not_after) = (now - HOUR, self.expiry(SERVER_DAYS, now)?);
        let mut params = params(not_before, not_after)?;
        params.subject_alt_names = names_params.subject_alt_names;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("localhost", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let serial = serial(&params);
        let certificate = params.signed_by(&key, &self.issuer)?.der().to_vec();
        Ok(ServerIdentity { certificate, key: key.serialize_der(), serial, not_before, not_after })
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

/// The serial number in hexadecimal.
fn serial(params: &CertificateParams) -> String {
    params.serial_number.as_ref().map(ToString::to_string).unwrap_or_default().replace(':', "")
}

/// A moment (seconds since 1970) in UTC as in RFC 3339, for logs and errors.
pub(crate) fn utc(seconds: i64) -> String {
    moment(seconds).format(&Rfc3339).unwrap_or_default()
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn no_certificate_outlives_the_authority() {
        let (authority, key_pem) = CertificateAuthority::create(1_000_000).unwrap();
        let end = authority.not_after();
        assert_eq!(end, 1_000_000 + CA_DAYS * DAY);
        assert_eq!(CertificateAuthority::load(authority.pem(), &key_pem).unwrap().not_after(), end);
        let (_, key) = certificate_request("x");
        let key = PublicKey(rcgen::PublicKeyData::subject_public_key_info(&key));
        let last = end - 1;
        assert_eq!(authority.issue("device-1", "Contoso", &key, 365, last).unwrap().1.not_after, end);
        let server = authority.issue_server(&["localhost".to_owned()], last).unwrap();
        let (_, certificate) = X509Certificate::from_der(&server.certificate).unwrap();
        assert_eq!((server.not_after, certificate.validity().not_after.timestamp()), (end, end));
        assert_eq!(certificate.raw_serial_as_string().replace(':', ""), server.serial);
        let refused = authority.issue("device-1", "Contoso", &key, 365, end).unwrap_err().to_string();
        assert!(refused.contains("expired on 1990-01-07T13:46:40Z; stop the server"), "{refused}");
        assert!(authority.issue_server(&[], end).is_err());
    }
}
