//! The transport of SCEP (RFC 8894 section 4.1): HTTP and HTTPS without a certificate of the device's own. Follows
//! redirects only within a scheme, reads no more than it is told to, and believes nothing of what it reads.

use std::time::Duration;

use mdm_protocol::base64;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::{Attempt, Policy};
use url::Url;

use crate::engine::account::Trust;
use crate::engine::failure::ConnectionFailure;
use crate::shell::cms::SigningDigest;
use crate::shell::cms::envelope::ContentCipher;
use crate::shell::http::{ClientError, ProxySettings, explain, roots};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
const MAX_REDIRECTS: usize = 3;
/// The largest answer that is read, in bytes.
pub const LIMIT: usize = 1 << 20;

/// Why there is no answer of a SCEP server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportFailure {
    /// None came.
    #[error(transparent)]
    Connection(#[from] ConnectionFailure),
    /// The server answered with an error.
    #[error("the SCEP server answered with HTTP {0}")]
    Status(u16),
    /// Something else answered.
    #[error("an HTML page came instead of an answer; a captive portal, a proxy or a wrong address answered")]
    Page,
}

/// What a server can do (RFC 8894 section 3.5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) aes: bool,
    pub(super) sha256: bool,
    pub(super) post: bool,
}

/// How messages to a server are encrypted and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) cipher: ContentCipher,
    pub(super) digest: SigningDigest,
}

impl Capabilities {
    pub(super) fn read(answer: &[u8]) -> Self {
        let text = String::from_utf8_lossy(answer);
        let has = |name: &str| text.lines().any(|line| line.trim().eq_ignore_ascii_case(name));
        let standard = has("SCEPStandard");
        Self {
            aes: standard || has("AES"),
            sha256: standard || has("SHA-256"),
            post: standard || has("POSTPKIOperation"),
        }
    }

    /// The best that the server knows.
    pub(super) fn protection(self) -> Protection {
        Protection {
            cipher: if self.aes { ContentCipher::Aes256 } else { ContentCipher::TripleDes },
            digest: if self.sha256 { SigningDigest::Sha256 } else { SigningDigest::Sha1 },
        }
    }

    /// What is missing that nothing is done without, unless the machine's configuration allows it.
    pub(super) fn missing(self) -> Option<&'static str> {
        match (self.aes, self.sha256) {
            (true, true) => None,
            (true, false) => Some("SHA-256"),
            (false, true) => Some("AES"),
            (false, false) => Some("AES and SHA-256"),
        }
    }
}

/// Asks SCEP servers.
#[derive(Debug, Clone)]
pub struct ScepClient {
    client: reqwest::Client,
    /// Whether triple DES and SHA-1 are used with servers that know nothing better.
    pub(super) legacy: bool,
}

impl ScepClient {
    /// A client for servers that this trust knows, where they are asked over HTTPS.
    pub fn new(trust: &Trust, proxy: &ProxySettings) -> Result<Self, ClientError> {
        let mut config = rustls::ClientConfig::builder().with_root_certificates(roots(trust)?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = proxy
            .apply(reqwest::Client::builder())?
            .tls_backend_preconfigured(config)
            .redirect(Policy::custom(redirect))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(concat!("mdm-agent/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, legacy: false })
    }

    /// The same client, which uses triple DES and SHA-1 with servers that know nothing better, or does not.
    #[must_use]
    pub fn with_legacy(self, legacy: bool) -> Self {
        Self { legacy, ..self }
    }

    pub(super) async fn capabilities(&self, server: &Url) -> Result<Capabilities, TransportFailure> {
        match self.get(server, "GetCACaps", None).await {
            Ok(answer) => Ok(Capabilities::read(&answer)),
            // A server that does not know the question can do what the oldest can (RFC 8894 section 3.5).
            Err(TransportFailure::Status(400 | 404 | 405 | 501)) => Ok(Capabilities::default()),
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn authority(&self, server: &Url) -> Result<Vec<u8>, TransportFailure> {
        self.get(server, "GetCACert", None).await
    }

    /// PKIOperation, by POST where the server takes that.
    pub(super) async fn operation(
        &self,
        server: &Url,
        message: &[u8],
        post: bool,
    ) -> Result<Vec<u8>, TransportFailure> {
        if !post {
            return self.get(server, "PKIOperation", Some(&base64::encode(message))).await;
        }
        let request = self.client.post(address(server, "PKIOperation", None));
        run(request.header(CONTENT_TYPE, "application/x-pki-message").body(message.to_vec())).await
    }

    async fn get(&self, server: &Url, operation: &str, message: Option<&str>) -> Result<Vec<u8>, TransportFailure> {
        run(self.client.get(address(server, operation, message))).await
    }
}

fn address(server: &Url, operation: &str, message: Option<&str>) -> Url {
    let mut address = server.clone();
    address.query_pairs_mut().append_pair("operation", operation);
    if let Some(message) = message {
        address.query_pairs_mut().append_pair("message", message);
    }
    address
}

/// To another scheme would be to plain HTTP, where anybody reads along, or to where no order sent us.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let is_same = attempt.previous().last().is_some_and(|from| from.scheme() == attempt.url().scheme());
    if is_same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

async fn run(request: reqwest::RequestBuilder) -> Result<Vec<u8>, TransportFailure> {
    let mut response = request.send().await.map_err(|error| explain(&error))?;
    if !response.status().is_success() {
        return Err(TransportFailure::Status(response.status().as_u16()));
    }
    let oversized = ConnectionFailure::Oversized { limit: LIMIT };
    if response.content_length().is_some_and(|length| length > LIMIT as u64) {
        return Err(oversized.into());
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + piece.len() > LIMIT {
            return Err(oversized.into());
        }
        body.extend_from_slice(&piece);
    }
    let is_page = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    if is_page { Err(TransportFailure::Page) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_must_know_aes_and_sha_256() {
        let missing = |text: &str| Capabilities::read(text.as_bytes()).missing();
        assert_eq!(missing("AES\r\nSHA-256\r\n"), None);
        assert_eq!(missing("scepstandard"), None);
        assert_eq!(missing("POSTPKIOperation\nRenewal\nSHA-512\nSHA-256\nSHA-1\nDES3"), Some("AES"));
        assert_eq!(missing("AES\nSHA-1"), Some("SHA-256"));
        assert_eq!(missing(""), Some("AES and SHA-256"));
        assert!(Capabilities::read(b"SCEPStandard").post && !Capabilities::read(b"AES").post);
    }

    #[test]
    fn a_servers_own_query_stays() {
        let server = Url::parse("http://ca.example/scep?profile=wifi").unwrap();
        let address = address(&server, "PKIOperation", Some("MIIB+/="));
        assert_eq!(
            address.as_str(),
            "http://ca.example/scep?profile=wifi&operation=PKIOperation&message=MIIB%2B%2F%3D"
        );
    }
}
