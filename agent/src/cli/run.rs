//! `run`: the service.

use std::process::ExitCode;

use clap::Args;

use super::backend::unusable_state;
use super::{Failure, Place, VerbResult};
use crate::shell::daemon;
use crate::shell::lock::LockError;
use crate::shell::store::{StoreAccess, worker};

/// Run the service in the foreground.
///
/// It checks in by the server's schedule and answers the other verbs over its control socket.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sudo mdm-agent run")]
pub(super) struct Run {}

impl Run {
    pub(super) async fn run(self, place: Place) -> VerbResult {
        let access = StoreAccess::Worker { program: worker::OWN_PROGRAM.into() };
        match daemon::run(place.paths, place.sessions, access, place.platform, place.retention, || {}).await {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(match error.downcast_ref::<LockError>() {
                Some(error) => unusable_state(error),
                None => Failure::Local(error),
            }),
        }
    }
}
