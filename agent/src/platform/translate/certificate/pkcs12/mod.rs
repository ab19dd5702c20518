//! Reads PKCS#12 files (RFC 7292, RFC 9579) that are protected by a password, as their many writers make them: DER and
//! BER, old and new methods, with a MAC or without. Owns what is wrong with a file; which key is used is decided by
//! [`super::pair`]. Refuses files that ask for more work than protects anything.

mod bags;
mod encryption;
mod hash;
mod iterations;
mod mac;
mod password;
#[cfg(test)]
mod tests;

use const_oid::db::rfc5911;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use mdm_protocol::ber;
use zeroize::Zeroizing;

use self::bags::Bags;
use self::iterations::Iterations;
use self::mac::MacData;
use self::password::Password;

const OUTERMOST: &str = "its outermost layer";

/// What is in a file, in its order.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) keys: Vec<Key>,
    pub(super) certificates: Vec<Certificate>,
    /// How many bags are of other kinds: lists of revoked certificates, secrets.
    pub(super) others: usize,
}

/// A private key.
pub(super) struct Key {
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
    pub(super) local_key_id: Option<Vec<u8>>,
}

/// An X.509 certificate.
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    pub(super) local_key_id: Option<Vec<u8>>,
}

/// Why a file cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It is something else.
    #[error("it is not a PKCS#12 file")]
    NotPkcs12,
    /// It is one, but a part of it is not as it has to be.
    #[error("{0} cannot be read: the file is damaged")]
    Damaged(&'static str),
    /// It uses something that this reader does not know.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// It asks for too much work.
    #[error("its password would have to be stretched more than five million times")]
    TooManyIterations,
    /// Its MAC does not belong to the password.
    #[error("the password is not that of the file: its MAC does not match")]
    WrongPassword,
    /// Nothing readable comes out of a part.
    #[error("{0} cannot be decrypted: the password is wrong, or the file is damaged; it has no MAC that tells which")]
    Undecryptable(&'static str),
    /// As [`Self::Undecryptable`], though the MAC belongs to the password.
    #[error("{0} cannot be decrypted though the MAC matches the password: it has another password, or is damaged")]
    OtherPassword(&'static str),
}

/// Opens a file.
pub(super) fn open(file: &[u8], password: &str) -> Result<Contents, Fault> {
    let file = ber::definite(file).map_err(|_| Fault::NotPkcs12)?;
    let mut iterations = Iterations::new();
    let mut fault = None;
    for form in Password::forms(password) {
        match open_with(&file, &form, &mut iterations) {
            Ok(contents) => return Ok(contents),
            // What is wrong with the usual form of the password is what is said.
            Err(found) => drop(fault.get_or_insert(found)),
        }
    }
    Err(fault.unwrap_or(Fault::WrongPassword))
}

/// Opens it with one form of the password.
fn open_with(file: &[u8], password: &Password, iterations: &mut Iterations) -> Result<Contents, Fault> {
    let pfx = AnyRef::from_der(file).map_err(|_| Fault::NotPkcs12)?;
    let mut reader = sequence(pfx, OUTERMOST).map_err(|_| Fault::NotPkcs12)?;
    match u8::decode(&mut reader).map_err(|_| Fault::NotPkcs12)? {
        3 => {}
        _ => return Err(Fault::NotPkcs12),
    }
    let content = authenticated(AnyRef::decode(&mut reader).map_err(|_| Fault::NotPkcs12)?)?;
    let has_mac = !reader.is_finished();
    if has_mac {
        let mac = MacData::read(AnyRef::decode(&mut reader).part("its MAC")?)?;
        if !mac.verifies(content, password, iterations)? {
            return Err(Fault::WrongPassword);
        }
    }
    Bags::open(content, password, iterations).map_err(|fault| match fault {
        Fault::Undecryptable(part) if has_mac => Fault::OtherPassword(part),
        fault => fault,
    })
}

/// The content that the MAC is computed over, from the ContentInfo around it.
fn authenticated(info: AnyRef<'_>) -> Result<&[u8], Fault> {
    let mut reader = sequence(info, OUTERMOST).map_err(|_| Fault::NotPkcs12)?;
    match ObjectIdentifier::decode(&mut reader).map_err(|_| Fault::NotPkcs12)? {
        rfc5911::ID_DATA => {}
        rfc5911::ID_SIGNED_DATA => {
            return Err(Fault::Unsupported("a signature in place of a password".to_owned()));
        }
        _ => return Err(Fault::NotPkcs12),
    }
    let tagged = AnyRef::decode(&mut reader).part(OUTERMOST)?;
    Ok(OctetStringRef::from_der(tagged.value()).part(OUTERMOST)?.as_bytes())
}

/// The elements of a SEQUENCE; what follows those that are read is left alone.
fn sequence<'a>(element: AnyRef<'a>, part: &'static str) -> Result<SliceReader<'a>, Fault> {
    if element.tag() != Tag::Sequence {
        return Err(Fault::Damaged(part));
    }
    SliceReader::new(element.value()).part(part)
}

/// Says which part an error is in.
trait PartOf<T> {
    fn part(self, part: &'static str) -> Result<T, Fault>;
}

impl<T, E> PartOf<T> for Result<T, E> {
    fn part(self, part: &'static str) -> Result<T, Fault> {
        self.map_err(|_| Fault::Damaged(part))
    }
}
