//! The device's own certificates, as networks and tunnels look for them: by issuer and by purpose.

use mdm_protocol::Thumbprint;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::chain::{self, Authorities};
use super::roots;
use crate::platform::consumer::Consumer;
use crate::platform::desired::DesiredFile;
use crate::platform::path::MachinePath;

/// How the names of files end that hold the device's own certificates.
pub const CERTIFICATE_ENDING: &str = "-certificate.pem";
/// How those of their keys end.
pub const KEY_ENDING: &str = "-key.pem";
/// The purpose of proving a client (RFC 5280 section 4.2.1.12).
const CLIENT_AUTHENTICATION: &str = "1.3.6.1.5.5.7.3.2";
/// The purpose of anything at all.
const ANY_PURPOSE: &str = "2.5.29.37.0";

/// A certificate of the device's own, with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file with the certificate and those of its issuers.
    pub certificate: MachinePath,
    /// The file with the key.
    pub key: MachinePath,
    /// Whom it names: a mail address or the common name.
    pub identity: Option<String>,
    /// The end of its validity, seconds since 1970.
    pub ends: i64,
    /// The certificate and those of its issuers that came with it, in DER.
    chain: Vec<Vec<u8>>,
    purposes: Vec<String>,
}

impl ClientCertificate {
    /// Describes a certificate by itself and those of its issuers, in DER; `None` if it is none.
    pub fn describe(chain: &[Vec<u8>], certificate: MachinePath, key: MachinePath) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(chain.first()?).ok()?;
        let mut purposes = Vec::new();
        if let Ok(Some(usage)) = parsed.extended_key_usage() {
            if usage.value.any {
                purposes.push(ANY_PURPOSE.to_owned());
            }
            if usage.value.client_auth {
                purposes.push(CLIENT_AUTHENTICATION.to_owned());
            }
            purposes.extend(usage.value.other.iter().map(ToString::to_string));
        }
        Some(Self {
            certificate,
            key,
            identity: identity(&parsed),
            ends: parsed.validity().not_after.timestamp(),
            chain: chain.to_vec(),
            purposes,
        })
    }

    /// Whether a root ends the chain that came with it.
    pub fn reaches_root(&self) -> bool {
        self.chain.last().is_some_and(|last| chain::is_root(last))
    }

    /// The chain that came with it, continued with intermediate authorities among these.
    pub fn chain_with(&self, authorities: &Authorities) -> Vec<Vec<u8>> {
        let missing = self.missing(authorities).into_iter().filter(|der| !chain::is_root(der));
        self.chain.iter().cloned().chain(missing).collect()
    }

    /// The authorities above the topmost certificate of its chain.
    fn missing(&self, authorities: &Authorities) -> Vec<Vec<u8>> {
        let above = self.chain.last().map(|top| authorities.above(top)).unwrap_or_default();
        above.into_iter().filter(|der| !self.chain.contains(der)).collect()
    }

    /// Where swanctl finds copies of the certificate and the key: confined by AppArmor, it reads nothing outside its own
    /// directory, and keys only in one folder of that.
    pub fn copies_for_swanctl(&self) -> [MachinePath; 2] {
        let copy =
            |folder: &str, path: &MachinePath| MachinePath::new(format!("/etc/swanctl/{folder}/{}", path.name()));
        [copy("x509", &self.certificate), copy("private", &self.key)]
    }

    /// Whether it is issued by one of these (any if there are none) and may be used for one of these purposes (that of
    /// a client if there are none). Who is above it is looked up among these authorities where it did not come with it.
    pub fn fits(&self, issuers: &[Thumbprint], purposes: &[String], authorities: &Authorities) -> bool {
        let is_wanted = |der: &Vec<u8>| issuers.contains(&Thumbprint::of(der));
        let issued = issuers.is_empty()
            || self.chain.iter().skip(1).any(is_wanted)
            || self.missing(authorities).iter().any(is_wanted);
        let wanted = |purpose: &str| match purposes {
            [] => purpose == CLIENT_AUTHENTICATION,
            purposes => purposes.iter().any(|wanted| wanted == purpose),
        };
        let fit = self.purposes.iter().any(|purpose| purpose == ANY_PURPOSE || wanted(purpose));
        issued && (fit || (self.purposes.is_empty() && purposes.is_empty()))
    }
}

/// The file with a certificate and those of its issuers.
pub(super) fn chain_file(chain: &[Vec<u8>]) -> DesiredFile {
    DesiredFile::public(chain.iter().map(|der| roots::pem(der)).collect::<String>(), Consumer::Nobody)
}

/// Where the key of a certificate is, if the file is one of the device's own certificates.
pub fn key_beside(certificate: &MachinePath) -> Option<MachinePath> {
    let name = certificate.as_str().strip_suffix(CERTIFICATE_ENDING)?;
    MachinePath::parse(&format!("{name}{KEY_ENDING}"))
}

/// The certificates of a file in PEM, in DER.
pub fn chain_of(text: &[u8]) -> Vec<Vec<u8>> {
    let certificates = x509_parser::pem::Pem::iter_from_buffer(text);
    certificates.flatten().filter(|pem| pem.label == "CERTIFICATE").map(|pem| pem.contents).collect()
}

fn identity(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    let mail = names.into_iter().flatten().find_map(|name| match name {
        GeneralName::RFC822Name(mail) => Some((*mail).to_owned()),
        _ => None,
    });
    let common = || certificate.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned);
    mail.or_else(common)
}
