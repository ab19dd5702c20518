//! How parts of a PKCS#12 file are encrypted with a password: PBES2 (RFC 8018) and the older methods of RFC 7292
//! appendix C. The older ones protect little; files with them are still made, and refusing them protects nobody.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, KeyInit, KeyIvInit as _};
use der::Decode as _;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use pkcs5::pbes2::{self, EncryptionScheme, Kdf, PBKDF2_OID, Pbkdf2Params, SCRYPT_OID};
use pkcs12::kdf::Pkcs12KeyType;
use rc4::Rc4;
use rc4::consts::{U5, U16};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::hash::Hash;
use super::iterations::Iterations;
use super::password::Password;
use super::{Fault, PartOf as _, sequence};

/// The block size of DES and RC2, in bytes.
const SMALL_BLOCK: usize = 8;

type Plain = Zeroizing<Vec<u8>>;

/// Decrypts one part.
pub(super) fn decrypt(
    algorithm: AlgorithmIdentifierRef<'_>,
    content: &[u8],
    password: &Password,
    iterations: &mut Iterations,
    part: &'static str,
) -> Result<Plain, Fault> {
    let parameters = algorithm.parameters.ok_or(Fault::Damaged(part))?;
    if algorithm.oid == pbes2::PBES2_OID {
        return pbes2(parameters, content, password, iterations, part);
    }
    let mut reader = sequence(parameters, part)?;
    let salt = OctetStringRef::decode(&mut reader).part(part)?.as_bytes();
    let declared = u32::decode(&mut reader).part(part)?;
    let method = Method::of(algorithm.oid).ok_or_else(|| unsupported(part, algorithm.oid))?;
    let rounds = count(declared, iterations)?;
    let derived = |kind, length| Hash::Sha1.pkcs12_key((&password.utf16, salt), kind, rounds, length);
    let key = derived(Pkcs12KeyType::EncryptionKey, method.key_length());
    let vector = || derived(Pkcs12KeyType::Iv, SMALL_BLOCK);
    match method {
        Method::Rc4Long => rc4_applied(Rc4::<U16>::new_from_slice(&key).ok(), content),
        Method::Rc4Short => rc4_applied(Rc4::<U5>::new_from_slice(&key).ok(), content),
        Method::TripleDes3 => cbc_decrypted::<des::TdesEde3>(&key, &vector(), content),
        Method::TripleDes2 => cbc_decrypted::<des::TdesEde2>(&key, &vector(), content),
        // The length of the key is its effective length too.
        Method::Rc2Long | Method::Rc2Short => cbc_decrypted::<rc2::Rc2>(&key, &vector(), content),
    }
    .ok_or(Fault::Undecryptable(part))
}

/// An iteration count as the derivation of RFC 7292 takes it, once its iterations are taken.
pub(super) fn count(declared: u32, iterations: &mut Iterations) -> Result<i32, Fault> {
    iterations.take(u64::from(declared))?;
    i32::try_from(declared).map_err(|_| Fault::TooManyIterations)
}

/// The methods of RFC 7292 appendix C.
#[derive(Clone, Copy)]
enum Method {
    Rc4Long,
    Rc4Short,
    TripleDes3,
    TripleDes2,
    Rc2Long,
    Rc2Short,
}

impl Method {
    fn of(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            pkcs12::PKCS_12_PBE_WITH_SHAAND128_BIT_RC4 => Self::Rc4Long,
            pkcs12::PKCS_12_PBE_WITH_SHAAND40_BIT_RC4 => Self::Rc4Short,
            pkcs12::PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC => Self::TripleDes3,
            pkcs12::PKCS_12_PBE_WITH_SHAAND2_KEY_TRIPLE_DES_CBC => Self::TripleDes2,
            pkcs12::PKCS_12_PBE_WITH_SHAAND128_BIT_RC2_CBC => Self::Rc2Long,
            pkcs12::PKCS_12_PBEWITH_SHAAND40_BIT_RC2_CBC => Self::Rc2Short,
            _ => return None,
        })
    }

    const fn key_length(self) -> usize {
        match self {
            Self::Rc4Short | Self::Rc2Short => 5,
            Self::Rc4Long | Self::Rc2Long | Self::TripleDes2 => 16,
            Self::TripleDes3 => 24,
        }
    }
}

fn cbc_decrypted<C: BlockDecryptMut + BlockCipher + KeyInit>(
    key: &[u8],
    vector: &[u8],
    content: &[u8],
) -> Option<Plain> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, vector).ok()?;
    cipher.decrypt_padded_vec_mut::<Pkcs7>(content).ok().map(Zeroizing::new)
}

fn rc4_applied(cipher: Option<impl rc4::StreamCipher>, content: &[u8]) -> Option<Plain> {
    let mut plain = Zeroizing::new(content.to_vec());
    cipher?.apply_keystream(&mut plain);
    Some(plain)
}

fn pbes2(
    parameters: AnyRef<'_>,
    content: &[u8],
    password: &Password,
    iterations: &mut Iterations,
    part: &'static str,
) -> Result<Plain, Fault> {
    let mut reader = sequence(parameters, part)?;
    let derivation = AlgorithmIdentifierRef::decode(&mut reader).part(part)?;
    let cipher = AlgorithmIdentifierRef::decode(&mut reader).part(part)?;
    let encryption = scheme(cipher, part)?;
    let kdf = if derivation.oid == SCRYPT_OID {
        let kdf = Kdf::try_from(derivation).part(part)?;
        let Kdf::Scrypt(scrypt) = &kdf else { return Err(unsupported(part, derivation.oid)) };
        iterations.take_scrypt(scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization)?;
        kdf
    } else {
        let (parameters, _) = kdf_parameters(derivation, part)?;
        iterations.take(u64::from(parameters.iteration_count))?;
        Kdf::Pbkdf2(parameters)
    };
    let decrypted = pbes2::Parameters { kdf, encryption }.decrypt(password.utf8.as_slice(), content);
    decrypted.map(Zeroizing::new).map_err(|error| match error {
        pkcs5::Error::AlgorithmParametersInvalid { .. } => Fault::Damaged(part),
        pkcs5::Error::UnsupportedAlgorithm { oid } => unsupported(part, oid),
        _ => Fault::Undecryptable(part),
    })
}

fn scheme<'a>(cipher: AlgorithmIdentifierRef<'a>, part: &'static str) -> Result<EncryptionScheme<'a>, Fault> {
    let block = match cipher.oid {
        pbes2::AES_128_CBC_OID | pbes2::AES_192_CBC_OID | pbes2::AES_256_CBC_OID => 16,
        pbes2::DES_EDE3_CBC_OID => SMALL_BLOCK,
        other => return Err(unsupported(part, other)),
    };
    // The crate cuts a vector of DES to its length without looking how long it is.
    let vector = cipher.parameters.and_then(|vector| vector.decode_as::<OctetStringRef<'_>>().ok());
    vector.filter(|vector| vector.as_bytes().len() == block).ok_or(Fault::Damaged(part))?;
    EncryptionScheme::try_from(cipher).part(part)
}

/// The parameters of PBKDF2 (RFC 8018 appendix A.2), with what it is computed with. The crate's own reader takes no
/// identifier of a hash function without NULL behind it, which some writers leave out.
pub(super) fn kdf_parameters<'a>(
    algorithm: AlgorithmIdentifierRef<'a>,
    part: &'static str,
) -> Result<(Pbkdf2Params<'a>, Hash), Fault> {
    if algorithm.oid != PBKDF2_OID {
        return Err(unsupported(part, algorithm.oid));
    }
    let mut reader = sequence(algorithm.parameters.ok_or(Fault::Damaged(part))?, part)?;
    let salt = OctetStringRef::decode(&mut reader).part(part)?.as_bytes();
    let iteration_count = u32::decode(&mut reader).part(part)?;
    let key_length = Option::<u16>::decode(&mut reader).part(part)?;
    let hash = match Option::<AlgorithmIdentifierRef<'_>>::decode(&mut reader).part(part)? {
        None => Hash::Sha1,
        Some(prf) => Hash::of_hmac(prf.oid).ok_or_else(|| unsupported(part, prf.oid))?,
    };
    Ok((Pbkdf2Params { salt, iteration_count, key_length, prf: hash.prf() }, hash))
}

fn unsupported(part: &str, oid: ObjectIdentifier) -> Fault {
    Fault::Unsupported(format!("{part}, encrypted by the method {oid},"))
}
