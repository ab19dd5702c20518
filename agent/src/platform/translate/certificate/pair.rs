//! Which key of a PKCS#12 file is used, and which certificates go with it. Public keys decide: the attributes that should
//! tie them together are left out or wrong in many files.

use der::asn1::{Any, AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use x509_cert::spki::AlgorithmIdentifierRef;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::chain::Authorities;
use super::pkcs12::{Certificate, Contents, Key};

/// rsaEncryption, and RSASSA-PSS (RFC 4055 section 1.2).
const RSA: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"), ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10")];
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// How much of a name is shown.
const MAX_NAME: usize = 200;

/// A key with its certificates.
pub(super) struct Pair {
    /// PKCS#8.
    pub(super) key: Zeroizing<Vec<u8>>,
    /// The certificate and those of its issuers that are in the file, in DER.
    pub(super) chain: Vec<Vec<u8>>,
    /// What of the file is not used.
    pub(super) unused: Vec<String>,
}

/// The first key of the file whose certificate is there.
pub(super) fn choose(contents: Contents) -> Result<Pair, &'static str> {
    let Contents { keys, certificates, others } = contents;
    if keys.is_empty() {
        return Err("there is no private key in it");
    }
    if certificates.is_empty() {
        return Err("there is no certificate in it");
    }
    let owners: Vec<Option<usize>> = keys.iter().map(|key| owner(key, &certificates)).collect();
    let (position, own) = owners
        .iter()
        .enumerate()
        .find_map(|(position, own)| own.map(|own| (position, own)))
        .ok_or("no certificate in it belongs to a private key in it")?;
    let others_in_file = certificates.iter().enumerate().filter(|(place, _)| *place != own);
    let above = Authorities::of(others_in_file.map(|(_, certificate)| certificate.der.clone()));
    let chain: Vec<Vec<u8>> =
        [certificates[own].der.clone()].into_iter().chain(above.above(&certificates[own].der)).collect();
    let mut unused = Vec::new();
    if keys.len() > 1 {
        let name = subject(&certificates[own].der);
        unused.push(format!("PFXCertBlob: the file has {} keys; that of {name} is used", keys.len()));
    }
    let belongs = |place: usize| owners.contains(&Some(place));
    let strangers = certificates.iter().enumerate();
    let strangers = strangers.filter(|(place, other)| !belongs(*place) && !chain.contains(&other.der)).count();
    if strangers > 0 {
        unused
            .push(format!("PFXCertBlob: {strangers} of its certificates are not of the key's chain and are not used"));
    }
    if others > 0 {
        unused.push(format!("PFXCertBlob: {others} of its bags are neither certificates nor keys and are not used"));
    }
    let key = keys.into_iter().nth(position).ok_or("there is no private key in it")?;
    Ok(Pair { key: key.pkcs8, chain, unused })
}

/// The certificate of a key; by their identifiers only where the public key cannot be found out.
fn owner(key: &Key, certificates: &[Certificate]) -> Option<usize> {
    match public_key(&key.pkcs8) {
        Some(public) => certificates.iter().position(|certificate| has_key(&certificate.der, &public)),
        None => certificates
            .iter()
            .position(|certificate| key.local_key_id.is_some() && certificate.local_key_id == key.local_key_id),
    }
}

fn has_key(certificate: &[u8], public: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| *certificate.public_key().subject_public_key.data == *public)
}

fn subject(certificate: &[u8]) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return String::new() };
    let name = certificate.subject().to_string();
    name.chars().filter(|character| !character.is_control()).take(MAX_NAME).collect()
}

/// The public key of a private one (PKCS#8), as the bit string of a certificate has it.
fn public_key(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let mut reader = elements(AnyRef::from_der(pkcs8).ok()?)?;
    AnyRef::decode(&mut reader).ok()?;
    let algorithm = AlgorithmIdentifierRef::decode(&mut reader).ok()?.oid;
    let private = OctetStringRef::decode(&mut reader).ok()?.as_bytes();
    if RSA.contains(&algorithm) {
        return rsa(private);
    }
    // Of a curve that is known, it is worked out; of another one, what was written with the key is believed.
    let known = || rcgen::KeyPair::try_from(pkcs8).ok().map(|pair| pair.public_key_raw().to_vec());
    let written = || match algorithm {
        EC => tagged(elements(AnyRef::from_der(private).ok()?)?),
        _ => tagged(reader),
    };
    known().or_else(written)
}

/// RSAPublicKey of an RSAPrivateKey (RFC 8017 appendix A.1).
fn rsa(private: &[u8]) -> Option<Vec<u8>> {
    let mut reader = elements(AnyRef::from_der(private).ok()?)?;
    AnyRef::decode(&mut reader).ok()?;
    let [modulus, exponent] = [AnyRef::decode(&mut reader).ok()?, AnyRef::decode(&mut reader).ok()?];
    let content = [modulus.to_der().ok()?, exponent.to_der().ok()?].concat();
    Any::new(Tag::Sequence, content).ok()?.to_der().ok()
}

/// The public key that is written behind a private one: the tag 1, explicit in ECPrivateKey (RFC 5915 section 3) and
/// implicit in OneAsymmetricKey (RFC 5958 section 2).
fn tagged(mut reader: SliceReader<'_>) -> Option<Vec<u8>> {
    while !reader.is_finished() {
        let element = AnyRef::decode(&mut reader).ok()?;
        match element.tag() {
            Tag::ContextSpecific { constructed: true, number: TagNumber::N1 } => {
                let bits = BitStringRef::from_der(element.value()).ok()?;
                return bits.as_bytes().map(<[u8]>::to_vec);
            }
            // The first byte counts the bits that are left over.
            Tag::ContextSpecific { constructed: false, number: TagNumber::N1 } => {
                return element.value().split_first().map(|(_, key)| key.to_vec());
            }
            _ => {}
        }
    }
    None
}

fn elements(sequence: AnyRef<'_>) -> Option<SliceReader<'_>> {
    SliceReader::new(sequence.value()).ok().filter(|_| sequence.tag() == Tag::Sequence)
}
