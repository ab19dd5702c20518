//! A device that gets a certificate by SCEP, and a tenant that gives it one: the agent's own client and the simulated
//! tenant in one process, over loopback.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws_lc_rs::rand::SystemRandom;
use mdm_agent::engine::account::Trust;
use mdm_agent::shell::http::ProxySettings;
use mdm_agent::shell::paths::Paths;
use mdm_agent::shell::scep::{Keeper, ScepClient, ScepOrder, ScepOutcome, ScepState, enrol_step};
use mdm_protocol::csp::Leaves;
use mdm_protocol::csp::certificate::ScepInstall;
use mdm_protocol::{Thumbprint, base64};
use mdm_sim_server::tenant::{ScepMode, SettingsPatch};
use mdm_sim_server::{Server, ServerOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The name under which a device keeps its enrolment.
pub const NAME: &str = "wifi/1";

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A simulated tenant that serves SCEP over plain HTTP too.
pub async fn tenant() -> anyhow::Result<Server> {
    let scep_listen = Some(([127, 0, 0, 1], 0).into());
    Ok(Server::start(ServerOptions { scep_listen, ..ServerOptions::default() }).await?)
}

/// Has the tenant decide so from now on.
pub fn set_mode(server: &Server, mode: ScepMode) -> anyhow::Result<()> {
    let patch = SettingsPatch { scep: Some(mode), ..SettingsPatch::default() };
    Ok(server.service().act(|tenant, now| tenant.change_settings(patch, now).map(drop))?)
}

/// A one-time challenge.
pub fn challenge(server: &Server) -> anyhow::Result<String> {
    Ok(server.service().add_scep_challenge()?.0.expose().to_owned())
}

/// The tenant's authority in DER.
pub fn authority(server: &Server) -> anyhow::Result<Vec<u8>> {
    Ok(CertificateDer::from_pem_slice(server.ca_pem().as_bytes())?.to_vec())
}

/// An order to a device, as the nodes have it.
pub fn order(url: &str, challenge: &str, thumbprint: Option<&str>) -> anyhow::Result<ScepOrder> {
    let leaves = Leaves::default()
        .with("ServerURL", Some(url))
        .with("Challenge", Some(challenge))
        .with("SubjectName", Some("CN=ada,OU=Devices,DC=contoso,DC=example"))
        .with("SubjectAlternativeNames", Some("2+ada@contoso.example;3+ada.contoso.example;11+ada@contoso.example"))
        .with("EKUMapping", Some("1.3.6.1.5.5.7.3.2+1.3.6.1.5.5.7.3.4"))
        .with("KeyUsage", Some("160"))
        .with("CAThumbprint", thumbprint);
    let install = ScepInstall::from_leaves(&leaves).map_err(|error| anyhow::anyhow!("{}", error.reason))?;
    Ok(ScepOrder::new(&install)?)
}

/// A device in the middle of an enrolment.
#[derive(Debug)]
pub struct Device {
    /// Where the enrolment is kept.
    pub keeper: Keeper,
    /// The folder with all that the device keeps.
    pub folder: tempfile::TempDir,
    client: ScepClient,
}

impl Device {
    /// A device that trusts these authorities (DER) when it asks over TLS.
    pub fn new(roots: &[Vec<u8>]) -> anyhow::Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir()?;
        let paths = Paths { state: folder.path().to_owned(), runtime: folder.path().to_owned() };
        let trust = Trust { system: false, roots: roots.iter().map(base64::encode).collect() };
        let client = ScepClient::new(&trust, &ProxySettings::none())?;
        Ok(Self { keeper: Keeper::new(&paths, NAME), folder, client })
    }

    /// The same device with a configuration that allows triple DES and SHA-1.
    #[must_use]
    pub fn with_legacy(self) -> Self {
        Self { client: self.client.with_legacy(true), ..self }
    }

    /// Begins an enrolment and keeps it.
    pub fn begin(&self, order: &ScepOrder) -> anyhow::Result<()> {
        Ok(self.keeper.save(&ScepState::begin(order, now())?)?)
    }

    /// What is kept.
    pub fn state(&self) -> anyhow::Result<ScepState> {
        self.keeper.load()?.context("nothing is kept")
    }

    /// Takes the next step with nothing but what is kept, as after a restart.
    pub async fn step(&self) -> anyhow::Result<ScepOutcome> {
        let mut state = self.state()?;
        Ok(enrol_step(&mut state, &self.keeper, &self.client, now(), &SystemRandom::new()).await?)
    }
}

/// The thumbprint of a certificate.
pub fn thumbprint(der: &[u8]) -> String {
    Thumbprint::of(der).to_string()
}
