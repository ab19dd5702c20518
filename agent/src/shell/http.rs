//! HTTPS: one client for one trust and one identity. Never follows a redirect, never reads more than it is told to.

mod failure;
pub mod probe;
mod proxy;

use std::sync::Arc;
use std::time::Duration;

use mdm_protocol::base64;
use reqwest::header::{ACCEPT, ACCEPT_CHARSET, CACHE_CONTROL, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::identity::Slot;
use crate::engine::account::Trust;
use crate::engine::failure::ConnectionFailure;
use crate::engine::reply::Reply;
pub(super) use failure::explain;
pub use proxy::{ProxyError, ProxySettings};
pub(super) use proxy::{check_proxy, without_credentials};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(180);
/// The longest header that is passed on: longer than any address in use.
const MAX_HEADER: usize = 2048;

/// What kind of message is sent; it sets the headers and the size of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// MS-MDE2 enrolment.
    Enrolment,
    /// An OMA-DM session.
    Management,
}

impl Service {
    fn user_agent(self) -> &'static str {
        match self {
            Self::Enrolment => "ENROLLClient",
            Self::Management => "MSFT OMA DM Client/1.2.0.1",
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::Enrolment => mdm_protocol::Limits::ENROLMENT.bytes,
            Self::Management => mdm_protocol::Limits::MESSAGE.bytes,
        }
    }
}

/// A client that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A certificate or key is not usable.
    #[error("{what} cannot be used: {reason}")]
    Material {
        /// Which.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// Environment or configuration name a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The HTTP library refused.
    #[error("the HTTPS client cannot be made: {0}")]
    Library(#[from] reqwest::Error),
}

impl From<ClientError> for ConnectionFailure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Proxy(error) => Self::Proxy(error.to_string()),
            ClientError::Material { .. } | ClientError::Library(_) => Self::Identity(error.to_string()),
        }
    }
}

/// An HTTPS client.
#[derive(Debug, Clone)]
pub struct HttpsClient {
    client: reqwest::Client,
    service: Service,
    correlation: String,
}

impl HttpsClient {
    /// A client without a certificate of its own, for enrolment.
    pub fn anonymous(trust: &Trust, proxy: &ProxySettings) -> Result<Self, ClientError> {
        let config = rustls::ClientConfig::builder().with_root_certificates(roots(trust)?).with_no_client_auth();
        Self::new(config, proxy, Service::Enrolment, String::new())
    }

    /// A client that shows this slot's certificate, for one session: the next one begins with a new client, so that no
    /// connection outlives the certificate that it was made with (rule I6).
    pub fn authenticated(
        slot: &Slot,
        trust: &Trust,
        device_id: &str,
        proxy: &ProxySettings,
    ) -> Result<Self, ClientError> {
        Self::new(mutual(slot, trust)?, proxy, Service::Management, device_id.to_owned())
    }

    /// A client that shows this slot's certificate to the enrolment service, for its renewal.
    pub fn renewing(slot: &Slot, trust: &Trust, proxy: &ProxySettings) -> Result<Self, ClientError> {
        Self::new(mutual(slot, trust)?, proxy, Service::Enrolment, String::new())
    }

    fn new(
        mut config: rustls::ClientConfig,
        proxy: &ProxySettings,
        service: Service,
        correlation: String,
    ) -> Result<Self, ClientError> {
        // A resumed TLS session would go on showing the certificate that it began with.
        config.resumption = rustls::client::Resumption::disabled();
        // A session is a handful of requests one after another: HTTP/2 would only cost.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = proxy
            .apply(reqwest::Client::builder())?
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(service.user_agent())
            .build()?;
        Ok(Self { client, service, correlation })
    }

    /// GET, as the discovery probe does it.
    pub async fn get(&self, url: &str) -> Result<Reply, ConnectionFailure> {
        let request = self.client.get(url).header(CACHE_CONTROL, "no-cache").header("Pragma", "no-cache");
        self.run(request).await
    }

    /// POST of a message.
    pub async fn post(&self, url: &str, body: Vec<u8>) -> Result<Reply, ConnectionFailure> {
        self.post_signed(url, body, None).await
    }

    /// As [`Self::post`], with a signature over the message (CMS in DER) in its headers. MS-MDM section 2.1 names one, the
    /// reference of the DMClient provider the other.
    pub async fn post_signed(
        &self,
        url: &str,
        body: Vec<u8>,
        signature: Option<&[u8]>,
    ) -> Result<Reply, ConnectionFailure> {
        let request = self.client.post(url);
        let request = match self.service {
            Service::Enrolment => request.header(CONTENT_TYPE, mdm_protocol::soap::CONTENT_TYPE),
            Service::Management => request
                .header(CONTENT_TYPE, mdm_protocol::syncml::CONTENT_TYPE)
                .header(ACCEPT, "application/vnd.syncml.dm+xml, application/octet-stream")
                .header(ACCEPT_CHARSET, "UTF-8")
                .header("client-request-id", &self.correlation),
        };
        let signature = signature.map(mdm_protocol::base64::encode);
        let request = ["MS-Signature", "MDM-Signature"].into_iter().fold(request, |request, name| match &signature {
            Some(signature) => request.header(name, signature),
            None => request,
        });
        self.run(request.body(body)).await
    }

    async fn run(&self, request: reqwest::RequestBuilder) -> Result<Reply, ConnectionFailure> {
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let header = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.get(..MAX_HEADER).unwrap_or(value).to_owned())
        };
        let mut reply = Reply {
            status: response.status().as_u16(),
            location: header(LOCATION),
            retry_after: header(RETRY_AFTER).and_then(|seconds| seconds.trim().parse().ok()),
            date: header(DATE).as_deref().and_then(unix_seconds),
            body: Vec::new(),
        };
        let limit = self.service.limit();
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(ConnectionFailure::Oversized { limit });
        }
        while let Some(piece) = response.chunk().await.map_err(|error| explain(&error))? {
            if reply.body.len() + piece.len() > limit {
                return Err(ConnectionFailure::Oversized { limit });
            }
            reply.body.extend_from_slice(&piece);
        }
        Ok(reply)
    }
}

fn mutual(slot: &Slot, trust: &Trust) -> Result<rustls::ClientConfig, ClientError> {
    let (chain, key) = key_of(slot)?;
    rustls::ClientConfig::builder()
        .with_root_certificates(roots(trust)?)
        .with_client_auth_cert(chain, key)
        .map_err(|error| ClientError::Material { what: "the device's certificate and key", reason: error.to_string() })
}

/// A slot's certificate chain and key, as the TLS library takes them.
fn key_of(slot: &Slot) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ClientError> {
    let unusable = |what| move |reason: String| ClientError::Material { what, reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&slot.certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable("the device's certificate")(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&slot.private_key)
        .map_err(|error| unusable("the device's private key")(error.to_string()))?;
    Ok((chain, key))
}

/// An HTTP date in any of its three forms (RFC 9110 section 5.6.7).
fn unix_seconds(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date.trim()).ok()?;
    i64::try_from(date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

pub(super) fn roots(trust: &Trust) -> Result<Arc<RootCertStore>, ClientError> {
    let mut store = RootCertStore::empty();
    if trust.system {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for root in &trust.roots {
        let unusable = |reason: String| ClientError::Material { what: "a root certificate of the account", reason };
        let der = base64::decode(root).map_err(|error| unusable(error.to_string()))?;
        store.add(CertificateDer::from(der)).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests;
