//! Whether an issued certificate is one that this device can use.

use mdm_protocol::provisioning::{CertificateEntry, StoreName};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::EnrolmentFailure;

/// How far this machine's clock may be behind the server's, in seconds.
const CLOCK_TOLERANCE: i64 = 300;

/// The one certificate of the `My` store that was made for our key (SubjectPublicKeyInfo, DER) and is valid at `now`.
pub(in crate::engine) fn own<'a>(
    all: &'a [CertificateEntry],
    public_key: &[u8],
    now: i64,
) -> Result<&'a CertificateEntry, EnrolmentFailure> {
    let refuse = |reason: String| EnrolmentFailure::Certificate(reason);
    let mut candidates = all.iter().filter(|entry| entry.store == StoreName::My).peekable();
    if candidates.peek().is_none() {
        return Err(refuse("the document has none for this device".to_owned()));
    }
    for entry in candidates {
        let certificate = parse(&entry.der)?;
        if certificate.public_key().raw != public_key {
            continue;
        }
        let validity = certificate.validity();
        if validity.not_before.timestamp() > now.saturating_add(CLOCK_TOLERANCE) {
            return Err(EnrolmentFailure::NotYetValid(validity.not_before.to_string()));
        }
        if validity.not_after.timestamp() <= now {
            return Err(refuse(format!("it expired on {}; check this machine's clock", validity.not_after)));
        }
        return Ok(entry);
    }
    Err(refuse("it was made for another key than this device's".to_owned()))
}

/// When a certificate ends, seconds since 1970.
pub(in crate::engine) fn not_after(entry: &CertificateEntry) -> Result<i64, EnrolmentFailure> {
    Ok(parse(&entry.der)?.validity().not_after.timestamp())
}

/// A certificate and nothing after it.
pub(in crate::engine) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, EnrolmentFailure> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(EnrolmentFailure::Certificate("something follows it".to_owned())),
        Err(error) => Err(EnrolmentFailure::Certificate(format!("it is damaged ({error})"))),
    }
}
