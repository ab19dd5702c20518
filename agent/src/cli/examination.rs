//! What `doctor` and `bundle` ask the agent before anything is looked at: bounded in time, and what is not answered
//! says why.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{Failure, Place, backend};
use crate::engine::report::Status;
use crate::shell::control::{ControlError, ControlRequest, ErrorCode, client};
use crate::shell::doctor::facts::{Answers, Known, Service, Unknown};
use crate::shell::doctor::{self, Diagnosis};

/// How long the service may take for an answer, and how long a command may that does without it: it opens the store.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_ALONE: Duration = Duration::from_secs(20);
/// How much of the history is asked for.
pub(super) const HISTORY: usize = 1000;

/// Runs all checks, or one.
pub(super) async fn examine(place: &Place, only: Option<&str>) -> Vec<Diagnosis> {
    let answers = ask_all(place).await;
    doctor::examine(&where_to_look(place), answers, only).await
}

/// Where is looked.
pub(super) fn where_to_look(place: &Place) -> doctor::Place {
    doctor::Place {
        paths: place.paths.clone(),
        platform: place.platform.clone(),
        proxy: place.configuration.live().proxy,
    }
}

/// Asks the agent what the checks want to know of it.
pub(super) async fn ask_all(place: &Place) -> Answers {
    let service = find_service(place).await;
    Answers {
        status: ask(place, &service, ControlRequest::Status).await,
        history: ask(place, &service, ControlRequest::History { limit: HISTORY }).await,
        profiles: ask(place, &service, ControlRequest::Profiles).await,
        service,
    }
}

/// Whether the service is there, and whether it is of any use.
async fn find_service(place: &Place) -> Service {
    let Some(stream) = client::connect(&place.paths.socket()).await else { return Service::NotRunning };
    match tokio::time::timeout(PATIENCE, client::ask(stream, &ControlRequest::Status)).await {
        Ok(Ok(status)) => match serde_json::from_value::<Status>(status) {
            Ok(_) => Service::Answers,
            Err(error) => Service::Fails(format!("its answer is not understood: {error}")),
        },
        Ok(Err(error)) => Service::Fails(error.message),
        Err(_) => Service::Silent,
    }
}

/// Asks one question, if anybody is there who could answer it.
pub(super) async fn ask<T: DeserializeOwned>(place: &Place, service: &Service, request: ControlRequest) -> Known<T> {
    let patience = match service {
        Service::Answers => PATIENCE,
        Service::NotRunning if is_closed(place) => return Err(Unknown::NeedsRoot),
        Service::NotRunning => PATIENCE_ALONE,
        Service::Silent | Service::Fails(_) => {
            return Err(Unknown::Because("the service does not answer".to_owned()));
        }
    };
    match tokio::time::timeout(patience, backend::ask(place, request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Failure::Control(ControlError { code: ErrorCode::NotEnrolled, .. }))) => Err(Unknown::NotEnrolled),
        Ok(Err(Failure::Control(ControlError { code: ErrorCode::Forbidden, .. }))) => Err(Unknown::NeedsRoot),
        Ok(Err(Failure::Control(error))) => Err(Unknown::Because(error.message)),
        Ok(Err(Failure::Local(error))) => Err(Unknown::Because(format!("{error:#}"))),
        Err(_) => Err(Unknown::Because("there was no answer in time".to_owned())),
    }
}

/// Whether the state is there and not ours to use.
fn is_closed(place: &Place) -> bool {
    use rustix::fs::Access;
    let state = &place.paths.state;
    state.exists() && rustix::fs::access(state, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err()
}
