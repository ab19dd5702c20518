//! The life of a device between sessions: when it checks in, with whom, with which certificate, and what follows.
//!
//! Every decision over time is made here, without messages, text or allocation on the usual path, so that one machine
//! can live a single device's life for years or a million devices' lives for days. What is said in a session is the
//! business of [`super::session`]; the order of input and output that of [`super::Engine`].

mod check_in;
mod deadlines;
mod expiry;
pub mod lost_contact;
mod refresh;
mod settle;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::account::Account;
use super::certificates::{Certificates, RenewalTerms};
use super::clock::SteadyClock;
use super::profile::RetentionRules;
use super::progress::{Progress, Trigger, Triggers};
use super::push::Bucket;
use super::time::Now;
pub use check_in::Plan;
use expiry::LastChances;
pub use expiry::{Expiry, MayExpire};
pub use settle::{Ended, FailedHow, Follow, Outcome, Told};

/// How long a check-in is tried before profiles are removed, in seconds (rule R4).
pub const LAST_CHANCE_SECONDS: i64 = 600;

/// Where a life begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The account, if the device is enrolled.
    pub account: Option<Arc<Account>>,
    /// Where the agent stood.
    pub progress: Progress,
    /// The certificates of both slots.
    pub certificates: Certificates,
    /// Which boot of the machine this is; 0 if that cannot be told.
    pub boot: u64,
    /// How long profiles stay.
    pub retention: RetentionRules,
    /// What feeds every random choice.
    pub seed: u64,
}

/// The life of a device between sessions.
#[derive(Debug, Clone)]
pub struct Life {
    account: Option<Arc<Account>>,
    progress: Progress,
    clock: SteadyClock,
    certificates: Certificates,
    retention: RetentionRules,
    /// Reasons for the session that comes next.
    queued: Triggers,
    last_chances: LastChances,
    /// Whether the machine was off or asleep, so that nothing was asked, since a session was last completed.
    was_away: bool,
    /// When a sign-in last started a session, steady seconds; the least number for never.
    signed_in_at: i64,
    /// Whether the last check-in may have failed because a clock is wrong.
    clock_may_be_wrong: bool,
    /// Until when the store is not tried again for removals, steady seconds.
    sweep_held_until: i64,
    bucket: Bucket,
    /// Whether the last session with the new certificate was refused: the next one uses the old.
    pending_was_refused: bool,
    /// Whether the certificate in use was accepted since the new one was last refused: else a refusal says nothing of
    /// the new one.
    active_was_accepted: bool,
    random: fastrand::Rng,
}

impl Life {
    /// A life that goes on from where it stood.
    pub fn new(beginning: Beginning, now: Now) -> Self {
        let Beginning { account, progress, certificates, boot, retention, seed } = beginning;
        let clock = SteadyClock::begin(now, boot);
        let mut life = Self {
            account,
            progress: Progress::default(),
            clock,
            certificates,
            retention,
            queued: Triggers::NONE,
            last_chances: LastChances::default(),
            was_away: false,
            signed_in_at: i64::MIN,
            clock_may_be_wrong: false,
            sweep_held_until: i64::MIN,
            bucket: Bucket::default(),
            pending_was_refused: false,
            active_was_accepted: true,
            random: fastrand::Rng::with_seed(seed),
        };
        life.resume(progress, now);
        life
    }

    /// Takes up a state that was kept: the clock goes on, and a reboot is a reason to check in.
    pub fn resume(&mut self, progress: Progress, now: Now) {
        let boot = self.clock.keep(now).boot();
        let rebooted = match progress.clock {
            Some(kept) => {
                // Whether the machine was off or only this program: nothing was asked meanwhile.
                self.was_away = true;
                self.clock = SteadyClock::resume(kept, now, boot);
                kept.boot() != boot
            }
            None => false,
        };
        self.progress = progress;
        // Whoever was asking is gone.
        let requests = self.progress.certificate_requests.iter_mut().flat_map(|requests| requests.values_mut());
        requests.for_each(|request| request.under_way = false);
        if let Some(orders) = &mut self.progress.remote_orders {
            orders.resume(boot);
        }
        if self.progress.confirmations.is_empty()
            && let (Some(at), Some(account)) = (self.progress.last_completed, &self.account)
        {
            let authority = Arc::from(account.provider_id.as_str());
            self.progress.confirm(&authority, at);
        }
        if self.account.is_some() {
            self.plan_schedule(self.clock.read_ms(now));
            if rebooted {
                self.delay(Trigger::Boot, deadlines::BOOT_SPREAD_SECONDS, now);
            }
        }
    }

    /// The account, if the device is enrolled.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    /// Where the agent stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Takes note that the account was written down anew.
    pub(super) fn set_account(&mut self, account: Arc<Account>) {
        self.account = Some(account);
    }

    /// Where the agent stands, for what is decided elsewhere.
    pub(super) fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    /// The steady clock.
    pub fn clock(&self) -> &SteadyClock {
        &self.clock
    }

    /// Which boot of the machine this is; 0 if that cannot be told.
    pub fn boot(&self) -> u64 {
        self.clock.boot()
    }

    /// The certificates of both slots.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// How long profiles stay.
    pub fn retention(&self) -> &RetentionRules {
        &self.retention
    }

    /// From now on, profiles stay as these rules say.
    pub fn set_retention(&mut self, rules: RetentionRules) {
        self.retention = rules;
    }

    /// The random choices of everything that belongs to this device.
    pub(super) fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.random
    }

    /// What is to be kept, with the clock as it stands now.
    pub fn keep(&mut self, now: Now) -> &Progress {
        self.note_tried(self.clock.read(now).wall);
        self.progress.clock = Some(self.clock.keep(now));
        &self.progress
    }

    /// Takes the server's `Date`.
    pub fn confirm_time(&mut self, date: i64, now: Now) {
        self.confirm_clock(now, |clock| clock.confirm(date, now));
    }

    fn confirm_clock(&mut self, now: Now, confirm: impl FnOnce(&mut SteadyClock)) {
        let before = self.clock.read(now).wall;
        confirm(&mut self.clock);
        let at = self.clock.read(now).wall;
        if at < before {
            self.time_taken_back(at);
        }
    }

    /// The wall clock was set: a check-in that failed by a wrong clock may succeed now.
    pub fn clock_set(&mut self, now: Now) {
        let at = self.clock.read_ms(now);
        let may_ask = self.progress.timers.quiet_until.is_none_or(|until| until <= at);
        if may_ask && self.clock_may_be_wrong {
            self.network_up(now);
        }
    }

    /// Takes the wall clock, which a time service keeps.
    pub fn clock_synchronized(&mut self, now: Now) {
        self.confirm_clock(now, |clock| clock.synchronized(now));
    }

    /// The name of the authority that manages the device; without a name, that of the account.
    pub fn authority(&self) -> Arc<str> {
        let named = self.progress.authority.name.clone();
        named.unwrap_or_else(|| Arc::from(self.account.as_ref().map_or("", |account| account.provider_id.as_str())))
    }

    /// The address of the authority that manages the device.
    pub fn home(&self) -> &str {
        let provisioned = || self.account.as_ref().map_or("", |account| account.management_url.as_str());
        self.progress.authority.address.as_deref().unwrap_or_else(provisioned)
    }

    /// The device was enrolled, anew or for the first time: everything begins.
    pub fn enrolled(&mut self, account: Arc<Account>, certificates: Certificates, now: Now) {
        self.forget(now);
        self.account = Some(account);
        self.certificates = certificates;
        self.plan_schedule(self.clock.read_ms(now));
        self.queued.insert(Trigger::Enrolment);
    }

    /// The identity was issued again for the same device (rule I3): what the device holds stays.
    pub fn recovered(&mut self, account: Arc<Account>, certificates: Certificates) {
        self.account = Some(account);
        self.certificates = certificates;
        self.progress.renewal = super::certificates::RenewalState::default();
        self.progress.recovering = true;
        (self.progress.failures, self.progress.refusals, self.progress.cloned) = (0, 0, false);
        // The server has just said anew where it is and by which secret it knows the device.
        (self.progress.nonce, self.progress.nonce_received, self.progress.nonce_life) = (None, None, None);
        let authority = &mut self.progress.authority;
        (authority.address, authority.addresses, authority.moving) = (None, Vec::new(), None);
        (self.pending_was_refused, self.active_was_accepted) = (false, true);
        self.progress.timers.retry = None;
        self.progress.timers.quiet_until = None;
        self.queued.insert(Trigger::Enrolment);
    }

    /// Takes note of the certificates that are really there.
    pub fn set_certificates(&mut self, certificates: Certificates) {
        self.certificates = certificates;
    }

    /// Drops everything that belongs to one enrolment: its deadlines must not wake the next one.
    pub fn forget(&mut self, now: Now) {
        self.account = None;
        self.certificates = Certificates::default();
        self.progress = Progress::default();
        self.clock = SteadyClock::begin(now, self.clock.keep(now).boot());
        self.queued = Triggers::NONE;
        self.last_chances = LastChances::default();
        self.pending_was_refused = false;
    }

    /// The terms of renewal: as provisioned, or as the server has set them since.
    pub fn renewal_terms(&self) -> RenewalTerms {
        let provisioned = || {
            let account = self.account.as_deref();
            RenewalTerms {
                period: account.map_or(42, |account| account.renew_period_days),
                retry: account.map_or(7, |account| account.renew_retry_days),
            }
        };
        self.progress.renewal.terms.unwrap_or_else(provisioned)
    }

    /// When the device received the certificate in use, seconds since 1970.
    fn certificate_since(&self) -> i64 {
        let enrolled = self.account.as_ref().map_or(i64::MIN, |account| account.enrolled_at);
        self.progress.renewal.renewed.unwrap_or(enrolled)
    }

    /// When the renewal window of the certificate in use opens, seconds since 1970.
    pub fn renewal_opens(&self) -> Option<i64> {
        Some(self.certificates.active?.window_opens(self.renewal_terms(), self.certificate_since()))
    }

    /// Whether the certificate has expired, by all that is known of the time: the server's clock, this machine's steady
    /// clock and the wall clock, which may have been set right since (rule I3).
    pub fn is_expired(&self, now: Now) -> bool {
        self.certificates.pending.is_none()
            && [self.clock.utc(now), self.clock.read(now).wall, now.wall]
                .into_iter()
                .all(|utc| self.certificates.is_expired(utc))
    }
}
