//! The machine as the shell sees it: events in, actions out, deadlines between.

mod complying;
mod failures;
mod keeping_alive;
mod leaving;
mod moving;
mod nonces;
mod ordering;
mod ordering_remotely;
mod properties;
mod recovering;
mod renewing;
mod retaining;
mod retrying;
mod ringing;
mod schedule;
mod sessions;

use std::collections::BTreeMap;

use mdm_protocol::syncml::{Command, Header, Message};

use super::{Action, Engine, Event, Phase};
use crate::engine::application::MachineReport;
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Stored;
use crate::engine::progress::{Progress, SessionRecord, Trigger};
use crate::engine::reply::Reply;
use crate::engine::testing::{NOW, account, beginning, facts, ok, status};
use crate::engine::time::{Now, TimerReason};
use crate::engine::verdict::{Verdict, VerdictRequest, Verdicts};
use crate::engine::{Account, ConnectionFailure, Note};

/// An engine with its clocks, a store that works and a server that answers as it is told.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) now: Now,
    pub(super) stored: Stored,
    pub(super) reports: Vec<SessionRecord>,
    pub(super) erased: u32,
    pub(super) notes: Vec<Note>,
    /// Everything else that was to be done, by name.
    pub(super) deeds: Vec<Action>,
    /// Verdicts on profiles that are not applicable.
    pub(super) verdicts: BTreeMap<String, Verdict>,
    /// Looks at the machine for its compliance.
    pub(super) beside: Vec<Action>,
}

/// How the server takes a session.
pub(super) enum Server {
    /// It has nothing to say.
    Content,
    /// It has commands in its first answer.
    Says(Vec<Command>),
    /// It answers with this.
    Answers(Reply),
    /// It cannot be reached.
    Gone,
}

impl World {
    pub(super) fn enrolled() -> Self {
        Self::with(account(), Progress::default())
    }

    pub(super) fn with(account: Account, progress: Progress) -> Self {
        let now = Now { boot_ms: 1_000_000, wall: NOW };
        let engine = Engine::new(beginning(Some(account), progress, 7), now);
        Self {
            engine,
            now,
            stored: Stored::default(),
            reports: Vec::new(),
            erased: 0,
            notes: Vec::new(),
            deeds: Vec::new(),
            verdicts: BTreeMap::new(),
            beside: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.engine.handle(event, self.now, &mut actions);
        // A machine that takes whatever it is given.
        let is_for_machine = |action: &Action| matches!(action, Action::Evaluate(_) | Action::Apply(_));
        while let Some(place) = actions.iter().position(is_for_machine) {
            let done = match actions.remove(place) {
                Action::Evaluate(request) => Event::Evaluated(Box::new(self.judge(&request))),
                _ => Event::Applied(Box::default()),
            };
            self.engine.handle(done, self.now, &mut actions);
        }
        // What is remembered, and looks at the machine, are looked at where they matter.
        let beside = |action: &mut Action| matches!(action, Action::CheckCompliance(_) | Action::KeepCompliance(_));
        self.beside.extend(actions.extract_if(.., beside));
        let (notes, actions) = actions.into_iter().partition(|action| matches!(action, Action::Note(_)));
        let notes: Vec<Action> = notes;
        self.notes.extend(notes.into_iter().flat_map(|action| match action {
            Action::Note(notes) => notes,
            _ => Vec::new(),
        }));
        actions
    }

    fn judge(&self, request: &VerdictRequest) -> Verdicts {
        let mut verdicts = Verdicts::all_applicable(request);
        // What is removed can always be.
        let is_removed =
            |root: &String| request.proposed.iter().any(|(known, profile)| known == root && profile.is_none());
        for (root, verdict) in verdicts.verdicts.iter_mut().filter(|(root, _)| !is_removed(root)) {
            *verdict = self.verdicts.get(root).unwrap_or(verdict).clone();
        }
        verdicts
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now.boot_ms += seconds * 1000;
        self.now.wall += i64::try_from(seconds).unwrap();
    }

    /// Seconds until the next deadline, and what for.
    pub(super) fn next(&self) -> Option<(u64, TimerReason)> {
        let deadline = self.engine.next_deadline()?;
        Some((deadline.boot_ms.saturating_sub(self.now.boot_ms) / 1000, deadline.reason))
    }

    /// Waits for the next deadline and brings the session that begins to its end; the seconds waited.
    pub(super) fn wait(&mut self, server: &Server) -> u64 {
        let (seconds, _) = self.next().expect("there is a deadline");
        self.pass(seconds);
        // A deadline may lie within a second.
        self.now.boot_ms += 999;
        let actions = self.handle(Event::DeadlineReached);
        self.now.boot_ms -= 999;
        assert_eq!(actions, [Action::OpenStore]);
        self.serve(actions, server);
        seconds
    }

    /// Waits for that many deadlines.
    pub(super) fn wait_times(&mut self, times: u32) {
        for _ in 0..times {
            self.wait(&Server::Content);
        }
    }

    pub(super) fn ask(&mut self, trigger: Trigger, server: &Server) {
        let actions = self.handle(Event::CheckInRequested(trigger));
        self.serve(actions, server);
    }

    /// Carries out actions until nothing is left to do.
    pub(super) fn serve(&mut self, actions: Vec<Action>, server: &Server) {
        self.serve_by(actions, |_, body| reply(server, body));
    }

    /// The same with a server that knows which address it is asked at.
    pub(super) fn serve_by(&mut self, actions: Vec<Action>, mut answer: impl FnMut(&str, &[u8]) -> Event) {
        let mut actions = std::collections::VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            let news = match action {
                Action::Post { url, body, .. } => self.handle(answer(&url, &body)),
                other => self.carry_out(other),
            };
            actions.extend(news);
        }
        assert!(matches!(self.engine.phase(), Phase::Idle));
    }

    /// The store was opened. What waits is not applied, everything else in it is.
    fn opened(&self) -> Event {
        let mut event = opened(&self.stored);
        if let Event::StoreOpened { machine, .. } = &mut event {
            machine.applied.retain(|root, _| !matches!(self.verdicts.get(root), Some(Verdict::Incomplete(_))));
        }
        event
    }

    /// Carries out an action that is nothing for the server; what follows from it.
    pub(super) fn carry_out(&mut self, action: Action) -> Vec<Action> {
        let event = match action {
            Action::OpenStore => Some(self.opened()),
            Action::Keep(changes) => {
                self.stored.apply(&changes);
                Some(Event::Kept(Ok(())))
            }
            Action::CloseStore | Action::DriftReported(_) => None,
            Action::Report(record) => {
                self.reports.push(*record);
                None
            }
            Action::Erase => {
                self.erased += 1;
                self.stored = Stored::default();
                Some(Event::Erased)
            }
            action @ (Action::Post { .. }
            | Action::Note(_)
            | Action::Renew(_)
            | Action::Promote
            | Action::DiscardPending
            | Action::SaveAccount(_)
            | Action::Listen(_)
            | Action::Evaluate(_)
            | Action::Apply(_)
            | Action::RequestCertificate(_)
            | Action::CheckCompliance(_)
            | Action::KeepCompliance(_)
            | Action::CarryOut { .. }) => {
                self.deeds.push(action);
                None
            }
        };
        event.map(|event| self.handle(event)).unwrap_or_default()
    }

    /// The triggers and outcome of every session so far.
    pub(super) fn history(&self) -> Vec<(Vec<Trigger>, &str)> {
        self.reports.iter().map(|record| (record.triggers.iter().collect(), record.outcome.as_str())).collect()
    }

    /// The same machine after a restart of the computer that took some seconds; it cannot tell one boot from another.
    pub(super) fn restart(self, seconds: i64) -> Self {
        let now = Now { boot_ms: 5_000, wall: self.now.wall + seconds };
        let progress = self.stored.progress.clone().unwrap_or_default();
        let account = self.engine.account().map(|account| (**account).clone());
        let engine = Engine::new(beginning(account, progress, 8), now);
        Self { engine, now, ..self }
    }
}

/// The store was opened, and everything in it is applied.
pub(super) fn opened(stored: &Stored) -> Event {
    let applied = stored.profiles.iter().map(|profile| (profile.root.to_string(), profile.content_hash.clone()));
    let machine = MachineReport { applied: applied.collect(), ..MachineReport::default() };
    Event::StoreOpened {
        stored: Ok(Box::new(stored.clone())),
        rebuilt: false,
        facts: Box::new(facts()),
        machine: Box::new(machine),
    }
}

pub(super) fn not_opened() -> Event {
    let failure = StoreFailure::Full("no room".to_owned());
    Event::StoreOpened { stored: Err(failure), rebuilt: false, facts: Box::new(facts()), machine: Box::default() }
}

pub(super) fn reply(server: &Server, body: &[u8]) -> Event {
    let message = Message::decode(body).expect("the device writes valid messages");
    match server {
        Server::Content => Event::Replied(ok(answer(&message, Vec::new()))),
        Server::Says(_) if message.header.message_id > 1 => Event::Replied(ok("")),
        Server::Says(commands) => Event::Replied(ok(answer(&message, commands.clone()))),
        Server::Answers(reply) => Event::Replied(reply.clone()),
        Server::Gone => Event::ConnectionFailed(ConnectionFailure::TimedOut),
    }
}

/// What a server answers that has nothing to say.
pub(super) fn content(body: &[u8]) -> Event {
    reply(&Server::Content, body)
}

/// The same, to whatever message of the session that runs.
pub(super) fn content_in(engine: &Engine) -> Event {
    let session_id = engine.progress().session_id.to_string();
    let message = Message { header: Header { session_id, message_id: 1, ..Header::default() }, ..Message::default() };
    Event::Replied(ok(answer(&message, Vec::new())))
}

/// The server's answer to a message of the device.
pub(super) fn answer(message: &Message, commands: Vec<Command>) -> String {
    let accepted = status("header-status", message.header.message_id, "0", "SyncHdr", 200);
    let header = Header {
        session_id: message.header.session_id.clone(),
        message_id: message.header.message_id,
        ..Header::default()
    };
    let commands = [accepted].into_iter().chain(commands).collect();
    Message { header, commands, is_final: true }.encode()
}

/// Actions by name.
pub(super) fn names(actions: &[Action]) -> Vec<&'static str> {
    let name = |action: &Action| match action {
        Action::Evaluate(_) => "Evaluate",
        Action::OpenStore => "OpenStore",
        Action::Apply(_) => "Apply",
        Action::Keep(_) => "Keep",
        Action::DriftReported(_) => "DriftReported",
        Action::CloseStore => "CloseStore",
        Action::Post { .. } => "Post",
        Action::Report(_) => "Report",
        Action::Note(_) => "Note",
        Action::RequestCertificate(_) => "RequestCertificate",
        Action::CarryOut { .. } => "CarryOut",
        Action::CheckCompliance(_) => "CheckCompliance",
        Action::KeepCompliance(_) => "KeepCompliance",
        Action::Renew(_) => "Renew",
        Action::Promote => "Promote",
        Action::DiscardPending => "DiscardPending",
        Action::SaveAccount(_) => "SaveAccount",
        Action::Listen(_) => "Listen",
        Action::Erase => "Erase",
    };
    actions.iter().map(name).collect()
}
