//! `recover`: another identity for the same device, after its certificate is over.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{Output, printable};
use super::time::moment;
use super::{Place, VerbResult, backend, enroll};
use crate::engine::report::AccountStatus;
use crate::shell::control::{ControlRequest, RecoverOrder};

/// Renew an identity that is over, with a token of the server's administrator; profiles stay.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mdm-agent recover --token-file token.txt")]
pub(super) struct Recover {
    /// A file with the recovery token.
    #[arg(long)]
    token_file: PathBuf,
}

impl Recover {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
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
