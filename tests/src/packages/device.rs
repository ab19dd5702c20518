//! A device: the real engine, the real verdicts, and a machine whose files are a map, or another one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use mdm_agent::engine::claim::Claim;
use mdm_agent::engine::failure::StoreFailure;
use mdm_agent::engine::profile::{RetentionRules, Stored};
use mdm_agent::engine::renewal::RenewalFailure;
use mdm_agent::engine::retries::RefusedCommand;
use mdm_agent::engine::verdict::{VerdictRequest, Verdicts};
use mdm_agent::engine::{Action, Beginning, Engine, Event, Now, Progress, Trigger};
use mdm_agent::platform::evaluation::Evaluator;
use mdm_protocol::syncml::{Command, StatusCode};

use super::command::{Package, encode};
use super::machine::SimulatedMachine;
use super::managed::ManagedMachine;
use super::session::Session;
pub(super) use super::session::answer;
pub use super::session::{Answers, StatusLine};
use super::{enrolment, machine};

/// How long a session takes, in seconds.
const SESSION_SECONDS: i64 = 60;

/// A device; without a disk, if nothing is said of its machine.
#[derive(Debug, Clone)]
pub struct Device<M = SimulatedMachine> {
    /// What the store holds.
    pub stored: Stored,
    /// The machine.
    pub machine: M,
    /// Remote actions that were started.
    pub actions: Actions,
    /// Whether nothing can be kept.
    pub store_fails: bool,
    /// The largest message that the server takes, in bytes.
    pub max_message: Option<u64>,
    /// Whether refused commands are tried again in later sessions, as they are on a real device. Whoever compares sessions
    /// with one another has each command refused for itself.
    pub retries_refused: bool,
    time: i64,
}

/// Remote actions that were started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions {
    /// Whether the enrolment ends.
    pub unenroll: bool,
    /// Whether the certificate is renewed.
    pub renew: bool,
    /// Remote actions in their order.
    pub remote: Vec<String>,
}

impl Device {
    /// An enrolled device on a machine with this root, which is only read.
    pub fn new(root: &Path) -> Self {
        Self::on(SimulatedMachine::new(root))
    }
}

impl<M: ManagedMachine> Device<M> {
    /// An enrolled device on this machine.
    pub fn on(machine: M) -> Self {
        Self {
            stored: Stored::default(),
            machine,
            actions: Actions::default(),
            store_fails: false,
            max_message: None,
            retries_refused: false,
            time: enrolment::TIME,
        }
    }

    /// The wall clock, in seconds since 1970.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Holds a session in which the server sends these commands, in one message.
    pub fn run(&mut self, package: &Package) -> Answers {
        self.run_commands(encode(package))
    }

    fn run_commands(&mut self, commands: Vec<Command>) -> Answers {
        self.time += SESSION_SECONDS;
        let now = Now { boot_ms: 1000, wall: self.time };
        let mut engine = Engine::new(self.beginning(), now);
        let mut session = Session::new(commands);
        let mut evaluator = None;
        let mut actions = Vec::new();
        engine.handle(Event::CheckInRequested(Trigger::User), now, &mut actions);
        let mut actions = VecDeque::from(actions);
        let mut is_over = false;
        while let Some(action) = actions.pop_front() {
            if let Action::Report(record) = &action {
                session.answers.completed = record.completed;
                is_over = true;
            }
            if is_over && matches!(action, Action::OpenStore) {
                continue;
            }
            if let Some(event) = self.perform(action, &mut session, &mut evaluator) {
                let mut more = Vec::new();
                engine.handle(event, now, &mut more);
                actions.extend(more);
            }
            if self.machine.is_dead() {
                break;
            }
        }
        self.actions.unenroll |= engine.progress().leaving;
        self.forget_the_session();
        session.answers
    }

    fn beginning(&self) -> Beginning {
        Beginning {
            account: Some(Arc::new(enrolment::account())),
            progress: self.stored.progress.clone().unwrap_or_default(),
            certificates: enrolment::certificates(),
            boot: 1,
            retention: RetentionRules::default(),
            seed: 7,
        }
    }

    fn perform(&mut self, action: Action, session: &mut Session, known: &mut Option<Evaluator>) -> Option<Event> {
        match action {
            Action::OpenStore => {
                let machine = self.machine.converge(&self.stored.profiles);
                let host_name = self.machine.host_name();
                Some(Event::StoreOpened {
                    stored: Ok(Box::new(self.stored.clone())),
                    rebuilt: false,
                    facts: Box::new(enrolment::facts(host_name)),
                    machine: Box::new(machine),
                })
            }
            Action::Evaluate(request) => {
                if request.from_store {
                    *known = self.machine.evaluator(&self.stored.profiles);
                }
                let verdicts = known.as_mut().map_or_else(|| lost(&request), |known| known.evaluate(&request));
                Some(Event::Evaluated(Box::new(verdicts)))
            }
            Action::Apply(application) => {
                let translations = known.take().map(|known| known.translations()).unwrap_or_default();
                Some(Event::Applied(Box::new(self.machine.apply(&self.stored.profiles, &application, &translations))))
            }
            Action::Keep(changes) => {
                let is_the_servers = !changes.profiles.is_empty() || !changes.settings.is_empty();
                if self.store_fails && is_the_servers {
                    return Some(Event::Kept(Err(StoreFailure::Full("no room".to_owned()))));
                }
                self.stored.apply(&changes);
                Some(Event::Kept(Ok(())))
            }
            Action::Post { body, .. } => Some(Event::Replied(session.reply(&body, self.max_message))),
            Action::CarryOut { order, .. } => {
                self.actions.remote.push(order.kind.as_str().to_owned());
                None
            }
            Action::Renew(_) => {
                self.actions.renew = true;
                Some(Event::Renewed(Err(RenewalFailure::Local("renewed elsewhere".to_owned()))))
            }
            Action::CloseStore => {
                let found = self.machine.close(&self.stored.profiles);
                (!found.is_empty()).then_some(Event::DriftFound(found))
            }
            Action::DriftReported(told) => {
                self.machine.drift_reported(&told);
                None
            }
            Action::Note(notes) => {
                self.machine.noted(&notes);
                None
            }
            _ => None,
        }
    }

    /// Actions are not carried out here; the next session finds the device as if they had been.
    fn forget_the_session(&mut self) {
        let Some(progress) = self.stored.progress.take() else { return };
        let Progress { session_id, authority, push, certificate_requests, claims, refused, retries, .. } = progress;
        let known = Progress { session_id, authority, push, certificate_requests, claims, ..Progress::default() };
        let is_known = self.retries_refused;
        let (refused, retries) = if is_known { (refused, retries) } else { (None, None) };
        self.stored.progress = Some(Progress { refused, retries, ..known });
    }

    /// Holds sessions in which the server sends nothing, until no refused command is accepted any more; how many.
    pub fn settle(&mut self) -> usize {
        let mut sessions = 0;
        while !self.refused().is_empty() {
            let before = self.refused();
            self.run(&Package::new());
            sessions += 1;
            if self.refused() == before {
                break;
            }
        }
        sessions
    }

    /// Refused commands that are tried again; they cannot be seen from outside.
    pub fn refused(&self) -> Vec<RefusedCommand> {
        let retries = self.stored.progress.as_ref().and_then(|progress| progress.retries.as_ref());
        retries.map(|retries| retries.commands.clone()).unwrap_or_default()
    }
}

impl<M: ManagedMachine> Device<M> {
    /// The agent starts: the machine is brought to what is stored before anything else is done.
    pub fn start(&mut self) {
        let found = self.machine.converge(&self.stored.profiles).drift;
        let now = Now { boot_ms: 1000, wall: self.time };
        let mut actions = Vec::new();
        Engine::new(self.beginning(), now).handle(Event::DriftFound(found), now, &mut actions);
        for action in actions {
            if let Action::Note(notes) = action {
                self.machine.noted(&notes);
            }
        }
    }
}

impl Device {
    /// Everything that can be seen from outside, without dates.
    pub fn state(&self) -> State {
        let profiles = self.stored.profiles.iter().map(|profile| {
            let content = profile.nodes.iter().map(|(path, node)| format!("{path}: {} = {}", node.format, node.value));
            (profile.root.to_string(), content.collect())
        });
        let contents = self.stored.profiles.iter();
        let contents = contents.map(|profile| (profile.root.to_string(), profile.content_hash.clone()));
        let settings = self.stored.settings.iter();
        let settings = settings.map(|(address, node)| (address.clone(), format!("{} = {}", node.format, node.value)));
        let progress = self.stored.progress.clone().unwrap_or_default();
        let requests = progress.certificate_requests.iter().flat_map(|requests| requests.keys().cloned());
        // A device that unenrolls starts nothing else.
        let (requests, actions) = if self.actions.unenroll {
            (BTreeSet::new(), Actions { unenroll: true, ..Actions::default() })
        } else {
            (requests.collect(), self.actions.clone())
        };
        State {
            profiles: profiles.collect(),
            contents: contents.collect(),
            settings: settings.collect(),
            claims: progress.claims.map(|claims| *claims).unwrap_or_default(),
            applied: self.machine.applied().clone(),
            files: self.machine.files(),
            requests,
            actions,
        }
    }
}

/// Everything that can be seen of a device from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Profiles and their nodes.
    pub profiles: BTreeMap<String, Vec<String>>,
    /// The hash of each profile's content.
    pub contents: BTreeMap<String, String>,
    /// Settings of the account.
    pub settings: BTreeMap<String, String>,
    /// Settings that wait for their place.
    pub claims: Vec<Claim>,
    /// Applied profiles.
    pub applied: BTreeMap<String, String>,
    /// Files on the machine.
    pub files: machine::Files,
    /// Certificates that are requested.
    pub requests: BTreeSet<String>,
    /// Actions that were started.
    pub actions: Actions,
}

impl State {
    /// Whether something else is stored.
    pub fn stored_differs_from(&self, other: &Self) -> bool {
        self.profiles != other.profiles || self.settings != other.settings
    }
}

/// The machine could not be looked at.
fn lost(request: &VerdictRequest) -> Verdicts {
    Verdicts::lost(&request.named, StatusCode::FAILED, "the machine cannot be looked at")
}
