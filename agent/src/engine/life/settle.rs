//! What follows from the end of a session.

use std::sync::Arc;

use super::{Life, Plan};
use crate::engine::account::StoredPoll;
use crate::engine::authority::{Destination, Heard, ToldAuthority};
use crate::engine::backoff;
use crate::engine::certificates::{CertificateTerms, RenewalStatus, RenewalTerms, Slot};
use crate::engine::progress::Trigger;
use crate::engine::server_settings::ServerSettings;
use crate::engine::time::Now;

/// The longest that a server may ask to be left alone, in seconds: a day. A wrong header must not silence a device.
const MAX_RETRY_AFTER_SECONDS: u64 = 24 * 3600;
/// The least first and longest wait after failures, in milliseconds: terms of nought would have a device that fails
/// knock without a pause.
const LEAST_BACKOFF_MS: (u64, u64) = (1000, 60_000);
/// The least wait where there is no network at all, in milliseconds: an hour's worth of attempts would all fail alike.
const NO_NETWORK_MS: u64 = 900_000;
/// Over how long the next move is put off where a device has only just arrived, in seconds.
const NEXT_MOVE_SECONDS: u64 = 1800;
/// How many authorities are remembered with the time of their last word.
const MAX_CONFIRMATIONS: usize = 8;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The server had nothing more to say.
    Completed,
    /// The server ended the enrolment.
    Unenrolled,
    /// It broke off.
    Failed(FailedHow),
}

/// What matters of a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedHow {
    /// The authenticated server does not accept this device.
    pub refused: bool,
    /// The device's certificate was refused, by TLS or by the server.
    pub certificate_refused: bool,
    /// Something answered, if not as it should: there is a server, or something in its place.
    pub answered: bool,
    /// There is certainly none: its coming will be noticed, so that there is no need to knock.
    pub no_network: bool,
    /// This machine could not even ask, which says nothing of the server.
    pub local: bool,
    /// A clock that is wrong may be the cause: a certificate is not valid by it.
    pub may_be_clock: bool,
    /// For how long the server asks to be left alone, in seconds.
    pub retry_after: Option<u64>,
}

/// What the server has set, as it stands at the end of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The check-in schedule.
    pub poll: Option<StoredPoll>,
    /// Who manages the device.
    pub authority: ToldAuthority,
    /// The terms of renewal.
    pub renewal: Option<RenewalTerms>,
    /// Whether renewal was ordered now.
    pub renew_now: bool,
    /// What it sets of the agent itself.
    pub settings: ServerSettings,
}

/// A session's outcome.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// How it ended.
    pub ended: Ended,
    /// What the server has set; `None` where that cannot be known for want of the store.
    pub told: Option<&'a Told>,
}

/// What is to be done now that a session is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Follow {
    /// The pending certificate has proved itself: put it in use.
    pub promote: bool,
    /// The pending certificate was refused for good: drop it.
    pub discard_pending: bool,
    /// The certificate is to be renewed.
    pub renew: bool,
    /// The authority has told its name: what was its own is so under that name too. The former name.
    pub named: Option<Arc<str>>,
    /// The server has named another authority in this session, which owns what the session has set: the former name.
    pub succeeded: Option<Arc<str>>,
    /// Another authority was announced.
    pub announced: bool,
    /// The move was called off.
    pub called_off: bool,
    /// Another authority has taken over: the name of the former one.
    pub arrived_from: Option<Arc<str>>,
    /// The enrolment ends with a farewell.
    pub farewell: bool,
    /// Contact with the server is lost for so long that the enrollment ends, as the server has set it.
    pub contact_lost: bool,
    /// When it will end so, steady seconds, if that is to be announced now.
    pub contact_lost_soon: Option<i64>,
    /// Everything is to be removed.
    pub erase: bool,
}

impl Life {
    /// Takes note of a session's end and says what follows.
    pub fn settle(&mut self, plan: &Plan, outcome: Outcome<'_>, now: Now) -> Follow {
        let mut follow = Follow::default();
        // The farewell is sent as well as can be, once; then the device is free (MS-MDM section 3.8).
        follow.erase = plan.is_farewell();
        follow.farewell = !follow.erase && outcome.ended == Ended::Unenrolled;
        self.progress.leaving |= follow.erase || follow.farewell;
        self.progress.timers.retry = None;
        self.progress.timers.quiet_until = None;
        self.last_chances.note_attempt(plan.destination);
        if self.last_chances.untried().is_some() {
            self.queued.insert(Trigger::LastChance);
        }
        let at = self.clock.read(now).wall;
        match outcome.ended {
            Ended::Completed | Ended::Unenrolled => self.completed(plan, outcome.told, at, &mut follow),
            Ended::Failed(how) => self.failed(plan, how, now, &mut follow),
        }
        if follow.announced && follow.arrived_from.is_some() {
            // Two authorities that send the device to each other must not have it run between them without a pause.
            self.queued.remove(Trigger::AuthorityMoved);
            self.delay(Trigger::AuthorityMoved, NEXT_MOVE_SECONDS, now);
        }
        self.note_poll(plan, outcome.told, now);
        if let Some(told) = outcome.told {
            let settings = (told.settings != ServerSettings::default()).then(|| Box::new(told.settings.clone()));
            self.progress.server_settings = settings;
            self.progress.renewal.terms = told.renewal.or(self.progress.renewal.terms);
            self.progress.renewal.forced |= told.renew_now;
        }
        // The end of a session sees to what is applied.
        self.plan_refresh(now);
        if let Ended::Failed(how) = outcome.ended
            && !self.progress.leaving
        {
            follow.contact_lost_soon = self.announce_lost_contact(now);
            follow.contact_lost = self.contact_is_lost(plan, how, now);
            follow.farewell |= follow.contact_lost;
            self.progress.leaving |= follow.contact_lost;
        }
        // The next check-in renews again: an order in every session must not drive the device in circles.
        follow.renew = outcome.ended == Ended::Completed
            && plan.slot == Slot::Active
            && !self.progress.leaving
            && !self.is_still_moving()
            && self.renewal_is_due(now);
        follow
    }

    fn completed(&mut self, plan: &Plan, told: Option<&Told>, at: i64, follow: &mut Follow) {
        self.progress.failures = 0;
        self.progress.refusals = 0;
        self.progress.rebuilt_unreported = false;
        self.progress.last_completed = Some(at);
        self.progress.lost_contact = None;
        self.progress.renewal.unreported = false;
        self.progress.recovering = false;
        self.clock_may_be_wrong = false;
        self.was_away = false;
        if plan.slot == Slot::Pending && self.certificates.pending.is_some() {
            self.certificates.active = self.certificates.pending.take();
            self.progress.renewal.note_promotion(at);
            follow.promote = true;
        }
        (self.pending_was_refused, self.active_was_accepted) = (false, true);
        if plan.destination == Destination::Next {
            let former = self.authority();
            if self.progress.authority.arrive(at).is_some() {
                follow.arrived_from = Some(former);
            }
        } else {
            self.progress.authority.note_attempt(Destination::Home, true);
        }
        if let Some(told) = told {
            self.hear(&told.authority, at, follow);
        }
        // An authority that has taken over in this session has confirmed its own profiles; the former one has not.
        let authority = self.authority();
        self.confirm(&authority, at);
        if let Some(moving) = &self.progress.authority.moving
            && moving.failures > 0
        {
            let failures = moving.failures;
            self.plan_retry(failures, 0, at.saturating_mul(1000));
        }
    }

    fn hear(&mut self, told: &ToldAuthority, at: i64, follow: &mut Follow) {
        let former = self.authority();
        // Spelt out instead of asked of `home`, which would borrow all of `self`: nothing is copied in every session.
        let moved_to = self.progress.authority.address.clone();
        let provisioned = self.account.as_ref().map_or("", |account| account.management_url.as_str());
        match self.progress.authority.hear(told, &former, moved_to.as_deref().unwrap_or(provisioned), at) {
            Heard::Nothing => {}
            Heard::Named => {
                let name = self.authority();
                for confirmation in &mut self.progress.confirmations {
                    if confirmation.authority == former {
                        confirmation.authority = Arc::clone(&name);
                    }
                }
                follow.named = Some(former);
            }
            Heard::Replaced => follow.succeeded = Some(former),
            Heard::MoveAnnounced => {
                follow.announced = true;
                self.queued.insert(Trigger::AuthorityMoved);
            }
            Heard::MoveCalledOff => follow.called_off = true,
        }
    }

    fn confirm(&mut self, authority: &Arc<str>, at: i64) {
        self.progress.confirm(authority, at);
        let confirmations = &mut self.progress.confirmations;
        if confirmations.len() > MAX_CONFIRMATIONS {
            // The one that was heard of longest ago has no profiles left by now.
            let oldest = confirmations.iter().enumerate().min_by_key(|(_, known)| known.at).map(|(index, _)| index);
            oldest.map(|index| confirmations.remove(index));
        }
    }

    fn failed(&mut self, plan: &Plan, how: FailedHow, now: Now, follow: &mut Follow) {
        let at = self.clock.read_ms(now);
        self.progress.failures = self.progress.failures.saturating_add(1);
        if plan.slot == Slot::Pending && how.certificate_refused {
            self.pending_was_refused = true;
            // Whoever refuses the old one alike refuses the device, or everybody.
            if std::mem::take(&mut self.active_was_accepted) && self.progress.renewal.note_refusal() {
                self.certificates.pending = None;
                follow.discard_pending = true;
            }
        } else {
            self.pending_was_refused = false;
            // Only the authority that manages the device can disown it.
            if how.refused && plan.destination == Destination::Home {
                self.progress.refusals = self.progress.refusals.saturating_add(1);
            }
        }
        self.clock_may_be_wrong = how.may_be_clock;
        let was_moving = self.is_still_moving();
        self.progress.authority.note_attempt(plan.destination, false);
        let quiet_ms = how.retry_after.unwrap_or(0).min(MAX_RETRY_AFTER_SECONDS) * 1000;
        self.progress.timers.quiet_until = (quiet_ms > 0).then(|| at.saturating_add_unsigned(quiet_ms));
        let floor_ms = if how.no_network { quiet_ms.max(NO_NETWORK_MS) } else { quiet_ms };
        // A certificate has ended when a server says so too: the clocks here may be wrong.
        let has_ended = how.certificate_refused && self.is_expired(now);
        if was_moving || !(self.progress.is_unknown_device() || has_ended) {
            self.plan_retry(self.progress.failures, floor_ms, at);
        }
    }

    fn plan_retry(&mut self, failures: u32, floor_ms: u64, at: i64) {
        let Some(account) = &self.account else { return };
        let wait = backoff::wait_ms(
            failures,
            account.initial_backoff_ms.max(LEAST_BACKOFF_MS.0),
            account.max_backoff_ms.max(LEAST_BACKOFF_MS.1),
            floor_ms,
            &mut self.random,
        );
        let wait = self.most_wait_ms().map_or(wait, |most| wait.min(most.max(floor_ms)));
        self.progress.timers.retry = Some(at.saturating_add_unsigned(wait));
    }

    /// Plans the next check-in of the schedule. Check-ins for other reasons leave it as it is, and so does a wall clock
    /// that was set (rule R5).
    fn note_poll(&mut self, plan: &Plan, told: Option<&Told>, now: Now) {
        let Some(account) = &self.account else { return };
        let known = self.progress.poll.unwrap_or(account.poll);
        // Without its store the device does not know what the server has set.
        let poll = told.and_then(|told| told.poll).unwrap_or(known);
        // What the server sets in the very first session is a change of what was provisioned.
        if known != poll {
            self.progress.scheduled_done = 0;
            self.progress.timers.schedule = None;
        } else if plan.triggers.contains(Trigger::Schedule) {
            self.progress.scheduled_done = self.progress.scheduled_done.saturating_add(1);
            self.progress.timers.schedule = None;
        }
        self.progress.poll = Some(poll);
        self.plan_schedule(self.clock.read_ms(now));
    }

    fn renewal_is_due(&self, now: Now) -> bool {
        let (utc, at) = (self.clock.utc(now), self.clock.read(now).wall);
        let (terms, since) = (self.renewal_terms(), self.certificate_since());
        let due = |utc| self.certificates.renewal_is_due(&self.progress.renewal, terms, since, utc, at);
        // Being early does no harm: a server that does not want it says so.
        due(at) || due(utc)
    }

    /// An attempt to renew begins.
    pub fn renewal_begins(&mut self, now: Now) {
        self.progress.renewal.attempted = Some(self.clock.read(now).wall);
        self.progress.renewal.status = RenewalStatus::InProgress;
        self.progress.renewal.forced = false;
    }

    /// A new certificate is there and waits for its first session, which begins at once.
    pub fn renewal_succeeded(&mut self, pending: CertificateTerms) {
        self.certificates.pending = Some(pending);
        self.progress.renewal.error = 0;
        self.progress.renewal.refusals = 0;
        (self.pending_was_refused, self.active_was_accepted) = (false, true);
        self.queued.insert(Trigger::CertificateDue);
    }

    /// The attempt failed; the certificate in use stays, and so does everything else (rule I2).
    pub fn renewal_failed(&mut self, error: u32) {
        self.progress.renewal.note_failure();
        self.progress.renewal.error = error;
    }
}
