//! One harmless request, to see what is at the other end: which certificate it shows, whether it asks for ours, what
//! it answers. Trusts nobody whom a session would not trust; what it sees of others is only told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, DATE, LOCATION};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::{ClientError, ProxySettings, explain, key_of, roots, unix_seconds};
use crate::engine::account::Trust;
use crate::engine::failure::ConnectionFailure;
use crate::shell::identity::Slot;

/// How much of an answer is looked at, in bytes.
const GLANCE: usize = 1024;
/// The longest name in a certificate that is repeated, in characters.
const MAX_NAME: usize = 200;

/// What was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The answer, or why there is none.
    pub answer: Result<Glimpse, ConnectionFailure>,
    /// The certificate that the other end showed.
    pub presented: Option<Presented>,
    /// Whether it was trusted.
    pub trusted: bool,
    /// Whether the other end asked for the device's certificate.
    pub asked: bool,
}

/// An answer at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// The HTTP status.
    pub status: u16,
    /// Where it redirects to.
    pub location: Option<String>,
    /// The other end's time, seconds since 1970.
    pub date: Option<i64>,
    /// Whether it is a page for people.
    pub is_page: bool,
}

/// A certificate that somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Whom it names.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The beginning of its validity, seconds since 1970.
    pub not_before: i64,
    /// The end of its validity, seconds since 1970.
    pub not_after: i64,
}

/// Asks with the device's certificate, as a session would.
pub async fn secure(
    url: &str,
    slot: &Slot,
    trust: &Trust,
    proxy: &ProxySettings,
    patience: Duration,
) -> Result<Seen, ClientError> {
    let verifier = Arc::new(Watching::new(trust)?);
    let resolver = Arc::new(Asked { key: SingleCertAndKey::from(certified(slot)?), asked: AtomicBool::new(false) });
    let mut tls = rustls::ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(&resolver) as Arc<dyn ResolvesClientCert>);
    tls.resumption = rustls::client::Resumption::disabled();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = proxy
        .apply(reqwest::Client::builder())?
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .user_agent(concat!("mdm-agent/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let answer = glance(client.get(url)).await.map_err(|error| explain(&error));
    let (presented, trusted) = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Seen { answer, presented, trusted, asked: resolver.asked.load(Ordering::Relaxed) })
}

/// Asks without TLS and without a proxy: only what stands between this machine and its network answers that for others.
pub async fn plain(url: &str, patience: Duration) -> Result<Glimpse, ConnectionFailure> {
    // The library wants a way to do TLS even where none is done.
    let tls =
        rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .build()
        .map_err(|error| ConnectionFailure::Identity(error.to_string()))?;
    glance(client.get(url)).await.map_err(|error| explain(&error))
}

async fn glance(request: reqwest::RequestBuilder) -> reqwest::Result<Glimpse> {
    let mut response = request.send().await?;
    let header = |name| response.headers().get(name)?.to_str().ok().map(|text: &str| text.to_owned());
    let location: Option<String> = header(LOCATION).map(|text| text.chars().take(GLANCE).collect());
    let date = header(DATE).as_deref().and_then(unix_seconds);
    let says_page = header(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("text/html"));
    let status = response.status().as_u16();
    let begins = response.chunk().await?.unwrap_or_default();
    let begins = String::from_utf8_lossy(&begins[..begins.len().min(GLANCE)]).trim_start().to_ascii_lowercase();
    let is_page = says_page || begins.starts_with("<!doctype html") || begins.starts_with("<html");
    Ok(Glimpse { status, location, date, is_page })
}

fn certified(slot: &Slot) -> Result<CertifiedKey, ClientError> {
    let (chain, key) = key_of(slot)?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())
        .map_err(|error| ClientError::Material { what: "the device's certificate and key", reason: error.to_string() })
}

/// Shows the device's certificate, and remembers that somebody asked for it.
#[derive(Debug)]
struct Asked {
    key: SingleCertAndKey,
    asked: AtomicBool,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        ResolvesClientCert::resolve(&self.key, hints, schemes)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Decides as a session does, and remembers what was shown.
#[derive(Debug)]
struct Watching {
    judge: Arc<WebPkiServerVerifier>,
    seen: Mutex<(Option<Presented>, bool)>,
}

impl Watching {
    fn new(trust: &Trust) -> Result<Self, ClientError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let judge = WebPkiServerVerifier::builder_with_provider(roots(trust)?, provider).build();
        let judge = judge.map_err(|error| ClientError::Material {
            what: "the root certificates of the account",
            reason: error.to_string(),
        })?;
        Ok(Self { judge, seen: Mutex::default() })
    }
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = (presented(end_entity), verdict.is_ok());
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

fn presented(der: &CertificateDer<'_>) -> Option<Presented> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = |name: &x509_parser::x509::X509Name<'_>| name.to_string().chars().take(MAX_NAME).collect();
    Some(Presented {
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    })
}
