//! `unenroll`: the end of the enrolment.

use std::process::ExitCode;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::output::{Output, printable};
use super::{Place, VerbResult, backend};
use crate::platform::quarantine;
use crate::shell::control::ControlRequest;

/// End the enrolment: tell the server, then remove identity and profiles from this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent unenroll")]
pub(super) struct Unenroll {}

#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// Whether the server was notified.
    server_told: bool,
    /// How the last session went; nothing where only what an earlier enrollment had left was removed.
    detail: Option<String>,
}

/// Where changes that users had made to managed files are, if there are any.
fn kept(place: &Place) -> String {
    let directory = quarantine::place(&place.paths.state);
    let has_any = std::fs::read_dir(&directory).is_ok_and(|mut kept| kept.next().is_some());
    let text = || format!(" Changes that users had made to managed files are kept in {}.", directory.display());
    if has_any { text() } else { String::new() }
}

impl Unenroll {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let outcome: Outcome = backend::ask(place, ControlRequest::Unenrol).await?;
        output.show(&outcome, |_| {
            let server = match &outcome.detail {
                _ if outcome.server_told => "The server was notified.".to_owned(),
                Some(reason) => format!("The server could not be notified ({reason}); remove the device there too."),
                None => "What the last enrollment had left on it is removed.".to_owned(),
            };
            printable(&format!("This machine is no longer enrolled. {server}{}", kept(place)))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
