//! Private keys and certificate requests.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    PublicKeyData as _, RsaKeySize,
};
use zeroize::Zeroizing;

use crate::engine::enrolment::{KeyKind, KeyOrder};

/// A new private key and the request for its certificate.
pub struct NewKey {
    /// The private key, PKCS#8 in PEM.
    pub private_key: Zeroizing<String>,
    /// The request, PKCS#10 in DER.
    pub certificate_request: Vec<u8>,
    /// The public key, SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NewKey(…)")
    }
}

/// Makes a key as ordered. RSA keys take up to seconds: call it where nothing waits.
pub fn make(order: &KeyOrder) -> Result<NewKey, rcgen::Error> {
    let key = match order.kind {
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
        KeyKind::Rsa(bits) => {
            let size = match bits {
                0..=2048 => RsaKeySize::_2048,
                2049..=3072 => RsaKeySize::_3072,
                _ => RsaKeySize::_4096,
            };
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size)?
        }
    };
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, DnValue::Utf8String(order.common_name.clone()));
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = subject;
    let request = parameters.serialize_request(&key)?;
    Ok(NewKey {
        private_key: Zeroizing::new(key.serialize_pem()),
        certificate_request: request.der().to_vec(),
        public_key: key.subject_public_key_info(),
    })
}
