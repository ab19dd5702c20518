//! The MAC of a PKCS#12 file: the only thing in it that proves what its password is (RFC 7292 section 4, RFC 9579).

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, SliceReader};
use pkcs12::kdf::Pkcs12KeyType;
use x509_cert::spki::AlgorithmIdentifierRef;

use super::encryption::{count, kdf_parameters};
use super::hash::Hash;
use super::iterations::Iterations;
use super::password::Password;
use super::{Fault, PartOf as _, sequence};

const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");
/// How long the key of PBMAC1 may be, in bytes: RFC 9579 section 4 forbids shorter ones, OpenSSL takes no longer ones.
const PBMAC1_KEY: std::ops::RangeInclusive<u16> = 20..=64;
const PART: &str = "its MAC";

/// A MAC and how it is made.
pub(super) struct MacData<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: &'a [u8],
    salt: &'a [u8],
    count: u32,
}

impl<'a> MacData<'a> {
    /// Reads MacData.
    pub(super) fn read(element: AnyRef<'a>) -> Result<Self, Fault> {
        let mut reader = sequence(element, PART)?;
        let mut mac = sequence(AnyRef::decode(&mut reader).part(PART)?, PART)?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut mac).part(PART)?;
        let digest = OctetStringRef::decode(&mut mac).part(PART)?.as_bytes();
        let salt = OctetStringRef::decode(&mut reader).part(PART)?.as_bytes();
        let count = Option::<u32>::decode(&mut reader).part(PART)?.unwrap_or(1);
        Ok(Self { algorithm, digest, salt, count })
    }

    /// Whether the content was authenticated with this password.
    pub(super) fn verifies(
        &self,
        content: &[u8],
        password: &Password,
        iterations: &mut Iterations,
    ) -> Result<bool, Fault> {
        if self.algorithm.oid == PBMAC1 {
            return self.verifies_pbmac1(content, password, iterations);
        }
        let hash = Hash::named(self.algorithm.oid).ok_or_else(|| unsupported(self.algorithm.oid))?;
        let rounds = count(self.count, iterations)?;
        let derived = (password.utf16.as_slice(), self.salt);
        let key = hash.pkcs12_key(derived, Pkcs12KeyType::Mac, rounds, hash.length());
        Ok(hash.hmac_is(&key, content, self.digest))
    }

    fn verifies_pbmac1(&self, content: &[u8], password: &Password, iterations: &mut Iterations) -> Result<bool, Fault> {
        let parameters = self.algorithm.parameters.ok_or(Fault::Damaged(PART))?;
        let mut reader: SliceReader<'_> = sequence(parameters, PART)?;
        let derivation = AlgorithmIdentifierRef::decode(&mut reader).part(PART)?;
        let scheme = AlgorithmIdentifierRef::decode(&mut reader).part(PART)?;
        let hash = Hash::of_hmac(scheme.oid).ok_or_else(|| unsupported(scheme.oid))?;
        let (parameters, prf) = kdf_parameters(derivation, PART)?;
        let length = parameters.key_length.filter(|length| PBMAC1_KEY.contains(length)).ok_or(Fault::Damaged(PART))?;
        iterations.take(u64::from(parameters.iteration_count))?;
        let (salt, count) = (parameters.salt, parameters.iteration_count);
        let key = prf.pbkdf2(&password.utf8, salt, count, usize::from(length));
        Ok(hash.hmac_is(&key, content, self.digest))
    }
}

fn unsupported(oid: ObjectIdentifier) -> Fault {
    Fault::Unsupported(format!("its MAC of the kind {oid}"))
}
