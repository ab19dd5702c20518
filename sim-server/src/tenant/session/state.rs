//! What is remembered of a session between two messages, and for how long.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mdm_protocol::syncml::{Assembler, Command, Header, Message};

use super::super::conformance::{Course, Violation, check_course};
use super::super::record::RecordKind;
use super::super::{SessionOutcome, SessionRecord, Tenant};
use super::answers::{Outstanding, Progress};
use super::inventory::InventoryProgress;
use super::outgoing::{Origin, Outgoing, Sending};
use super::{Reply, Turn};

/// What is assumed of a device that does not say how large a message it can receive, in bytes.
const DEFAULT_MESSAGE_LIMIT: u64 = 512 << 10;
/// The least that is taken seriously as a device's limit; below it, nothing could be said at all.
const LEAST_MESSAGE_LIMIT: u64 = 2048;
/// The most that a device is sent at once, whatever it says that it can receive: replies are kept in memory.
const LARGEST_MESSAGE_LIMIT: u64 = 1 << 20;
/// The largest object accepted from a device, in bytes.
pub(super) const OBJECT_LIMIT: u64 = 4 << 20;
/// How long a silent device's session is remembered, in seconds, and how often forgotten ones are looked for.
const IDLE_SECONDS: i64 = 900;
const SWEEP_SECONDS: i64 = 60;

/// The number of one of our messages and of a command in it.
pub(super) type Reference = (u32, String);

/// A session under way.
#[derive(Debug)]
pub(in super::super) struct Session {
    pub(super) id: String,
    pub(super) started: i64,
    /// When the last message came.
    pub(super) heard: i64,
    /// The number of the device's last message.
    pub(super) received: u32,
    /// The digest of the device's last message, and the answer to it.
    pub(super) last: Option<([u8; 32], Reply)>,
    /// Whether the last reply ended it. It is remembered for a while, in case that reply was lost on the way.
    pub(super) has_ended: bool,
    /// Whether a message of the device was accepted, not just challenged.
    pub(super) has_begun: bool,
    /// The number of our last message.
    pub(super) message_id: u32,
    pub(super) message_limit: u64,
    pub(super) object_limit: Option<u64>,
    /// Whether the enrolled user is signed in at the device, so that `./User` is there.
    pub(super) user_signed_in: bool,
    /// How often in a row the device was asked to go on.
    pub(super) asked_for_more: u32,
    pub(super) queue: VecDeque<Outgoing>,
    pub(super) sending: Option<Sending>,
    pub(super) outstanding: BTreeMap<Reference, Outstanding>,
    /// From a command inside a group to the outermost group.
    pub(super) children: BTreeMap<Reference, String>,
    /// Every command that was sent, those inside groups too.
    pub(super) sent: BTreeSet<Reference>,
    /// From a command to the queued command that it came from, for results that follow later.
    pub(super) sources: BTreeMap<Reference, u64>,
    pub(super) open: BTreeMap<Origin, Progress>,
    /// What was taken up in this session; nothing is taken up twice.
    pub(super) offered: BTreeSet<Origin>,
    pub(super) assembler: Assembler,
    pub(super) inventory: InventoryProgress,
}

impl Session {
    pub(super) fn new(id: &str, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            started: now,
            heard: now,
            received: 0,
            last: None,
            has_ended: false,
            has_begun: false,
            message_id: 0,
            message_limit: DEFAULT_MESSAGE_LIMIT,
            object_limit: None,
            user_signed_in: false,
            asked_for_more: 0,
            queue: VecDeque::new(),
            sending: None,
            outstanding: BTreeMap::new(),
            children: BTreeMap::new(),
            sent: BTreeSet::new(),
            sources: BTreeMap::new(),
            open: BTreeMap::new(),
            offered: BTreeSet::new(),
            assembler: Assembler::new(OBJECT_LIMIT),
            inventory: InventoryProgress::default(),
        }
    }
}

impl Tenant {
    /// The session that a message belongs to: the one under way if it goes on, else a new one.
    pub(super) fn take_session(&mut self, device: &str, message: &Message, digest: &[u8; 32], now: i64) -> Session {
        let header = &message.header;
        if let Some(session) = self.sessions.remove(device) {
            let repeated = session.last.as_ref().is_some_and(|(last, _)| last == digest);
            let goes_on = header.message_id > session.received && !(session.has_ended && says_anything(message));
            if session.id == header.session_id && (repeated || goes_on) {
                return session;
            }
        }
        self.requeue_unanswered(device);
        Session::new(&header.session_id, now)
    }

    /// Whether a message is what a conforming device sends at this place of its session.
    pub(super) fn check_conformance(
        &self,
        device: &str,
        message: &Message,
        digest: &[u8; 32],
    ) -> Result<(), Violation> {
        let session = self.sessions.get(device).filter(|session| session.id == message.header.session_id);
        let is_over = |session: &Session| {
            let repeated = session.last.as_ref().is_some_and(|(last, _)| last == digest);
            repeated || (session.has_ended && message.header.message_id > session.received && !says_anything(message))
        };
        if session.is_some_and(is_over) {
            return Ok(());
        }
        let course =
            session.filter(|session| !session.has_ended && message.header.message_id != 1).map(|session| Course {
                received: session.received,
                sent: session.message_id,
                has_begun: session.has_begun,
                commands: &session.sent,
                was_asked_for_more: session.asked_for_more > 0,
            });
        check_course(course.as_ref(), message)
    }

    pub(super) fn keep_session(&mut self, mut turn: Turn<'_>, digest: [u8; 32], reply: Reply) -> Reply {
        turn.session.sent.extend(turn.reply.numbers());
        self.record_session(&turn, SessionOutcome::Open);
        turn.session.last = Some((digest, reply.clone()));
        self.sessions.insert(turn.device.to_owned(), turn.session);
        reply
    }

    pub(super) fn close_session(
        &mut self,
        turn: &Turn<'_>,
        outcome: SessionOutcome,
        digest: [u8; 32],
        reply: Reply,
    ) -> Reply {
        self.record_session(turn, outcome);
        let Session { id, started, heard, received, message_id, .. } = &turn.session;
        let (heard, received, message_id) = (*heard, *received, *message_id);
        let last = Some((digest, reply.clone()));
        let ended = Session { heard, received, message_id, last, has_ended: true, ..Session::new(id, *started) };
        self.sessions.insert(turn.device.to_owned(), ended);
        reply
    }

    fn record_session(&mut self, turn: &Turn<'_>, outcome: SessionOutcome) {
        if let Some(device) = self.devices.get_mut(turn.device) {
            let (started, messages) = (turn.session.started, turn.session.message_id);
            device.last_session = Some(SessionRecord { started, ended: turn.now, outcome, messages });
            self.note(RecordKind::Device, turn.device);
        }
    }

    /// Forgets sessions that broke off. What they left open is taken up again when the device comes back.
    pub(super) fn drop_idle_sessions(&mut self, now: i64) {
        if (self.sessions_swept..self.sessions_swept.saturating_add(SWEEP_SECONDS)).contains(&now) {
            return;
        }
        self.sessions_swept = now;
        self.sessions.retain(|_, session| now.saturating_sub(session.heard) < IDLE_SECONDS);
    }
}

/// Whether a message asks or announces anything, instead of acknowledging only.
fn says_anything(message: &Message) -> bool {
    message.commands.iter().any(|command| !matches!(command, Command::Status(_)))
}

impl Session {
    /// Takes from the header of the device's next message what counts for the session.
    pub(super) fn take_header(&mut self, header: &Header, now: i64) {
        if let Some(limit) = header.meta.max_message_size {
            self.message_limit = limit.clamp(LEAST_MESSAGE_LIMIT, LARGEST_MESSAGE_LIMIT);
        }
        self.object_limit = header.meta.max_object_size.filter(|limit| *limit > 0).or(self.object_limit);
        self.received = header.message_id;
        self.heard = now;
        self.message_id += 1;
    }
}
