//! Who answers a verb: the daemon over its socket, or, where none runs, an agent inside this process.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::{Failure, Place};
use crate::engine::application::DriftReport;
use crate::engine::note::Note;
use crate::shell::agent::{Agent, Message};
use crate::shell::clock;
use crate::shell::control::{ControlError, ControlRequest, ControlResult, ErrorCode, client};
use crate::shell::history::History;
use crate::shell::identity::IdentityError;
use crate::shell::lock::{LockError, StateLock};
use crate::shell::paths::Paths;
use crate::shell::store::StoreAccess;
use crate::shell::unenrollment;
use crate::shell::work::{self, Lost};

/// Asks, and reads the answer.
pub(super) async fn ask<T: DeserializeOwned>(place: &Place, request: ControlRequest) -> Result<T, Failure> {
    let answer = ask_raw(place, request);
    tokio::pin!(answer);
    let mut waited = 0;
    loop {
        tokio::select! {
            result = &mut answer => return Ok(serde_json::from_value(result??)?),
            // The password prompt may have taken the signal's usual effect away, for the rest of the program.
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                let error = ControlError::new(ErrorCode::Failed, "interrupted");
                return Err(error.with_advice("If a service runs, it goes on with it; see mdm-agent status.").into());
            }
            () = tokio::time::sleep(PATIENCE) => {
                waited += PATIENCE.as_secs();
                remark_waiting(waited);
            }
        }
    }
}

/// How long nothing is said while an answer is awaited.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells a person at a terminal that something is still going on.
fn remark_waiting(seconds: u64) {
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() && seconds.is_power_of_two() {
        let _ = writeln!(stderr, "Still waiting after {seconds} s; Ctrl-C ends the waiting.");
    }
}

/// Asks the daemon, or an agent made for this one question.
async fn ask_raw(place: &Place, request: ControlRequest) -> Result<ControlResult, Failure> {
    if let Some(stream) = client::connect(&place.paths.socket()).await {
        return Ok(client::ask(stream, &request).await);
    }
    // A machine without a state directory is not enrolled; asking does not make one.
    let lock = match &request {
        ControlRequest::Enrol(_) => Some(acquire(place)?),
        _ if place.paths.state.exists() => Some(acquire(place)?),
        _ => None,
    };
    let agent = Agent::start(
        place.paths.clone(),
        place.sessions,
        StoreAccess::InProcess,
        place.platform.clone(),
        place.configuration.retention(),
    );
    let agent = match (agent, &request) {
        (Err(error), ControlRequest::Unenrol) => return Ok(unenroll_without_identity(place, &error).await?),
        (agent, _) => agent?.configured(place.configuration.live()),
    };
    let sender = agent.sender();
    let (reply, answer) = oneshot::channel();
    sender.send(Message::Control(request, reply)).await?;
    let running = tokio::spawn(agent.run());
    let result = answer.await?;
    // What the question began, such as the first session after an enrolment, is brought to its end.
    sender.send(Message::Stop).await?;
    running.await??;
    drop(lock);
    Ok(result)
}

/// Where the identity cannot be read the server cannot be notified; the machine is given back by the ledger all the same.
async fn unenroll_without_identity(place: &Place, why: &IdentityError) -> Result<ControlResult, Lost> {
    let (paths, platform) = (place.paths.clone(), place.platform.clone());
    let removed = work::blocking(move || {
        let mut drift = Vec::new();
        let removed = unenrollment::finish(&paths, &platform, &mut drift);
        record(&paths, &drift);
        removed
    });
    Ok(match removed.await? {
        Ok(()) => Ok(serde_json::json!({ "server_told": false, "detail": why.to_string() })),
        Err(error) => Err(ControlError::not_removed(&error.to_string())),
    })
}

/// Adds changes by others to the history.
fn record(paths: &Paths, drift: &[DriftReport]) {
    if drift.is_empty() {
        return;
    }
    let notes = drift.iter().map(|drift| Note::drift(drift, clock::now()));
    let added = History::open(paths).and_then(|mut history| {
        notes.into_iter().try_for_each(|note| {
            let detail = note.particulars.into_iter().map(|(name, value)| (name.to_owned(), value));
            history.append(note.time, note.what, detail.collect()).map(drop)
        })
    });
    if let Err(error) = added {
        tracing::warn!(%error, "changes of managed files are missing in the history");
    }
}

fn acquire(place: &Place) -> Result<StateLock, Failure> {
    StateLock::acquire(&place.paths, "an mdm-agent command").map_err(|error| unusable_state(&error))
}

/// The state cannot be used: why, and what to do about it.
pub(super) fn unusable_state(error: &LockError) -> Failure {
    let advice = match error {
        LockError::Held { .. } => "Wait for it to end, or stop it.",
        LockError::Format(_) => {
            "Install the newer version again, or unenrol with it before the older one is installed."
        }
        LockError::File(error) => match error.source.kind() {
            ErrorKind::PermissionDenied => "Try it with sudo; a running service would answer everyone.",
            ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull => "Make room on the disk, or make it writable.",
            _ => "See what is at that path.",
        },
    };
    ControlError::new(ErrorCode::Failed, error.to_string()).with_advice(advice).into()
}
