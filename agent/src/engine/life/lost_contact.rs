//! The end of an enrollment whose server is not heard of any more (`NumberOfDaysAfterLostContactToUnenroll`), which the
//! authenticated server has set itself (rule I4).
//!
//! Never before the retention window of the last confirmed profiles, nor within a day of its announcement; only after
//! several check-ins, minutes apart, found a network and no server. One that answers, whatever it says, one that the clock or
//! a certificate may be to blame for, and one with an authority that only takes over do not count.

use serde::{Deserialize, Serialize};

use super::{FailedHow, Life, Plan};
use crate::engine::authority::Destination;
use crate::engine::time::Now;

/// How long before the end it is announced, in seconds.
const ANNOUNCED_SECONDS: i64 = 24 * 3600;
const DAY_SECONDS: i64 = 24 * 3600;
/// How many check-ins have to fail once the time is over.
const FAILURES: u32 = 5;
/// How far apart they are at least, in seconds.
const APART_SECONDS: i64 = 120;

/// What is known of contact that is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LostContact {
    /// The end that was announced, seconds.
    announced_for: i64,
    /// When it was announced, seconds.
    announced_at: i64,
    /// Check-ins that have failed since the time is over.
    failures: u32,
    /// The last of them, seconds.
    failed_at: i64,
}

impl Life {
    /// When the enrollment ends at the earliest if no session is completed until then, steady seconds.
    pub fn lost_contact_due(&self) -> Option<i64> {
        let account = self.account.as_ref()?;
        let days = self.progress.server_settings.as_ref()?.lost_contact_days?;
        let last = [self.progress.last_completed, self.progress.recovered_at].into_iter().flatten().max();
        let span = i64::from(days).saturating_mul(DAY_SECONDS).max(self.retention.window);
        Some(last.unwrap_or(account.enrolled_at).saturating_add(span))
    }

    /// A check-in has failed: whether contact is lost for good.
    pub(super) fn contact_is_lost(&mut self, plan: &Plan, how: FailedHow, now: Now) -> bool {
        let at = self.clock.read(now).wall;
        let Some(due) = self.lost_contact_due().filter(|due| self.clock.certain_from(*due) <= at) else { return false };
        let says_nothing = how.no_network || how.local || how.answered || how.may_be_clock || self.is_expired(now);
        let Some(lost) = &mut self.progress.lost_contact else { return false };
        let is_apart = at.saturating_sub(lost.failed_at) >= APART_SECONDS;
        if !says_nothing && plan.destination == Destination::Home && is_apart {
            (lost.failures, lost.failed_at) = (lost.failures.saturating_add(1), at);
        }
        let was_announced = lost.announced_for == due && lost.announced_at.saturating_add(ANNOUNCED_SECONDS) <= at;
        was_announced && lost.failures >= FAILURES
    }

    /// Whether check-ins are being counted, so that the next one follows in minutes.
    pub(super) fn contact_is_being_lost(&self) -> bool {
        self.progress.lost_contact.as_ref().is_some_and(|lost| (1..FAILURES).contains(&lost.failures))
    }

    /// The end of the enrollment is to be announced now, once: when it comes at the earliest, steady seconds.
    pub(super) fn announce_lost_contact(&mut self, now: Now) -> Option<i64> {
        let (due, at) = (self.lost_contact_due()?, self.clock.read(now).wall);
        let is_soon = due.saturating_sub(ANNOUNCED_SECONDS) <= at;
        let is_news = self.progress.lost_contact.as_ref().is_none_or(|lost| lost.announced_for != due);
        (is_soon && is_news).then(|| {
            let lost = LostContact { announced_for: due, announced_at: at, ..LostContact::default() };
            self.progress.lost_contact = Some(Box::new(lost));
            due.max(at.saturating_add(ANNOUNCED_SECONDS))
        })
    }
}
