//! CMS EnvelopedData (RFC 5652 section 6) as SCEP needs it: RSA key transport by PKCS#1 v1.5 and AES in CBC mode. Whatever
//! does not open is refused with the same reason, so that nobody learns from it.

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey};
use cms::content_info::ContentInfo;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_256_CBC, ID_DATA, ID_ENVELOPED_DATA};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::{Any, Null, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _};
use mdm_protocol::ber;
use rcgen::KeyPair;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{ScepError, ScepRefusal};
use crate::service::random;
use crate::tenant::signed_message::{IssuerAndSerial, names};

const IMPLICIT_PRIMITIVE: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };
const IMPLICIT_CONSTRUCTED: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };

// The recipients of some clients are named by serial numbers that follow no rule, so they are kept as they came.

#[derive(Sequence)]
struct Enveloped {
    version: u8,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    originator: Option<Vec<Any>>,
    recipients: SetOfVec<Any>,
    content: EncryptedContent,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    attributes: Option<Vec<Any>>,
}

#[derive(Sequence)]
struct EncryptedContent {
    content_type: ObjectIdentifier,
    algorithm: AlgorithmIdentifierOwned,
    /// `[0] IMPLICIT OCTET STRING`, in BER perhaps in pieces.
    content: Option<Any>,
}

#[derive(Sequence)]
struct KeyTransport {
    version: u8,
    recipient: Any,
    algorithm: AlgorithmIdentifierOwned,
    encrypted_key: OctetString,
}

/// Opens what was sealed (in BER or DER) to the holder of a certificate (DER) with an RSA key.
pub(super) fn open(message: &[u8], key: &KeyPair, certificate: &[u8]) -> Result<Vec<u8>, ScepRefusal> {
    let unreadable = |_| ScepRefusal::MessageCheck;
    let message = ber::definite(message).map_err(|_| ScepRefusal::MessageCheck)?;
    let info = ContentInfo::from_der(&message).map_err(unreadable)?;
    let data: Enveloped = info.content.decode_as().map_err(unreadable)?;
    let encrypted = &data.content;
    let algorithm: &'static Algorithm = match encrypted.algorithm.oid {
        ID_AES_128_CBC => &AES_128,
        ID_AES_256_CBC => &AES_256,
        _ => return Err(ScepRefusal::Algorithm),
    };
    let (_, own) = X509Certificate::from_der(certificate).map_err(|_| ScepRefusal::MessageCheck)?;
    // Recipients of other kinds (key agreement, passwords) have other tags or another structure.
    let transports = data.recipients.iter().filter_map(|recipient| recipient.decode_as::<KeyTransport>().ok());
    let transport =
        transports.into_iter().find(|found| names(&found.recipient, &own)).ok_or(ScepRefusal::MessageCheck)?;
    if transport.algorithm.oid != RSA_ENCRYPTION {
        return Err(ScepRefusal::Algorithm);
    }
    let vector = encrypted.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<OctetString>().ok());
    let vector: Option<[u8; 16]> = vector.and_then(|vector| vector.as_bytes().try_into().ok());
    let text = encrypted.content.as_ref().and_then(|text| match text.tag() {
        IMPLICIT_PRIMITIVE => Some(text.value().to_vec()),
        IMPLICIT_CONSTRUCTED => ber::joined(text.value()).ok(),
        _ => None,
    });
    let (vector, mut text) = vector.zip(text).ok_or(ScepRefusal::MessageCheck)?;
    decrypt(key, transport.encrypted_key.as_bytes(), algorithm, vector, &mut text).ok_or(ScepRefusal::MessageCheck)
}

fn decrypt(
    key: &KeyPair,
    encrypted_key: &[u8],
    algorithm: &'static Algorithm,
    vector: [u8; 16],
    text: &mut [u8],
) -> Option<Vec<u8>> {
    let key = PrivateDecryptingKey::from_pkcs8(&key.serialize_der()).ok()?;
    let key = Pkcs1PrivateDecryptingKey::new(key).ok()?;
    let mut buffer = vec![0; key.min_output_size()];
    let content_key = key.decrypt(encrypted_key, &mut buffer).ok()?;
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, content_key).ok()?).ok()?;
    Some(cipher.decrypt(text, DecryptionContext::Iv128(FixedLength::from(vector))).ok()?.to_vec())
}

/// Seals an answer to the holder of a certificate (DER) with an RSA key.
pub(super) fn seal(content: &[u8], recipient: &[u8]) -> Result<Vec<u8>, ScepError> {
    let (_, recipient) = X509Certificate::from_der(recipient).map_err(|_| ScepError::Certificate)?;
    let public_key = PublicEncryptingKey::from_der(recipient.public_key().raw).map_err(|_| ScepError::Certificate)?;
    let public_key = Pkcs1PublicEncryptingKey::new(public_key).map_err(|_| ScepError::Certificate)?;
    let (key, vector): ([u8; 32], [u8; 16]) = (random::bytes()?, random::bytes()?);
    let mut buffer = vec![0; public_key.ciphertext_size()];
    let encrypted_key = public_key.encrypt(&key, &mut buffer).map_err(|_| ScepError::Library)?;
    let unbound = UnboundCipherKey::new(&AES_256, &key).map_err(|_| ScepError::Library)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(unbound).map_err(|_| ScepError::Library)?;
    let mut text = content.to_vec();
    cipher
        .less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(vector)))
        .map_err(|_| ScepError::Library)?;
    let transport = KeyTransport {
        version: 0,
        recipient: Any::encode_from(&IssuerAndSerial::of(&recipient)?)?,
        algorithm: AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) },
        encrypted_key: OctetString::new(&*encrypted_key)?,
    };
    let vector = Any::encode_from(&OctetString::new(vector)?)?;
    let data = Enveloped {
        version: 0,
        originator: None,
        recipients: SetOfVec::try_from(vec![Any::encode_from(&transport)?])?,
        content: EncryptedContent {
            content_type: ID_DATA,
            algorithm: AlgorithmIdentifierOwned { oid: ID_AES_256_CBC, parameters: Some(vector) },
            content: Some(Any::new(IMPLICIT_PRIMITIVE, text)?),
        },
        attributes: None,
    };
    Ok(ContentInfo { content_type: ID_ENVELOPED_DATA, content: Any::encode_from(&data)? }.to_der()?)
}
