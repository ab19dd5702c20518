//! The RSA key transport of CMS (RFC 3370 section 4.2.1, RFC 3560): takes the content-encryption key out of a message.
//! A wrong key and a damaged message look the same from outside.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_MGF_1, ID_P_SPECIFIED, ID_RSAES_OAEP, ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION,
};
use der::Sequence;
use der::asn1::OctetString;
use rcgen::KeyPair;
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

/// A key transport that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The private key is not one that anything can be encrypted to.
    #[error("only an RSA key of 2048 to 8192 bits can open an encrypted message")]
    Key,
    /// The key is encrypted in a way that is not known.
    #[error("the message's key is encrypted with {0}; RSA with PKCS#1 v1.5 and with OAEP are known")]
    Algorithm(ObjectIdentifier),
    /// OAEP with parameters that are not known.
    #[error("the message's key is encrypted with OAEP in a variant that is not known: {0}")]
    Oaep(&'static str),
}

/// `RSAES-OAEP-params` (RFC 8017 section A.2.1).
#[derive(Default, Sequence)]
struct OaepParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    source: Option<AlgorithmIdentifierOwned>,
}

/// The key inside; `None` if it does not come out.
pub(super) fn unwrap_key(
    key: &KeyPair,
    algorithm: &AlgorithmIdentifierOwned,
    encrypted: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, TransportError> {
    let der = Zeroizing::new(key.serialize_der());
    let key = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| TransportError::Key)?;
    let mut buffer = Zeroizing::new(vec![0; key.key_size_bytes()]);
    let length = match algorithm.oid {
        RSA_ENCRYPTION => {
            let key = Pkcs1PrivateDecryptingKey::new(key).map_err(|_| TransportError::Key)?;
            key.decrypt(encrypted, &mut buffer).ok().map(|plain| plain.len())
        }
        ID_RSAES_OAEP => {
            let (oaep, label) = oaep(algorithm)?;
            let key = OaepPrivateDecryptingKey::new(key).map_err(|_| TransportError::Key)?;
            key.decrypt(oaep, encrypted, &mut buffer, label.as_deref()).ok().map(|plain| plain.len())
        }
        other => return Err(TransportError::Algorithm(other)),
    };
    Ok(length.map(|length| {
        buffer.truncate(length);
        buffer
    }))
}

/// The variant of OAEP and its label.
fn oaep(algorithm: &AlgorithmIdentifierOwned) -> Result<(&'static OaepAlgorithm, Option<Vec<u8>>), TransportError> {
    let malformed = |_| TransportError::Oaep("its parameters cannot be read");
    let parameters = algorithm.parameters.as_ref().map(|any| any.decode_as::<OaepParameters>()).transpose();
    let parameters = parameters.map_err(malformed)?.unwrap_or_default();
    let hash = parameters.hash.map_or(ID_SHA_1, |hash| hash.oid);
    let mask = match parameters.mask {
        None => ID_SHA_1,
        Some(mask) if mask.oid == ID_MGF_1 => {
            let inner = mask.parameters.ok_or(TransportError::Oaep("its mask has no digest"))?;
            inner.decode_as::<AlgorithmIdentifierOwned>().map_err(malformed)?.oid
        }
        Some(_) => return Err(TransportError::Oaep("its mask is not MGF1")),
    };
    if mask != hash {
        return Err(TransportError::Oaep("it uses two digests"));
    }
    let label = match parameters.source {
        None => None,
        Some(source) if source.oid == ID_P_SPECIFIED => {
            let label = source.parameters.ok_or(TransportError::Oaep("its label is missing"))?;
            Some(label.decode_as::<OctetString>().map_err(malformed)?.into_bytes())
        }
        Some(_) => return Err(TransportError::Oaep("its label is of another kind")),
    };
    let oaep = match hash {
        ID_SHA_1 => &OAEP_SHA1_MGF1SHA1,
        ID_SHA_256 => &OAEP_SHA256_MGF1SHA256,
        ID_SHA_384 => &OAEP_SHA384_MGF1SHA384,
        ID_SHA_512 => &OAEP_SHA512_MGF1SHA512,
        _ => return Err(TransportError::Oaep("its digest is not SHA-1 or SHA-2")),
    };
    Ok((oaep, label.filter(|label| !label.is_empty())))
}
