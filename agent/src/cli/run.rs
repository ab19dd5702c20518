//! `run`: the service.

use std::process::ExitCode;

use clap::Args;

use super::{Place, VerbResult};
use crate::shell::daemon;
use crate::shell::store::StoreAccess;

/// Run the service in the foreground.
///
/// It checks in by the server's schedule and answers the other verbs over its control socket.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent run")]
pub(super) struct Run {}

impl Run {
    pub(super) async fn run(self, place: Place) -> VerbResult {
        let program = std::env::current_exe()?;
        daemon::run(place.paths, place.sessions, StoreAccess::Worker { program }, || {})
            .await
            .map_err(super::Failure::Local)?;
        Ok(ExitCode::SUCCESS)
    }
}
