//! CMS EnvelopedData (RFC 5652 section 6) as SCEP needs it: RSA key transport by PKCS#1 v1.5 and AES in CBC mode. Whatever
//! does not open is refused with the same reason, so that nobody learns from it.

use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo, RecipientInfos,
};
use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_256_CBC, ID_DATA, ID_ENVELOPED_DATA};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::{Any, Null, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::registration::RegistrationAuthority;
use super::{ScepError, ScepRefusal};
use crate::service::random;

/// Opens what was sealed to the registration authority.
pub(super) fn open(message: &[u8], registration: &RegistrationAuthority) -> Result<Vec<u8>, ScepRefusal> {
    let unreadable = |_| ScepRefusal::MessageCheck;
    let info = ContentInfo::from_der(message).map_err(unreadable)?;
    let data: EnvelopedData = info.content.decode_as().map_err(unreadable)?;
    let encrypted = &data.encrypted_content;
    let algorithm: &'static Algorithm = match encrypted.content_enc_alg.oid {
        ID_AES_128_CBC => &AES_128,
        ID_AES_256_CBC => &AES_256,
        _ => return Err(ScepRefusal::Algorithm),
    };
    let own = Certificate::from_der(registration.der()).map_err(unreadable)?.tbs_certificate;
    let is_own = |transport: &&KeyTransRecipientInfo| match &transport.rid {
        RecipientIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == own.issuer && id.serial_number == own.serial_number
        }
        RecipientIdentifier::SubjectKeyIdentifier(_) => false,
    };
    let transports = data.recip_infos.0.iter().filter_map(|recipient| match recipient {
        RecipientInfo::Ktri(transport) => Some(transport),
        _ => None,
    });
    let transport = transports.into_iter().find(is_own).ok_or(ScepRefusal::MessageCheck)?;
    if transport.key_enc_alg.oid != RSA_ENCRYPTION {
        return Err(ScepRefusal::Algorithm);
    }
    let vector = encrypted.content_enc_alg.parameters.as_ref().and_then(|any| any.decode_as::<OctetString>().ok());
    let vector: Option<[u8; 16]> = vector.and_then(|vector| vector.as_bytes().try_into().ok());
    let text = encrypted.encrypted_content.as_ref().map(|text| text.as_bytes().to_vec());
    let (vector, mut text) = vector.zip(text).ok_or(ScepRefusal::MessageCheck)?;
    decrypt(registration, transport.enc_key.as_bytes(), algorithm, vector, &mut text).ok_or(ScepRefusal::MessageCheck)
}

fn decrypt(
    registration: &RegistrationAuthority,
    encrypted_key: &[u8],
    algorithm: &'static Algorithm,
    vector: [u8; 16],
    text: &mut [u8],
) -> Option<Vec<u8>> {
    let key = PrivateDecryptingKey::from_pkcs8(&registration.key().serialize_der()).ok()?;
    let key = Pkcs1PrivateDecryptingKey::new(key).ok()?;
    let mut buffer = vec![0; key.min_output_size()];
    let content_key = key.decrypt(encrypted_key, &mut buffer).ok()?;
    let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, content_key).ok()?).ok()?;
    Some(cipher.decrypt(text, DecryptionContext::Iv128(FixedLength::from(vector))).ok()?.to_vec())
}

/// Seals an answer to the holder of a certificate (DER) with an RSA key.
pub(super) fn seal(content: &[u8], recipient: &[u8]) -> Result<Vec<u8>, ScepError> {
    let recipient = Certificate::from_der(recipient).map_err(|_| ScepError::Certificate)?.tbs_certificate;
    let public_key = recipient.subject_public_key_info.to_der()?;
    let public_key = PublicEncryptingKey::from_der(&public_key).map_err(|_| ScepError::Certificate)?;
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
    let transport = KeyTransRecipientInfo {
        version: CmsVersion::V0,
        rid: RecipientIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: recipient.issuer,
            serial_number: recipient.serial_number,
        }),
        key_enc_alg: AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::encode_from(&Null)?) },
        enc_key: OctetString::new(&*encrypted_key)?,
    };
    let vector = Any::encode_from(&OctetString::new(vector)?)?;
    let data = EnvelopedData {
        version: CmsVersion::V0,
        originator_info: None,
        recip_infos: RecipientInfos(SetOfVec::try_from(vec![RecipientInfo::Ktri(transport)])?),
        encrypted_content: EncryptedContentInfo {
            content_type: ID_DATA,
            content_enc_alg: AlgorithmIdentifierOwned { oid: ID_AES_256_CBC, parameters: Some(vector) },
            encrypted_content: Some(OctetString::new(text)?),
        },
        unprotected_attrs: None,
    };
    Ok(ContentInfo { content_type: ID_ENVELOPED_DATA, content: Any::encode_from(&data)? }.to_der()?)
}
