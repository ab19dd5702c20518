//! The loop that feeds the engine and carries out its orders.
//!
//! One task owns the engine. Everything slow (network, store, keys) runs beside it and comes back as a message, so that
//! a question over the control socket is answered while a session is waiting for its server.

mod certificates;
mod compliance;
mod configured;
mod machine;
mod message;
mod orders;
mod plan;
mod questions;
mod remote;
mod standing;
mod start;
mod stored;
mod surroundings;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{error, info, warn};

use self::machine::SessionKnowledge;
use self::message::{Doorbell, Waiter};
pub use self::message::{Message, StoreInUse};
use self::stored::read_store;
use super::config::Live;
use super::control::{ControlError, ControlResult};
use super::desktop::{Desktop, NoDesktop};
use super::history::History;
use super::http::HttpsClient;
use super::identity::{Identity, IdentityError};
use super::paths::Paths;
use super::push::PushEvent;
use super::store::{Opened, StoreAccess, StorePlace};
use super::timer::BootTimer;
use super::{clock, facts, unenrollment, work};
use crate::engine::certificates::Slot as SlotName;
use crate::engine::compliance::standing::Rules;
use crate::engine::notification::Told;
use crate::engine::profile::RetentionRules;
use crate::engine::profile::Stored;
use crate::engine::progress::{Progress, SessionRecord, Trigger};
use crate::engine::renewal::RenewalFailure;
use crate::engine::{Action, Beginning, ConnectionFailure, Engine, Event, Listening, Phase, Renewed};
use crate::platform::force::Platform;

/// The agent: engine and shell together.
#[derive(Debug)]
pub struct Agent {
    paths: Paths,
    sessions: facts::Sessions,
    access: StoreAccess,
    platform: Platform,
    engine: Engine,
    identity: Option<Arc<Identity>>,
    store_right: Arc<Mutex<()>>,
    store: Option<StoreInUse>,
    /// What is in the store, while it is open.
    snapshot: Option<Stored>,
    /// What the session that runs knows of the machine.
    known: SessionKnowledge,
    /// The connection of the session that runs, with the slot that it was made with.
    client: Option<(SlotName, HttpsClient)>,
    history: Option<History>,
    /// What changes without a restart.
    live: Live,
    /// Where rings are listened for.
    listening: Option<Listening>,
    /// The link to the push server; there is one as long as this is held.
    doorbell: Option<Doorbell>,
    inbox: mpsc::Receiver<Message>,
    outbox: mpsc::Sender<Message>,
    /// Where work that was begun beside the loop reports its end; nothing waits for room there.
    outcomes: mpsc::UnboundedSender<Message>,
    ended: mpsc::UnboundedReceiver<Message>,
    waiters: Vec<Waiter>,
    leavers: Vec<oneshot::Sender<ControlResult>>,
    sessions_over: u64,
    enrolling: bool,
    store_problem: Option<String>,
    last_record: Option<SessionRecord>,
    /// The session in which the server ended the enrollment, until that is removed.
    ended_by_server: Option<SessionRecord>,
    stopping: bool,
    /// What was in the store at the start.
    at_start: Option<Stored>,
    /// Whether the machine is brought to that before anything else.
    goes_on: bool,
    /// Questions to authorities that are under way.
    certificate_steps: usize,
    /// Orders that are being carried out.
    remote_orders: usize,
    /// The right to lock, unlock, restart or wipe the machine.
    remote_turn: Arc<Mutex<()>>,
    /// Whether compliance is being checked.
    checking: bool,
    /// Enrolments that were ended in this process.
    enrolments: u64,
    /// The rules of the check that comes after that one.
    check_again: Option<Rules>,
    /// Those who wait for a check.
    compliance_waiters: Vec<Waiter>,
    /// Where people are told what they should know.
    desktop: Arc<dyn Desktop>,
    told: Told,
}

impl Agent {
    /// The same agent, which first brings what a former process began on the machine to its end.
    #[must_use]
    pub fn going_on(self) -> Self {
        Self { goes_on: true, ..self }
    }

    /// The same agent, which tells people on their desktops what they should know.
    #[must_use]
    pub fn with_desktop(self, desktop: Arc<dyn Desktop>) -> Self {
        Self { desktop, ..self }
    }

    /// Where messages for the agent go.
    pub fn sender(&self) -> mpsc::Sender<Message> {
        self.outbox.clone()
    }

    /// Runs until it is told to stop; a session or an enrolment in progress is brought to its end first.
    pub async fn run(mut self) -> std::io::Result<()> {
        let mut timer = BootTimer::new()?;
        let mut watch = self.watch_surroundings();
        self.after_restart();
        let mut actions = Vec::new();
        self.engine.begin(self.goes_on, &mut actions);
        let events: Vec<Event> = actions.into_iter().filter_map(|action| self.perform(action)).collect();
        events.into_iter().for_each(|event| self.feed(event));
        while !(self.stopping && self.is_at_rest()) {
            let deadline = self.engine.next_deadline().filter(|_| !self.stopping);
            timer.set(deadline.map(|deadline| deadline.boot_ms))?;
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.receive(message),
                    None => return Ok(()),
                },
                Some(message) = self.ended.recv() => self.receive(message),
                reached = timer.reached() => {
                    reached?;
                    self.feed(Event::DeadlineReached);
                }
                happened = watch.next() => self.surroundings_changed(happened),
            }
            if let Some(seconds) = watch.slept() {
                self.feed(Event::Resumed(seconds));
            }
        }
        // Whoever closes the store still brings the machine to what is in it.
        let _right = Arc::clone(&self.store_right).lock_owned().await;
        while let Ok(message) = self.ended.try_recv() {
            if let Message::DriftFound(drift) = message {
                self.feed(Event::DriftFound(drift));
            }
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        let nothing_runs = self.certificate_steps == 0 && self.remote_orders == 0 && !self.checking;
        !self.enrolling && nothing_runs && matches!(self.engine.phase(), Phase::Idle)
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Control(request, reply) => self.question(request, reply),
            Message::Stop => self.stopping = true,
            Message::Configured(live) => self.reconfigure(*live),
            // What was given up and still goes on is ended by a restart alone.
            Message::Alive(reply) if work::is_going_on() => drop(reply.send(())),
            Message::Alive(_) => {
                error!("work on this machine does not come to its end; the service manager restarts the agent")
            }
            Message::StoreOpened(result, facts, machine) => self.store_opened(result, facts, machine),
            Message::CertificateAnswered(profile, answer) => {
                self.certificate_steps -= 1;
                self.feed(Event::CertificateAnswered(profile, answer));
            }
            Message::CarriedOut(id, outcome) => self.carried_out(id, outcome),
            Message::ComplianceChecked(standing, enrolments) => self.compliance_checked(standing, enrolments),
            Message::Inspected(standing) => self.engine.remember_compliance(*standing),
            Message::UnlockedByCode => self.feed(Event::UnlockedByCode),
            Message::Evaluated(evaluator, verdicts) => {
                self.known.evaluator = evaluator;
                self.feed(Event::Evaluated(verdicts));
            }
            Message::DriftFound(drift) => self.feed(Event::DriftFound(drift)),
            Message::Applied(outcome) => self.feed(Event::Applied(outcome)),
            Message::Kept(store, changes, result) => self.kept(store, &changes, result),
            Message::Erased(result) => self.erased(&result),
            Message::Answered(Ok(reply)) => self.feed(Event::Replied(reply)),
            Message::Answered(Err(failure)) => self.feed(Event::ConnectionFailed(failure)),
            Message::Enrolled(purpose, result, reply) => self.enrolled(purpose, result, reply),
            Message::Renewed(result) => self.renewed(result),
            Message::Push(event) => self.push(event),
        }
    }

    fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut actions = Vec::new();
            self.engine.handle(event, clock::now(), &mut actions);
            for action in actions {
                events.extend(self.perform(action));
            }
        }
        // What follows from a session at once belongs to the answer: a move to another authority, a new certificate.
        if matches!(self.engine.phase(), Phase::Idle) {
            self.answer_waiters();
        }
    }

    fn answer_waiters(&mut self) {
        self.answer_compliance_waiters();
        let Some(record) = &self.last_record else { return };
        for waiter in self.waiters.extract_if(.., |waiter| waiter.sessions <= self.sessions_over) {
            let _ = waiter.reply.send(questions::outcome(record));
        }
    }

    fn erased(&mut self, removed: &Result<(), String>) {
        // What is being looked at is looked at for an enrolment that is over.
        self.check_again = None;
        self.enrolments += 1;
        match removed {
            Ok(()) => info!("the enrolment has ended; identity and profiles are removed"),
            Err(error) => error!(error, "the enrolment has ended, but not everything could be removed"),
        }
        for leaver in std::mem::take(&mut self.leavers) {
            let _ = leaver.send(questions::left(removed, self.last_record.as_ref()));
        }
        let ended = self.ended_by_server.take();
        for waiter in std::mem::take(&mut self.waiters) {
            let _ = waiter.reply.send(questions::ended(removed, ended.as_ref()));
        }
        // There will be no session for those who wait for one.
        for waiter in std::mem::take(&mut self.compliance_waiters) {
            let _ = waiter.reply.send(Err(ControlError::not_enrolled()));
        }
        self.feed(Event::Erased);
    }

    fn report(&mut self, record: SessionRecord) {
        let triggers = record.triggers.names();
        if record.completed {
            info!(
                session = record.session_id,
                triggers,
                rounds = record.rounds,
                done = record.succeeded,
                refused = record.refused,
                "checked in"
            );
        } else {
            warn!(session = record.session_id, triggers, outcome = record.outcome, "{}", record.detail);
        }
        self.tell_standing(&record);
        if record.stray_statuses > 0 {
            warn!(count = record.stray_statuses, "the server sent statuses for commands that were never sent; ignored");
        }
        self.sessions_over += 1;
        if record.ended_enrollment() {
            self.ended_by_server = Some(record.clone());
        }
        self.last_record = Some(record);
    }
}

#[cfg(test)]
mod tests;
