//! `recover`: another identity for the same device, after its certificate expired.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{Output, printable};
use super::time::moment;
use super::{Failure, Place, VerbResult, backend, enroll};
use crate::engine::report::{AccountStatus, Status};
use crate::shell::control::{ControlRequest, RecoverOrder};

/// Replace an identity that has expired, with a token of the server's administrator; profiles stay. The former one is kept
/// until a check-in has been completed with the new one.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mdm-agent recover --token-file token.txt")]
pub(super) struct Recover {
    /// A file with the recovery token.
    #[arg(long)]
    token_file: PathBuf,
    /// Do not ask although the present identity is good. Without a terminal nothing is asked.
    #[arg(long)]
    yes: bool,
}

impl Recover {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        if !self.yes && std::io::stdin().is_terminal() && !confirm(place).await? {
            return Ok(ExitCode::FAILURE);
        }
        let order = RecoverOrder { token: enroll::secret_from(&self.token_file)?.to_string() };
        let account: AccountStatus = backend::ask(place, ControlRequest::Recover(order)).await?;
        output.show(&account, |output| {
            let until =
                account.certificate_ends.map_or_else(String::new, |ends| format!(", valid until {}", moment(ends)));
            format!("{} {}{until}.", output.bold("Recovered:"), printable(&account.device_id))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks whether an identity that is good is to be replaced; one that is not needs no question.
async fn confirm(place: &Place) -> Result<bool, Failure> {
    let status: Status = backend::ask(place, ControlRequest::Status).await?;
    let Some(until) =
        status.account.as_ref().and_then(|account| account.certificate_ends).filter(|_| status.has_good_identity())
    else {
        return Ok(true);
    };
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "This device's identity is good until {}. Replace it? [y/N] ", moment(until))?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
