//! Private keys, certificate requests, and what the old key signs so that the server believes the new one.

use der::asn1::{Any, SetOfVec};
use der::{Decode as _, Encode as _};
use mdm_protocol::base64;
use rcgen::{
    Attribute, CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    PublicKeyData as _, RsaKeySize, SigningKey as _,
};
use zeroize::Zeroizing;

use super::cms::{self, CmsError};
use super::identity::{Slot, SlotError};
use crate::engine::enrolment::{KeyKind, KeyOrder};
use crate::engine::renewal::NewKeyRequest;

/// The certificate that a request renews (MS-WCCE 2.2.2.7.4, szOID_RENEWAL_CERTIFICATE).
const RENEWAL_CERTIFICATE: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 13, 1];

/// A key or signature that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused.
    #[error("the private key or its request cannot be made: {0}")]
    Library(#[from] rcgen::Error),
    /// The present key or certificate is unusable.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The signed message could not be made.
    #[error(transparent)]
    Cms(#[from] CmsError),
}

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

/// A new key, and the request to renew the certificate with it.
#[derive(Debug)]
pub struct RenewalRequest {
    /// The new key.
    pub key: NewKey,
    /// Its certificate request in a CMS message that the present key signed, DER.
    pub message: Vec<u8>,
}

impl RenewalRequest {
    /// What a renewal sends of it.
    pub fn to_send(&self) -> NewKeyRequest {
        NewKeyRequest {
            certificate_request: self.key.certificate_request.clone(),
            signed_request: self.message.clone(),
            public_key: self.key.public_key.clone(),
        }
    }
}

/// Makes a key as ordered. RSA keys take up to seconds: call it where nothing waits.
pub fn make(order: &KeyOrder) -> Result<NewKey, rcgen::Error> {
    make_with(order, Vec::new())
}

/// Makes a key as ordered and the request to renew the present certificate with it (PROTOCOL section 3). Takes as long
/// as [`make`].
pub fn renewal_request(order: &KeyOrder, present: &Slot, signing_time: i64) -> Result<RenewalRequest, KeyError> {
    let certificate = present.certificate()?;
    let values = Any::from_der(&certificate).and_then(|any| SetOfVec::try_from(vec![any])?.to_der());
    let values = values.map_err(|error| CmsError::Encoding(error.to_string()))?;
    let key = make_with(order, vec![Attribute { oid: RENEWAL_CERTIFICATE, values }])?;
    let message = cms::sign(&key.certificate_request, present, signing_time)?;
    Ok(RenewalRequest { key, message })
}

/// The present key's signature over the device's id at the server (`SignedEntDMID`), in base64.
pub fn sign_entity_id(present: &Slot, entity_id: &str) -> Result<String, KeyError> {
    Ok(base64::encode(present.key_pair()?.sign(entity_id.as_bytes())?))
}

fn make_with(order: &KeyOrder, attributes: Vec<Attribute>) -> Result<NewKey, rcgen::Error> {
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
    let request = parameters.serialize_request_with_attributes(&key, attributes)?;
    Ok(NewKey {
        private_key: Zeroizing::new(key.serialize_pem()),
        certificate_request: request.der().to_vec(),
        public_key: key.subject_public_key_info(),
    })
}
