//! When the machine wants to be woken: schedule, retries, and what the last session's outcome means for both.

use super::{Action, Assignment, Engine, Phase};
use crate::engine::failure::SessionFailure;
use crate::engine::progress::Trigger;
use crate::engine::session::{Session, SessionEnd};
use crate::engine::time::{Deadline, Now, TimerReason};
use crate::engine::{backoff, schedule};

/// The longest that a server may ask to be left alone, in seconds: a day. A wrong header must not silence a device.
const MAX_RETRY_AFTER_SECONDS: u64 = 24 * 3600;

/// The least first and longest wait after failures, in milliseconds: terms of nought would have a device that fails
/// knock without a pause.
const LEAST_BACKOFF_MS: (u64, u64) = (1000, 60_000);

impl Engine {
    /// When the machine wants [`Event::DeadlineReached`](super::Event::DeadlineReached), and what for. While a session runs it wants nothing.
    pub fn next_deadline(&self) -> Option<Deadline> {
        if !matches!(self.phase, Phase::Idle) || self.account.is_none() {
            return None;
        }
        if self.progress.leaving {
            return Some(Deadline { boot_ms: 0, reason: TimerReason::UnfinishedFarewell });
        }
        let schedule = self.scheduled_at().map(|boot_ms| Deadline { boot_ms, reason: TimerReason::ScheduledCheckIn });
        let retry = self.retry_due.map(|boot_ms| Deadline { boot_ms, reason: TimerReason::Retry });
        schedule.into_iter().chain(retry).min_by_key(|deadline| deadline.boot_ms)
    }

    pub(super) fn deadline_reached(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.progress.leaving {
            return self.request(Trigger::Farewell, now, actions);
        }
        let retry = self.retry_due.is_some_and(|due| due <= now.boot_ms);
        let schedule = self.scheduled_at().is_some_and(|due| due <= now.boot_ms);
        // After a long suspension both may be due; one session serves both.
        if retry && schedule && self.account.is_some() {
            self.queued.insert(Trigger::Retry);
        }
        if schedule {
            self.schedule_due = None;
            self.request(Trigger::Schedule, now, actions);
        } else if retry {
            self.request(Trigger::Retry, now, actions);
        }
        if retry {
            self.retry_due = None;
        }
    }

    /// When the schedule wants its next check-in, the server's wish to be left alone respected.
    fn scheduled_at(&self) -> Option<u64> {
        self.schedule_due.map(|due| due.max(self.quiet_until.unwrap_or(0)))
    }

    pub(super) fn note_outcome(&mut self, end: &SessionEnd, now: Now) {
        self.retry_due = None;
        self.quiet_until = None;
        let SessionEnd::Failed(failure) = end else {
            self.progress.failures = 0;
            self.progress.refusals = 0;
            self.progress.rebuilt_unreported = false;
            self.progress.last_completed = Some(now.wall);
            return;
        };
        self.progress.failures = self.progress.failures.saturating_add(1);
        if matches!(failure, SessionFailure::Refused { .. }) {
            self.progress.refusals = self.progress.refusals.saturating_add(1);
        }
        let floor_ms = failure.retry_after().unwrap_or(0).min(MAX_RETRY_AFTER_SECONDS) * 1000;
        self.quiet_until = Some(now.after_ms(floor_ms));
        let Some(account) = self.account.as_ref().filter(|_| !self.progress.is_unknown_device()) else { return };
        let wait = backoff::wait_ms(
            self.progress.failures,
            account.initial_backoff_ms.max(LEAST_BACKOFF_MS.0),
            account.max_backoff_ms.max(LEAST_BACKOFF_MS.1),
            floor_ms,
            &mut self.random,
        );
        self.retry_due = Some(now.after_ms(wait));
    }

    /// Plans the next check-in of the schedule. Check-ins for other reasons leave it as it is, and so does a wall clock
    /// that was set: while the machine runs, only the boot clock counts (rule R5).
    pub(super) fn replan(&mut self, assignment: &Assignment, session: &Session, now: Now) {
        let Some(account) = &self.account else { return };
        // Without its store the device does not know what the server has set.
        let known = self.progress.poll.filter(|_| session.context().store_status.is_some());
        let poll = known.unwrap_or_else(|| account.effective_poll(&session.tree().settings()).into());
        // What the server sets in the very first session is a change of what was provisioned.
        if self.progress.poll.unwrap_or(account.poll) != poll {
            self.progress.scheduled_done = 0;
            self.schedule_due = None;
        } else if assignment.triggers.contains(&Trigger::Schedule) {
            self.progress.scheduled_done = self.progress.scheduled_done.saturating_add(1);
            self.schedule_due = None;
        }
        self.progress.poll = Some(poll);
        let interval = schedule::interval_minutes(&poll.into(), self.progress.scheduled_done);
        let due = *self.schedule_due.get_or_insert_with(|| now.after_ms(u64::from(interval) * 60_000));
        let seconds = due.saturating_sub(now.boot_ms) / 1000;
        self.progress.next_due = Some(now.wall.saturating_add_unsigned(seconds));
    }

    /// Takes the schedule up where it stood, from the wall clock: the boot clock began anew.
    pub(super) fn resume_schedule(&mut self, now: Now) {
        let Some(account) = &self.account else { return };
        let poll = self.progress.poll.unwrap_or(account.poll).into();
        let interval = schedule::interval_minutes(&poll, self.progress.scheduled_done);
        let due = *self.progress.next_due.get_or_insert_with(|| now.wall.saturating_add(i64::from(interval) * 60));
        let seconds = schedule::remaining_seconds(due, now.wall, interval);
        self.schedule_due = Some(now.after_ms(seconds.saturating_mul(1000)));
    }
}
