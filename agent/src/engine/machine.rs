//! The agent's main machine: what happened goes in, what has to be done comes out.

mod planning;

use std::collections::BTreeSet;

use super::account::Account;
use super::enrolment::OrderError;
use super::facts::{self, DeviceFacts};
use super::failure::{ConnectionFailure, SessionFailure, StoreFailure};
use super::profile::{Changes, Stored};
use super::progress::{Progress, SessionRecord, Trigger};
use super::reply::Reply;
use super::session::{Session, SessionAlert, SessionContext, SessionEnd, Step};
use super::time::Now;
use super::tree::Tree;

#[cfg(test)]
mod tests;

/// The longest description of an outcome that is kept, in characters.
const MAX_DETAIL: usize = 400;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// Something asks for a check-in.
    CheckInRequested(Trigger),
    /// The deadline was reached, or may have been.
    DeadlineReached,
    /// The store was opened, or could not be, and facts were gathered.
    StoreOpened {
        /// What is in it.
        stored: Result<Box<Stored>, StoreFailure>,
        /// Whether it had to be put aside and begun anew.
        rebuilt: bool,
        /// Facts about the machine.
        facts: Box<DeviceFacts>,
    },
    /// Changes were kept, or could not be.
    Kept(Result<(), StoreFailure>),
    /// The server answered.
    Replied(Reply),
    /// No answer came.
    ConnectionFailed(ConnectionFailure),
    /// The device was enrolled.
    Enrolled(Box<Account>),
    /// A person ended the enrolment.
    UnenrolRequested,
    /// Everything that belonged to the enrolment was removed.
    Erased,
}

/// Something to be done. Its outcome comes back as an [`Event`].
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the store, read it and gather facts.
    OpenStore,
    /// Keep changes so that they survive a power cut.
    Keep(Box<Changes>),
    /// Close the store and the connection.
    CloseStore,
    /// Send a message to the management server over mutual TLS.
    Post {
        /// The address.
        url: String,
        /// The message.
        body: Vec<u8>,
    },
    /// Make a session's outcome known.
    Report(Box<SessionRecord>),
    /// Remove identity, account and store.
    Erase,
}

/// What the machine is doing.
#[derive(Debug)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// Waiting for the store.
    Opening(Assignment),
    /// In a session.
    Running(Assignment, Box<Session>),
    /// Waiting for the session's outcome to be kept.
    Closing(Box<SessionRecord>, Next),
    /// Waiting for everything to be removed.
    Erasing,
}

/// Why a session is held.
#[derive(Debug, Clone)]
pub struct Assignment {
    triggers: BTreeSet<Trigger>,
    started: i64,
}

/// What follows a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Whatever else was asked for.
    Continue,
    /// A session that says farewell.
    Farewell,
    /// The removal of everything.
    Erase,
}

/// The agent's main machine.
#[derive(Debug)]
pub struct Engine {
    account: Option<Account>,
    progress: Progress,
    phase: Phase,
    queued: BTreeSet<Trigger>,
    schedule_due: Option<u64>,
    retry_due: Option<u64>,
    /// Until when the server asked to be left alone: neither schedule nor retry goes before, only who asks by hand.
    quiet_until: Option<u64>,
    random: fastrand::Rng,
}

impl Engine {
    /// A machine that goes on from where it stood. `seed` feeds every random choice.
    pub fn new(account: Option<Account>, progress: Progress, seed: u64, now: Now) -> Self {
        let mut engine = Self {
            account,
            progress,
            phase: Phase::Idle,
            queued: BTreeSet::new(),
            schedule_due: None,
            retry_due: None,
            quiet_until: None,
            random: fastrand::Rng::with_seed(seed),
        };
        engine.resume_schedule(now);
        engine
    }

    /// The account, if the device is enrolled.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Where the agent stands.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What the machine is doing.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Takes note of what happened and appends what has to be done.
    pub fn handle(&mut self, event: Event, now: Now, actions: &mut Vec<Action>) {
        match event {
            Event::CheckInRequested(trigger) => self.request(trigger, now, actions),
            Event::DeadlineReached => self.deadline_reached(now, actions),
            Event::StoreOpened { stored, rebuilt, facts } => {
                self.recall(&stored, now);
                self.progress.rebuilt_unreported |= rebuilt || self.has_lost_its_store(&stored);
                self.begin_session(stored, &facts, now, actions);
            }
            Event::Kept(result) => self.kept(result, now, actions),
            Event::Replied(reply) => self.step(now, actions, |session| session.received(&reply, now.wall)),
            Event::ConnectionFailed(failure) => {
                self.step(now, actions, |_| Step::End(SessionEnd::Failed(SessionFailure::Connection(failure))));
            }
            Event::Enrolled(account) => {
                self.forget();
                self.account = Some(*account);
                self.resume_schedule(now);
                self.request(Trigger::Enrolment, now, actions);
            }
            Event::UnenrolRequested => self.request(Trigger::Farewell, now, actions),
            Event::Erased => {
                self.forget();
                self.phase = Phase::Idle;
            }
        }
    }

    /// Drops everything that belongs to one enrolment: its deadlines must not wake the next one.
    fn forget(&mut self) {
        self.account = None;
        self.progress = Progress::default();
        self.queued.clear();
        self.schedule_due = None;
        self.retry_due = None;
        self.quiet_until = None;
    }

    /// Takes up where the agent stood, if that could not be read at the start.
    fn recall(&mut self, stored: &Result<Box<Stored>, StoreFailure>, now: Now) {
        let known = stored.as_ref().ok().and_then(|stored| stored.progress.as_ref());
        if let Some(known) = known.filter(|known| known.session_id > self.progress.session_id) {
            self.progress = known.clone();
            self.resume_schedule(now);
        }
    }

    /// How many sessions must be over until a check-in that is asked for now was held: one that runs already began
    /// before the question.
    pub fn sessions_until_answer(&self) -> u64 {
        if matches!(self.phase, Phase::Idle) { 1 } else { 2 }
    }

    /// Whether the device may enrol; `under_way` says that an enrolment already is.
    pub fn check_enrolment(&self, under_way: bool) -> Result<(), OrderError> {
        match &self.account {
            Some(account) => Err(OrderError::AlreadyEnrolled(account.management_url.clone())),
            None if under_way => Err(OrderError::UnderWay),
            None => Ok(()),
        }
    }

    /// Whether a store that can be read is not the one it should be: after its first session a device has progress in
    /// it, and a store can lose everything without a sign of damage (rule T2).
    fn has_lost_its_store(&self, stored: &Result<Box<Stored>, StoreFailure>) -> bool {
        let Phase::Opening(assignment) = &self.phase else { return false };
        let first = assignment.triggers.contains(&Trigger::Enrolment);
        !first && stored.as_ref().is_ok_and(|stored| stored.progress.is_none())
    }

    fn request(&mut self, trigger: Trigger, now: Now, actions: &mut Vec<Action>) {
        if self.account.is_none() {
            return;
        }
        self.queued.insert(trigger);
        if matches!(self.phase, Phase::Idle) {
            self.start_queued(now, actions);
        }
    }

    fn start_queued(&mut self, now: Now, actions: &mut Vec<Action>) {
        // A farewell runs no commands, so it has a session of its own, after which nothing else matters.
        let triggers = if self.queued.contains(&Trigger::Farewell) {
            BTreeSet::from([Trigger::Farewell])
        } else {
            std::mem::take(&mut self.queued)
        };
        self.phase = Phase::Opening(Assignment { triggers, started: now.wall });
        actions.push(Action::OpenStore);
    }

    fn begin_session(
        &mut self,
        stored: Result<Box<Stored>, StoreFailure>,
        facts: &DeviceFacts,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let (Phase::Opening(assignment), Some(account)) = (&self.phase, self.account.clone()) else { return };
        let assignment = assignment.clone();
        let (stored, store_status) = match stored {
            Ok(stored) => (*stored, None),
            Err(failure) => (Stored::default(), Some(failure.status())),
        };
        let farewell = assignment.triggers.contains(&Trigger::Farewell);
        self.progress.session_id = self.progress.session_id.checked_add(1).unwrap_or(1);
        let login = facts::login_status(&account, facts);
        let mut alerts = Vec::new();
        if farewell {
            alerts.push(SessionAlert::Unenrolment);
        } else if self.progress.rebuilt_unreported {
            alerts.push(SessionAlert::StoreRebuilt);
        }
        let nonce = self.progress.nonce.as_deref().and_then(|nonce| mdm_protocol::base64::decode(nonce).ok());
        let mut tree = Tree::new(&stored, login == super::session::LoginStatus::EnrolledUser);
        facts::provide(&mut tree, &account, facts);
        let context = SessionContext {
            session_id: self.progress.session_id,
            server_url: account.management_url.clone(),
            device_id: account.device_id.clone(),
            provider_id: account.provider_id.clone(),
            authority: account.authority().to_owned(),
            server_initiated: false,
            login,
            alerts,
            device_info: facts::device_info(&account, facts),
            credentials: account.session_credentials(&stored, nonce),
            store_status,
            farewell,
        };
        self.phase = Phase::Running(assignment, Box::new(Session::new(context, tree)));
        self.step(now, actions, |session| session.begin(now.wall));
    }

    fn step(&mut self, now: Now, actions: &mut Vec<Action>, advance: impl FnOnce(&mut Session) -> Step) {
        let Phase::Running(_, session) = &mut self.phase else { return };
        match advance(session) {
            Step::Send(body) => {
                actions.push(Action::Post { url: session.context().request_url(), body });
            }
            Step::Keep(changes) => actions.push(Action::Keep(changes)),
            Step::End(end) => self.end_session(&end, now, actions),
        }
    }

    fn kept(&mut self, result: Result<(), StoreFailure>, now: Now, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Running(..)) {
            self.step(now, actions, |session| session.kept(result.map_err(|failure| failure.status())));
            return;
        }
        if !matches!(self.phase, Phase::Closing(..)) {
            return;
        }
        let Phase::Closing(record, next) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        actions.push(Action::CloseStore);
        actions.push(Action::Report(record));
        match next {
            Next::Erase => {
                self.phase = Phase::Erasing;
                actions.push(Action::Erase);
            }
            Next::Farewell => self.request(Trigger::Farewell, now, actions),
            Next::Continue if !self.queued.is_empty() => self.start_queued(now, actions),
            Next::Continue => {}
        }
    }

    fn end_session(&mut self, end: &SessionEnd, now: Now, actions: &mut Vec<Action>) {
        let Phase::Running(assignment, session) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let farewell = assignment.triggers.contains(&Trigger::Farewell);
        let next = match end {
            // The farewell is sent as well as can be, once; then the device is free (MS-MDM section 3.8).
            _ if farewell => Next::Erase,
            SessionEnd::Unenrolled => Next::Farewell,
            SessionEnd::Completed | SessionEnd::Failed(_) => Next::Continue,
        };
        self.progress.leaving |= next != Next::Continue;
        self.note_outcome(end, now);
        if let Some(nonce) = session.nonce() {
            self.progress.nonce = Some(mdm_protocol::base64::encode(nonce));
        }
        self.replan(&assignment, &session, now);
        let record = record(&assignment, &session, end, self.progress.session_id, now);
        self.progress.last_session = Some(record.clone());
        self.phase = Phase::Closing(Box::new(record), next);
        let progress = Some(self.progress.clone());
        actions.push(Action::Keep(Box::new(Changes { progress, ..Changes::default() })));
    }
}

fn record(assignment: &Assignment, session: &Session, end: &SessionEnd, session_id: u16, now: Now) -> SessionRecord {
    let tally = session.tally();
    let (outcome, detail) = match end {
        SessionEnd::Completed => ("completed", "the server had nothing more to say".to_owned()),
        SessionEnd::Unenrolled => ("unenrolled", "the server ended the enrolment".to_owned()),
        SessionEnd::Failed(failure) => (failure.name(), failure.to_string()),
    };
    SessionRecord {
        session_id,
        triggers: assignment.triggers.iter().copied().collect(),
        started: assignment.started,
        ended: now.wall,
        completed: *end == SessionEnd::Completed,
        unreachable: matches!(end, SessionEnd::Failed(failure) if failure.is_unreachable()),
        outcome: outcome.to_owned(),
        detail: detail.chars().take(MAX_DETAIL).collect(),
        advice: match end {
            SessionEnd::Failed(failure) => Some(failure.advice().to_owned()),
            SessionEnd::Completed | SessionEnd::Unenrolled => None,
        },
        rounds: tally.rounds,
        succeeded: tally.succeeded,
        refused: tally.refused,
        stray_statuses: tally.stray_statuses,
    }
}
