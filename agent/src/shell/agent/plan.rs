//! The answer to `plan`: what would be done on this machine, by the code that would do it.

use std::sync::Arc;

use serde_json::json;

use super::questions::{Reply, answer};
use super::{Agent, Stored, clock};
use crate::platform::foresee::ForeseeError;
use crate::platform::shares::Shares;
use crate::shell::control::{ControlError, ControlResult, ErrorCode};
use crate::shell::unseal::{IdentityUnsealer, OnlyStored};
use crate::shell::work;

impl Agent {
    /// What would be done on the machine. On one that is not enrolled nothing is held, but profiles can be tried.
    pub(super) fn plan(&self, fragments: Vec<String>, reply: Reply) {
        let (platform, identity) = (self.platform(), self.identity.clone());
        let foresee = move |stored: &Stored| -> ControlResult {
            if fragments.is_empty() {
                return platform
                    .foresee(&stored.profiles)
                    .map(|preview| json!(preview))
                    .map_err(|error| failed(ErrorCode::Failed, &error));
            }
            // What is only tried may be anybody's: nothing else than what is held is opened with the key of this machine.
            let platform = match &identity {
                Some(identity) => {
                    let inner = Arc::new(IdentityUnsealer(Arc::clone(identity)));
                    let user = identity.account.user.clone();
                    platform
                        .for_device(user, Arc::new(OnlyStored::of(stored, inner)))
                        .remembering(Arc::new(Shares::default()))
                }
                None => platform.clone(),
            };
            let preview = platform.foresee_fragments(stored, &fragments, clock::now().wall);
            preview.map(|preview| json!(preview)).map_err(|error| match &error {
                ForeseeError::Trial(_) => failed(ErrorCode::Usage, &error),
                ForeseeError::Machine(_) => failed(ErrorCode::Failed, &error),
            })
        };
        let present = match (&self.snapshot, self.engine.account()) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, None) => Stored::default(),
            (None, Some(_)) => return self.read(reply, move |stored, _| foresee(stored)),
        };
        // Looking through the machine takes time that a session should not wait for.
        work::detached("looking what would be done", move || answer(reply, foresee(&present)));
    }
}

fn failed(code: ErrorCode, error: &dyn std::fmt::Display) -> ControlError {
    ControlError::new(code, error.to_string())
}
