//! A running server: state directory, authority, listeners, and how they start and stop together.

mod error;
mod sockets;
mod state;
mod sweep;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mdm_protocol::Secret;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub use self::error::ServerError;
use self::sockets::{Addresses, Sockets};
use self::state::{load_authority, load_registration, load_token, open_store, state_directory, write};
use crate::http::{self, ServerCertificate, Shutdown};
use crate::push::Hub;
use crate::service::{CertificateAuthority, Clock, Service, ServiceError, random_bytes};
use crate::tenant::{AdminError, Licence, SettingsPatch, Tenant, TenantMode};

/// How often a silent push stream says that it is still there, unless told otherwise.
const PUSH_KEEPALIVE: Duration = Duration::from_secs(45);
const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca.key";
const SCEP_FILE: &str = "scep.pem";
const SCEP_KEY_FILE: &str = "scep.key";
const TOKEN_FILE: &str = "admin-token";
const SUMMARY_FILE: &str = "server.json";
const STORE_DIRECTORY: &str = "store";

/// How a server is started.
#[derive(Debug)]
pub struct ServerOptions {
    /// Where its state is kept; `None` for a server that forgets everything when it stops.
    pub state: Option<PathBuf>,
    /// Where devices are served.
    pub listen: SocketAddr,
    /// Where administrators are served.
    pub admin_listen: SocketAddr,
    /// Where the push service is served.
    pub push_listen: SocketAddr,
    /// How often a silent push stream says that it is still there.
    pub push_keepalive: Duration,
    /// Where SCEP is served over plain HTTP, beside devices' own address; `None` for nowhere.
    pub scep_listen: Option<SocketAddr>,
    /// Whether administrators may be served on an address that is not loopback.
    pub allow_remote_admin: bool,
    /// Names and addresses that devices may use beside the loopback ones; the first is the one the server gives out.
    pub host_names: Vec<String>,
    /// The MDM authority to set at the start.
    pub authority: Option<TenantMode>,
    /// Whether the tenant is made strict at the start; one that is strict already stays so.
    pub strict: bool,
    /// A user to add at the start, unless there is one of this name.
    pub user: Option<(String, Secret)>,
    /// The clock by which the server issues and renews its own certificates; [`Clock::machine`], except in tests. The
    /// tenant has a clock of its own, which an administrator can move.
    pub machine_clock: Arc<Clock>,
}

impl Default for ServerOptions {
    /// An ephemeral server on free loopback ports.
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            state: None,
            listen: any,
            admin_listen: any,
            push_listen: any,
            push_keepalive: PUSH_KEEPALIVE,
            scep_listen: None,
            allow_remote_admin: false,
            host_names: Vec::new(),
            authority: None,
            strict: false,
            user: None,
            machine_clock: Arc::default(),
        }
    }
}

/// A running server. Dropping it stops it too, only less politely than [`Server::shutdown`].
#[derive(Debug)]
pub struct Server {
    service: Arc<Service>,
    addresses: Addresses,
    hub: Arc<Hub>,
    admin_token: Secret,
    ca_pem: String,
    directory: PathBuf,
    stop: watch::Sender<bool>,
    /// The listeners and the sweep.
    tasks: Vec<JoinHandle<()>>,
    _temporary: Option<TempDir>,
}

impl Server {
    /// Starts a server; when it returns, both addresses answer.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        if !options.admin_listen.ip().is_loopback() && !options.allow_remote_admin {
            return Err(ServerError::RemoteAdmin(options.admin_listen));
        }
        // Another part of the process may have chosen a provider already; the server names its own wherever it matters.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (directory, temporary) = state_directory(options.state.as_deref())?;
        // The store comes first: its lock keeps a second server away from everything else in the directory.
        let store = open_store(&directory.join(STORE_DIRECTORY), temporary.is_some())?;
        let machine_clock = options.machine_clock.clone();
        let authority = Arc::new(load_authority(&directory, machine_clock.now())?);
        let registration = load_registration(&directory, &authority, machine_clock.now())?;
        let admin_token = load_token(&directory)?;
        let tenant = Tenant::restore(store.records()?)?;

        let sockets = Sockets::bind(&options).await?;
        let addresses = sockets.addresses.clone();
        let (acceptor, push_acceptor) = acceptors(&authority, names(&options.host_names), machine_clock)?;
        let seed = u64::from_ne_bytes(random_bytes()?);
        let hub = Arc::new(Hub::new(fastrand::Rng::with_seed(seed)));
        let ca_pem = authority.pem().to_owned();
        let service = Arc::new(
            Service::new(tenant, store, authority, addresses.device.clone())?
                .with_push(hub.clone(), addresses.push.clone())
                .with_scep(registration),
        );
        let prepared = service.clone();
        let (authority, strict, user) = (options.authority, options.strict, options.user);
        tokio::task::spawn_blocking(move || prepare(&prepared, authority, strict, user))
            .await
            .unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))?;

        let (stop, stopped) = watch::channel(false);
        let shutdown = Shutdown(stopped);
        let scep_router = http::scep_router(service.clone());
        let device_router = http::device_router(service.clone()).merge(scep_router.clone());
        let admin_router = http::admin_router(service.clone(), admin_token.clone(), options.host_names.clone());
        let push_router = http::push_router(hub.clone(), options.push_keepalive);
        let mut tasks = vec![
            tokio::spawn(http::serve_devices(sockets.devices, acceptor, device_router, shutdown.clone())),
            tokio::spawn(http::serve_push(sockets.pushes, push_acceptor, push_router, shutdown.clone())),
            tokio::spawn(http::serve_admin(sockets.admins, admin_router, shutdown.clone())),
            tokio::spawn(sweep::run(service.clone(), shutdown.clone())),
        ];
        if let Some(plain) = sockets.scep {
            tasks.push(tokio::spawn(http::serve_scep(plain, scep_router, shutdown)));
        }
        let server =
            Self { service, addresses, hub, admin_token, ca_pem, directory, stop, tasks, _temporary: temporary };
        write(&server.directory.join(SUMMARY_FILE), server.summary().as_bytes())?;
        Ok(server)
    }

    /// The address of the device endpoints, without a slash at its end.
    pub fn device_url(&self) -> &str {
        &self.addresses.device
    }

    /// The address of the admin API, without a slash at its end.
    pub fn admin_url(&self) -> &str {
        &self.addresses.admin
    }

    /// The address of the push service, without a slash at its end.
    pub fn push_url(&self) -> &str {
        &self.addresses.push
    }

    /// The address of SCEP: over plain HTTP, if that is served, else below that of the devices.
    pub fn scep_url(&self) -> &str {
        &self.addresses.scep
    }

    /// The token for the admin API.
    pub fn admin_token(&self) -> &str {
        self.admin_token.expose()
    }

    /// The certificate of the authority that the server's own certificate is issued by, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The services, for tests that need no network.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Where things are, as one line of JSON.
    pub fn summary(&self) -> String {
        serde_json::json!({
            "device_url": self.addresses.device,
            "admin_url": self.addresses.admin,
            "push_url": self.addresses.push,
            "scep_url": self.addresses.scep,
            "ca_file": self.directory.join(CA_FILE),
            "admin_token_file": self.directory.join(TOKEN_FILE),
        })
        .to_string()
    }

    /// Stops accepting, lets requests under way finish, and closes the store.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.hub.close();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "server task failed");
            }
        }
    }
}

/// TLS for devices and for push, with one certificate of the server for both.
fn acceptors(
    authority: &Arc<CertificateAuthority>,
    names: Vec<String>,
    clock: Arc<Clock>,
) -> Result<(TlsAcceptor, TlsAcceptor), ServerError> {
    let certificate = Arc::new(ServerCertificate::issue(authority.clone(), names, clock)?);
    let devices = http::server_config(certificate.clone(), authority.der())?;
    let push = http::push_config(certificate)?;
    Ok((TlsAcceptor::from(Arc::new(devices)), TlsAcceptor::from(Arc::new(push))))
}

/// The names of the server's certificate, those given first.
fn names(given: &[String]) -> Vec<String> {
    let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    given.iter().cloned().chain(loopback.into_iter().filter(|name| !given.contains(name))).collect()
}

/// Makes the settings that the start asks for. A password is hashed, which is slow.
fn prepare(
    service: &Service,
    authority: Option<TenantMode>,
    strict: bool,
    user: Option<(String, Secret)>,
) -> Result<(), ServerError> {
    if strict {
        let patch = SettingsPatch { strict: Some(true), ..SettingsPatch::default() };
        service.act(|tenant, now| tenant.change_settings(patch, now).map(drop))?;
    }
    if authority.is_some() {
        let patch = SettingsPatch { authority, ..SettingsPatch::default() };
        match service.act(|tenant, now| tenant.change_settings(patch, now).map(drop)) {
            // The tenant has gone on since it was first started so.
            Err(ServiceError::Refused(AdminError::Conflict(reason))) => {
                tracing::warn!(reason, "the MDM authority stays as it is");
            }
            other => other?,
        }
    }
    let Some((name, password)) = user else { return Ok(()) };
    match service.add_user(name.clone(), password, [Licence::Intune].into(), false) {
        Err(ServiceError::Refused(AdminError::Conflict(_))) => {
            tracing::info!(user = name, "the user is there already");
            Ok(())
        }
        other => Ok(other.map(drop)?),
    }
}
