//! Whether a certificate request (PKCS#10) is acceptable. Of the request only its public key is ever used: subject and
//! extensions are the server's own, so a request cannot ask for more than it gets.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_PKCS1_RSASSAPSS, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as ParsedKey;

const MINIMAL_RSA_BITS: usize = 2048;

/// A public key whose owner has proved possession of the private key: a SubjectPublicKeyInfo in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub Vec<u8>);

/// Why a certificate request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRequestError {
    /// It is no PKCS#10.
    #[error("the certificate request is not a PKCS#10 in DER")]
    Malformed,
    /// The signature algorithm is too old or not known.
    #[error("the certificate request is signed with an algorithm that is not accepted; use RSA or P-256 with SHA-256")]
    Algorithm,
    /// The key is too short or of a kind that is not accepted.
    #[error("the certificate request's key is not accepted; use RSA with at least 2048 bits, or P-256")]
    Key,
    /// Whoever sent it does not hold the private key.
    #[error("the certificate request's signature is wrong")]
    Signature,
}

/// Takes the public key out of a request whose signature proves possession of the private key.
pub(super) fn verify(der: &[u8]) -> Result<PublicKey, CertificateRequestError> {
    let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| CertificateRequestError::Malformed)?;
    if !rest.is_empty() {
        return Err(CertificateRequestError::Malformed);
    }
    let accepted = [
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
        OID_PKCS1_RSASSAPSS,
        OID_SIG_ECDSA_WITH_SHA256,
    ];
    if !accepted.contains(&request.signature_algorithm.algorithm) {
        return Err(CertificateRequestError::Algorithm);
    }
    let key = &request.certification_request_info.subject_pki;
    let acceptable = match key.parsed() {
        Ok(ParsedKey::RSA(rsa)) => rsa.key_size() >= MINIMAL_RSA_BITS,
        Ok(ParsedKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            curve.is_some_and(|curve| curve == OID_EC_P256)
        }
        _ => false,
    };
    if !acceptable {
        return Err(CertificateRequestError::Key);
    }
    request.verify_signature().map_err(|_| CertificateRequestError::Signature)?;
    Ok(PublicKey(key.raw.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::test_support::{certificate_request, rsa_1024_certificate_request, windows_certificate_request};

    #[test]
    fn a_request_with_a_good_signature_yields_its_key() {
        let (der, key) = certificate_request("any subject");
        assert_eq!(verify(&der).unwrap().0, rcgen::PublicKeyData::subject_public_key_info(&key));
    }

    #[test]
    fn a_subject_as_windows_writes_it_is_tolerated() {
        let (der, key) = windows_certificate_request();
        assert!(der.windows(9).any(|part| part == b"!device-1"));
        assert_eq!(verify(&der).unwrap().0, rcgen::PublicKeyData::subject_public_key_info(&key));
    }

    #[test]
    fn a_forged_signature_is_refused() {
        let (mut der, _) = certificate_request("device");
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(verify(&der), Err(CertificateRequestError::Signature));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(verify(b"hello"), Err(CertificateRequestError::Malformed));
        assert_eq!(verify(b""), Err(CertificateRequestError::Malformed));
        let (mut der, _) = certificate_request("device");
        der.push(0);
        assert_eq!(verify(&der), Err(CertificateRequestError::Malformed));
    }

    #[test]
    fn a_short_rsa_key_is_refused() {
        assert_eq!(verify(&rsa_1024_certificate_request()), Err(CertificateRequestError::Key));
    }
}
