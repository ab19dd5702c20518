//! The simulated tenant as a process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::admin::Admin;
use crate::processes::{LineSink, Process, wait_until};
use crate::programs::Programs;

/// The user that every simulated tenant here has.
pub const USER: &str = "alice@contoso.example";
/// The user's password; it opens nothing.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running simulated tenant.
#[derive(Debug)]
pub struct ServerProcess {
    /// The process.
    pub process: Process,
    /// Its address for devices.
    pub device_url: String,
    /// The file with its certificate authority.
    pub ca_file: PathBuf,
    /// The file with the user's password.
    pub password_file: PathBuf,
    /// Its administrator.
    pub admin: Admin,
}

impl ServerProcess {
    /// Starts a tenant in a folder, with [`USER`] and this authority, and waits until it listens.
    pub fn start(programs: &Programs, folder: &Path, authority: &str, sink: &LineSink) -> anyhow::Result<Self> {
        Self::start_at("127.0.0.1:0", programs, folder, authority, sink)
    }

    /// The same, with its address for devices.
    pub fn start_at(
        listen: &str,
        programs: &Programs,
        folder: &Path,
        authority: &str,
        sink: &LineSink,
    ) -> anyhow::Result<Self> {
        let state = folder.join("server");
        let password_file = folder.join("password");
        std::fs::write(&password_file, PASSWORD)?;
        let mut command = Command::new(&programs.server);
        command
            .args(["--listen", listen, "--admin-listen", "127.0.0.1:0", "--authority", authority, "--strict", "--json"])
            .args(["--user", USER, "--user-password-file"])
            .arg(&password_file)
            .arg("--state")
            .arg(&state);
        let _ = std::fs::remove_file(state.join("server.json"));
        let mut process = Process::start(&mut command, sink)?;
        let places = wait_until(Duration::from_secs(20), || {
            anyhow::ensure!(!process.has_ended(), "the server ended: {}", process.output().join("\n"));
            Ok(std::fs::read(state.join("server.json")).ok().and_then(|text| serde_json::from_slice(&text).ok()))
        });
        let places: serde_json::Value = places.context("the server does not start")?;
        let place =
            |name: &str| places[name].as_str().map(str::to_owned).with_context(|| format!("server.json has no {name}"));
        let token = std::fs::read_to_string(place("admin_token_file")?)?;
        Ok(Self {
            process,
            device_url: place("device_url")?,
            ca_file: place("ca_file")?.into(),
            password_file,
            admin: Admin::new(&place("admin_url")?, token.trim())?,
        })
    }
}
