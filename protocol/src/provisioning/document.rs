//! What a device takes from a provisioning document: certificates, the account and its settings.

use super::{Characteristic, WapDocument};
use crate::base64;
use crate::csp::dm_client::Poll;
use crate::secret::Secret;
use crate::thumbprint::Thumbprint;
use crate::xml::XmlError;

/// The certificate store that an entry belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreName {
    /// Roots to trust for the management server.
    Root,
    /// Intermediates.
    Intermediate,
    /// The device's own certificate.
    My,
}

/// A certificate from the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateEntry {
    /// Where it belongs.
    pub store: StoreName,
    /// The certificate in DER.
    pub der: Vec<u8>,
}

/// When and how the certificate is renewed (`CertificateStore/My/WSTEP/Renew`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalTerms {
    /// Whether the device renews by itself.
    pub automatic: bool,
    /// Days before the certificate's end at which renewal begins.
    pub period_days: u32,
    /// Days between attempts.
    pub retry_days: u32,
    /// Where renewal asks, if not at the original discovery address.
    pub server_url: Option<String>,
}

impl Default for RenewalTerms {
    fn default() -> Self {
        Self { automatic: true, period_days: 42, retry_days: 7, server_url: None }
    }
}

/// Who proves itself with these credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthLevel {
    /// The client to the server (`APPSRV`).
    Client,
    /// The server to the client (`CLIENT`).
    Server,
}

/// Credentials for the messages themselves, beside TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppAuth {
    /// Who proves itself.
    pub level: AuthLevel,
    /// `BASIC` or `DIGEST`.
    pub kind: String,
    /// The user name.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// The first nonce, where one was given in valid base64.
    pub nonce: Option<Vec<u8>>,
}

/// Everything a device takes from the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioning {
    /// All certificates.
    pub certificates: Vec<CertificateEntry>,
    /// Renewal terms, as far as they are said.
    pub renewal: RenewalTerms,
    /// The account's id (`PROVIDER-ID`).
    pub provider_id: String,
    /// The account's display name; may be empty.
    pub name: String,
    /// The management server's address.
    pub management_url: String,
    /// Connection-level retries of one attempt.
    pub connection_retries: u32,
    /// The first wait between them, in milliseconds.
    pub initial_backoff_ms: u64,
    /// The longest wait between them, in milliseconds.
    pub max_backoff_ms: u64,
    /// Credentials for messages.
    pub authentication: Vec<AppAuth>,
    /// The check-in schedule, where the document gives one.
    pub poll: Option<Poll>,
    /// Settings of `DMClient/Provider/<id>` other than `Poll`: path segments below it, and value.
    pub settings: Vec<(Vec<String>, String)>,
}

/// A provisioning document that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// The XML itself was refused.
    #[error("the provisioning document was refused: {0}")]
    Xml(#[from] XmlError),
    /// Something every document needs is missing.
    #[error("the provisioning document has no {0}")]
    Missing(&'static str),
    /// A certificate is not base64.
    #[error("the provisioning document has a certificate {0} that is not valid base64")]
    Encoding(String),
    /// A certificate has not the thumbprint it is filed under.
    #[error("the provisioning document files a certificate under {claimed}, but its thumbprint is {actual}")]
    Thumbprint {
        /// The name of its node.
        claimed: String,
        /// The thumbprint of what is there.
        actual: Thumbprint,
    },
}

impl Provisioning {
    /// Reads a document within [`crate::Limits::ENROLMENT`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ProvisioningError> {
        let document = WapDocument::decode(bytes)?;
        let application = document
            .at(&["APPLICATION"])
            .into_iter()
            .find(|application| application.value("APPID") == Some("w7"))
            .ok_or(ProvisioningError::Missing("APPLICATION with APPID w7"))?;
        let provider_id =
            non_empty(application.value("PROVIDER-ID")).ok_or(ProvisioningError::Missing("PROVIDER-ID"))?;
        let number =
            |name: &str, default: u64| application.value(name).and_then(|value| value.parse().ok()).unwrap_or(default);
        let provider = document.at(&["DMClient", "Provider", &provider_id]);
        Ok(Self {
            certificates: certificates(&document)?,
            renewal: renewal(&document),
            name: application.value("NAME").unwrap_or_default().to_owned(),
            management_url: address(application).ok_or(ProvisioningError::Missing("ADDR"))?,
            connection_retries: u32::try_from(number("CONNRETRYFREQ", 3)).unwrap_or(3),
            initial_backoff_ms: number("INITIALBACKOFFTIME", 16_000),
            max_backoff_ms: number("MAXBACKOFFTIME", 86_400_000),
            authentication: application.children_of("APPAUTH").filter_map(app_auth).collect(),
            poll: poll(&provider),
            settings: provider.iter().flat_map(|group| settings(group, &[])).collect(),
            provider_id,
        })
    }
}

pub(super) fn non_empty(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

fn address(application: &Characteristic) -> Option<String> {
    let nested = || application.children_of("APPADDR").find_map(|group| non_empty(group.value("ADDR")));
    non_empty(application.value("ADDR")).or_else(nested)
}

pub(super) fn certificates(document: &WapDocument) -> Result<Vec<CertificateEntry>, ProvisioningError> {
    let stores = [("Root", StoreName::Root), ("CA", StoreName::Intermediate), ("My", StoreName::My)];
    let mut found = Vec::new();
    for (name, store) in stores {
        for place in ["System", "User"] {
            for entry in document.at(&["CertificateStore", name, place]).into_iter().flat_map(|group| &group.children) {
                let Some(encoded) = entry.value("EncodedCertificate") else { continue };
                let der = base64::decode(encoded).map_err(|_| ProvisioningError::Encoding(entry.kind.clone()))?;
                let actual = Thumbprint::of(&der);
                if Thumbprint::parse(&entry.kind) != Some(actual) {
                    return Err(ProvisioningError::Thumbprint { claimed: entry.kind.clone(), actual });
                }
                found.push(CertificateEntry { store, der });
            }
        }
    }
    Ok(found)
}

fn renewal(document: &WapDocument) -> RenewalTerms {
    let groups = document.at(&["CertificateStore", "My", "WSTEP", "Renew"]);
    let value = |name: &str| groups.iter().find_map(|group| group.value(name));
    let defaults = RenewalTerms::default();
    let days = |name, default: u32| value(name).and_then(|days| days.parse().ok()).unwrap_or(default).clamp(1, 1000);
    let period_days = days("RenewPeriod", defaults.period_days);
    RenewalTerms {
        automatic: value("ROBOSupport").is_none_or(|value| value.eq_ignore_ascii_case("true") || value == "1"),
        period_days,
        retry_days: days("RetryInterval", defaults.retry_days).min(period_days),
        server_url: non_empty(value("ServerURL")),
    }
}

fn app_auth(group: &Characteristic) -> Option<AppAuth> {
    let level = match group.value("AAUTHLEVEL")?.to_ascii_uppercase().as_str() {
        "APPSRV" => AuthLevel::Client,
        "CLIENT" => AuthLevel::Server,
        _ => return None,
    };
    Some(AppAuth {
        level,
        kind: group.value("AAUTHTYPE").unwrap_or("DIGEST").to_ascii_uppercase(),
        name: group.value("AAUTHNAME").unwrap_or_default().to_owned(),
        secret: group.secret("AAUTHSECRET"),
        // Some servers put the word "nonce" here, which is no base64: no nonce yet.
        nonce: group.value("AAUTHDATA").and_then(|nonce| base64::decode(nonce).ok()).filter(|nonce| !nonce.is_empty()),
    })
}

fn poll(provider: &[&Characteristic]) -> Option<Poll> {
    let groups: Vec<_> = provider.iter().flat_map(|group| group.children_of("Poll")).collect();
    let parameters = groups.iter().flat_map(|group| &group.parameters);
    let pairs = parameters.map(|parameter| (parameter.name.as_str(), parameter.value.as_deref().unwrap_or_default()));
    (!groups.is_empty()).then(|| Poll::from_nodes(pairs))
}

fn settings(group: &Characteristic, above: &[String]) -> Vec<(Vec<String>, String)> {
    let below = |name: &str| above.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>();
    let own =
        group.parameters.iter().map(|parameter| (below(&parameter.name), parameter.value.clone().unwrap_or_default()));
    let nested = group
        .children
        .iter()
        .filter(|child| child.kind != "Poll")
        .flat_map(|child| settings(child, &below(&child.kind)));
    own.chain(nested).collect()
}
