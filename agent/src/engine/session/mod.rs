//! One management session, from package 1 to its end (OMA-DM 1.2.1 as narrowed by MS-MDM).
//!
//! A [`Session`] is fed with the server's answers and tells what to send next. What a message changes is handed out to
//! be kept before its statuses go out; if it could not be kept, the statuses say so. The session does not know about
//! schedules, retries or certificates: who starts it and what follows from its end is decided elsewhere.

mod application;
mod authentication;
mod context;
mod execute;
mod group;
mod incoming;
mod outbox;
mod package;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::certificate::ScepInstall;
use mdm_protocol::syncml::{Assembler, Command, Message, StatusCode};

use self::application::Applying;
use self::authentication::Authentication;
pub use self::context::{AccountCredentials, SessionContext};
use self::outbox::Outbox;
pub use self::package::{LoginStatus, SessionAlert};
pub use self::run::RemoteContext;
use super::application::Application;
use super::compliance::standing::rule_id;
use super::failure::{SessionFailure, Violation};
use super::profile::Changes;
use super::remote::RemoteOrder;
use super::reply::{ManagementReply, Reply, classify};
use super::tree::Tree;

/// The most rounds (a message and its answer) of one session.
pub const MAX_ROUNDS: u32 = 200;
/// The largest message that is accepted, announced to the server, in bytes.
pub const MAX_MESSAGE_BYTES: u64 = 1 << 20;
/// The largest object that is accepted, announced to the server, in bytes.
pub const MAX_OBJECT_BYTES: u64 = 4 << 20;
/// What the answers to one message may tell altogether, in bytes; a few commands can ask for everything many times.
const MAX_TOLD_BYTES: usize = 16 << 20;
/// How deep Atomic and Sequence may be nested.
const MAX_NESTING: usize = 4;

/// What a session wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this message to the server and hand its answer to [`Session::received`].
    Send(Vec<u8>),
    /// Put these changes in force on the machine and report to [`Session::applied`].
    Apply(Box<Application>),
    /// Keep these changes and report to [`Session::kept`].
    Keep(Box<Changes>),
    /// The session is over.
    End(SessionEnd),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// The server had nothing more to say.
    Completed,
    /// The server ended the enrolment.
    Unenrolled,
    /// It broke off.
    Failed(SessionFailure),
}

/// What happened in a session, for its record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages sent.
    pub rounds: u32,
    /// Commands executed successfully.
    pub succeeded: u32,
    /// Commands refused.
    pub refused: u32,
    /// Statuses for commands that were never sent; they are ignored.
    pub stray_statuses: u32,
}

/// A session in progress.
#[derive(Debug)]
pub struct Session {
    context: SessionContext,
    tree: Tree,
    authentication: Authentication,
    assembler: Assembler,
    outbox: Outbox,
    message_id: u32,
    /// The commands of the last message, without the status of the header: a challenge asks for them again.
    last_package: Vec<Command>,
    /// Numbers (message, command) of commands that were sent; a command of several items may be answered item by item.
    sent: BTreeSet<(u32, String)>,
    /// The address of the large object that is open.
    open_object: Option<String>,
    /// Answers that wait for their changes to be kept.
    prepared: Vec<Answer>,
    /// Changes that were handed out and not yet reported as kept.
    pending: Option<Changes>,
    /// What is being put in force on the machine.
    applying: Option<Applying>,
    /// Atomics of this session so far.
    groups: u32,
    /// What the answers to the present message tell so far, in bytes.
    told_bytes: usize,
    unenrol: bool,
    renew_now: bool,
    /// Whether compliance rules were kept in this session.
    has_new_rules: bool,
    /// What was ordered to be done to the machine in this session.
    remote: Vec<RemoteOrder>,
    /// Tokens of wipes that were confirmed in this session.
    confirmed: Vec<String>,
    /// Certificates that were ordered, by the address of the profile's own node.
    orders: BTreeMap<String, ScepInstall>,
    /// The Atomic that runs, if one does.
    group: Option<u32>,
    /// The Atomics that certificates were ordered in.
    groups_of_orders: BTreeMap<String, u32>,
    now: i64,
    tally: Tally,
}

/// An answer to one of the server's commands.
#[derive(Debug)]
pub(super) struct Answer {
    command: Command,
    /// Whether the answer claims that something was changed; such an answer is withdrawn if it could not be kept.
    changes: bool,
    /// What the command's items are about.
    touches: Vec<Touch>,
    /// The Atomic that the answer is about or that the command is part of.
    group: Option<u32>,
}

/// What an item is about: its address as it was written, and the profile that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Touch {
    target: Option<String>,
    profile: Option<String>,
}

impl Session {
    /// A session on a working copy of the tree.
    pub fn new(context: SessionContext, tree: Tree) -> Self {
        let authentication = Authentication::new(context.credentials.clone());
        Self {
            context,
            tree,
            authentication,
            assembler: Assembler::new(MAX_OBJECT_BYTES),
            outbox: Outbox::default(),
            message_id: 0,
            last_package: Vec::new(),
            sent: BTreeSet::new(),
            open_object: None,
            prepared: Vec::new(),
            pending: None,
            applying: None,
            groups: 0,
            told_bytes: 0,
            unenrol: false,
            renew_now: false,
            has_new_rules: false,
            remote: Vec::new(),
            confirmed: Vec::new(),
            orders: BTreeMap::new(),
            group: None,
            groups_of_orders: BTreeMap::new(),
            now: 0,
            tally: Tally::default(),
        }
    }

    /// The first message.
    pub fn begin(&mut self, now: i64) -> Step {
        self.now = now;
        self.outbox.extend(package::package_one(&self.context));
        self.send_next(None)
    }

    /// Takes the server's answer.
    pub fn received(&mut self, reply: &Reply, now: i64) -> Step {
        self.now = now;
        match classify(reply) {
            Err(failure) => self.fail(failure),
            Ok(ManagementReply::EndOfSession) => Step::End(SessionEnd::Completed),
            Ok(ManagementReply::Message(message)) => match self.take(*message) {
                Ok(step) => step,
                Err(failure) => self.fail(failure),
            },
        }
    }

    /// Takes note of whether the changes are kept. `Err` gives the status for commands whose effect is lost.
    pub fn kept(&mut self, result: Result<(), StatusCode>) -> Step {
        let changes = self.pending.take();
        match (result, changes) {
            (Ok(()), Some(changes)) => {
                let changed = changes.profiles.values().flatten();
                self.has_new_rules |= changed.into_iter().any(|profile| rule_id(profile).is_some());
                self.tree.accept(&changes);
            }
            (Ok(()), None) => {}
            (Err(status), changes) => {
                self.tree.undo_unkept();
                self.follow_push_name();
                self.prepared.iter_mut().for_each(|answer| answer.withdraw(status));
                if let Some(changes) = changes.filter(|changes| !changes.profiles.is_empty()) {
                    return self.put_back(&changes);
                }
            }
        }
        self.answer()
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether the server ordered the renewal of the certificate.
    pub fn wants_renewal(&self) -> bool {
        self.renew_now
    }

    /// The certificates that the server ordered from SCEP servers.
    pub fn orders(&self) -> &BTreeMap<String, ScepInstall> {
        &self.orders
    }

    /// Whether the server has set compliance rules in this session.
    pub fn has_new_rules(&self) -> bool {
        self.has_new_rules
    }

    /// What the server ordered to be done to the machine.
    pub fn remote(&self) -> &[RemoteOrder] {
        &self.remote
    }

    /// The tokens of wipes that the server confirmed.
    pub fn confirmed(&self) -> &[String] {
        &self.confirmed
    }

    /// The nonce for the next session.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.authentication.nonce()
    }

    /// The tree as it is now.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What the session knew before it began.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    fn take(&mut self, message: Message) -> Result<Step, SessionFailure> {
        if message.header.session_id != self.context.session_id.to_string() {
            return Err(Violation::ForeignSession(message.header.session_id).into());
        }
        self.check_structure(&message.commands, 0, &mut BTreeSet::new())?;
        self.outbox.limit_to(message.header.meta.max_message_size, message.header.meta.max_object_size);
        if self.authentication.judge(&message)? == authentication::Verdict::Challenged {
            return self.repeat_package(message.header.message_id);
        }
        if self.context.farewell {
            return Ok(Step::End(SessionEnd::Completed));
        }
        self.process(message)
    }

    /// After the answers are settled: the next message, or the end.
    fn answer(&mut self) -> Step {
        if self.unenrol {
            // MS-MDM: an Unenroll is not answered in its own session; a new one says farewell.
            return Step::End(SessionEnd::Unenrolled);
        }
        let answers = std::mem::take(&mut self.prepared);
        for answer in &answers {
            if let Command::Status(status) = &answer.command {
                let counter =
                    if status.code.is_success() { &mut self.tally.succeeded } else { &mut self.tally.refused };
                *counter += u32::from(status.command != "SyncHdr");
            }
        }
        // The header's status stands first, before what may still wait from an earlier message.
        let (header, rest): (Vec<_>, Vec<_>) =
            answers.into_iter().map(|answer| answer.command).partition(package::answers_header);
        self.outbox.put_back(header);
        self.outbox.extend(rest);
        self.send_next(None)
    }

    fn send_next(&mut self, first: Option<Command>) -> Step {
        if self.tally.rounds >= MAX_ROUNDS {
            return self.fail(SessionFailure::Endless { limit: MAX_ROUNDS });
        }
        self.tally.rounds += 1;
        self.message_id += 1;
        let (commands, is_final) = self.outbox.next_message();
        self.last_package.clone_from(&commands);
        let commands = package::number(first.into_iter().chain(commands));
        let answerable = commands.iter().filter(|command| !matches!(command, Command::Status(_) | Command::Results(_)));
        self.sent.extend(answerable.map(|command| (self.message_id, command.id().0.clone())));
        self.sent.insert((self.message_id, "0".to_owned()));
        let header = package::header(&self.context, self.message_id, self.authentication.proof());
        Step::Send(Message { header, commands, is_final }.encode().into_bytes())
    }

    /// Sends the last package again, with credentials this time (OMA-DM security section 5.4).
    fn repeat_package(&mut self, challenge_message: u32) -> Result<Step, SessionFailure> {
        let package = std::mem::take(&mut self.last_package);
        let package = package.into_iter().filter(|command| !package::answers_header(command));
        self.outbox.put_back(package.collect());
        Ok(self.send_next(Some(package::header_status(challenge_message, StatusCode::OK))))
    }

    fn fail(&mut self, failure: SessionFailure) -> Step {
        self.tree.undo_unkept();
        self.follow_push_name();
        Step::End(SessionEnd::Failed(failure))
    }

    /// Refuses messages that cannot be answered command by command.
    fn check_structure(
        &self,
        commands: &[Command],
        depth: usize,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Violation> {
        if depth > MAX_NESTING {
            return Err(Violation::NestedTooDeep(MAX_NESTING));
        }
        for command in commands {
            let id = command.id();
            if !id.is_missing() && !seen.insert(id.0.clone()) {
                return Err(Violation::DuplicateCommandId(id.0.clone()));
            }
            if let Command::Atomic(group) | Command::Sequence(group) = command {
                self.check_structure(&group.commands, depth + 1, seen)?;
            }
        }
        Ok(())
    }
}

impl Answer {
    fn withdraw(&mut self, code: StatusCode) {
        if let Command::Status(status) = &mut self.command
            && self.changes
            && status.code.is_success()
        {
            status.code = if status.command == "Atomic" { StatusCode::ATOMIC_FAILED } else { code };
        }
    }
}
