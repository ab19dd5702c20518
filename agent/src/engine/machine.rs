//! The agent's main machine: what happened goes in, what has to be done comes out.
//!
//! It puts input and output in their order and leaves all decisions over time to [`Life`], and what is said to
//! [`Session`].

mod announce;
mod certificates;
mod compliance;
mod conclusion;
mod conduct;
mod event;
mod follow;
mod keep_alive;
mod opening;
mod remote;
mod sweep;
mod waiting;

use std::sync::Arc;

use self::compliance::AfterSession;
use self::opening::Opening;
use super::account::{Account, Trust};
use super::application::DriftReport;
use super::certificate_request::CertificateOrder;
use super::compliance::Report;
use super::compliance::standing::Standing;
use super::enrolment::OrderError;
use super::facts::DeviceFacts;
use super::life::{Beginning, Expiry, Follow, Life, Plan};
use super::nodes::RenewalProof;
use super::note::Note;
use super::profile::Tombstone;
use super::progress::{Progress, SessionRecord, Trigger};
use super::push::{Channel, LinkState, spread_seconds};
use super::refusals::RefusedSetting;
use super::report;
use super::session::Session;
use super::time::{Deadline, Now, TimerReason};
pub use event::{Action, Event, Listening, Renewed};

#[cfg(test)]
mod tests;

/// What the machine is doing.
#[derive(Debug)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// Waiting for the store, for a session.
    Opening(Plan),
    /// In a session.
    Running(Box<Conduct>),
    /// Waiting for the session's outcome to be kept.
    Closing(Box<Closing>),
    /// Waiting for a new certificate.
    Renewing,
    /// Waiting for the store, to remove or warn of profiles.
    OpeningToSweep,
    /// Waiting for the removal of profiles to be kept: what is removed, and what was known of deadlines before.
    Sweeping(Box<(Vec<Tombstone>, Expiry)>),
    /// Waiting for everything to be removed.
    Erasing,
}

/// A session under way, with what belongs to it.
#[derive(Debug)]
pub struct Conduct {
    plan: Plan,
    /// Whether the server requires that messages are signed.
    signs_messages: bool,
    session: Session,
    facts: Box<DeviceFacts>,
    tombstones: Vec<Tombstone>,
    /// Settings that count no more, by address.
    outdated: Vec<String>,
    /// What to note once what is being kept is kept.
    unkept: Vec<Note>,
    /// The message that waits until the order it acknowledges is kept.
    held: Option<Vec<u8>>,
    /// Settings that were refused in this session, as far as that is remembered.
    refusals: Vec<(String, RefusedSetting)>,
    /// What was remembered as refused or waiting before what is being kept.
    before_keep: waiting::Remembered,
    /// Certificates ordered in this session that were taken note of.
    orders_noted: usize,
    /// Remote orders and confirmations of this session that were taken note of.
    remote_noted: (usize, usize),
    /// Since when the server waits for a message, on the boot clock in milliseconds, where it asked for keep-alive messages.
    waits_since: Option<u64>,
    /// What the session tells of compliance.
    told: Option<Report>,
    /// Changes of files by others that this session reports: path, and what was done to it.
    drift: Vec<DriftReport>,
}

/// A session that is over, with what follows once that is kept.
#[derive(Debug)]
pub struct Closing {
    record: SessionRecord,
    follow: Follow,
    facts: Box<DeviceFacts>,
    entity_id: Option<String>,
    renew_url: Option<String>,
    /// What was known of deadlines before profiles were removed, if some are: that has to be tried again if it is not
    /// kept.
    removes: Option<Expiry>,
    notes: Vec<Note>,
    orders: Vec<CertificateOrder>,
    /// What the session's end means for compliance.
    compliance: AfterSession,
}

/// The agent's main machine.
#[derive(Debug)]
pub struct Engine {
    life: Life,
    phase: Phase,
    link: LinkState,
    /// What the shell was last told to listen to.
    listening: Option<Channel>,
    /// Whether progress has to be kept before this process or the machine ends: the outcome of what was done between
    /// sessions, or the clock's reading, which across a reboot goes by how much the wall clock moved.
    progress_unkept: bool,
    /// Whether the server has issued new credentials, so that what it had set of the old ones is to be dropped.
    rekeyed: bool,
    /// Whether the identity is about to be exchanged: nothing begins until it is.
    paused: bool,
    /// Whether the machine belongs to the person who uses it.
    is_personal: bool,
    /// What was found when compliance was last checked.
    compliance: Standing,
    /// The end of a grace period at which it was looked at again.
    grace_noted: Option<i64>,
    /// What the device proves after a renewal, until the server was told.
    proof: Option<RenewalProof>,
}

impl Engine {
    /// A machine that goes on from where it stood.
    pub fn new(mut beginning: Beginning, now: Now) -> Self {
        let known = beginning.account.as_ref().and_then(|account| account.authority.as_deref());
        let name = &mut beginning.progress.authority.name;
        // A store that was lost took the name along; the account has it too.
        *name = name.take().or_else(|| known.map(Arc::from));
        let life = Life::new(beginning, now);
        Self {
            life,
            phase: Phase::Idle,
            link: LinkState::None,
            listening: None,
            progress_unkept: false,
            rekeyed: false,
            paused: false,
            is_personal: false,
            compliance: Standing::default(),
            grace_noted: None,
            proof: None,
        }
    }

    /// Says whether the machine belongs to the person who uses it: such a machine is not wiped.
    pub fn set_personal(&mut self, is_personal: bool) {
        self.is_personal = is_personal;
    }

    /// What has to be done at the very beginning.
    ///
    /// `goes_on` says whether this process takes the place of one that ended: then what that one was ordered is done.
    pub fn begin(&mut self, goes_on: bool, actions: &mut Vec<Action>) {
        self.listen(actions);
        if goes_on {
            self.carry_out(actions);
        }
    }

    /// The account, if the device is enrolled.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.life.account()
    }

    /// Where the agent stands.
    pub fn progress(&self) -> &Progress {
        self.life.progress()
    }

    /// The device's life between sessions.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// What the machine is doing.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whom to believe that it is the push server: beside the enrolment's roots the machine's own, unless it is the
    /// management server's host that rings. (All of them cost a fifth of a megabyte for as long as the link is up.)
    pub fn push_trust(&self, channel: &Channel) -> Trust {
        let trust = self.account().map(|account| account.trust.clone()).unwrap_or_default();
        let host = |address: &str| url::Url::parse(address).ok()?.host_str().map(str::to_owned);
        Trust { system: trust.system || host(&channel.base) != host(self.life.home()), roots: trust.roots }
    }

    /// What profiles are judged by.
    pub fn standing(&self, now: Now) -> report::Standing {
        report::Standing {
            progress: self.progress().clone(),
            authority: self.life.authority(),
            retention: *self.life.retention(),
            machine: report::InForce::default(),
            wall_ahead: self.life.clock().wall_ahead(now),
        }
    }

    /// From now on, profiles stay as these rules say; the next session or removal goes by them.
    pub fn set_retention(&mut self, rules: super::profile::RetentionRules) {
        self.life.set_retention(rules);
    }

    /// How the link to the push server stands.
    pub fn link(&self) -> LinkState {
        self.link
    }

    /// When the machine wants [`Event::DeadlineReached`], and what for. While it does something it wants nothing.
    pub fn next_deadline(&self) -> Option<Deadline> {
        if let Phase::Running(conduct) = &self.phase {
            return conduct.keep_alive_due();
        }
        if !matches!(self.phase, Phase::Idle) || self.paused {
            return None;
        }
        let grace = self.grace_ends().map(|until| (until.saturating_mul(1000), TimerReason::GracePeriod));
        let (at, reason) = self.life.next_deadline().into_iter().chain(grace).min_by_key(|(at, _)| *at)?;
        Some(Deadline { boot_ms: self.life.clock().boot_ms_at(at), reason })
    }

    /// How many sessions must be over until a check-in that is asked for now was held: one that runs already began
    /// before the question.
    pub fn sessions_until_answer(&self) -> u64 {
        if matches!(self.phase, Phase::Opening(_) | Phase::Running(_) | Phase::Closing(_)) { 2 } else { 1 }
    }

    /// Whether the device may enrol; `under_way` says that an enrolment already is.
    pub fn check_enrolment(&self, under_way: bool) -> Result<(), OrderError> {
        match self.account() {
            Some(account) => Err(OrderError::AlreadyEnrolled(account.management_url.clone())),
            None if under_way => Err(OrderError::UnderWay),
            None if matches!(self.phase, Phase::Erasing) => Err(OrderError::Busy),
            None => Ok(()),
        }
    }

    /// Whether the identity of an enrolled device may be exchanged now.
    pub fn check_recovery(&self, under_way: bool) -> Result<(), OrderError> {
        match self.phase {
            _ if under_way => Err(OrderError::UnderWay),
            Phase::Idle => Ok(()),
            _ => Err(OrderError::Busy),
        }
    }

    /// Whether the enrolment may be ended: not while the identity is exchanged, which would outlive its end.
    /// `under_way` says that an enrollment or a recovery is.
    pub fn check_unenrolment(&self, under_way: bool) -> Result<(), OrderError> {
        match () {
            () if self.paused => Err(OrderError::Busy),
            () if under_way => Err(OrderError::UnderWay),
            () => Ok(()),
        }
    }

    /// Takes note of what happened and appends what has to be done.
    pub fn handle(&mut self, event: Event, now: Now, actions: &mut Vec<Action>) {
        match event {
            Event::CheckInRequested(trigger) => self.life.request(trigger),
            // What is due while a session runs is looked at after it, which may have settled it.
            Event::DeadlineReached if matches!(self.phase, Phase::Running(_)) => self.keep_alive(now, actions),
            Event::DeadlineReached => {
                self.life.collect_due(now);
                self.collect_grace(now);
            }
            Event::StoreOpened { stored, rebuilt, facts, machine } => {
                self.note_drift(&machine.drift, now, actions);
                self.store_opened(Opening { stored, rebuilt, facts, machine }, now, actions);
            }
            Event::CertificateAnswered(profile, answer) => self.certificate_answered(&profile, &answer, now, actions),
            Event::CarriedOut(id, outcome) => self.carried_out(&id, &outcome, now, actions),
            Event::ComplianceChecked(standing) => self.compliance_checked(*standing, now, actions),
            Event::UnlockedByCode => self.unlocked_by_code(now, actions),
            Event::Evaluated(verdicts) => self.step(now, actions, |session| session.evaluated(&verdicts)),
            Event::Applied(outcome) => {
                if let Some(machine) = &outcome.machine {
                    self.note_drift(&machine.drift, now, actions);
                }
                self.step(now, actions, |session| session.applied(&outcome));
            }
            Event::DriftFound(drift) => self.note_drift(&drift, now, actions),
            Event::EraseRequested => self.erase_requested(actions),
            Event::Kept(result) => self.kept(result, now, actions),
            Event::Replied(reply) => self.replied(&reply, now, actions),
            Event::ConnectionFailed(failure) => self.connection_failed(failure, now, actions),
            Event::Enrolled(account, certificates) => self.enrolled(account, certificates, now, actions),
            Event::Recovered(account, certificates) => self.recovered(account, certificates, now, actions),
            Event::UnenrolRequested => self.life.request(Trigger::Farewell),
            Event::Erased => self.erased(now, actions),
            Event::NetworkUp => self.life.network_up(now),
            Event::Resumed(seconds) => self.life.resumed(seconds, now),
            Event::Pause(paused) => self.paused = paused,
            Event::IdentityRead(certificates) => self.life.set_certificates(certificates),
            Event::SignedIn(users) => self.life.signed_in(&users, now),
            Event::ClockSet => {
                self.progress_unkept = self.account().is_some();
                self.life.clock_set(now);
            }
            Event::Rung { id, text } => self.life.rung(&id, spread_seconds(&text), now),
            Event::LinkChanged(link) => self.link = link,
            Event::Renewed(result) => self.renewed(result, now, actions),
        }
        self.go_on(now, actions);
    }

    /// Begins what is due, if nothing is under way.
    fn go_on(&mut self, now: Now, actions: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Idle) || self.paused {
            return;
        }
        self.request_certificates(now, actions);
        self.carry_out(actions);
        if let Some(plan) = self.life.begin(now) {
            self.phase = Phase::Opening(plan);
            actions.push(Action::OpenStore);
        } else if self.life.sweep_is_due(now) || self.life.refresh_is_due(now) || self.progress_unkept {
            self.phase = Phase::OpeningToSweep;
            actions.push(Action::OpenStore);
        }
    }

    /// Tells the shell what to listen to, if that changed.
    fn listen(&mut self, actions: &mut Vec<Action>) {
        let push = &self.life.progress().push;
        let channel = push.channel.as_deref().cloned();
        if channel != self.listening {
            let since = push.last_ring.clone();
            actions.push(Action::Listen(channel.clone().map(|channel| Listening { channel, since })));
            self.link = LinkState::None;
            self.listening = channel;
        }
    }
}
