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
    /// Its password, which may be empty; `None` if it has not arrived.
    pub password: Option<PfxPassword>,
    /// Where the key should live: 1 TPM, 2 TPM if there is one, 3 software, 4 passport container.
    pub key_location: u32,
}

impl PfxInstall {
    /// Reads the installation from its nodes.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let blob = leaves.required("PFXCertBlob")?;
        base64::decode(blob).map_err(|error| PayloadError::format("PFXCertBlob", error.to_string()))?;
        let password = match leaves.number("PFXCertPasswordEncryptionType")?.unwrap_or(0) {
            0 => leaves.verbatim("PFXCertPassword").map(Secret::new).map(PfxPassword::Plain),
            1 => leaves.secret("PFXCertPassword").map(PfxPassword::EncryptedToDevice),
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
    /// What the key may be used for: the first byte of the KeyUsage extension (RFC 5280 section 4.2.1.3), its first bit
    /// highest. 0x80 is digitalSignature, 0x20 is keyEncipherment.
    pub key_usage: u8,
    /// Further names of the subject.
    pub alternative_names: Vec<AlternativeName>,
    /// The families of digests that may be used (`SHA-1`, `SHA-2`, `SHA-3`); none named, any may.
    pub hashes: Vec<String>,
    /// How long the certificate should be valid; servers follow their own policy.
    pub validity: Option<Validity>,
    /// Where the key should live, as in [`PfxInstall::key_location`].
    pub key_protection: u32,
}

/// A further name of a subject (`SubjectAlternativeNames`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlternativeName {
    /// An e-mail address (2).
    Email(String),
    /// A name in the DNS (3).
    Dns(String),
    /// An address of the web (7).
    Uri(String),
    /// A name to sign in with (11).
    UserPrincipal(String),
}

/// A term of validity (`ValidPeriod`, `ValidPeriodUnits`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// So many days.
    Days(u32),
    /// So many months.
    Months(u32),
    /// So many years.
    Years(u32),
}

const MAX_ALTERNATIVE_NAMES: usize = 64;
/// digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyAgreement. A device certifies nobody.
const KEY_USAGES: u8 = 0xF8;
const DEFAULT_KEY_USAGE: u8 = 0xA0;

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
            key_usage: key_usage(leaves)?,
            alternative_names: alternative_names(list("SubjectAlternativeNames", ';'))?,
            hashes: list("HashAlgorithm", '+'),
            validity: validity(leaves)?,
            key_protection: key_location(leaves, "KeyProtection", 3)?,
        })
    }
}

fn key_usage(leaves: &Leaves) -> Result<u8, PayloadError> {
    match leaves.number("KeyUsage")?.unwrap_or(DEFAULT_KEY_USAGE) {
        usage if usage != 0 && usage & !KEY_USAGES == 0 => Ok(usage),
        _ => Err(PayloadError::format("KeyUsage", "names no use of a key, or one that a device has none for")),
    }
}

/// Types are those of Microsoft's `AlternativeNameType`.
fn alternative_names(list: Vec<String>) -> Result<Vec<AlternativeName>, PayloadError> {
    const NODE: &str = "SubjectAlternativeNames";
    if list.len() > MAX_ALTERNATIVE_NAMES {
        return Err(PayloadError::format(NODE, format!("has more than {MAX_ALTERNATIVE_NAMES} names")));
    }
    let read = |entry: String| {
        let (kind, value) =
            entry.split_once('+').ok_or_else(|| PayloadError::format(NODE, "has an entry that is not type+value"))?;
        let value = value.trim().to_owned();
        if value.is_empty() {
            return Err(PayloadError::format(NODE, "has an entry without a value"));
        }
        let (name, needs_ascii) = match kind.trim() {
            "2" => (AlternativeName::Email(value), true),
            "3" => (AlternativeName::Dns(value), true),
            "7" => (AlternativeName::Uri(value), true),
            "11" => (AlternativeName::UserPrincipal(value), false),
            _ => return Err(PayloadError::unsupported(NODE, "has a type that is not 2, 3, 7 or 11")),
        };
        // Of the encoding, these types take ASCII only.
        if needs_ascii && !entry.is_ascii() {
            return Err(PayloadError::format(NODE, "has a value with characters that its type does not take"));
        }
        Ok(name)
    };
    list.into_iter().map(read).collect()
}

fn validity(leaves: &Leaves) -> Result<Option<Validity>, PayloadError> {
    let Some(count) = leaves.number::<u32>("ValidPeriodUnits")?.filter(|count| *count > 0) else { return Ok(None) };
    match leaves.non_empty("ValidPeriod") {
        None => Ok(None),
        Some(unit) if unit.eq_ignore_ascii_case("days") => Ok(Some(Validity::Days(count))),
        Some(unit) if unit.eq_ignore_ascii_case("months") => Ok(Some(Validity::Months(count))),
        Some(unit) if unit.eq_ignore_ascii_case("years") => Ok(Some(Validity::Years(count))),
        Some(_) => Err(PayloadError::format("ValidPeriod", "is neither Days, Months nor Years")),
    }
}

fn key_location(leaves: &Leaves, node: &str, default: u32) -> Result<u32, PayloadError> {
    match leaves.number(node)?.unwrap_or(default) {
        location @ 1..=4 => Ok(location),
        _ => Err(PayloadError::format(node, "is not 1, 2, 3 or 4")),
    }
}
