//! Who answers a verb: the daemon over its socket, or, where none runs, an agent inside this process.

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::{Failure, Place};
use crate::shell::agent::{Agent, Message};
use crate::shell::control::{ControlRequest, ControlResult, client};
use crate::shell::lock::StateLock;
use crate::shell::store::StoreAccess;

/// Asks, and reads the answer.
pub(super) async fn ask<T: DeserializeOwned>(place: &Place, request: ControlRequest) -> Result<T, Failure> {
    Ok(serde_json::from_value(ask_raw(place, request).await??)?)
}

/// Asks the daemon, or an agent made for this one question.
async fn ask_raw(place: &Place, request: ControlRequest) -> Result<ControlResult, Failure> {
    if let Some(stream) = client::connect(&place.paths.socket()).await {
        return Ok(client::ask(stream, &request).await);
    }
    let _lock = StateLock::acquire(&place.paths, "an mdm-agent command")?;
    let agent = Agent::start(place.paths.clone(), place.sessions, StoreAccess::InProcess)?;
    let sender = agent.sender();
    let (reply, answer) = oneshot::channel();
    sender.send(Message::Control(request, reply)).await?;
    let running = tokio::spawn(agent.run());
    let result = answer.await?;
    // What the question began, such as the first session after an enrolment, is brought to its end.
    sender.send(Message::Stop).await?;
    running.await??;
    Ok(result)
}
