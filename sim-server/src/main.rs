//! The command line of the simulated tenant: arguments, log, signals.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Parser, ValueEnum};
use mdm_protocol::Secret;
use mdm_sim_server::tenant::TenantMode;
use mdm_sim_server::{Server, ServerOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Where push is served beside devices, unless told otherwise.
const PUSH_PORT: u16 = 8445;
const EXAMPLE: &str = "\
Example:
  printf %s 'correct horse' > password
  mdm-sim-server --ephemeral --authority intune --user alice@contoso.example --user-password-file password

The banner names the addresses, the CA file that devices must trust and the admin token. Then, for instance:
  curl -H \"Authorization: Bearer $(cat STATE/admin-token)\" http://127.0.0.1:8080/api/v1/devices";

/// A whole simulated MDM tenant to test device-management clients against.
#[derive(Debug, Parser)]
#[command(name = "mdm-sim-server", version, after_help = EXAMPLE)]
struct Arguments {
    /// Keep the state in this directory.
    #[arg(long, value_name = "DIR", default_value = "mdm-sim-server-state", conflicts_with = "ephemeral")]
    state: PathBuf,
    /// Keep the state in memory and forget it at the end.
    #[arg(long)]
    ephemeral: bool,
    /// Serve devices here, over TLS; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Serve administrators here, over plain HTTP; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    admin_listen: SocketAddr,
    /// Serve push here, over TLS; unless given, on port 8445 beside --listen, or on any free one where that is on port 0.
    #[arg(long, value_name = "ADDRESS")]
    push_listen: Option<SocketAddr>,
    /// Say on a silent push stream every so many seconds that it is still there.
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=3600))]
    push_keepalive: u64,
    /// Serve SCEP here too, over plain HTTP; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS")]
    scep_listen: Option<SocketAddr>,
    /// Serve administrators even on an address that is not loopback.
    #[arg(long)]
    allow_remote_admin: bool,
    /// A name or address by which devices reach the server, beside the loopback ones; may be repeated.
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// Set the MDM authority at the start, if that is possible; without one, nobody can enrol.
    #[arg(long, value_enum)]
    authority: Option<AuthorityArgument>,
    /// Refuse what a conforming client would never send, with the rule that it breaks.
    #[arg(long)]
    strict: bool,
    /// Add this user at the start, unless there is one of this name.
    #[arg(long, value_name = "NAME", requires = "user_password_file")]
    user: Option<String>,
    /// The file that holds the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    user_password_file: Option<PathBuf>,
    /// Print where things are as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuthorityArgument {
    Unknown,
    Intune,
    CoManagement,
    Office365,
    Coexistence,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.context("the runtime did not start").and_then(|runtime| runtime.block_on(run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    // Signals are caught from here on, so that one that comes during the start is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be caught")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be caught")?;
    let json = arguments.json;
    // The server's errors name their causes themselves.
    let server = Server::start(options(arguments)?).await.map_err(|error| anyhow!("{error}"))?;
    announce(&server, json)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    server.shutdown().await;
    Ok(())
}

fn options(arguments: Arguments) -> Result<ServerOptions> {
    let user = match (arguments.user, arguments.user_password_file) {
        (Some(name), Some(file)) => {
            let password = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
            let password = password.trim_end_matches(['\r', '\n']);
            if password.is_empty() {
                bail!("{} has no password in it", file.display());
            }
            Some((name, Secret::new(password)))
        }
        _ => None,
    };
    let authority = arguments.authority.map(|authority| match authority {
        AuthorityArgument::Unknown => TenantMode::Unknown,
        AuthorityArgument::Intune => TenantMode::Intune,
        AuthorityArgument::CoManagement => TenantMode::CoManagement,
        AuthorityArgument::Office365 => TenantMode::Office365,
        AuthorityArgument::Coexistence => TenantMode::Coexistence,
    });
    Ok(ServerOptions {
        state: (!arguments.ephemeral).then_some(arguments.state),
        listen: arguments.listen,
        admin_listen: arguments.admin_listen,
        push_listen: arguments.push_listen.unwrap_or_else(|| {
            let port = if arguments.listen.port() == 0 { 0 } else { PUSH_PORT };
            SocketAddr::new(arguments.listen.ip(), port)
        }),
        push_keepalive: Duration::from_secs(arguments.push_keepalive),
        scep_listen: arguments.scep_listen,
        allow_remote_admin: arguments.allow_remote_admin,
        host_names: arguments.host_name,
        authority,
        strict: arguments.strict,
        user,
        ..ServerOptions::default()
    })
}

fn announce(server: &Server, json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let summary = server.summary();
    if json {
        writeln!(out, "{summary}")?;
    } else {
        let summary: serde_json::Value = serde_json::from_str(&summary)?;
        let ca_file = summary["ca_file"].as_str().unwrap_or_default();
        writeln!(out, "Simulated MDM tenant")?;
        writeln!(out, "  devices      {}/EnrollmentServer/Discovery.svc", server.device_url())?;
        writeln!(out, "  push         {}", server.push_url())?;
        writeln!(out, "  SCEP         {}", server.scep_url())?;
        writeln!(out, "  trust        {ca_file}")?;
        writeln!(out, "  admin API    {}/api/v1", server.admin_url())?;
        writeln!(out, "  admin token  {}", server.admin_token())?;
        writeln!(out, "Stop with Ctrl-C.")?;
    }
    out.flush()?;
    Ok(())
}
