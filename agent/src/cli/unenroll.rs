//! `unenroll`: the end of the enrolment.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::output::{Output, printable};
use super::{Place, VerbResult, backend};
use crate::shell::control::ControlRequest;

/// End the enrolment: tell the server, then remove identity and profiles from this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent unenroll")]
pub(super) struct Unenroll {}

#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// Whether the server heard of it.
    server_told: bool,
    detail: Option<String>,
}

impl Unenroll {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let outcome: Outcome = backend::ask(place, ControlRequest::Unenrol).await?;
        output.show(&outcome, |_| {
            let told = if outcome.server_told {
                "The server knows.".to_owned()
            } else {
                let reason = outcome.detail.clone().unwrap_or_default();
                format!("The server could not be told ({reason}); remove the device there too.")
            };
            printable(&format!("This machine is no longer enrolled. {told}"))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
