//! Keep-alive messages to a server that waits while its commands are carried out (`EnableOmaDmKeepAliveMessage`).
//!
//! The message only says that the answer is still to come. It is no end of a package, so what the server may say to it is
//! a status; a server that says more is heard after the commands before. The answer to those waits until this message's
//! own answer is there: a session has one exchange at a time.

use mdm_protocol::syncml::{AlertCode, Command, Message, StatusCode};

use super::authentication::Verdict;
use super::{MAX_ROUNDS, Session, Step, check_depth, package};
use crate::engine::account::CredentialChange;
use crate::engine::failure::SessionFailure;
use crate::engine::reply::{ManagementReply, Reply, classify};

/// Rounds of a session that are left for what the server asked for.
const RESERVED_ROUNDS: u32 = 20;

/// How the exchange beside the commands stands.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// Whether the server has not answered yet.
    is_under_way: bool,
    /// Whether the answer to the commands is ready and waits for that.
    holds_answer: bool,
    /// The server's last message, if it answered a keep-alive message: its header is still to be answered.
    unanswered: Option<u32>,
    /// What the server said beside statuses.
    heard: Option<Message>,
    /// Why the session has failed, though the commands are still carried out.
    failed: Option<SessionFailure>,
}

impl Session {
    /// A keep-alive message, if the server's commands are still being carried out.
    pub fn keep_alive(&mut self) -> Option<Vec<u8>> {
        let has_rounds = self.tally.rounds.saturating_add(RESERVED_ROUNDS) < MAX_ROUNDS;
        let KeepAlive { is_under_way, heard, failed, .. } = &self.keep_alive;
        // A server that has sent more, or has given up, gets no further keep-alive message.
        let is_done = *is_under_way || heard.is_some() || failed.is_some();
        let round = self.round.as_ref()?;
        // One that asked for nothing waits for nothing.
        if is_done || !has_rounds || round.is_silent() {
            return None;
        }
        let answered = self.keep_alive.unanswered.unwrap_or(round.message_id);
        self.keep_alive.is_under_way = true;
        self.tally.rounds += 1;
        self.message_id += 1;
        let header = package::header(&self.context, self.message_id, self.authentication.proof());
        let commands = [package::header_status(answered, StatusCode::OK), package::request_pending()];
        let commands = package::number(commands.into_iter());
        self.note_sent(&commands);
        Some(Message { header, commands, is_final: false }.encode().into_bytes())
    }

    /// Whether a keep-alive message was sent and not answered yet.
    pub fn is_kept_alive(&self) -> bool {
        self.keep_alive.is_under_way
    }

    /// Takes the server's answer to a keep-alive message, or that none came: whether the server can be reached is seen when the
    /// answer to its commands is sent.
    pub fn kept_alive(&mut self, reply: Option<&Reply>) -> Step {
        self.keep_alive.is_under_way = false;
        if let Some(Ok(ManagementReply::Message(message))) = reply.map(classify) {
            self.hear(*message);
        }
        if std::mem::take(&mut self.keep_alive.holds_answer) { self.answer() } else { Step::Wait }
    }

    fn hear(&mut self, message: Message) {
        if message.header.session_id != self.context.session_id.to_string() {
            return;
        }
        self.keep_alive.unanswered = Some(message.header.message_id);
        let is_abort =
            |command: &Command| matches!(command, Command::Alert(alert) if alert.code == AlertCode::SESSION_ABORT);
        let (tree, now) = (&self.tree, self.now);
        let judged = check_depth(&message.commands, 0)
            .map_err(SessionFailure::from)
            .and_then(|()| self.authentication.judge(&message, || CredentialChange::of(tree), now));
        match judged {
            Err(failure) => self.keep_alive.failed = Some(failure),
            Ok(_) if message.commands.iter().any(is_abort) => self.keep_alive.failed = Some(SessionFailure::Aborted),
            // The answer to the commands carries the credentials.
            Ok(Verdict::Challenged) => {}
            Ok(Verdict::Accepted) => self.keep_alive.heard = Some(message).filter(asks_for_something),
        }
    }

    /// Whether the answer to the commands has to wait.
    pub(super) fn holds_answer(&mut self) -> bool {
        self.keep_alive.holds_answer = self.keep_alive.is_under_way;
        self.keep_alive.holds_answer
    }

    /// The answer to the header that is still without one, in place of that to the header before the server's commands.
    pub(super) fn answer_to_header(&mut self, before: Vec<Command>) -> Vec<Command> {
        match (self.keep_alive.unanswered.take(), &self.keep_alive.heard) {
            (None, _) => before,
            // What was heard is answered in its turn.
            (Some(_), Some(_)) => Vec::new(),
            (Some(message), None) => vec![package::header_status(message, StatusCode::OK)],
        }
    }

    /// Why the session has failed, if it has.
    pub(super) fn lost_meanwhile(&mut self) -> Option<SessionFailure> {
        self.keep_alive.failed.take()
    }

    /// What the server has said meanwhile.
    pub(super) fn heard_meanwhile(&mut self) -> Option<Message> {
        self.keep_alive.heard.take()
    }
}

/// Whether a message has more than statuses and the word to go on.
fn asks_for_something(message: &Message) -> bool {
    message.commands.iter().any(|command| match command {
        Command::Status(_) | Command::Results(_) => false,
        Command::Alert(alert) => alert.code != AlertCode::NEXT_MESSAGE,
        _ => true,
    })
}
