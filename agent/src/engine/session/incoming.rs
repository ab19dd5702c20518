//! A message from the server, taken apart into what is done one after the other.

use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::replaced_node;
use mdm_protocol::syncml::{
    Alert, AlertCode, Assembler, Command, CommandId, Item, Message, Meta, Operation, Piece, Status, StatusCode,
};

use super::numbers::refuse_duplicates;
use super::outcome::{refused_whole, whole};
use super::round::Unit;
use super::{MAX_MESSAGE_BYTES, MAX_OBJECT_BYTES, Session, Step, package};
use crate::engine::failure::SessionFailure;

impl Session {
    /// Takes a message apart, and works through what it asks for.
    pub(super) fn process(&mut self, message: Message) -> Result<Step, SessionFailure> {
        let message_id = message.header.message_id;
        let mut units = vec![Unit::answer(package::header_status(message_id, StatusCode::OK))];
        let mut has_work = false;
        for command in refuse_duplicates(message.commands) {
            match command {
                Command::Status(status) => self.note_status(&status),
                Command::Results(_) => self.tally.stray_statuses += 1,
                Command::Alert(alert) if alert.code == AlertCode::SESSION_ABORT => {
                    return Err(SessionFailure::Aborted);
                }
                Command::Alert(alert) => {
                    has_work = true;
                    units.push(Unit::answer(answer_to_alert(message_id, &alert)));
                }
                command => {
                    has_work = true;
                    self.plan(message_id, command, &mut units);
                }
            }
        }
        if !has_work && self.outbox.is_empty() && !self.assembler.is_open() {
            return Ok(self.finish());
        }
        if self.assembler.is_open() {
            // While a large object is open and nothing else asks the server to go on, an alert does.
            let alert = Alert { id: CommandId::default(), code: AlertCode::NEXT_MESSAGE, items: Vec::new() };
            units.push(Unit::answer(Command::Alert(alert)));
        }
        Ok(self.begin_round(message_id, units))
    }

    fn note_status(&mut self, status: &Status) {
        let number = (status.message_ref, status.command_ref.0.clone());
        if !self.sent.contains(&number) {
            self.tally.stray_statuses += 1;
        }
    }

    /// Makes units of a command.
    fn plan(&mut self, message_id: u32, command: Command, units: &mut Vec<Unit>) {
        match command {
            Command::Operation(operation) => {
                let Some(operation) = self.assemble(message_id, operation, units) else { return };
                match refused_whole(&operation) {
                    Some(code) => units.push(Unit::answer(whole(message_id, &operation, code))),
                    None => {
                        let operation = Arc::new(operation);
                        let items = (0..operation.items.len()).map(|index| Unit::Item(Arc::clone(&operation), index));
                        units.extend(items);
                    }
                }
            }
            Command::Atomic(group) => {
                // No piece of a large object can come in an Atomic, so one that is open will not be completed.
                self.give_up_open_object(units);
                units.push(Unit::Atomic(Arc::new(group)));
            }
            // A Sequence is done in order; a failure does not stop the rest.
            Command::Sequence(group) => {
                let code = if group.id.is_missing() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
                units.push(Unit::answer(package::status(message_id, &group.id, "Sequence", code)));
                if code.is_success() {
                    group.commands.into_iter().for_each(|command| self.plan(message_id, command, units));
                }
            }
            // What is no command is handled where the message is taken apart; inside a group it is out of place.
            Command::Unrecognised(_) | Command::Alert(_) | Command::Status(_) | Command::Results(_) => {
                let status = package::status(message_id, command.id(), command.name(), StatusCode::BAD_REQUEST);
                units.push(Unit::answer(status));
            }
        }
    }

    /// Takes pieces of large objects; an operation whose data is complete comes back.
    fn assemble(&mut self, message_id: u32, mut operation: Operation, units: &mut Vec<Unit>) -> Option<Operation> {
        let in_pieces = operation.items.iter().any(|item| item.more_data);
        let chunked = in_pieces || self.assembler.is_open() || self.assembler.is_refusing();
        if !chunked {
            return Some(operation);
        }
        let mut complete = Vec::new();
        for mut item in operation.items {
            if self.assembler.interrupted_by(&item) {
                units.push(self.interruption());
            }
            // What is said for the whole command is lost with it unless the first piece carries it.
            item.meta.format = item.meta.format.or_else(|| operation.meta.format.clone());
            item.meta.size = item.meta.size.or(operation.meta.size);
            if item.more_data {
                self.open_object.clone_from(&item.target);
            }
            let code = match self.assembler.accept(item) {
                Ok(Piece::Whole(item)) => {
                    complete.push(*item);
                    continue;
                }
                Ok(Piece::Buffered) => StatusCode::CHUNK_BUFFERED,
                Err(error) => error.status(),
            };
            let status = package::status(message_id, &operation.id, operation.verb.as_str(), code);
            units.push(Unit::answer(status));
        }
        operation.items = complete;
        (!operation.items.is_empty()).then_some(operation)
    }

    /// Gives up the large object that is open, if one is.
    fn give_up_open_object(&mut self, units: &mut Vec<Unit>) {
        if self.assembler.is_open() {
            self.assembler = Assembler::new(MAX_OBJECT_BYTES);
            units.push(self.interruption());
        }
    }

    /// Tells the server which object will never be complete.
    fn interruption(&mut self) -> Unit {
        let items = vec![Item { source: self.open_object.take(), ..Item::default() }];
        Unit::answer(Command::Alert(Alert { id: CommandId::default(), code: AlertCode::NO_END_OF_DATA, items }))
    }
}

fn answer_to_alert(message_id: u32, alert: &Alert) -> Command {
    let code = match alert.code {
        _ if alert.id.is_missing() => StatusCode::BAD_REQUEST,
        AlertCode::NEXT_MESSAGE | AlertCode::NO_END_OF_DATA => StatusCode::OK,
        _ => StatusCode::NOT_SUPPORTED,
    };
    package::status(message_id, &alert.id, "Alert", code)
}

/// The limits that this client announces.
pub(super) fn announced_limits() -> Meta {
    Meta { max_message_size: Some(MAX_MESSAGE_BYTES), max_object_size: Some(MAX_OBJECT_BYTES), ..Meta::default() }
}

/// Reads an item's address for a command that acts on it.
pub(super) fn target(item: &Item) -> Result<LocUri, crate::engine::tree::Refusal> {
    let text = item.target.as_deref().or(item.source.as_deref()).unwrap_or_default();
    LocUri::parse(text).map_err(Into::into)
}

/// Reads the address of the node that a Replace sets.
pub(super) fn changed(item: &Item) -> Result<LocUri, crate::engine::tree::Refusal> {
    target(item).map(replaced_node)
}
