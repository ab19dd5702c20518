//! Why a server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{CA_FILE, CA_KEY_FILE};
use crate::http::TlsError;
use crate::service::authority::AuthorityError;
use crate::service::{RandomError, ServiceError};
use crate::store::StoreError;
use crate::tenant::RestoreError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The admin API would be open to the network.
    #[error(
        "the admin API would listen on {0}, which is not a loopback address; say --allow-remote-admin to have that"
    )]
    RemoteAdmin(SocketAddr),
    /// An address is not to be had.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file of the state directory failed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One half of the authority is missing.
    #[error("{0} has only one of {CA_FILE} and {CA_KEY_FILE}; restore the other, or move both away to begin anew")]
    HalfAuthority(PathBuf),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store's content cannot be used.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The certificate authority failed.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There are no random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The settings asked for were refused.
    #[error(transparent)]
    Settings(#[from] ServiceError),
}
