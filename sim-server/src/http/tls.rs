//! The TLS configurations of the listeners for devices and for push.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::service::authority::AuthorityError;

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate or its key was refused.
    #[error("TLS could not be set up: {0}")]
    Rustls(#[from] rustls::Error),
    /// Client certificates could not be verified.
    #[error("TLS could not be set up: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The server's certificate could not be issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// TLS for devices: the server's certificate from `certificate`, and clients are asked for one of the authority (DER).
pub(crate) fn server_config(
    certificate: Arc<dyn ResolvesServerCert>,
    authority: &[u8],
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.to_vec()))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session would speak with the certificate of the session before: one that was renewed, or taken away.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// TLS for push: the server's certificate from `certificate`, and any client.
pub(crate) fn push_config(certificate: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
