//! A management session (OMA-DM 1.2.1 section 8, as narrowed by MS-MDM): one message from a device in, one reply out.
//!
//! A session lives in memory only. What must outlast it (deliveries, answers, nonces) is noted on the tenant's records
//! as it happens; a device whose session is lost begins another and is sent again whatever it did not answer.

mod answers;
mod authentication;
mod incoming;
mod outgoing;
mod reply;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mdm_protocol::syncml::{Assembler, Command, Message, SyncMlError};
use sha2::{Digest, Sha256};

pub(super) use authentication::NONCE_SECONDS;

use self::answers::{Outstanding, Progress};
use self::authentication::Proof;
use self::outgoing::{Origin, Outgoing, Sending};
use self::reply::ReplyBuilder;
use super::record::RecordKind;
use super::{AccessRefusal, EndOfSession, SessionOutcome, SessionRecord, Tenant};

/// What is assumed of a device that does not say how large a message it can receive, in bytes.
const DEFAULT_MESSAGE_LIMIT: u64 = 512 << 10;
/// The least that is taken seriously as a device's limit; below it, nothing could be said at all.
const LEAST_MESSAGE_LIMIT: u64 = 2048;
/// The largest object accepted from a device, in bytes.
const OBJECT_LIMIT: u64 = 4 << 20;

/// The answer to a device's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A message.
    Message(String),
    /// An empty body: the session is over.
    Empty,
}

/// Why a message got no reply.
#[derive(Debug, thiserror::Error)]
pub enum SessionRefusal {
    /// The device may not speak.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The message cannot be read.
    #[error("{0}")]
    Unreadable(#[from] SyncMlError),
}

/// The number of one of our messages and of a command in it.
type Reference = (u32, String);

#[derive(Debug)]
pub(super) struct Session {
    id: String,
    started: i64,
    received: u32,
    last: Option<([u8; 32], Reply)>,
    message_id: u32,
    message_limit: u64,
    object_limit: Option<u64>,
    queue: VecDeque<Outgoing>,
    sending: Option<Sending>,
    outstanding: BTreeMap<Reference, Outstanding>,
    /// From a command inside a group to the outermost group.
    children: BTreeMap<Reference, String>,
    /// From a command to the queued command that it came from, for results that follow later.
    sources: BTreeMap<Reference, u64>,
    open: BTreeMap<Origin, Progress>,
    /// What was taken up in this session; nothing is taken up twice.
    offered: BTreeSet<Origin>,
    assembler: Assembler,
}

impl Session {
    fn new(id: &str, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            started: now,
            received: 0,
            last: None,
            message_id: 0,
            message_limit: DEFAULT_MESSAGE_LIMIT,
            object_limit: None,
            queue: VecDeque::new(),
            sending: None,
            outstanding: BTreeMap::new(),
            children: BTreeMap::new(),
            sources: BTreeMap::new(),
            open: BTreeMap::new(),
            offered: BTreeSet::new(),
            assembler: Assembler::new(OBJECT_LIMIT),
        }
    }
}

/// One message and what becomes of it.
struct Turn<'a> {
    device: &'a str,
    now: i64,
    session: Session,
    reply: ReplyBuilder,
    /// Whether the device said something that must be acknowledged.
    must_answer: bool,
    /// Whether the device has more to say before it is our turn.
    wants_more: bool,
    ending: Option<Ending>,
}

/// What ends a session at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Aborted,
    Unenrolled,
}

impl Tenant {
    /// Takes a device's message and makes the reply. The device is the one that [`Tenant::identify`] found.
    pub fn converse(
        &mut self,
        device: &str,
        body: &[u8],
        now: i64,
        random: &mut fastrand::Rng,
    ) -> Result<Reply, SessionRefusal> {
        let message = Message::decode(body)?;
        if message.header.source.trim() != device {
            let claimed = message.header.source.chars().take(64).collect();
            return Err(AccessRefusal::SomeoneElse { claimed }.into());
        }
        if !self.devices.contains_key(device) {
            return Err(AccessRefusal::UnknownDevice.into());
        }
        let digest: [u8; 32] = Sha256::digest(body).into();
        let mut session = self.take_session(device, &message, &digest, now);
        if let Some((_, reply)) = session.last.as_ref().filter(|(last, _)| *last == digest) {
            // The answer was lost on the way: the same question gets the same answer.
            let reply = reply.clone();
            self.sessions.insert(device.to_owned(), session);
            return Ok(reply);
        }
        session.read_limits(&message);
        session.received = message.header.message_id;
        session.message_id += 1;
        let reply = ReplyBuilder::new(&message.header, session.message_id, session.message_limit);
        let (must_answer, wants_more) = (false, !message.is_final);
        let turn = Turn { device, now, session, reply, must_answer, wants_more, ending: None };
        Ok(self.take_turn(turn, message, digest, random))
    }

    fn take_turn(
        &mut self,
        mut turn: Turn<'_>,
        message: Message,
        digest: [u8; 32],
        random: &mut fastrand::Rng,
    ) -> Reply {
        let proof = self.authenticate(turn.device, &message.header, turn.now, random);
        turn.reply.header_status(&message.header, &proof);
        if !proof.is_accepted() {
            self.keep_nonce(turn.device, &proof);
            let reply = turn.reply.finish();
            return self.keep_session(turn, digest, reply);
        }
        for command in message.commands {
            self.take_command(&mut turn, command);
        }
        self.settle(&mut turn);
        self.tidy_deliveries(turn.device);
        match turn.ending {
            Some(Ending::Aborted) => {
                self.close_session(&turn, SessionOutcome::Aborted);
                return Reply::Empty;
            }
            Some(Ending::Unenrolled) => return self.unenrol(turn),
            None if turn.wants_more => turn.reply.ask_for_more(),
            None => self.fill(&mut turn),
        }
        if turn.reply.is_working() {
            self.keep_nonce(turn.device, &proof);
            let reply = turn.reply.finish();
            return self.keep_session(turn, digest, reply);
        }
        self.close_session(&turn, SessionOutcome::Completed);
        self.end(turn, &proof)
    }

    /// The last reply of a session.
    fn end(&mut self, mut turn: Turn<'_>, proof: &Proof) -> Reply {
        let says_nothing = match self.settings.end_of_session {
            EndOfSession::Empty => true,
            EndOfSession::Status => !turn.must_answer,
        };
        if says_nothing {
            return Reply::Empty;
        }
        self.keep_nonce(turn.device, proof);
        turn.reply.finish()
    }

    fn unenrol(&mut self, mut turn: Turn<'_>) -> Reply {
        // The device itself has asked for it, so it is there.
        let _ = self.remove_device(turn.device);
        match self.settings.end_of_session {
            EndOfSession::Empty => Reply::Empty,
            EndOfSession::Status => turn.reply.finish(),
        }
    }

    /// The session that a message belongs to: the one under way if it goes on, else a new one.
    fn take_session(&mut self, device: &str, message: &Message, digest: &[u8; 32], now: i64) -> Session {
        let header = &message.header;
        if let Some(session) = self.sessions.remove(device) {
            let repeated = session.last.as_ref().is_some_and(|(last, _)| last == digest);
            if session.id == header.session_id && (repeated || header.message_id > session.received) {
                return session;
            }
        }
        self.requeue_unanswered(device);
        Session::new(&header.session_id, now)
    }

    fn keep_session(&mut self, mut turn: Turn<'_>, digest: [u8; 32], reply: Reply) -> Reply {
        self.record_session(&turn, SessionOutcome::Open);
        turn.session.last = Some((digest, reply.clone()));
        self.sessions.insert(turn.device.to_owned(), turn.session);
        reply
    }

    fn close_session(&mut self, turn: &Turn<'_>, outcome: SessionOutcome) {
        self.record_session(turn, outcome);
        self.sessions.remove(turn.device);
    }

    fn record_session(&mut self, turn: &Turn<'_>, outcome: SessionOutcome) {
        if let Some(device) = self.devices.get_mut(turn.device) {
            let (started, messages) = (turn.session.started, turn.session.message_id);
            device.last_session = Some(SessionRecord { started, ended: turn.now, outcome, messages });
            self.note(RecordKind::Device, turn.device);
        }
    }
}

impl Session {
    fn read_limits(&mut self, message: &Message) {
        let meta = &message.header.meta;
        if let Some(limit) = meta.max_message_size {
            self.message_limit = limit.max(LEAST_MESSAGE_LIMIT);
        }
        self.object_limit = meta.max_object_size.filter(|limit| *limit > 0).or(self.object_limit);
    }
}

/// Gives a command and all inside it their numbers; returns those of the commands inside.
fn number(command: &mut Command, next: &mut u32) -> Vec<String> {
    command.set_id((*next).into());
    *next += 1;
    let mut inside = Vec::new();
    if let Command::Atomic(group) | Command::Sequence(group) = command {
        for inner in &mut group.commands {
            let deeper = number(inner, next);
            inside.push(inner.id().0.clone());
            inside.extend(deeper);
        }
    }
    inside
}
