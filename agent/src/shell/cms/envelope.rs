//! CMS EnvelopedData (RFC 5652 section 6): what only the holder of a certificate's RSA key can read. Writes key transport
//! by PKCS#1 v1.5 and AES-256-CBC, or triple DES where the caller asks for it; reads OAEP and shorter AES keys too.
//! Nothing here proves who made a message: whoever needs to know that wraps it in a signature.

use ::cms::content_info::ContentInfo;
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_192_CBC, ID_AES_256_CBC, ID_DATA, ID_ENVELOPED_DATA};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::{Any, Null, OctetString, OctetStringRef, SetOfVec};
use der::{Decode as _, Encode as _, Sequence, Tagged as _};
use mdm_protocol::ber::{self, BerError};
use rcgen::KeyPair;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

use super::recipient::{IssuerAndSerial, names};
use super::transport::{self, TransportError};

/// The largest message that is opened, in bytes.
pub const LIMIT: usize = 4 << 20;
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");

#[expect(deprecated, reason = "some servers know nothing newer; it is written only where the configuration allows it")]
const TRIPLE_DES: &Algorithm = &aws_lc_rs::cipher::DES_EDE3_FOR_LEGACY_USE_ONLY;

/// A message that could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is larger than anything that is expected.
    #[error("the encrypted message is larger than {LIMIT} bytes")]
    TooLarge,
    /// It is no BER.
    #[error("the encrypted message cannot be read: {0}")]
    Ber(#[from] BerError),
    /// It is no EnvelopedData.
    #[error("the encrypted message is no CMS EnvelopedData: {0}")]
    Malformed(der::Error),
    /// It has another content type, or none.
    #[error("the encrypted message is no CMS EnvelopedData")]
    NotEnveloped,
    /// It is for somebody else.
    #[error("the message is not encrypted to this certificate")]
    OtherRecipient,
    /// The key or its transport cannot be used.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The content is encrypted in a way that is not known.
    #[error("the message is encrypted with {0}; AES and triple DES in CBC mode are known")]
    Cipher(ObjectIdentifier),
    /// The key is not the one that it was encrypted to, or it was damaged. Says no more, so that nobody learns from it.
    #[error("the message cannot be decrypted with this key")]
    Unopenable,
    /// The recipient's certificate cannot be encrypted to.
    #[error("nothing can be encrypted to this certificate: {0}")]
    Recipient(&'static str),
    /// Something has no encoding.
    #[error("the encrypted message cannot be made: {0}")]
    Encoding(der::Error),
    /// The cryptographic library refused.
    #[error("the cryptographic library cannot encrypt")]
    Library,
}

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

/// What the content of a message is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentCipher {
    /// AES-256-CBC.
    Aes256,
    /// Triple DES with three keys, in CBC mode.
    TripleDes,
}

/// Encrypts `content` with AES to the holder of a certificate (DER) with an RSA key; the result is a `ContentInfo` in DER.
pub fn seal(content: &[u8], recipient: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, EnvelopeError> {
    seal_with(content, recipient, ContentCipher::Aes256, random)
}

/// The same with a cipher of the caller's choice.
pub fn seal_with(
    content: &[u8],
    recipient: &[u8],
    cipher: ContentCipher,
    random: &dyn SecureRandom,
) -> Result<Vec<u8>, EnvelopeError> {
    let (algorithm, _) = cipher.algorithm();
    let mut key = Zeroizing::new(vec![0; cipher.key_len()]);
    let mut vector = vec![0; algorithm.block_len()];
    random.fill(key.as_mut_slice()).and_then(|()| random.fill(&mut vector)).map_err(|_| EnvelopeError::Library)?;
    let recipients = SetOfVec::try_from(vec![transport_to(recipient, key.as_slice())?]);
    let data = Enveloped {
        version: 0,
        originator: None,
        recipients: recipients.map_err(EnvelopeError::Encoding)?,
        content: encrypt(content, key.as_slice(), &vector, cipher)?,
        attributes: None,
    };
    let wrap = || ContentInfo { content_type: ID_ENVELOPED_DATA, content: Any::encode_from(&data)? }.to_der();
    wrap().map_err(EnvelopeError::Encoding)
}

fn transport_to(recipient: &[u8], content_key: &[u8]) -> Result<Any, EnvelopeError> {
    let (_, certificate) =
        X509Certificate::from_der(recipient).map_err(|_| EnvelopeError::Recipient("it cannot be read"))?;
    if !matches!(certificate.public_key().parsed(), Ok(PublicKey::RSA(_))) {
        return Err(EnvelopeError::Recipient("its key is not an RSA key"));
    }
    let key = PublicEncryptingKey::from_der(certificate.public_key().raw)
        .map_err(|_| EnvelopeError::Recipient("its RSA key has less than 2048 or more than 8192 bits"))?;
    let key = Pkcs1PublicEncryptingKey::new(key).map_err(|_| EnvelopeError::Library)?;
    let mut encrypted = vec![0; key.ciphertext_size()];
    let encrypted = key.encrypt(content_key, &mut encrypted).map_err(|_| EnvelopeError::Library)?;
    let encode = || {
        Any::encode_from(&KeyTransport {
            version: 0,
            recipient: Any::encode_from(&IssuerAndSerial::of(&certificate)?)?,
            algorithm: AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) },
            encrypted_key: OctetString::new(&*encrypted)?,
        })
    };
    encode().map_err(EnvelopeError::Encoding)
}

impl ContentCipher {
    fn algorithm(self) -> (&'static Algorithm, ObjectIdentifier) {
        match self {
            Self::Aes256 => (&AES_256, ID_AES_256_CBC),
            Self::TripleDes => (TRIPLE_DES, DES_EDE3_CBC),
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::Aes256 => 32,
            Self::TripleDes => 24,
        }
    }
}

fn encrypt(
    content: &[u8],
    key: &[u8],
    vector: &[u8],
    cipher: ContentCipher,
) -> Result<EncryptedContent, EnvelopeError> {
    let (algorithm, oid) = cipher.algorithm();
    let context = match algorithm.block_len() {
        8 => vector.try_into().map(|vector: [u8; 8]| EncryptionContext::Iv64(FixedLength::from(vector))),
        _ => vector.try_into().map(|vector: [u8; 16]| EncryptionContext::Iv128(FixedLength::from(vector))),
    };
    let context = context.map_err(|_| EnvelopeError::Library)?;
    let unbound = UnboundCipherKey::new(algorithm, key).map_err(|_| EnvelopeError::Library)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(unbound).map_err(|_| EnvelopeError::Library)?;
    // Becomes cipher text in place.
    let mut text = content.to_vec();
    cipher.less_safe_encrypt(&mut text, context).map_err(|_| EnvelopeError::Library)?;
    let encode = || {
        let parameters = Some(Any::encode_from(&OctetStringRef::new(vector)?)?);
        Ok(EncryptedContent {
            content_type: ID_DATA,
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            content: Some(Any::new(IMPLICIT_PRIMITIVE, text)?),
        })
    };
    encode().map_err(EnvelopeError::Encoding)
}

const IMPLICIT_PRIMITIVE: der::Tag = der::Tag::ContextSpecific { constructed: false, number: der::TagNumber::N0 };
const IMPLICIT_CONSTRUCTED: der::Tag = der::Tag::ContextSpecific { constructed: true, number: der::TagNumber::N0 };

/// Decrypts a `ContentInfo` (BER or DER) that was encrypted to a certificate (DER), with the certificate's key.
pub fn open(message: &[u8], key: &KeyPair, certificate: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if message.len() > LIMIT {
        return Err(EnvelopeError::TooLarge);
    }
    let info = ContentInfo::from_der(&ber::definite(message)?).map_err(EnvelopeError::Malformed)?;
    if info.content_type != ID_ENVELOPED_DATA {
        return Err(EnvelopeError::NotEnveloped);
    }
    let data: Enveloped = info.content.decode_as().map_err(EnvelopeError::Malformed)?;
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| EnvelopeError::Recipient("it cannot be read"))?;
    // Recipients of other kinds (key agreement, passwords) have other tags or another structure.
    let transports = data.recipients.iter().filter_map(|recipient| recipient.decode_as::<KeyTransport>().ok());
    let transport = transports
        .into_iter()
        .find(|found| names(&found.recipient, &certificate))
        .ok_or(EnvelopeError::OtherRecipient)?;
    let content_key = transport::unwrap_key(key, &transport.algorithm, transport.encrypted_key.as_bytes())?;
    decrypt(&data.content, content_key.as_deref().map(Vec::as_slice))
}

/// Whatever is wrong with the key and the text ends in the same error: the sender may be somebody who tries things out.
fn decrypt(encrypted: &EncryptedContent, key: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let oid = encrypted.algorithm.oid;
    let algorithm: &'static Algorithm = match oid {
        ID_AES_128_CBC => &AES_128,
        ID_AES_192_CBC => &AES_192,
        ID_AES_256_CBC => &AES_256,
        DES_EDE3_CBC => TRIPLE_DES,
        _ => return Err(EnvelopeError::Cipher(oid)),
    };
    let vector = encrypted.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<OctetString>().ok());
    let vector = vector.ok_or(EnvelopeError::NotEnveloped)?;
    let context = match algorithm.block_len() {
        8 => vector.as_bytes().try_into().map(|vector: [u8; 8]| DecryptionContext::Iv64(FixedLength::from(vector))),
        _ => vector.as_bytes().try_into().map(|vector: [u8; 16]| DecryptionContext::Iv128(FixedLength::from(vector))),
    };
    let context = context.map_err(|_| EnvelopeError::NotEnveloped)?;
    let text = encrypted.content.as_ref().ok_or(EnvelopeError::NotEnveloped)?;
    let mut text = Zeroizing::new(match text.tag() {
        IMPLICIT_PRIMITIVE => text.value().to_vec(),
        IMPLICIT_CONSTRUCTED => ber::joined(text.value())?,
        _ => return Err(EnvelopeError::NotEnveloped),
    });
    let unbound = key.and_then(|key| UnboundCipherKey::new(algorithm, key).ok()).ok_or(EnvelopeError::Unopenable)?;
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(unbound).map_err(|_| EnvelopeError::Unopenable)?;
    let length = cipher.decrypt(&mut text, context).map_err(|_| EnvelopeError::Unopenable)?.len();
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests;
