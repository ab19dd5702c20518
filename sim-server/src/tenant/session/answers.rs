//! What a device answered to our commands, and what follows from it.

use std::collections::BTreeSet;

use mdm_protocol::syncml::{Command, Status, StatusCode, Verb};

use super::super::command::MAX_ANSWERS;
use super::super::{CommandState, DeliveryState, Tenant};
use super::outgoing::{Origin, Outgoing, Part};
use super::{Reference, Turn};

/// The longest explanation of a failure that is kept, in characters.
const MAX_WORDS: usize = 400;

/// A command that was sent.
#[derive(Debug)]
pub(super) struct Outstanding {
    pub(super) origin: Origin,
    /// The whole command, even if only a piece of its data was sent.
    pub(super) command: Command,
    pub(super) part: Part,
    /// Whether it is itself a second attempt.
    pub(super) retried: bool,
    /// Whether the command's own status has come, not just one of a command inside it.
    pub(super) answered: bool,
    /// The number and the outcome of the command, of its items and of the commands inside it.
    pub(super) answers: Vec<(String, StatusCode)>,
    /// What the device said about the first of them that failed, in its own words.
    pub(super) words: Option<String>,
}

/// How far the commands of one origin got.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// How many commands are not answered.
    pub(super) open: usize,
    /// The first failure that is a reason of its own.
    reason: Option<StatusCode>,
    /// The first failure that merely follows from another command's.
    consequence: Option<StatusCode>,
    /// What the device said about a failure.
    words: Option<String>,
}

impl Progress {
    pub(super) fn new(open: usize) -> Self {
        Self { open, ..Self::default() }
    }

    fn failure(&self) -> Option<StatusCode> {
        self.reason.or(self.consequence)
    }

    pub(super) fn note(&mut self, code: StatusCode) {
        let follows = matches!(
            code,
            StatusCode::NOT_EXECUTED
                | StatusCode::ROLLED_BACK
                | StatusCode::ATOMIC_FAILED
                | StatusCode::ATOMIC_ROLLBACK_FAILED
        );
        if follows {
            self.consequence.get_or_insert(code);
        } else if !(code.is_success() || code == StatusCode::NOT_MODIFIED) {
            self.reason.get_or_insert(code);
        }
    }
}

impl Tenant {
    /// Files a status with the command it answers. A status for anything that was not sent is ignored.
    pub(super) fn take_status(&mut self, turn: &mut Turn<'_>, status: &Status) {
        let reference = (status.message_ref, status.command_ref.0.clone());
        let outermost = turn.session.children.get(&reference).map(|id| (status.message_ref, id.clone()));
        let is_inside = outermost.is_some();
        let Some(sent) = turn.session.outstanding.get_mut(&outermost.unwrap_or(reference)) else { return };
        turn.has_news = true;
        sent.answered |= !is_inside;
        if sent.answers.len() < MAX_ANSWERS {
            sent.answers.push((status.command_ref.0.clone(), status.code));
            if !status.code.is_success() && sent.words.is_none() {
                sent.words = words(status);
            }
        }
        if let Origin::Command(id) = sent.origin
            && status.code != StatusCode::CHUNK_BUFFERED
        {
            self.record_answer(turn.device, id, status);
        }
    }

    /// Draws the conclusions from the statuses of one message.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        let outstanding = &turn.session.outstanding;
        let answered: Vec<Reference> =
            outstanding.iter().filter(|(_, sent)| sent.answered).map(|(reference, _)| reference.clone()).collect();
        for reference in answered {
            if let Some(sent) = turn.session.outstanding.remove(&reference) {
                turn.session.children.retain(|(message, _), id| (*message, id.as_str()) != (reference.0, &reference.1));
                self.settle_one(turn, sent);
            }
        }
    }

    fn settle_one(&mut self, turn: &mut Turn<'_>, sent: Outstanding) {
        let refused = sent.answers.iter().any(|(_, code)| !code.is_success());
        if sent.part == Part::Piece && !refused {
            return;
        }
        if sent.part == Part::Piece {
            turn.session.sending = None;
        }
        if let Some(command) = as_replace(&sent) {
            turn.session.queue.push_front(Outgoing { origin: sent.origin, command, retried: true });
            return;
        }
        let Some(progress) = turn.session.open.get_mut(&sent.origin) else { return };
        sent.answers.iter().for_each(|(_, code)| progress.note(*code));
        progress.words = progress.words.take().or(sent.words);
        self.count_down(turn, &sent.origin);
    }

    /// Notes that one more command of an origin has its final answer.
    pub(super) fn count_down(&mut self, turn: &mut Turn<'_>, origin: &Origin) {
        let Some(progress) = turn.session.open.get_mut(origin) else { return };
        progress.open = progress.open.saturating_sub(1);
        if progress.open > 0 {
            return;
        }
        let failure = progress.failure();
        let words = progress.words.take().filter(|_| failure.is_some());
        turn.session.open.remove(origin);
        match origin {
            Origin::Command(id) => {
                let state = if failure.is_none() { CommandState::Done } else { CommandState::Failed };
                self.set_command_state(turn.device, *id, state);
            }
            Origin::Profile { name, version } => {
                let state = failure.map_or(DeliveryState::Delivered, |code| DeliveryState::Failed(code.0));
                self.profile_answered(turn.device, name, version, (state, words), turn.now);
            }
            // What is not there any more is as good as deleted; any other failure is tried again next time.
            Origin::Removal(node) if matches!(failure, None | Some(StatusCode::NOT_FOUND)) => {
                self.node_deleted(turn.device, node);
            }
            Origin::Removal(_) => {}
            Origin::Digest | Origin::Inventory(_) => {
                if let Some(code) = failure {
                    self.inventory_refused(turn.device, code, turn.now);
                }
            }
            Origin::Authority { .. } | Origin::PushName(_) | Origin::Channel => {
                self.housekeeping_answered(turn, origin, failure);
            }
        }
    }
}

/// What a device says about a failure beside its number, as far as it is worth keeping.
fn words(status: &Status) -> Option<String> {
    let text = status.items.iter().find_map(|item| item.data.as_deref())?;
    let words: String = text.chars().filter(|letter| !letter.is_control()).take(MAX_WORDS).collect();
    Some(words).filter(|words| !words.is_empty())
}

/// The same command with every Add that met an existing node made a Replace; `None` if there is none, or if this was
/// tried before.
fn as_replace(sent: &Outstanding) -> Option<Command> {
    let existing = sent.answers.iter().filter(|(_, code)| *code == StatusCode::ALREADY_EXISTS);
    let numbers: BTreeSet<&str> = existing.map(|(number, _)| number.as_str()).collect();
    let mut command = sent.command.clone();
    (!sent.retried && replace_adds(&mut command, &numbers) > 0).then_some(command)
}

/// Makes the Adds with these numbers Replaces; returns how many there were.
fn replace_adds(command: &mut Command, numbers: &BTreeSet<&str>) -> usize {
    match command {
        Command::Operation(operation) if operation.verb == Verb::Add && numbers.contains(operation.id.0.as_str()) => {
            operation.verb = Verb::Replace;
            1
        }
        Command::Atomic(group) | Command::Sequence(group) => {
            group.commands.iter_mut().map(|inner| replace_adds(inner, numbers)).sum()
        }
        Command::Operation(_)
        | Command::Alert(_)
        | Command::Status(_)
        | Command::Results(_)
        | Command::Unrecognised(_) => 0,
    }
}
