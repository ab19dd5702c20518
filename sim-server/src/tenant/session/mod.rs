//! A management session (OMA-DM 1.2.1 section 8, as narrowed by MS-MDM): one message from a device in, one reply out.
//!
//! A session lives in memory only. What must outlast it (deliveries, answers, nonces) is noted on the tenant's records
//! as it happens; a device whose session is lost begins another and is sent again whatever it did not answer.

mod answers;
mod authentication;
mod housekeeping;
mod incoming;
mod inventory;
mod outgoing;
mod received;
mod reply;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use mdm_protocol::syncml::{AlertCode, Command, Message, StatusCode, UsedCommandIds, same_address};

pub(super) use authentication::NONCE_SECONDS;
pub use received::{ReceivedMessage, SessionRefusal};
pub(super) use state::Session;

use self::authentication::Proof;
use self::reply::ReplyBuilder;
use self::state::{OBJECT_LIMIT, Reference};
use super::conformance::Violation;
use super::life::CheckInAnswer;
use super::{AccessRefusal, Authority, EndOfSession, SessionOutcome, Tenant, fingerprint};

/// How often in a row a device may say that it has more to say.
const PATIENCE: u32 = 4096;

/// The answer to a device's message.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// A message.
    Message(String),
    /// An empty body: the session is over.
    Empty,
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message may hold a profile's passwords and keys.
        match self {
            Self::Message(text) => write!(formatter, "Message({} bytes)", text.len()),
            Self::Empty => formatter.write_str("Empty"),
        }
    }
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// The device that [`Tenant::identify`] found.
    pub device: &'a str,
    /// The client certificate in DER.
    pub certificate: &'a [u8],
    /// The authority at whose address the message arrived; `None` for the address that speaks for every authority.
    pub at: Option<Authority>,
}

/// One message and what becomes of it.
struct Turn<'a> {
    device: &'a str,
    /// The client certificate that the message came with.
    certificate: &'a [u8],
    /// The authority whose address the message asked at.
    asked_at: Option<Authority>,
    /// The authority that the session is with; `answer` says whether it is the right one.
    at: Authority,
    answer: Option<CheckInAnswer>,
    now: i64,
    session: Session,
    reply: ReplyBuilder,
    /// Whether the device said anything that was not known or expected.
    has_news: bool,
    /// Whether the device says that it is our turn, although its package may have no end.
    hands_over: bool,
    /// Whether the device has more to say before it is our turn.
    wants_more: bool,
    ending: Option<Ending>,
}

/// What ends a session at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// By the device.
    Aborted,
    /// By the device, which leaves the tenant.
    Unenrolled,
    /// By the server: the device goes on and on.
    GivenUp,
}

impl Turn<'_> {
    fn refuse(&mut self, command: &Command, violation: &Violation) {
        tracing::info!(%violation, "command refused");
        self.has_news = true;
        self.reply.refusal(command, StatusCode::BAD_REQUEST, &violation.to_string());
    }

    fn count_requests_for_more(&mut self) {
        self.session.asked_for_more = if self.wants_more { self.session.asked_for_more + 1 } else { 0 };
        if self.session.asked_for_more > PATIENCE && self.ending.is_none() {
            self.ending = Some(Ending::GivenUp);
        }
    }
}

impl Tenant {
    /// Takes a device's message and makes the reply.
    pub fn converse(
        &mut self,
        connection: Connection<'_>,
        received: ReceivedMessage,
        now: i64,
        random: &mut fastrand::Rng,
    ) -> Result<Reply, SessionRefusal> {
        let Connection { device, certificate, at: asked_at } = connection;
        let ReceivedMessage { message, digest, conformance } = received;
        if !same_address(Some(message.header.source.trim()), Some(device)) {
            let claimed = message.header.source.chars().take(64).collect();
            return Err(AccessRefusal::SomeoneElse { claimed }.into());
        }
        if !self.devices.contains_key(device) {
            return Err(AccessRefusal::UnknownDevice.into());
        }
        self.drop_idle_sessions(now);
        let mut violations = BTreeMap::new();
        if self.settings.strict {
            conformance.message.map_or(Ok(()), Err)?;
            self.check_conformance(device, &message, &digest)?;
            violations = conformance.commands;
        }
        let mut session = self.take_session(device, &message, &digest, now);
        if let Some((_, reply)) = session.last.as_ref().filter(|(last, _)| *last == digest) {
            // The answer was lost on the way: the same question gets the same answer.
            let reply = reply.clone();
            self.sessions.insert(device.to_owned(), session);
            return Ok(reply);
        }
        if session.has_ended {
            // Some acknowledge even the reply that ended the session; there is nothing more to say.
            self.sessions.insert(device.to_owned(), session);
            return Ok(Reply::Empty);
        }
        session.take_header(&message.header, now);
        let reply = ReplyBuilder::new(&message.header, session.message_id, session.message_limit);
        let turn = Turn {
            device,
            certificate,
            asked_at,
            at: Authority::Intune,
            answer: None,
            now,
            session,
            reply,
            has_news: false,
            hands_over: false,
            wants_more: false,
            ending: None,
        };
        Ok(self.take_turn(turn, message, violations, digest, random))
    }

    fn take_turn(
        &mut self,
        mut turn: Turn<'_>,
        message: Message,
        mut violations: BTreeMap<usize, Violation>,
        digest: [u8; 32],
        random: &mut fastrand::Rng,
    ) -> Reply {
        let proof = self.authenticate(turn.device, &message.header, turn.now, random);
        turn.reply.header_status(&message.header, &proof);
        if !proof.is_accepted() {
            turn.reply.refuse_all(&message.commands, proof.code);
            self.keep_nonce(turn.device, &proof);
            let reply = turn.reply.finish();
            return self.keep_session(turn, digest, reply);
        }
        turn.session.has_begun = true;
        self.welcome(&mut turn);
        let mut used = UsedCommandIds::default();
        for (place, command) in message.commands.into_iter().enumerate() {
            let is_first = used.admit(command.id());
            match violations.remove(&place) {
                Some(violation) => turn.refuse(&command, &violation),
                None => self.take_command(&mut turn, command, is_first),
            }
        }
        // Some never say that their package ends here. One that was asked for more and has no news has said all.
        turn.wants_more |= !message.is_final && turn.has_news && !turn.hands_over;
        turn.count_requests_for_more();
        self.settle(&mut turn);
        self.settle_inventory(&mut turn);
        if matches!(turn.answer, Some(CheckInAnswer::Home { .. })) {
            self.tidy_deliveries(turn.device);
        }
        match turn.ending {
            Some(Ending::Aborted) => return self.end(turn, &proof, SessionOutcome::Aborted, digest),
            Some(Ending::Unenrolled) => return self.unenrol(turn),
            Some(Ending::GivenUp) => {
                self.keep_nonce(turn.device, &proof);
                turn.reply.alert(AlertCode::SESSION_ABORT);
                let reply = turn.reply.finish();
                return self.close_session(&turn, SessionOutcome::Aborted, digest, reply);
            }
            None if turn.wants_more => turn.reply.ask_for_more(),
            None => self.fill(&mut turn),
        }
        if turn.reply.is_working() {
            self.keep_nonce(turn.device, &proof);
            let reply = turn.reply.finish();
            return self.keep_session(turn, digest, reply);
        }
        self.promote_certificate(turn.device, &fingerprint(turn.certificate));
        self.promote_secret(turn.device, &proof);
        self.arrive(&turn);
        self.end(turn, &proof, SessionOutcome::Completed, digest)
    }

    /// The last reply of a session.
    fn end(&mut self, mut turn: Turn<'_>, proof: &Proof, outcome: SessionOutcome, digest: [u8; 32]) -> Reply {
        let reply = match self.settings.end_of_session {
            EndOfSession::Empty => Reply::Empty,
            EndOfSession::Status => {
                self.keep_nonce(turn.device, proof);
                turn.reply.finish()
            }
        };
        self.close_session(&turn, outcome, digest, reply)
    }

    fn unenrol(&mut self, mut turn: Turn<'_>) -> Reply {
        // The device itself has asked for it, so it is there.
        let _ = self.remove_device(turn.device);
        match self.settings.end_of_session {
            EndOfSession::Empty => Reply::Empty,
            EndOfSession::Status => turn.reply.finish(),
        }
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
