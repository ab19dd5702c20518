//! When the device wants to be woken, and what for.

use super::Life;
use crate::engine::certificate_request::CertificateRequest;
use crate::engine::progress::{Trigger, Triggers};
use crate::engine::schedule;
use crate::engine::time::{Now, TimerReason};

/// Over how long check-ins after a start of the machine are spread, in seconds: a site gets its power back at once.
pub(super) const BOOT_SPREAD_SECONDS: u64 = 60;
/// Over how long check-ins after a network came up are spread, in seconds.
const NETWORK_SPREAD_SECONDS: u64 = 10;
/// A machine that slept for less than this, in seconds, has missed nothing.
const NOTABLE_SLEEP_SECONDS: u64 = 900;

impl Life {
    /// When something is due, by the steady clock in milliseconds, and what. Never while a session runs.
    pub fn next_deadline(&self) -> Option<(i64, TimerReason)> {
        self.account.as_ref()?;
        if self.progress.leaving {
            return Some((i64::MIN, TimerReason::UnfinishedFarewell));
        }
        let timers = &self.progress.timers;
        let mut next: Option<(i64, TimerReason)> = None;
        let mut consider = |at: Option<i64>, reason| {
            if let Some(at) = at
                && next.is_none_or(|(earliest, _)| at < earliest)
            {
                next = Some((at, reason));
            }
        };
        if !self.progress.cloned {
            consider(self.unless_quiet(timers.schedule), TimerReason::ScheduledCheckIn);
            consider(timers.retry, TimerReason::Retry);
            consider(self.unless_quiet(timers.delayed), TimerReason::DelayedCheckIn);
            consider(self.renewal_window_due().map(ms), TimerReason::CertificateRenewal);
            consider(self.last_chance_due().map(ms), TimerReason::LastChance);
            consider(self.request_due().map(ms), TimerReason::CertificateRequest);
            consider(timers.refresh, TimerReason::ConfigRefresh);
        }
        consider(self.unless_held(self.warning_due()).map(ms), TimerReason::RetentionWarning);
        consider(self.sweep_deadline_ms(), TimerReason::Retention);
        next
    }

    /// Moves what is due among the reasons for the next session.
    pub fn collect_due(&mut self, now: Now) {
        let at = self.clock.read_ms(now);
        if self.progress.leaving {
            self.queued.insert(Trigger::Farewell);
            return;
        }
        if self.account.is_none() || self.progress.cloned {
            return;
        }
        let is_due = |deadline: Option<i64>| deadline.is_some_and(|deadline| deadline <= at);
        if is_due(self.unless_quiet(self.progress.timers.schedule)) {
            self.progress.timers.schedule = None;
            self.queued.insert(Trigger::Schedule);
        }
        if is_due(self.progress.timers.retry) {
            self.progress.timers.retry = None;
            self.queued.insert(Trigger::Retry);
        }
        if is_due(self.unless_quiet(self.progress.timers.delayed)) {
            let wanted = std::mem::take(&mut self.progress.timers.delayed_for);
            self.progress.timers.delayed = None;
            let admitted = if wanted == Triggers::of(Trigger::Push) { self.bucket.admit(at) } else { at };
            if admitted > at {
                self.put_off(Trigger::Push, admitted);
            } else {
                self.queued = self.queued.and(wanted);
            }
        }
        // What was ordered before the process ended is in the store, which a session opens.
        if self.has_unbegun_request(now) {
            self.queued.insert(Trigger::CertificateIssued);
        }
        if is_due(self.renewal_window_due().map(ms)) {
            self.progress.renewal.window_noted = true;
            self.queued.insert(Trigger::CertificateDue);
        }
        self.begin_last_chances(at.div_euclid(1000));
    }

    fn requests(&self) -> impl Iterator<Item = &CertificateRequest> {
        self.progress.certificate_requests.iter().flat_map(|requests| requests.values())
    }

    /// When the beginning of the renewal window should start a session by itself, in seconds.
    fn renewal_window_due(&self) -> Option<i64> {
        self.certificates.window_due(&self.progress.renewal, self.renewal_terms(), self.certificate_since())
    }

    /// When a certificate that was ordered wants its next step, steady seconds.
    fn request_due(&self) -> Option<i64> {
        self.requests().filter_map(CertificateRequest::due).min()
    }

    /// Certificates that want their next step now; each is counted as under way from now on. One whose first step was
    /// never made needs what was ordered, which is in the store.
    pub fn take_requests(&mut self, now: Now) -> Vec<String> {
        let at = self.clock.read(now).wall;
        let requests = self.progress.certificate_requests.iter_mut().flat_map(|requests| requests.iter_mut());
        let due = requests.filter(|(_, request)| request.begun && request.due().is_some_and(|due| due <= at));
        let taken = due.map(|(profile, request)| {
            request.under_way = true;
            profile.clone()
        });
        taken.collect()
    }

    /// Whether an ordered certificate still waits for its first step.
    pub fn has_unbegun_request(&self, now: Now) -> bool {
        let at = self.clock.read(now).wall;
        self.requests().any(|request| !request.begun && request.due().is_some_and(|due| due <= at))
    }

    /// Asks for a session, now.
    pub fn request(&mut self, trigger: Trigger) {
        if self.account.is_some() {
            self.queued.insert(trigger);
        }
    }

    /// A network came up: worth a check-in if the last one failed, or if a profile is about to go.
    pub fn network_up(&mut self, now: Now) {
        if self.account.is_none() {
            return;
        }
        if self.last_chances.is_any_open() {
            self.queued.insert(Trigger::NetworkUp);
        } else if self.progress.failures > 0 || self.is_still_moving() {
            self.progress.timers.retry = None;
            // What the waits had grown to says nothing about the new network (rule C3).
            self.progress.failures = self.progress.failures.min(1);
            self.delay(Trigger::NetworkUp, NETWORK_SPREAD_SECONDS, now);
        }
    }

    /// The machine woke up after some seconds of sleep.
    pub fn resumed(&mut self, slept_seconds: u64, now: Now) {
        if self.account.is_some() && slept_seconds >= NOTABLE_SLEEP_SECONDS {
            let slept = i64::try_from(slept_seconds).unwrap_or(i64::MAX);
            self.try_again(self.clock.read(now).wall.saturating_sub(slept));
            self.delay(Trigger::Resume, NETWORK_SPREAD_SECONDS, now);
        }
    }

    /// A push rang.
    pub fn rung(&mut self, id: &str, spread_seconds: u64, now: Now) {
        if self.account.is_none() || !self.progress.push.note_ring(id) {
            return;
        }
        let at = self.clock.read_ms(now);
        if spread_seconds > 0 {
            return self.delay(Trigger::Push, spread_seconds, now);
        }
        let admitted = self.bucket.admit(at);
        if admitted <= at && self.unless_quiet(Some(at)) == Some(at) {
            self.queued.insert(Trigger::Push);
        } else {
            self.put_off(Trigger::Push, admitted);
        }
    }

    /// Asks for a session at some moment within a span, drawn uniformly.
    pub(super) fn delay(&mut self, trigger: Trigger, spread_seconds: u64, now: Now) {
        let wait = self.random.u64(0..=spread_seconds.saturating_mul(1000));
        self.put_off(trigger, self.clock.read_ms(now).saturating_add_unsigned(wait));
    }

    fn put_off(&mut self, trigger: Trigger, at: i64) {
        let timers = &mut self.progress.timers;
        timers.delayed = Some(timers.delayed.map_or(at, |known| known.min(at)));
        timers.delayed_for.insert(trigger);
    }

    /// Plans the next check-in of the schedule if none is planned.
    pub(super) fn plan_schedule(&mut self, at: i64) {
        let Some(account) = &self.account else { return };
        let poll = self.progress.poll.unwrap_or(account.poll);
        let interval = i64::from(schedule::interval_minutes(&poll.into(), self.progress.scheduled_done)) * 60_000;
        let due = self.progress.timers.schedule.get_or_insert(at.saturating_add(interval));
        // A clock that was taken back must not postpone the check-in beyond its interval.
        *due = (*due).min(at.saturating_add(interval));
    }

    /// Whether another authority takes over and has not been reached yet.
    pub fn is_still_moving(&self) -> bool {
        self.progress.authority.moving.is_some()
    }

    fn unless_quiet(&self, due: Option<i64>) -> Option<i64> {
        due.map(|due| due.max(self.progress.timers.quiet_until.unwrap_or(i64::MIN)))
    }

    /// The reasons for the session that comes next.
    pub fn queued(&self) -> Triggers {
        self.queued
    }
}

pub(super) const fn ms(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}
