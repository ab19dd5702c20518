//! The hash functions of PKCS#12 files, and what is built on them.

use const_oid::db::rfc5912;
use der::asn1::ObjectIdentifier;
use hmac::{Hmac, Mac as _};
use pkcs5::pbes2::Pbkdf2Prf;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use zeroize::Zeroizing;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Evaluates an expression for the type of a hash function.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $value:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $digest = sha1::Sha1;
                $value
            }
            Hash::Sha224 => {
                type $digest = sha2::Sha224;
                $value
            }
            Hash::Sha256 => {
                type $digest = sha2::Sha256;
                $value
            }
            Hash::Sha384 => {
                type $digest = sha2::Sha384;
                $value
            }
            Hash::Sha512 => {
                type $digest = sha2::Sha512;
                $value
            }
        }
    };
}

/// HMAC with each of them (RFC 8018 appendix B.1).
const HMACS: [(ObjectIdentifier, Hash); 5] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.7"), Hash::Sha1),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.8"), Hash::Sha224),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.9"), Hash::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.10"), Hash::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.11"), Hash::Sha512),
];

impl Hash {
    /// By the identifier of the function itself.
    pub(super) const fn named(oid: ObjectIdentifier) -> Option<Self> {
        Some(match oid {
            rfc5912::ID_SHA_1 => Self::Sha1,
            rfc5912::ID_SHA_224 => Self::Sha224,
            rfc5912::ID_SHA_256 => Self::Sha256,
            rfc5912::ID_SHA_384 => Self::Sha384,
            rfc5912::ID_SHA_512 => Self::Sha512,
            _ => return None,
        })
    }

    /// By the identifier of the HMAC with it.
    pub(super) fn of_hmac(oid: ObjectIdentifier) -> Option<Self> {
        HMACS.iter().find(|(hmac, _)| *hmac == oid).map(|(_, hash)| *hash)
    }

    /// The same as PBKDF2 knows it.
    pub(super) const fn prf(self) -> Pbkdf2Prf {
        match self {
            Self::Sha1 => Pbkdf2Prf::HmacWithSha1,
            Self::Sha224 => Pbkdf2Prf::HmacWithSha224,
            Self::Sha256 => Pbkdf2Prf::HmacWithSha256,
            Self::Sha384 => Pbkdf2Prf::HmacWithSha384,
            Self::Sha512 => Pbkdf2Prf::HmacWithSha512,
        }
    }

    /// How long a key of RFC 7292 appendix B.4 is, for a MAC.
    pub(super) fn length(self) -> usize {
        with_digest!(self, D => <D as sha2::Digest>::output_size())
    }

    /// Whether this is the HMAC of the content; compared in constant time.
    pub(super) fn hmac_is(self, key: &[u8], content: &[u8], expected: &[u8]) -> bool {
        with_digest!(self, D => {
            Hmac::<D>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(content).verify_slice(expected).is_ok())
        })
    }

    /// The derivation of RFC 7292 appendix B.
    pub(super) fn pkcs12_key(
        self,
        (password, salt): (&[u8], &[u8]),
        kind: Pkcs12KeyType,
        count: i32,
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(with_digest!(self, D => derive_key::<D>(password, salt, kind, count, length)))
    }

    /// PBKDF2 (RFC 8018 section 5.2).
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], count: u32, length: usize) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; length]);
        with_digest!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, count, &mut key));
        key
    }
}
