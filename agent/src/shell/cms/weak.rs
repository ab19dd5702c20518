//! RSA signatures by PKCS#1 v1.5 with SHA-1 (RFC 8017 section 8.2.1), for SCEP servers that know no other digest. The
//! cryptographic library verifies them and makes none any more. Called only where the machine's configuration allows it.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use der::asn1::{Any, OctetString, Uint};
use der::{Decode as _, Sequence};
use num_bigint::BigUint;
use rcgen::{KeyPair, PublicKeyData as _};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::CmsError;

/// `DigestInfo` up to the digest, for SHA-1.
const DIGEST_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14];
/// The shortest padding.
const LEAST_PADDING: usize = 8;

#[derive(Sequence)]
struct PrivateKeyInfo {
    version: u8,
    algorithm: Any,
    key: OctetString,
}

/// `RSAPrivateKey`; what follows the private exponent is not needed.
#[derive(Sequence)]
struct RsaPrivateKey {
    version: u8,
    modulus: Uint,
    public_exponent: Uint,
    private_exponent: Uint,
    first_prime: Uint,
    second_prime: Uint,
    first_exponent: Uint,
    second_exponent: Uint,
    coefficient: Uint,
}

/// Signs a message with SHA-1. The base is blinded, so that how long it takes says nothing of the key.
pub(in crate::shell) fn sign(message: &[u8], key: &KeyPair) -> Result<Vec<u8>, CmsError> {
    let der = Zeroizing::new(key.serialize_der());
    let info = PrivateKeyInfo::from_der(&der)?;
    let parts = RsaPrivateKey::from_der(info.key.as_bytes()).map_err(|_| CmsError::KeyKind)?;
    let number = |part: &Uint| BigUint::from_bytes_be(part.as_bytes());
    let (modulus, private) = (number(&parts.modulus), number(&parts.private_exponent));
    let length = parts.modulus.as_bytes().len();
    let padded = BigUint::from_bytes_be(&padded(message, length)?);
    let (blind, unblind) = blinding(&modulus, length)?;
    let blinded = padded * blind.modpow(&number(&parts.public_exponent), &modulus) % &modulus;
    let signature = (blinded.modpow(&private, &modulus) * unblind % &modulus).to_bytes_be();
    let mut whole = vec![0; length.saturating_sub(signature.len())];
    whole.extend(signature);
    // A wrong one, by whatever fault, could give the key away.
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key.der_bytes())
        .verify(message, &whole)
        .map_err(|_| CmsError::KeyKind)?;
    Ok(whole)
}

fn padded(message: &[u8], length: usize) -> Result<Vec<u8>, CmsError> {
    let digest = Sha1::digest(message);
    let padding = length.checked_sub(3 + DIGEST_INFO.len() + digest.len()).filter(|bytes| *bytes >= LEAST_PADDING);
    let padding = padding.ok_or(CmsError::KeyKind)?;
    let mut encoded = vec![0x00, 0x01];
    encoded.extend(std::iter::repeat_n(0xFF, padding));
    encoded.push(0x00);
    encoded.extend(DIGEST_INFO);
    encoded.extend(digest);
    Ok(encoded)
}

/// A random number below the modulus, and its inverse.
fn blinding(modulus: &BigUint, length: usize) -> Result<(BigUint, BigUint), CmsError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    SystemRandom::new().fill(&mut bytes).map_err(|_| CmsError::Encoding("there are no random bytes".to_owned()))?;
    let blind = BigUint::from_bytes_be(&bytes) % modulus;
    let inverse = blind.modinv(modulus).ok_or(CmsError::KeyKind)?;
    Ok((blind, inverse))
}
