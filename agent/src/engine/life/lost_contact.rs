//! The end of an enrollment whose server is not heard of any more (`NumberOfDaysAfterLostContactToUnenroll`), which the
//! authenticated server has set itself (rule I4). Never before the retention window of the last confirmed profiles, never
//! by a wall clock's word alone, and never before check-ins have been tried for ten minutes since the machine was away.

use super::{LAST_CHANCE_SECONDS, Life};
use crate::engine::time::Now;

/// How far ahead the end is announced, in seconds.
const ANNOUNCED_SECONDS: i64 = 24 * 3600;
const DAY_SECONDS: i64 = 24 * 3600;

impl Life {
    /// When the enrollment ends if no session is completed until then, steady seconds.
    pub fn lost_contact_due(&self) -> Option<i64> {
        let account = self.account.as_ref()?;
        let days = self.progress.server_settings.as_ref()?.lost_contact_days?;
        let last = self.progress.last_completed.unwrap_or(account.enrolled_at);
        let span = i64::from(days).saturating_mul(DAY_SECONDS).max(self.retention.window);
        Some(last.saturating_add(span))
    }

    /// A check-in has failed: whether contact is lost for good.
    pub(super) fn contact_is_lost(&mut self, now: Now) -> bool {
        let at = self.clock.read(now).wall;
        let is_due = self.lost_contact_due().is_some_and(|due| self.clock.certain_from(due) <= at);
        if !is_due {
            self.contact_tried_since = None;
            return false;
        }
        let since = *self.contact_tried_since.get_or_insert(at);
        at.saturating_sub(since) >= LAST_CHANCE_SECONDS
    }

    /// The end of the enrollment is to be announced now, once: when it comes, steady seconds.
    pub(super) fn announce_lost_contact(&mut self, now: Now) -> Option<i64> {
        let due = self.lost_contact_due()?;
        let is_soon = due.saturating_sub(ANNOUNCED_SECONDS) <= self.clock.read(now).wall;
        let is_news = self.progress.lost_contact_announced != Some(due);
        (is_soon && is_news).then(|| {
            self.progress.lost_contact_announced = Some(due);
            due
        })
    }
}
