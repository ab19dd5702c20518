//! One management session, from package 1 to its end (OMA-DM 1.2.1 as narrowed by MS-MDM).
//!
//! A [`Session`] is fed with the server's answers and says what to do next. A message is worked through one command after
//! the other, each with its own verdict (`round`); what it has changed in the end is applied to the machine and stored
//! before its statuses go out, and what fails then is answered as if it had failed at once. The session does not know
//! about schedules, retries or certificates: who starts it and what follows from its end is decided elsewhere.

mod atomic;
mod authentication;
mod blame;
mod change;
mod claims;
mod context;
mod effects;
mod execution;
mod incoming;
mod inventory;
mod keep_alive;
mod numbers;
mod outbox;
mod outcome;
mod package;
mod retry;
mod round;
mod run;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::csp::certificate::ScepInstall;
use mdm_protocol::syncml::{Assembler, Command, Format, Message};

use self::authentication::{Authentication, Verdict};
pub use self::context::{AccountCredentials, SessionContext};
use self::effects::SessionEffects;
use self::keep_alive::KeepAlive;
use self::outbox::Outbox;
pub use self::package::{LoginStatus, SessionAlert};
use self::round::Round;
pub use self::run::RemoteContext;

use super::account::CredentialChange;
use super::application::{Application, MachineReport};
use super::compliance::standing::rule_id;
use super::failure::{SessionFailure, Violation};
use super::profile::{Changes, Profile};
use super::refusals::Fates;
use super::remote::RemoteOrder;
use super::reply::{ManagementReply, Reply, classify};
use super::tree::{Refusal, Tree};
use super::verdict::{ProfileChanges, VerdictRequest};

/// The most rounds (a message and its answer) of one session.
pub const MAX_ROUNDS: u32 = 200;
/// The largest message that is accepted, announced to the server, in bytes.
pub const MAX_MESSAGE_BYTES: u64 = 1 << 20;
/// The largest object that is accepted, announced to the server, in bytes.
pub const MAX_OBJECT_BYTES: u64 = 4 << 20;
/// What the answers to one message may read out altogether, in bytes; a few commands can ask for everything many times.
const MAX_READ_BYTES: usize = 16 << 20;
/// How deep Atomic and Sequence may be nested.
const MAX_NESTING: usize = 4;

/// What a session wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this message to the server and hand its answer to [`Session::received`].
    Send(Vec<u8>),
    /// Find out, without changing anything, whether profiles can be applied, and report to [`Session::evaluated`].
    Evaluate(Box<VerdictRequest>),
    /// Apply these changes to the machine and report to [`Session::applied`].
    Apply(Box<Application>),
    /// Keep these changes and report to [`Session::kept`].
    Keep(Box<Changes>),
    /// Nothing, until what is under way comes to its end.
    Wait,
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
    /// Whether the server has answered with a message that was no challenge.
    is_answered: bool,
    /// The commands of the last message, without the status of the header: a challenge asks for them again.
    last_package: Vec<Command>,
    /// Numbers (message, command) of commands that were sent; a command of several items may be answered item by item.
    sent: BTreeSet<(u32, String)>,
    /// The address of the large object that is open.
    open_object: Option<String>,
    /// The message that is worked through.
    round: Option<Round>,
    /// Changes that were handed out and not yet reported as kept.
    unkept: Option<Changes>,
    /// Profiles as the commands so far leave them, where that is not as they are stored.
    changed: BTreeMap<String, Option<Arc<Profile>>>,
    /// Of the profiles that the present command touches, what that was before it.
    before_unit: BTreeMap<String, Option<Option<Arc<Profile>>>>,
    /// Applied profiles as the commands so far would leave them, and the hash of their content.
    applied: BTreeMap<String, String>,
    /// Profiles that keep what they had although it could not be applied again.
    held: BTreeMap<String, String>,
    /// Profiles that are stored and not applied, as the machine was found or left last.
    not_applied: BTreeMap<String, Refusal>,
    /// What can be read of applicable profiles.
    nodes: Arc<Vec<(String, Format, String)>>,
    /// Whether something was changed since without a verdict.
    nodes_are_stale: bool,
    /// Changes without a verdict of their own that the evaluator has not received yet.
    settled: ProfileChanges,
    /// Whether what was proposed last was accepted.
    proposal_accepted: bool,
    /// Whether the evaluator's state matches these.
    evaluator_is_current: bool,
    /// Whether compliance rules were kept in this session.
    has_new_rules: bool,
    /// Whether changes could not be kept.
    has_lost_store: bool,
    /// Whether what was refused before was tried again.
    has_retried: bool,
    keep_alive: KeepAlive,
    effects: SessionEffects,
    now: i64,
    tally: Tally,
}

impl Session {
    /// A session on a working copy of the tree, for a machine as it was found.
    pub fn new(context: SessionContext, tree: Tree, machine: &MachineReport) -> Self {
        let in_tree = CredentialChange::of(&tree);
        let authentication = Authentication::new(context.credentials.clone(), in_tree.nonce);
        let mut session = Self {
            context,
            tree,
            authentication,
            assembler: Assembler::new(MAX_OBJECT_BYTES),
            outbox: Outbox::default(),
            message_id: 0,
            is_answered: false,
            last_package: Vec::new(),
            sent: BTreeSet::new(),
            open_object: None,
            round: None,
            unkept: None,
            changed: BTreeMap::new(),
            before_unit: BTreeMap::new(),
            applied: BTreeMap::new(),
            held: BTreeMap::new(),
            not_applied: BTreeMap::new(),
            nodes: Arc::default(),
            nodes_are_stale: false,
            settled: Vec::new(),
            proposal_accepted: true,
            evaluator_is_current: false,
            has_new_rules: false,
            has_lost_store: false,
            has_retried: false,
            keep_alive: KeepAlive::default(),
            effects: SessionEffects::default(),
            now: 0,
            tally: Tally::default(),
        };
        session.effects.claims.clone_from(&session.context.claims);
        session.effects.retries.clone_from(&session.context.retries);
        session.take_machine(machine);
        session.follow_push_name();
        session
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
        if self.is_kept_alive() {
            return self.kept_alive(Some(reply));
        }
        match classify(reply) {
            Err(failure) => self.fail(failure),
            // Nothing that the server might have said confirms anything; a farewell needs no word.
            Ok(ManagementReply::EndOfSession) if !self.is_answered && !self.context.farewell => {
                self.fail(SessionFailure::Unanswered)
            }
            Ok(ManagementReply::EndOfSession) => self.finish(),
            Ok(ManagementReply::Message(message)) => match self.take(*message) {
                Ok(step) => step,
                Err(failure) => self.fail(failure),
            },
        }
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether the server ordered the renewal of the certificate.
    pub fn wants_renewal(&self) -> bool {
        self.effects.renew_now
    }

    /// What was made of settings of profiles.
    pub fn fates(&self) -> Fates {
        self.effects.fates.clone()
    }

    /// The certificates that the server requested from SCEP servers, by the address of the profile's own node.
    pub fn orders(&self) -> &BTreeMap<String, ScepInstall> {
        &self.effects.requests
    }

    /// How many such requests were accepted in this session, whatever became of them.
    pub fn requested(&self) -> usize {
        self.effects.requested
    }

    /// Profiles that were removed, which voids requests of theirs from before.
    pub fn void_requests(&self) -> &BTreeSet<String> {
        &self.effects.void
    }

    /// Whether the server has set compliance rules in this session.
    pub fn has_new_rules(&self) -> bool {
        self.has_new_rules
    }

    /// Whether changes of this session could not be kept.
    pub fn has_lost_store(&self) -> bool {
        self.has_lost_store
    }

    /// What the server ordered to be done to the machine.
    pub fn remote(&self) -> &[RemoteOrder] {
        &self.effects.remote
    }

    /// The tokens of wipes that the server confirmed.
    pub fn confirmed(&self) -> &[String] {
        &self.effects.confirmed
    }

    /// The nonce for the next session.
    pub fn nonce(&self) -> Option<Vec<u8>> {
        self.authentication.next_nonce(&CredentialChange::of(&self.tree))
    }

    /// When the server last gave a nonce in this session, seconds since 1970.
    pub fn nonce_received(&self) -> Option<i64> {
        self.authentication.nonce_received()
    }

    /// Whether the server refused the nonce with which the session began as too old.
    pub fn found_stale_nonce(&self) -> bool {
        self.authentication.found_stale()
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
        check_depth(&message.commands, 0)?;
        self.outbox.limit_to(message.header.meta.max_message_size, message.header.meta.max_object_size);
        let tree = &self.tree;
        if self.authentication.judge(&message, || CredentialChange::of(tree), self.now)? == Verdict::Challenged {
            return self.repeat_package(message.header.message_id);
        }
        self.is_answered = true;
        if self.context.farewell {
            return Ok(Step::End(SessionEnd::Completed));
        }
        self.process(message)
    }
}

/// Refuses messages that cannot be answered command by command.
fn check_depth(commands: &[Command], depth: usize) -> Result<(), Violation> {
    if depth > MAX_NESTING {
        return Err(Violation::NestedTooDeep(MAX_NESTING));
    }
    commands.iter().try_for_each(|command| match command {
        Command::Atomic(group) | Command::Sequence(group) => check_depth(&group.commands, depth + 1),
        _ => Ok(()),
    })
}
