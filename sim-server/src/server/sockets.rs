//! The sockets of a server and the addresses that it gives out for them. All are bound before anything is served, so
//! that a port in use stops the start and nothing else.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::{ServerError, ServerOptions};

/// The sockets, bound and not served yet.
pub(super) struct Sockets {
    pub(super) devices: TcpListener,
    pub(super) admins: TcpListener,
    pub(super) pushes: TcpListener,
    pub(super) scep: Option<TcpListener>,
    pub(super) addresses: Addresses,
}

/// The addresses, without a slash at their ends.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    pub(super) device: String,
    pub(super) admin: String,
    pub(super) push: String,
    pub(super) scep: String,
}

impl Sockets {
    pub(super) async fn bind(options: &ServerOptions) -> Result<Self, ServerError> {
        let (devices, device_port) = listen(options.listen).await?;
        let (admins, admin_port) = listen(options.admin_listen).await?;
        let (pushes, push_port) = listen(options.push_listen).await?;
        let host = host(options.host_names.first());
        let device = format!("https://{host}:{device_port}");
        let (scep, scep_url) = match options.scep_listen {
            None => (None, format!("{device}/scep")),
            Some(address) => {
                let (plain, port) = listen(address).await?;
                (Some(plain), format!("http://{host}:{port}/scep"))
            }
        };
        let addresses = Addresses {
            device,
            admin: format!("http://{}", SocketAddr::new(options.admin_listen.ip(), admin_port)),
            push: format!("https://{host}:{push_port}"),
            scep: scep_url,
        };
        Ok(Self { devices, admins, pushes, scep, addresses })
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, u16), ServerError> {
    let failed = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn host(given: Option<&String>) -> String {
    match given {
        None => "localhost".to_owned(),
        Some(name) if name.contains(':') => format!("[{name}]"),
        Some(name) => name.clone(),
    }
}
