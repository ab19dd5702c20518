//! `enroll`: the beginning.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::output::{Output, printable};
use super::{Failure, Place, VerbResult, backend};
use crate::engine::enrolment::EnrolOrder;
use crate::engine::report::AccountStatus;
use crate::shell::config::read_credential;
use crate::shell::control::ControlRequest;
use crate::shell::files;

const SECRET_LIMIT: u64 = 64 << 10;
const AUTHORITIES_LIMIT: u64 = 1 << 20;

/// Enrol this machine with an MDM server.
///
/// The password is asked for, or read from a file or from standard input; it is never taken from the command line,
/// where everyone could see it.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("proof").args(["password_file", "password_stdin", "password_credential", "token_file", "token_credential"]),
    after_help = "Examples:
  sudo mdm-agent enroll --user alice@example.com
  sudo mdm-agent enroll --server https://mdm.example.com --user alice@example.com --password-file /root/password
  sudo mdm-agent enroll --server https://mdm.example.com --token-file /root/token

A machine can enrol itself when it starts: see mdm-agent-enroll.service."
)]
pub(super) struct Enroll {
    /// The server's address; without it, enterpriseenrollment.DOMAIN of the user's mail domain is asked.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The user to enrol for; leave it out for a machine without a user, which needs a token.
    #[arg(long, value_name = "NAME", default_value = "", required_unless_present_any = ["token_file", "token_credential"])]
    user: String,
    /// Read the password from this file.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Prove with a token from this file instead of a password.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Read the password from this systemd credential of the service that runs this command (systemd.exec(5)).
    #[arg(long, value_name = "NAME")]
    password_credential: Option<String>,
    /// Prove with the token in this systemd credential.
    #[arg(long, value_name = "NAME")]
    token_credential: Option<String>,
    /// Believe only the certificate authorities in this file (PEM) instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The user's name on this machine; settings of the user are managed while they are signed in.
    #[arg(long, value_name = "NAME")]
    local_user: Option<String>,
    /// Speak under this id instead of one derived from /etc/machine-id; for machines that share one.
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
}

impl Enroll {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let token = match &self.token_credential {
            Some(name) => Some(credential(name)?),
            None => self.token_file.as_deref().map(secret_from).transpose()?,
        };
        let password = if token.is_some() { None } else { Some(self.password().await?) };
        let authorities = self.ca_file.as_deref().map(|path| read_text(path, AUTHORITIES_LIMIT)).transpose()?;
        let order = EnrolOrder {
            server: self.server,
            user: self.user,
            password: password.map(|secret| secret.to_string()),
            token: token.map(|secret| secret.to_string()),
            local_user: self.local_user.or_else(|| std::env::var("SUDO_USER").ok()),
            authorities,
            device_id: self.device_id,
        };
        output.remark("Enrolling; making the private key may take a few seconds.");
        let account: AccountStatus = backend::ask(place, ControlRequest::Enrol(Box::new(order))).await?;
        output.show(&account, |_| {
            let name = if account.name.is_empty() { &account.provider_id } else { &account.name };
            printable(&format!("Enrolled with {name} as device {}.", account.device_id))
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn password(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(path) = &self.password_file {
            return secret_from(path);
        }
        if let Some(name) = &self.password_credential {
            return credential(name);
        }
        if self.password_stdin {
            return Ok(read_line()?);
        }
        prompt(&format!("Password of {}: ", self.user)).await
    }
}

pub(super) fn secret_from(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = Zeroizing::new(read_text(path, SECRET_LIMIT)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn credential(name: &str) -> Result<Zeroizing<String>, Failure> {
    let (_, text) = read_credential(name)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_text(path: &Path, limit: u64) -> Result<String, Failure> {
    let content = files::read_bounded(path, limit)?;
    let content = content.with_context(|| format!("{} does not exist", path.display())).map_err(Failure::Local)?;
    let text = String::from_utf8(content).with_context(|| format!("{} is not text", path.display()));
    text.map_err(Failure::Local)
}

/// Asks at the terminal, which does not show what is typed; Ctrl-C leaves the terminal as it was.
async fn prompt(question: &str) -> Result<Zeroizing<String>, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let error = anyhow::anyhow!(
            "there is no terminal to ask for the password; give it with --password-file or --password-stdin"
        );
        return Err(Failure::Local(error));
    }
    eprint_now(question)?;
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let typed = tokio::select! {
        line = tokio::task::spawn_blocking(read_line) => line?,
        _ = tokio::signal::ctrl_c() => Err(std::io::ErrorKind::Interrupted.into()),
    };
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    eprint_now("\n")?;
    Ok(typed?)
}

fn read_line() -> std::io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().take(SECRET_LIMIT).read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn eprint_now(text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(text.as_bytes())?;
    stderr.flush()
}
