//! HTTPS: one client for one trust and one identity. Never follows a redirect, never reads more than it is told to.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use mdm_protocol::base64;
use reqwest::header::{ACCEPT, ACCEPT_CHARSET, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::identity::Identity;
use crate::engine::account::Trust;
use crate::engine::failure::ConnectionFailure;
use crate::engine::reply::Reply;

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
    /// The HTTP library refused.
    #[error("the HTTPS client cannot be made: {0}")]
    Library(#[from] reqwest::Error),
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
    pub fn anonymous(trust: &Trust) -> Result<Self, ClientError> {
        let config = rustls::ClientConfig::builder().with_root_certificates(roots(trust)?).with_no_client_auth();
        Self::new(config, Service::Enrolment, String::new())
    }

    /// A client that shows the device's certificate, for sessions.
    pub fn authenticated(identity: &Identity) -> Result<Self, ClientError> {
        let unusable = |what| move |reason: String| ClientError::Material { what, reason };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&identity.active.certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| unusable("the device's certificate")(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(&identity.active.private_key)
            .map_err(|error| unusable("the device's private key")(error.to_string()))?;
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots(&identity.account.trust)?)
            .with_client_auth_cert(chain, key)
            .map_err(|error| unusable("the device's certificate and key")(error.to_string()))?;
        Self::new(config, Service::Management, identity.account.device_id.clone())
    }

    fn new(mut config: rustls::ClientConfig, service: Service, correlation: String) -> Result<Self, ClientError> {
        // A resumed TLS session would go on showing the certificate that it began with.
        config.resumption = rustls::client::Resumption::disabled();
        // A session is a handful of requests one after another: HTTP/2 would only cost.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .no_proxy()
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
        let request = self.client.post(url);
        let request = match self.service {
            Service::Enrolment => request.header(CONTENT_TYPE, mdm_protocol::soap::CONTENT_TYPE),
            Service::Management => request
                .header(CONTENT_TYPE, mdm_protocol::syncml::CONTENT_TYPE)
                .header(ACCEPT, "application/vnd.syncml.dm+xml, application/octet-stream")
                .header(ACCEPT_CHARSET, "UTF-8")
                .header("client-request-id", &self.correlation),
        };
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

fn roots(trust: &Trust) -> Result<Arc<RootCertStore>, ClientError> {
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

/// Names a failed connection (rule C3), by the errors that the libraries nest in one another.
fn explain(error: &reqwest::Error) -> ConnectionFailure {
    if error.is_timeout() {
        return ConnectionFailure::TimedOut;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        if let Some(tls) = as_tls_error(cause) {
            return explain_tls(tls);
        }
        if text.contains("dns error") || text.contains("lookup address") {
            return ConnectionFailure::NameResolution(deepest(cause));
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::NetworkDown => {
                    return ConnectionFailure::NoNetwork(io.to_string());
                }
                std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::HostUnreachable => {
                    return ConnectionFailure::Unreachable(io.to_string());
                }
                _ => {}
            }
        }
        source = cause.source();
    }
    match () {
        () if error.is_builder() => ConnectionFailure::Address(text),
        () if error.is_connect() => ConnectionFailure::Unreachable(text),
        () => ConnectionFailure::Broken(text),
    }
}

/// I/O errors hide what they wrap from their source; a TLS error may be wrapped more than once.
fn as_tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = cause;
    loop {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        cause = cause.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

fn explain_tls(error: &rustls::Error) -> ConnectionFailure {
    use rustls::AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked, CertificateUnknown,
        UnknownCA, UnsupportedCertificate,
    };
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    match error {
        rustls::Error::InvalidCertificate(
            Expired | NotValidYet | ExpiredContext { .. } | NotValidYetContext { .. },
        ) => ConnectionFailure::ClockOrExpiry(error.to_string()),
        rustls::Error::InvalidCertificate(_) => ConnectionFailure::Untrusted(error.to_string()),
        rustls::Error::AlertReceived(
            BadCertificate
            | UnsupportedCertificate
            | CertificateRevoked
            | CertificateExpired
            | CertificateUnknown
            | UnknownCA
            | AccessDenied
            | CertificateRequired,
        ) => ConnectionFailure::CertificateRefused(error.to_string()),
        _ => ConnectionFailure::Broken(error.to_string()),
    }
}

fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::*;

    #[test]
    fn only_alerts_about_certificates_speak_of_the_devices_certificate() {
        let name = |alert| explain_tls(&rustls::Error::AlertReceived(alert)).name();
        assert_eq!(name(AlertDescription::CertificateRevoked), "certificate-refused");
        assert_eq!(name(AlertDescription::CertificateRequired), "certificate-refused");
        assert_eq!(name(AlertDescription::HandshakeFailure), "connection-broken");
        assert_eq!(name(AlertDescription::InternalError), "connection-broken");
    }
}
