//! `sync`: a check-in now.

use std::process::ExitCode;

use clap::Args;

use super::output::Output;
use super::{Place, VerbResult, backend};
use crate::engine::progress::SessionRecord;
use crate::shell::control::ControlRequest;

/// What is said where the server ended the enrollment in the session.
const ENDED: &str = "The server ended the enrollment of this device. Its profiles and its identity are removed.";

/// Check in with the server now.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mdm-agent sync")]
pub(super) struct Sync {}

impl Sync {
    pub(super) async fn run(self, place: &Place, output: &Output) -> VerbResult {
        let record: SessionRecord = backend::ask(place, ControlRequest::CheckIn).await?;
        output.show(&record, |_| {
            if record.ended_enrollment() {
                return ENDED.to_owned();
            }
            let refused = if record.refused > 0 { format!(", {} refused", record.refused) } else { String::new() };
            format!("Checked in: {} commands done{refused}, {} messages.", record.succeeded, record.rounds)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
