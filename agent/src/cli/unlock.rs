//! `unlock`: the end of a lock, by its one-time code.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;

use super::output::{Output, printable};
use super::{Failure, Place, VerbResult, backend};
use crate::engine::report;
use crate::shell::control::{ControlError, ControlRequest, ErrorCode, UnlockOrder};

/// The longest code that is read, in bytes.
const MAX_CODE: u64 = 256;

/// Unlock this machine with the one-time code that the administrator gives for its lock.
///
/// Works without a network. The code is asked for, never an argument.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent unlock")]
pub(super) struct Unlock {}

impl Unlock {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let status: report::Status = backend::ask(place, ControlRequest::Status).await?;
        if status.locked_since.is_none() {
            return Err(ControlError::new(ErrorCode::Failed, "this machine is not locked").into());
        }
        output.remark("This machine is locked by its administrator, who can give you the code that unlocks it.");
        let message = status.lock_message.unwrap_or_default();
        if !message.is_empty() {
            output.remark(&printable(&message));
        }
        let code = read_code()?;
        let unlocked: serde_json::Value = backend::ask(place, ControlRequest::Unlock(UnlockOrder { code })).await?;
        output.show(&unlocked, |_| "The machine is unlocked; logins are accepted again.".to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The code is used up by this, so that others may see it does no harm.
fn read_code() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        let mut stderr = std::io::stderr().lock();
        write!(stderr, "Code: ").and_then(|()| stderr.flush())?;
    }
    let mut code = String::new();
    std::io::Read::take(std::io::stdin().lock(), MAX_CODE).read_line(&mut code)?;
    let code = code.trim();
    if code.is_empty() {
        return Err(ControlError::new(ErrorCode::Usage, "no code was given").into());
    }
    Ok(code.to_owned())
}
