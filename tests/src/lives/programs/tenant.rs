//! The simulated tenant as a process that starts again at the same addresses, from the state that it left or a backup.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::admin::Admin;
use crate::processes::{Process, silent, wait_until};
use crate::programs::Programs;
use crate::server::{PASSWORD, USER};

/// The file in which the server publishes its addresses.
const ADDRESSES: &str = "server.json";

/// A tenant that outlasts its process.
#[derive(Debug)]
pub(super) struct TenantProcess {
    program: PathBuf,
    folder: PathBuf,
    /// Where devices and push links are served: the ports that the first start has chosen.
    listen: [String; 2],
    process: Process,
    /// The administrator of the process that runs now.
    pub(super) admin: Admin,
    /// The address for devices.
    pub(super) device_url: String,
}

impl TenantProcess {
    /// A new tenant in a folder, with [`USER`] and this authority.
    pub(super) fn create(programs: &Programs, folder: &Path, authority: &str) -> anyhow::Result<Self> {
        std::fs::write(folder.join("password"), PASSWORD)?;
        let mut command = Command::new(&programs.server);
        command.args(["--listen", "127.0.0.1:0", "--authority", authority, "--user", USER, "--user-password-file"]);
        command.arg(folder.join("password"));
        let (process, addresses) = start(command, folder)?;
        let listen = [local(&addresses, "device_url")?, local(&addresses, "push_url")?];
        Ok(Self {
            program: programs.server.clone(),
            folder: folder.to_owned(),
            listen,
            process,
            admin: administrator(&addresses)?,
            device_url: text(&addresses, "device_url")?,
        })
    }

    /// The file with the tenant's certificate authority.
    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.join("server/ca.pem")
    }

    /// Kills the server (SIGKILL).
    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again at its former addresses; no option changes the tenant.
    pub(super) fn start_again(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let mut command = Command::new(&self.program);
            let [devices, push] = &self.listen;
            command.args(["--listen", devices, "--push-listen", push]);
            match start(command, &self.folder) {
                Ok((process, addresses)) => {
                    (self.process, self.admin) = (process, administrator(&addresses)?);
                    return Ok(());
                }
                // The port may belong to a connection of another test for a moment.
                Err(error) => ensure!(started.elapsed() < Duration::from_secs(10), "{error:#}"),
            }
        }
    }

    /// Stops the server, backs its state up, starts it again.
    pub(super) fn back_up(&mut self) -> anyhow::Result<()> {
        self.process.stop()?;
        replace(&self.folder.join("server"), &self.folder.join("server.backup"))?;
        self.start_again()
    }

    /// Kills the server, puts the backup in the place of its state, starts it again.
    pub(super) fn restore(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        replace(&self.folder.join("server.backup"), &self.folder.join("server"))?;
        self.start_again()
    }
}

fn start(mut command: Command, folder: &Path) -> anyhow::Result<(Process, Value)> {
    let state = folder.join("server");
    let _ = std::fs::remove_file(state.join(ADDRESSES));
    command.args(["--admin-listen", "127.0.0.1:0", "--json", "--state"]).arg(&state);
    let mut process = Process::start(&mut command, &silent())?;
    let addresses = wait_until(Duration::from_secs(20), || {
        ensure!(!process.has_ended(), "the server ended: {}", process.output().join("\n"));
        Ok(std::fs::read(state.join(ADDRESSES)).ok().and_then(|text| serde_json::from_slice(&text).ok()))
    })
    .context("the server does not start")?;
    Ok((process, addresses))
}

fn administrator(addresses: &Value) -> anyhow::Result<Admin> {
    let token = std::fs::read_to_string(text(addresses, "admin_token_file")?)?;
    Admin::new(&text(addresses, "admin_url")?, token.trim())
}

fn text(addresses: &Value, name: &str) -> anyhow::Result<String> {
    addresses[name].as_str().map(str::to_owned).with_context(|| format!("{ADDRESSES} has no {name}"))
}

/// The loopback address with the port of a URL.
fn local(addresses: &Value, name: &str) -> anyhow::Result<String> {
    let url: url::Url = text(addresses, name)?.parse()?;
    Ok(format!("127.0.0.1:{}", url.port().with_context(|| format!("{url} has no port"))?))
}

/// Replaces a directory with a copy of another one.
pub(super) fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().context("cp cannot be started")?;
    ensure!(status.success(), "{} cannot be copied to {}", from.display(), to.display());
    Ok(())
}
