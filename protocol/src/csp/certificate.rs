//! Certificates: roots to trust (RootCATrustedCertificates, CertificateStore) and the device's own, imported with
//! their key or requested by SCEP (ClientCertificateInstall).

use super::{Leaves, PayloadError};
use crate::base64;
use crate::secret::Secret;
use crate::thumbprint::Thumbprint;

/// A certificate that came by itself, filed under its thumbprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
}

impl TrustedCertificate {
    /// Reads a certificate from the nodes below `name`, which must be its thumbprint.
    pub fn from_leaves(name: &str, leaves: &Leaves) -> Result<Self, PayloadError> {
        const NODE: &str = "EncodedCertificate";
        let der =
            base64::decode(leaves.required(NODE)?).map_err(|error| PayloadError::format(NODE, error.to_string()))?;
        let actual = Thumbprint::of(&der);
        if Thumbprint::parse(name) == Some(actual) {
            Ok(Self { der })
        } else {
            Err(PayloadError::format(NODE, format!("is filed under {name}, but its thumbprint is {actual}")))
        }
    }
}

/// How a PFX's password is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PfxPassword {
    /// In the clear.
    Plain(Secret),
    /// Encrypted to the device's MDM certificate (CMS in base64).
    EncryptedToDevice(Secret),
}

/// A certificate with its private key (`ClientCertificateInstall/PFXCertInstall/<id>`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PfxInstall {
    /// The PKCS#12 file in base64; it contains a private key.
    pub blob: Secret,
    /// Its password.
    pub password: Option<PfxPassword>,
    /// Where the key should live: 1 TPM, 2 TPM if there is one, 3 software, 4 passport container.
    pub key_location: u32,
}

impl PfxInstall {
    /// Reads the installation from its nodes.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let blob = leaves.required("PFXCertBlob")?;
        base64::decode(blob).map_err(|error| PayloadError::format("PFXCertBlob", error.to_string()))?;
        let password = leaves.secret("PFXCertPassword");
        let password = match leaves.number("PFXCertPasswordEncryptionType")?.unwrap_or(0) {
            0 => password.map(PfxPassword::Plain),
            1 => password.map(PfxPassword::EncryptedToDevice),
            _ => {
                return Err(PayloadError::unsupported(
                    "PFXCertPasswordEncryptionType",
                    "this kind of encryption is not supported",
                ));
            }
        };
        Ok(Self { blob: Secret::new(blob), password, key_location: key_location(leaves, "KeyLocation", 3)? })
    }
}

/// A certificate requested from a SCEP server (`ClientCertificateInstall/SCEP/<id>/Install`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepInstall {
    /// The servers, best first.
    pub servers: Vec<String>,
    /// The one-time password.
    pub challenge: Option<Secret>,
    /// The subject as a distinguished name.
    pub subject: String,
    /// Length of the key in bits.
    pub key_length: u32,
    /// Purposes as object identifiers.
    pub purposes: Vec<String>,
    /// Minutes between attempts while the server says that it is pending.
    pub retry_delay_minutes: u32,
    /// The number of such attempts.
    pub retry_count: u32,
    /// The thumbprint of the authority that must answer.
    pub authority: Option<Thumbprint>,
}

impl ScepInstall {
    /// Reads the request from its nodes below `Install`.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let list = |node: &str, separator: char| -> Vec<String> {
            let parts = leaves.get(node).unwrap_or_default().split(separator);
            parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        leaves.required("ServerURL")?;
        let key_length = leaves.number("KeyLength")?.unwrap_or(2048);
        if !matches!(key_length, 1024 | 2048 | 4096) {
            return Err(PayloadError::format("KeyLength", "is neither 1024, 2048 nor 4096"));
        }
        let authority = leaves.non_empty("CAThumbprint").map(|text| {
            Thumbprint::parse(text).ok_or_else(|| PayloadError::format("CAThumbprint", "is not a SHA-1 thumbprint"))
        });
        Ok(Self {
            servers: list("ServerURL", ';'),
            challenge: leaves.secret("Challenge"),
            subject: leaves.required("SubjectName")?.to_owned(),
            key_length,
            purposes: list("EKUMapping", '+'),
            retry_delay_minutes: leaves.number("RetryDelay")?.unwrap_or(5).max(1),
            retry_count: leaves.number("RetryCount")?.unwrap_or(3).min(30),
            authority: authority.transpose()?,
        })
    }
}

fn key_location(leaves: &Leaves, node: &str, default: u32) -> Result<u32, PayloadError> {
    match leaves.number(node)?.unwrap_or(default) {
        location @ 1..=4 => Ok(location),
        _ => Err(PayloadError::format(node, "is not 1, 2, 3 or 4")),
    }
}
