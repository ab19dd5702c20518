//! What is in a PKCS#12 file: bags in parts that are encrypted or not (RFC 7292 sections 4.1 and 4.2), each of which may
//! be BER.

use const_oid::db::rfc5911;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use mdm_protocol::ber;
use x509_cert::spki::AlgorithmIdentifierRef;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::encryption::decrypt;
use super::iterations::Iterations;
use super::password::Password;
use super::{Certificate, Contents, Fault, Key, PartOf as _, sequence};

const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
/// How deep bags may be in bags.
const MAX_DEPTH: usize = 4;
const LIST: &str = "its list of parts";
const PART: &str = "a part of it";
const KEY: &str = "its private key";
const CERTIFICATE: &str = "a certificate in it";

/// Opens all parts of a file with a password.
pub(super) struct Bags<'a> {
    password: &'a Password,
    iterations: &'a mut Iterations,
    contents: Contents,
}

impl<'a> Bags<'a> {
    /// Opens an AuthenticatedSafe.
    pub(super) fn open(safe: &[u8], password: &'a Password, iterations: &'a mut Iterations) -> Result<Contents, Fault> {
        let mut bags = Self { password, iterations, contents: Contents::default() };
        let safe = ber::definite(safe).part(LIST)?;
        let mut reader = sequence(AnyRef::from_der(&safe).part(LIST)?, LIST)?;
        while !reader.is_finished() {
            bags.part(AnyRef::decode(&mut reader).part(LIST)?)?;
        }
        Ok(bags.contents)
    }

    /// A ContentInfo.
    fn part(&mut self, info: AnyRef<'_>) -> Result<(), Fault> {
        let mut reader = sequence(info, PART)?;
        let kind = ObjectIdentifier::decode(&mut reader).part(PART)?;
        let content = explicit(&mut reader, PART)?;
        match kind {
            rfc5911::ID_DATA => self.safe(octets(content, PART)?, 0),
            rfc5911::ID_ENCRYPTED_DATA => {
                let plain = self.encrypted(content)?;
                self.safe(&plain, 0)
            }
            rfc5911::ID_ENVELOPED_DATA => {
                Err(Fault::Unsupported("a part that is encrypted for a certificate, not with a password,".to_owned()))
            }
            other => Err(Fault::Unsupported(format!("a part of the type {other}"))),
        }
    }

    /// EncryptedData (RFC 5652 section 8).
    fn encrypted(&mut self, content: AnyRef<'_>) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut reader = sequence(content, PART)?;
        AnyRef::decode(&mut reader).part(PART)?;
        let mut reader = sequence(AnyRef::decode(&mut reader).part(PART)?, PART)?;
        AnyRef::decode(&mut reader).part(PART)?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut reader).part(PART)?;
        let encrypted = AnyRef::decode(&mut reader).part(PART)?;
        let Tag::ContextSpecific { constructed, number: TagNumber::N0 } = encrypted.tag() else {
            return Err(Fault::Damaged(PART));
        };
        // In pieces, as BER may have it.
        let joined = if constructed { ber::joined(encrypted.value()).part(PART)? } else { encrypted.value().to_vec() };
        let plain = decrypt(algorithm, &joined, self.password, self.iterations, PART)?;
        decrypted(&plain, PART)
    }

    /// SafeContents.
    fn safe(&mut self, content: &[u8], depth: usize) -> Result<(), Fault> {
        let content = Zeroizing::new(ber::definite(content).part(PART)?);
        let mut reader = sequence(AnyRef::from_der(&content).part(PART)?, PART)?;
        while !reader.is_finished() {
            self.bag(AnyRef::decode(&mut reader).part(PART)?, depth)?;
        }
        Ok(())
    }

    fn bag(&mut self, bag: AnyRef<'_>, depth: usize) -> Result<(), Fault> {
        let mut reader = sequence(bag, PART)?;
        let kind = ObjectIdentifier::decode(&mut reader).part(PART)?;
        let value = explicit(&mut reader, PART)?;
        let id = local_key_id(&mut reader);
        match kind {
            pkcs12::PKCS_12_KEY_BAG_OID => self.key(&value.to_der().part(KEY)?, id),
            pkcs12::PKCS_12_PKCS8_KEY_BAG_OID => {
                let mut reader = sequence(value, KEY)?;
                let algorithm = AlgorithmIdentifierRef::decode(&mut reader).part(KEY)?;
                let encrypted = OctetStringRef::decode(&mut reader).part(KEY)?.as_bytes();
                let plain = decrypt(algorithm, encrypted, self.password, self.iterations, KEY)?;
                self.key(&decrypted(&plain, KEY)?, id)
            }
            pkcs12::PKCS_12_CERT_BAG_OID => self.certificate(value, id),
            pkcs12::PKCS_12_SAFE_CONTENTS_BAG_OID if depth < MAX_DEPTH => {
                self.safe(&value.to_der().part(PART)?, depth + 1)
            }
            pkcs12::PKCS_12_SAFE_CONTENTS_BAG_OID => Err(Fault::Unsupported("bags in bags that deep".to_owned())),
            _ => {
                self.contents.others += 1;
                Ok(())
            }
        }
    }

    fn key(&mut self, pkcs8: &[u8], local_key_id: Option<Vec<u8>>) -> Result<(), Fault> {
        sequence(AnyRef::from_der(pkcs8).part(KEY)?, KEY)?;
        self.contents.keys.push(Key { pkcs8: Zeroizing::new(pkcs8.to_vec()), local_key_id });
        Ok(())
    }

    fn certificate(&mut self, bag: AnyRef<'_>, local_key_id: Option<Vec<u8>>) -> Result<(), Fault> {
        let mut reader = sequence(bag, CERTIFICATE)?;
        if ObjectIdentifier::decode(&mut reader).part(CERTIFICATE)? != pkcs12::PKCS_12_X509_CERT_OID {
            self.contents.others += 1;
            return Ok(());
        }
        let der = octets(explicit(&mut reader, CERTIFICATE)?, CERTIFICATE)?;
        let (rest, _) = X509Certificate::from_der(der).map_err(|_| Fault::Damaged(CERTIFICATE))?;
        let der = der[..der.len() - rest.len()].to_vec();
        self.contents.certificates.push(Certificate { der, local_key_id });
        Ok(())
    }
}

/// What was decrypted, in definite form; with a wrong password nothing that could be read comes out.
fn decrypted(plain: &[u8], part: &'static str) -> Result<Zeroizing<Vec<u8>>, Fault> {
    ber::definite(plain).map(Zeroizing::new).map_err(|_| Fault::Undecryptable(part))
}

/// What is in the explicit tag 0.
fn explicit<'a>(reader: &mut SliceReader<'a>, part: &'static str) -> Result<AnyRef<'a>, Fault> {
    let tagged = AnyRef::decode(reader).part(part)?;
    match tagged.tag() {
        Tag::ContextSpecific { constructed: true, number: TagNumber::N0 } => {
            AnyRef::from_der(tagged.value()).part(part)
        }
        _ => Err(Fault::Damaged(part)),
    }
}

fn octets<'a>(element: AnyRef<'a>, part: &'static str) -> Result<&'a [u8], Fault> {
    element.decode_as::<OctetStringRef<'a>>().map(|octets| octets.as_bytes()).part(part)
}

/// The attribute that should tie a key to its certificate. No attribute of a bag makes its content unreadable.
fn local_key_id(attributes: &mut SliceReader<'_>) -> Option<Vec<u8>> {
    let attributes = AnyRef::decode(attributes).ok().filter(|set| set.tag() == Tag::Set)?;
    let mut reader = SliceReader::new(attributes.value()).ok()?;
    while !reader.is_finished() {
        let mut attribute = sequence(AnyRef::decode(&mut reader).ok()?, PART).ok()?;
        if ObjectIdentifier::decode(&mut attribute).ok()? == LOCAL_KEY_ID {
            let values = AnyRef::decode(&mut attribute).ok()?;
            return OctetStringRef::from_der(values.value()).ok().map(|id| id.as_bytes().to_vec());
        }
    }
    None
}
