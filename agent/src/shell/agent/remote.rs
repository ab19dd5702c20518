//! What the server orders to be done to the machine, and the code that undoes a lock at the machine itself.

use std::sync::Arc;

use super::questions::{Reply, answer};
use super::{Agent, Event, Message, clock};
use crate::engine::remote::{RemoteOrder, RemoteOutcome};
use crate::platform::remote::lock::LockError;
use crate::shell::control::{ControlError, ErrorCode};
use crate::shell::work;

impl Agent {
    pub(super) fn carry_out(&mut self, order: RemoteOrder, is_confirmed: bool) {
        tracing::warn!(
            order = order.id,
            what = order.kind.as_str(),
            is_confirmed,
            "carrying out an order of the server"
        );
        let (platform, outcomes) = (self.platform(), self.outcomes.clone());
        self.remote_orders += 1;
        let turn = Arc::clone(&self.remote_turn);
        let id = order.id.clone();
        let done = async move {
            // One after the other, as they were ordered: the last word is the server's last word.
            let turn = turn.lock_owned().await;
            work::blocking(move || {
                let _turn = turn;
                platform.carry_out(&order, is_confirmed, clock::now().wall)
            })
            .await
        };
        work::begin(work::MACHINE, done, move |done| {
            let outcome = done.flatten().unwrap_or_else(|lost| RemoteOutcome::Failed(lost.to_string()));
            let _ = outcomes.send(Message::CarriedOut(id, outcome));
        });
    }

    pub(super) fn carried_out(&mut self, id: String, outcome: RemoteOutcome) {
        self.remote_orders -= 1;
        match &outcome {
            RemoteOutcome::Done(detail) | RemoteOutcome::Begun(detail) => tracing::info!(order = id, detail, "done"),
            RemoteOutcome::Planned(lines) => tracing::info!(order = id, steps = lines.len(), "a wipe is planned"),
            RemoteOutcome::Failed(reason) => tracing::error!(order = id, reason, "the order came to nothing"),
        }
        self.feed(Event::CarriedOut(id, outcome));
    }

    pub(super) fn unlock(&self, code: String, reply: Reply) {
        let (platform, outcomes) = (self.platform(), self.outcomes.clone());
        let turn = Arc::clone(&self.remote_turn);
        let unlocked = async move {
            let turn = turn.lock_owned().await;
            work::blocking(move || {
                let _turn = turn;
                platform.unlock_with(&code, clock::now().wall)
            })
            .await
        };
        work::begin(work::MACHINE, unlocked, move |unlocked| {
            let result = match unlocked.flatten() {
                Ok(Ok(detail)) => {
                    let _ = outcomes.send(Message::UnlockedByCode);
                    Ok(serde_json::json!({ "unlocked": true, "detail": detail }))
                }
                Ok(Err(error)) => Err(refused(&error)),
                Err(lost) => Err(ControlError::new(ErrorCode::Failed, lost.to_string())),
            };
            answer(reply, result);
        });
    }
}

fn refused(error: &LockError) -> ControlError {
    let refusal = ControlError::new(ErrorCode::Failed, error.to_string());
    match error {
        LockError::WrongCode => refusal.with_advice("Ask the administrator for the code of this lock."),
        LockError::NoCode | LockError::Damaged { .. } => {
            refusal.with_advice("Connect the machine to a network; the administrator can unlock it over it.")
        }
        _ => refusal,
    }
}
