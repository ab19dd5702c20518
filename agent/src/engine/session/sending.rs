//! What the session sends: the answers to a message, and whatever still waits.

use mdm_protocol::syncml::{AlertCode, Command, Header, Message, StatusCode};

use super::outbox::Load;
use super::round::Round;
use super::{MAX_ROUNDS, Session, SessionEnd, Step, package};
use crate::engine::account::CredentialChange;
use crate::engine::failure::SessionFailure;
use crate::engine::nodes;

/// What credentials take in a header, in bytes.
const PROOF_BYTES: usize = 512;

impl Session {
    /// After the answers are settled: the next message, or the end.
    pub(super) fn answer(&mut self) -> Step {
        if self.holds_answer() {
            return Step::Wait;
        }
        if self.effects.unenroll {
            // MS-MDM: an Unenroll is not answered in its own session; a new one says farewell.
            return Step::End(SessionEnd::Unenrolled);
        }
        let is_over = self.round.as_ref().is_some_and(Round::is_silent);
        let answers = self.round.take().map(|round| round.answers).unwrap_or_default();
        for answer in &answers {
            if let Command::Status(status) = answer {
                let counter =
                    if status.code.is_success() { &mut self.tally.succeeded } else { &mut self.tally.refused };
                *counter += u32::from(status.command != "SyncHdr");
            }
        }
        // The header's status stands first, before what may still wait from an earlier message.
        let (header, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(package::answers_header);
        let header = self.answer_to_header(header);
        self.outbox.put_back(header);
        self.outbox.extend(rest);
        if let Some(failure) = self.lost_meanwhile() {
            return self.fail(failure);
        }
        match self.heard_meanwhile() {
            Some(message) => self.process(message).unwrap_or_else(|failure| self.fail(failure)),
            None if is_over => Step::End(SessionEnd::Completed),
            None => self.send_next(None),
        }
    }

    pub(super) fn send_next(&mut self, first: Option<Command>) -> Step {
        if self.tally.rounds >= MAX_ROUNDS {
            return self.fail(SessionFailure::Endless { limit: MAX_ROUNDS });
        }
        self.tally.rounds += 1;
        self.message_id += 1;
        let envelope = self.envelope(first.clone());
        let room = envelope.encode().len() + self.room_for_proof(&envelope.header);
        let Load { commands, is_final } = self.outbox.next_message(room);
        // An alert that asks for more is not the last word of a package.
        let asks_for_more =
            |command: &Command| matches!(command, Command::Alert(alert) if alert.code == AlertCode::NEXT_MESSAGE);
        let is_final = is_final && !commands.iter().any(asks_for_more);
        let header = envelope.header;
        self.last_package.clone_from(&commands);
        let commands = package::number(first.into_iter().chain(commands));
        self.note_sent(&commands);
        Step::Send(Message { header, commands, is_final }.encode().into_bytes())
    }

    /// Remembers what the server may answer.
    pub(super) fn note_sent(&mut self, commands: &[Command]) {
        let answerable = commands.iter().filter(|command| !matches!(command, Command::Status(_) | Command::Results(_)));
        self.sent.extend(answerable.map(|command| (self.message_id, command.id().0.clone())));
        self.sent.insert((self.message_id, "0".to_owned()));
    }

    /// The next message without what waits.
    fn envelope(&self, first: Option<Command>) -> Message {
        let header = package::header(&self.context, self.message_id, self.authentication.proof());
        Message { header, commands: package::number(first.into_iter()), is_final: true }
    }

    /// How much of a message is not for answers, in bytes.
    pub(super) fn envelope_len(&self) -> usize {
        let envelope = self.envelope(None);
        envelope.encode().len() + self.room_for_proof(&envelope.header)
    }

    /// What has to stay free for credentials that a challenge may ask for, in bytes: the same package is sent again then.
    fn room_for_proof(&self, header: &Header) -> usize {
        let is_missing = header.credentials.is_none()
            && (self.context.credentials.is_some() || CredentialChange::of(&self.tree).secret.is_some());
        if is_missing { PROOF_BYTES } else { 0 }
    }

    /// Sends the last package again, with credentials this time (OMA-DM security section 5.4).
    pub(super) fn repeat_package(&mut self, challenge_message: u32) -> Result<Step, SessionFailure> {
        let package = std::mem::take(&mut self.last_package);
        let package = package.into_iter().filter(|command| !package::answers_header(command));
        self.outbox.put_back(package.collect());
        Ok(self.send_next(Some(package::header_status(challenge_message, StatusCode::OK))))
    }

    /// The channel is what the name of the push server makes of it.
    pub(super) fn follow_push_name(&mut self) {
        nodes::provide_channel(&mut self.tree, &self.context.provider_address(), &self.context.push);
    }

    pub(super) fn fail(&mut self, failure: SessionFailure) -> Step {
        self.tree.undo_unkept();
        self.follow_push_name();
        Step::End(SessionEnd::Failed(failure))
    }
}
