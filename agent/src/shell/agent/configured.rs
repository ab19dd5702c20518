//! What the configuration says, at the start and when it is read again; and how the service manager is told how things
//! stand.

use super::{Agent, Live, SessionRecord};
use crate::shell::notify;

impl Agent {
    /// The same agent, configured.
    #[must_use]
    pub fn configured(mut self, live: Live) -> Self {
        self.engine.set_retention(live.retention);
        self.engine.set_personal(live.personal);
        Self { live, ..self }
    }

    /// Whether the device is enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.engine.account().is_some()
    }

    /// Goes on with another configuration. What is under way ends as it began.
    pub(super) fn reconfigure(&mut self, live: Live) {
        let another_way = self.live.proxy != live.proxy;
        self.live = live;
        self.engine.set_retention(self.live.retention);
        self.engine.set_personal(self.live.personal);
        if another_way && let Some(listening) = self.listening.take() {
            let event = self.listen(Some(listening));
            event.into_iter().for_each(|event| self.feed(event));
        }
    }

    /// Tells the service manager how the last check-in went.
    pub(super) fn tell_standing(&self, record: &SessionRecord) {
        if !self.is_service() {
            return;
        }
        notify::status(&if record.completed {
            "Enrolled; the last check-in was completed".to_owned()
        } else {
            format!("Enrolled; the last check-in failed: {}", record.detail)
        });
    }
}
