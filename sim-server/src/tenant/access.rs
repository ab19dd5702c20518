//! Whose certificate a management request came with, and whether that device may speak.

use super::token::hex;
use super::{Device, Tenant};
use sha2::{Digest, Sha256};

/// Why a management request was refused before its content counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// The connection has no client certificate.
    #[error("this address needs the client certificate that the device got when it enrolled; none was presented")]
    NoCertificate,
    /// The certificate belongs to no enrolled device.
    #[error("the client certificate belongs to no enrolled device; the device was removed or never enrolled here")]
    UnknownDevice,
    /// The certificate was renewed, and the new one is in use.
    #[error("the client certificate was renewed and is no longer accepted; use the new one")]
    Superseded,
    /// The certificate is past its end.
    #[error("the client certificate has expired; the device must enrol again")]
    Expired,
    /// The device is one of Apple's, and their push service cannot be used.
    #[error("this type of device cannot check in at present: {reason}")]
    PushCertificate {
        /// Why.
        reason: String,
    },
    /// The message speaks for another device than the certificate.
    #[error("the message says that it comes from the device {claimed:?}, but the certificate is another device's")]
    SomeoneElse {
        /// The device that the message names.
        claimed: String,
    },
}

/// The name under which a certificate is known: the SHA-256 digest of its DER form.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}

impl Tenant {
    /// The device that a client certificate was issued to.
    pub fn identify(&self, certificate: Option<&[u8]>, now: i64) -> Result<&Device, AccessRefusal> {
        let fingerprint = fingerprint(certificate.ok_or(AccessRefusal::NoCertificate)?);
        let Some(id) = self.certificates.get(&fingerprint) else {
            let is_old = self.devices.values().any(|device| device.superseded.contains(&fingerprint));
            return Err(if is_old { AccessRefusal::Superseded } else { AccessRefusal::UnknownDevice });
        };
        let device = self.devices.get(id).ok_or(AccessRefusal::UnknownDevice)?;
        let issued = device.certificates.iter().find(|issued| issued.fingerprint == fingerprint);
        match issued {
            Some(issued) if now <= issued.not_after => self.check_apns(device, now).map(|()| device),
            Some(_) => Err(AccessRefusal::Expired),
            None => Err(AccessRefusal::UnknownDevice),
        }
    }
}
