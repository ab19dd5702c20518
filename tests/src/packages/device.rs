//! A device without a disk: the real engine, the real verdicts, and a machine whose files are a map.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use mdm_agent::engine::claim::Claim;
use mdm_agent::engine::failure::StoreFailure;
use mdm_agent::engine::profile::{RetentionRules, Stored};
use mdm_agent::engine::renewal::RenewalFailure;
use mdm_agent::engine::reply::Reply;
use mdm_agent::engine::verdict::Verdicts;
use mdm_agent::engine::{Action, Beginning, Engine, Event, Now, Progress, Trigger};
use mdm_agent::platform::evaluation::Evaluator;
use mdm_protocol::syncml::{Command, Header, Message, Meta, Status, StatusCode};

use super::command::{Package, encode};
use super::machine::SimulatedMachine;
use super::{enrolment, machine};

/// How long a session takes, in seconds.
const SESSION_SECONDS: i64 = 60;
/// The most messages that a session takes here.
const MAX_MESSAGES: usize = 150;

/// A device without a disk.
#[derive(Debug, Clone)]
pub struct Device {
    /// What the store holds.
    pub stored: Stored,
    /// What is on the machine.
    pub machine: SimulatedMachine,
    /// Remote actions that were started.
    pub actions: Actions,
    /// Whether nothing can be kept.
    pub store_fails: bool,
    /// The largest message that the server takes, in bytes.
    pub max_message: Option<u64>,
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

/// What a device answered: to which command, which one it was, the item it speaks of, the code.
pub type StatusLine = (u32, String, Option<String>, u16);

/// What a device answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Every status but those of headers.
    pub statuses: Vec<StatusLine>,
    /// What was read: for which command, address and value.
    pub results: Vec<(u32, String, Option<String>)>,
    /// Whether the session came to its end.
    pub completed: bool,
}

impl Device {
    /// An enrolled device on a machine with this root, which is only read.
    pub fn new(root: &Path) -> Self {
        Self {
            stored: Stored::default(),
            machine: SimulatedMachine::new(root),
            actions: Actions::default(),
            store_fails: false,
            max_message: None,
            time: enrolment::TIME,
        }
    }

    /// Holds a session in which the server sends these commands, in one message.
    pub fn run(&mut self, package: &Package) -> Answers {
        self.run_commands(encode(package))
    }

    fn run_commands(&mut self, commands: Vec<Command>) -> Answers {
        self.time += SESSION_SECONDS;
        let now = Now { boot_ms: 1000, wall: self.time };
        let mut engine = Engine::new(self.beginning(), now);
        let mut session = Session { commands: Some(commands), messages: 0, answers: Answers::default() };
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
                    *known = Some(self.machine.evaluator(&self.stored.profiles));
                }
                let verdicts = known.as_mut().map_or_else(Verdicts::default, |known| known.evaluate(&request));
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
                self.machine.converge(&self.stored.profiles);
                None
            }
            _ => None,
        }
    }

    /// Actions are not carried out here; the next session finds the device as if they had been.
    fn forget_the_session(&mut self) {
        let Some(progress) = self.stored.progress.take() else { return };
        let Progress { session_id, authority, push, certificate_requests, claims, .. } = progress;
        self.stored.progress =
            Some(Progress { session_id, authority, push, certificate_requests, claims, ..Progress::default() });
    }

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

/// The server's answer to a message: it is accepted, and these commands.
pub(super) fn answer(message: &Message, number: usize, commands: Vec<Command>, max_message: Option<u64>) -> Message {
    let accepted = Status::new(message.header.message_id, &"0".into(), "SyncHdr", StatusCode::OK);
    let accepted = Command::Status(Status { id: "1".into(), ..accepted });
    let header = Header {
        session_id: message.header.session_id.clone(),
        message_id: u32::try_from(number).unwrap_or(u32::MAX),
        target: message.header.source.clone(),
        source: message.header.target.clone(),
        meta: Meta { max_message_size: max_message, ..Meta::default() },
        ..Header::default()
    };
    Message { header, commands: [accepted].into_iter().chain(commands).collect(), is_final: true }
}

/// The server's side of a session.
struct Session {
    commands: Option<Vec<Command>>,
    messages: usize,
    answers: Answers,
}

impl Session {
    fn reply(&mut self, body: &[u8], max_message: Option<u64>) -> Reply {
        self.messages += 1;
        let message = Message::decode(body).expect("the device writes valid messages");
        self.answers.read(&message);
        if (self.commands.is_none() && message.is_final) || self.messages > MAX_MESSAGES {
            return Reply { status: 200, ..Reply::default() };
        }
        let commands = self.commands.take().unwrap_or_default();
        let body = answer(&message, self.messages, commands, max_message).encode().into_bytes();
        Reply { status: 200, body, ..Reply::default() }
    }
}

impl Answers {
    /// Adds what a message of the device's answers.
    pub fn read(&mut self, message: &Message) {
        let number = |text: &str| text.parse().unwrap_or(0);
        for command in &message.commands {
            match command {
                Command::Status(status) if status.command != "SyncHdr" => self.statuses.push((
                    number(&status.command_ref.0),
                    status.command.clone(),
                    status.target_ref.clone(),
                    status.code.0,
                )),
                Command::Results(results) => {
                    let found = results.items.iter().map(|item| {
                        (number(&results.command_ref.0), item.source.clone().unwrap_or_default(), item.data.clone())
                    });
                    self.results.extend(found);
                }
                _ => {}
            }
        }
    }
}
