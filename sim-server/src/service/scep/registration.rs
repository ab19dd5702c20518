//! The registration authority: an RSA key with a certificate by the tenant's authority, which clients encrypt their
//! requests to and which signs the answers (RFC 8894 section 4.2.1.2).

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::service::CertificateAuthority;
use crate::service::authority::AuthorityError;

/// A registration authority.
pub struct RegistrationAuthority {
    key: KeyPair,
    der: Vec<u8>,
}

impl std::fmt::Debug for RegistrationAuthority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RegistrationAuthority(…)")
    }
}

impl RegistrationAuthority {
    /// Makes a new one; returns it with its certificate and its key in PEM. The key belongs into a file of mode 0600.
    pub fn create(authority: &CertificateAuthority, now: i64) -> Result<(Self, String, String), AuthorityError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let der = authority.issue_registration(&key, now)?;
        let lines = mdm_protocol::base64::encode(&der);
        let lines: Vec<&str> =
            lines.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        let key_pem = key.serialize_pem();
        Ok((Self { key, der }, pem, key_pem))
    }

    /// Takes up one that was made before.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())?.to_vec();
        Ok(Self { key: KeyPair::from_pem(key_pem)?, der })
    }

    /// Its certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn key(&self) -> &KeyPair {
        &self.key
    }
}
