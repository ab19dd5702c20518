//! `run`: the service.

use std::process::ExitCode;

use clap::Args;

use super::backend::unusable_state;
use super::{Failure, Place, VerbResult};
use crate::shell::daemon::{self, Setup};
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
        let Place { paths, sessions, platform, sources, configuration } = place;
        match daemon::run(Setup { paths, sessions, access, platform, sources, configuration }).await {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(match error.downcast_ref::<LockError>() {
                Some(error) => unusable_state(error),
                None => Failure::Local(error),
            }),
        }
    }
}
