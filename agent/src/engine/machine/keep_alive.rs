//! When a keep-alive message goes to a server that waits for the answer to its commands (`EnableOmaDmKeepAliveMessage`).

use super::{Action, Conduct, Engine, Phase};
use crate::engine::time::{Deadline, Now, TimerReason};

/// How long a server waits without a message, in milliseconds: half of the minute after which servers and what stands before
/// them commonly give up.
const KEEP_ALIVE_MS: u64 = 30_000;

impl Conduct {
    /// When the next keep-alive message is due.
    pub(super) fn keep_alive_due(&self) -> Option<Deadline> {
        let boot_ms = self.waits_since?.saturating_add(KEEP_ALIVE_MS);
        Some(Deadline { boot_ms, reason: TimerReason::KeepAlive })
    }
}

impl Engine {
    /// The server has answered, and waits from now on for what comes of that.
    pub(super) fn server_waits(&mut self, now: Now) {
        let is_told = self.progress().server_settings.as_ref().is_some_and(|settings| settings.keeps_alive);
        if let Phase::Running(conduct) = &mut self.phase {
            conduct.waits_since = is_told.then_some(now.boot_ms);
        }
    }

    /// Sends a keep-alive message, if one is due.
    pub(super) fn keep_alive(&mut self, now: Now, actions: &mut Vec<Action>) {
        let Phase::Running(conduct) = &mut self.phase else { return };
        if conduct.keep_alive_due().is_none_or(|due| due.boot_ms > now.boot_ms) {
            return;
        }
        conduct.waits_since = None;
        if let Some(body) = conduct.session.keep_alive() {
            actions.push(conduct.post(body));
        }
    }
}
