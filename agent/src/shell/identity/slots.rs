//! Slots: a private key with its certificate, in a directory of their own, and how one slot takes another's place.
//!
//! The slot `active` is in use. A renewal puts its candidate into `pending`; it becomes `active` only after a session
//! has completed with it (rule I2). Whatever instruction a promotion is cut short at, there is a usable slot, and
//! [`tidy`] knows from the names alone how to go on.

use std::path::Path;

use mdm_protocol::thumbprint::Thumbprint;
use rcgen::PublicKeyData as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::public_key::PublicKey;
use zeroize::Zeroizing;

use super::{FILE_LIMIT, IdentityError, pem};
use crate::engine::certificates::CertificateTerms;
use crate::engine::enrolment::KeyKind;
use crate::shell::files::{self, FileError};

pub(super) const KEY: &str = "key.pem";
pub(super) const CERTIFICATE: &str = "certificate.pem";
/// The slot in use.
pub(super) const ACTIVE: &str = "active";
/// The slot of a renewal that has not proved itself.
pub(super) const PENDING: &str = "pending";
/// A pending slot that is being put together.
pub(super) const PENDING_NEW: &str = "pending.new";
/// A slot that was active and goes away.
pub(super) const OUTGOING: &str = "active.old";
/// A file that marks the outgoing slot while both are exchanged. It moves with its directory, so it tells which of
/// the two is the old one whether the exchange has happened or not; the names alone would not.
const SUPERSEDED: &str = "superseded";

/// A private key and its certificate.
#[derive(Clone)]
pub struct Slot {
    /// The private key, PKCS#8 in PEM.
    pub private_key: Zeroizing<Vec<u8>>,
    /// The certificate and its intermediates in PEM.
    pub certificates: Vec<u8>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Slot(…)")
    }
}

/// A slot whose content is no key or no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used: {reason}")]
pub struct SlotError {
    /// Which part.
    pub what: &'static str,
    /// Why not.
    pub reason: String,
}

impl SlotError {
    fn of<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { what, reason: error.to_string() }
    }
}

impl Slot {
    /// The device's certificate in DER: the first of the file.
    pub fn certificate(&self) -> Result<CertificateDer<'static>, SlotError> {
        CertificateDer::from_pem_slice(&self.certificates).map_err(SlotError::of("the device's certificate"))
    }

    /// The key, ready to sign.
    pub fn key_pair(&self) -> Result<rcgen::KeyPair, SlotError> {
        // The library's errors name the place, never the key.
        let text = std::str::from_utf8(&self.private_key).map_err(SlotError::of("the device's private key"))?;
        rcgen::KeyPair::from_pem(text).map_err(SlotError::of("the device's private key"))
    }

    /// What the certificate says of itself.
    pub fn terms(&self) -> Result<CertificateTerms, SlotError> {
        let der = self.certificate()?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&der).map_err(SlotError::of("the device's certificate"))?;
        let key = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => KeyKind::Rsa(u32::try_from(key.key_size()).unwrap_or(u32::MAX)),
            _ => KeyKind::P256,
        };
        Ok(CertificateTerms {
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            thumbprint: Thumbprint::of(&der),
            key,
        })
    }

    /// The public key that the certificate was made for, SubjectPublicKeyInfo in DER.
    pub(in crate::shell) fn public_key(&self) -> Result<Vec<u8>, SlotError> {
        let der = self.certificate()?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&der).map_err(SlotError::of("the device's certificate"))?;
        Ok(parsed.public_key().raw.to_vec())
    }

    /// Whether key and certificate are there and belong together.
    fn check(&self) -> Result<(), SlotError> {
        if self.key_pair()?.subject_public_key_info() == self.public_key()? {
            return Ok(());
        }
        Err(SlotError::of("the device's certificate")("it was made for another key"))
    }

    /// Reads a slot of which nothing is known; `None` if it is not there, or not one that could be used.
    pub(super) fn read_usable(directory: &Path) -> Option<Self> {
        let read = |name| files::read_bounded(&directory.join(name), FILE_LIMIT).ok().flatten();
        let slot = Self { private_key: Zeroizing::new(read(KEY)?), certificates: read(CERTIFICATE)? };
        slot.check().ok()?;
        Some(slot)
    }
}

/// Fills a new directory with key and certificates, and makes sure that they are on the disk.
pub(super) fn write(
    directory: &Path,
    private_key: &Zeroizing<String>,
    certificate: &[u8],
    intermediates: &[Vec<u8>],
) -> Result<(), FileError> {
    files::create_private_dir(directory)?;
    files::write_new(&directory.join(KEY), private_key.as_bytes(), 0o600)?;
    let chain: String = std::iter::once(certificate)
        .chain(intermediates.iter().map(Vec::as_slice))
        .map(|der| pem("CERTIFICATE", der))
        .collect();
    files::write_new(&directory.join(CERTIFICATE), chain.as_bytes(), 0o600)?;
    files::sync_dir(directory)
}

/// Fills a new directory with a slot that is in use elsewhere.
pub(super) fn copy(directory: &Path, slot: &Slot) -> Result<(), FileError> {
    files::create_private_dir(directory)?;
    files::write_new(&directory.join(KEY), &slot.private_key, 0o600)?;
    files::write_new(&directory.join(CERTIFICATE), &slot.certificates, 0o600)?;
    files::sync_dir(directory)
}

/// One step of a promotion; the process may end after any of them, and in the middle of the last.
pub(super) type PromotionStep = fn(&Path) -> Result<(), FileError>;

/// A promotion where the file system can exchange two names in one step: `active` is never without a slot.
pub(super) const BY_EXCHANGE: &[PromotionStep] = &[mark_outgoing, exchange, put_outgoing_aside, remove_outgoing];
/// A promotion by plain renames. Between the second step and the third there is no `active`, only its two neighbours.
pub(super) const BY_RENAMES: &[PromotionStep] =
    &[mark_outgoing, put_active_aside, put_pending_in_place, remove_outgoing];

/// Makes the pending slot of this identity the active one.
pub(super) fn promote(identity: &Path) -> Result<(), IdentityError> {
    if pending(identity).is_none() {
        let path = identity.join(PENDING);
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no usable key and certificate");
        return Err(FileError::of("promote", &path)(missing).into());
    }
    let exchanged = BY_EXCHANGE.iter().try_for_each(|step| step(identity));
    match exchanged {
        Err(error) if files::exchange_is_unknown(&error) => {
            Ok(BY_RENAMES.iter().try_for_each(|step| step(identity))?)
        }
        done => Ok(done?),
    }
}

/// The pending slot, if there is one that can be used.
pub(super) fn pending(identity: &Path) -> Option<Slot> {
    let directory = identity.join(PENDING);
    // After an exchange the outgoing slot has the name for a moment.
    Slot::read_usable(&directory).filter(|_| !directory.join(SUPERSEDED).exists())
}

/// Brings an interrupted promotion to its end, or undoes it where the new slot is lost, and removes what is of no use.
pub(super) fn tidy(identity: &Path) -> Result<(), IdentityError> {
    let [active, old, waiting] = [ACTIVE, OUTGOING, PENDING].map(|name| identity.join(name));
    files::remove_dir(&identity.join(PENDING_NEW))?;
    if waiting.join(SUPERSEDED).exists() {
        put_outgoing_aside(identity)?;
    }
    if !active.exists() && old.exists() {
        if pending(identity).is_some() {
            put_pending_in_place(identity)?;
        } else {
            rename(identity, OUTGOING, ACTIVE)?;
        }
    }
    remove_outgoing(identity)?;
    if active.join(SUPERSEDED).exists() {
        if pending(identity).is_some() {
            return promote(identity);
        }
        withdraw(identity)?;
    }
    if waiting.exists() && pending(identity).is_none() {
        files::remove_dir(&waiting)?;
    }
    Ok(())
}

/// Takes back a promotion that failed half way, so that it is not brought to its end with another candidate.
pub(super) fn withdraw(identity: &Path) -> Result<(), FileError> {
    let active = identity.join(ACTIVE);
    files::remove_file(&active.join(SUPERSEDED))?;
    files::sync_dir(&active)
}

fn mark_outgoing(identity: &Path) -> Result<(), FileError> {
    let active = identity.join(ACTIVE);
    if !active.join(SUPERSEDED).exists() {
        files::write_new(&active.join(SUPERSEDED), b"", 0o600)?;
    }
    files::sync_dir(&active)
}

fn exchange(identity: &Path) -> Result<(), FileError> {
    files::exchange(&identity.join(PENDING), &identity.join(ACTIVE))?;
    files::sync_dir(identity)
}

/// The outgoing slot loses the name of a pending one before anything of it, the mark for instance, is removed.
fn put_outgoing_aside(identity: &Path) -> Result<(), FileError> {
    remove_outgoing(identity)?;
    rename(identity, PENDING, OUTGOING)
}

fn put_active_aside(identity: &Path) -> Result<(), FileError> {
    remove_outgoing(identity)?;
    rename(identity, ACTIVE, OUTGOING)
}

fn put_pending_in_place(identity: &Path) -> Result<(), FileError> {
    rename(identity, PENDING, ACTIVE)
}

fn remove_outgoing(identity: &Path) -> Result<(), FileError> {
    files::remove_dir(&identity.join(OUTGOING))
}

fn rename(identity: &Path, from: &str, to: &str) -> Result<(), FileError> {
    files::rename(&identity.join(from), &identity.join(to))?;
    files::sync_dir(identity)
}

#[cfg(test)]
mod tests;
