//! A message from the server, worked through command by command.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{
    Alert, AlertCode, Assembler, Command, CommandId, Item, Message, Meta, Operation, Piece, Status, StatusCode,
};

use super::{Answer, MAX_MESSAGE_BYTES, MAX_OBJECT_BYTES, Session, SessionEnd, Step, package};
use crate::engine::failure::SessionFailure;

/// What became of the data of an operation that may be a piece of a large object.
enum Assembled {
    Whole(Operation),
    Answered,
}

impl Session {
    pub(super) fn process(&mut self, message: Message) -> Result<Step, SessionFailure> {
        let message_id = message.header.message_id;
        self.told_bytes = 0;
        let mut has_work = false;
        self.prepared.push(Answer::plain(package::header_status(message_id, StatusCode::OK)));
        for command in message.commands {
            match command {
                Command::Status(status) => self.note_status(&status),
                Command::Results(_) => self.tally.stray_statuses += 1,
                Command::Alert(alert) if alert.code == AlertCode::SESSION_ABORT => {
                    return Err(SessionFailure::Aborted);
                }
                Command::Alert(alert) => {
                    has_work = true;
                    self.answer_alert(message_id, &alert);
                }
                command => {
                    has_work = true;
                    self.execute(message_id, command);
                }
            }
        }
        if !has_work && self.outbox.is_empty() && !self.assembler.is_open() {
            self.prepared.clear();
            return Ok(Step::End(SessionEnd::Completed));
        }
        self.ask_for_next_piece();
        Ok(self.apply_or_keep())
    }

    fn note_status(&mut self, status: &Status) {
        let number = (status.message_ref, status.command_ref.0.clone());
        if !self.sent.contains(&number) {
            self.tally.stray_statuses += 1;
        }
    }

    fn answer_alert(&mut self, message_id: u32, alert: &Alert) {
        let code = match alert.code {
            _ if alert.id.is_missing() => StatusCode::BAD_REQUEST,
            AlertCode::NEXT_MESSAGE | AlertCode::NO_END_OF_DATA => StatusCode::OK,
            _ => StatusCode::NOT_SUPPORTED,
        };
        self.prepared.push(Answer::plain(package::status(message_id, &alert.id, "Alert", code)));
    }

    /// While a large object is open and nothing else asks the server to go on, an alert does.
    fn ask_for_next_piece(&mut self) {
        if self.assembler.is_open() {
            let alert = Alert { id: CommandId::default(), code: AlertCode::NEXT_MESSAGE, items: Vec::new() };
            self.prepared.push(Answer::plain(Command::Alert(alert)));
        }
    }

    /// Takes pieces of large objects; an operation whose data is complete comes back.
    fn assemble(&mut self, message_id: u32, mut operation: Operation) -> Assembled {
        let in_pieces = operation.items.iter().any(|item| item.more_data);
        let chunked = in_pieces || self.assembler.is_open() || self.assembler.is_refusing();
        if !chunked {
            return Assembled::Whole(operation);
        }
        let mut whole = Vec::new();
        for mut item in operation.items {
            if self.assembler.interrupted_by(&item) {
                self.announce_interruption();
            }
            // What is said for the whole command is lost with it unless the first piece carries it.
            item.meta.format = item.meta.format.or_else(|| operation.meta.format.clone());
            item.meta.size = item.meta.size.or(operation.meta.size);
            if item.more_data {
                self.open_object.clone_from(&item.target);
            }
            let code = match self.assembler.accept(item) {
                Ok(Piece::Whole(item)) => {
                    whole.push(*item);
                    continue;
                }
                Ok(Piece::Buffered) => StatusCode::CHUNK_BUFFERED,
                Err(error) => error.status(),
            };
            let status = package::status(message_id, &operation.id, operation.verb.as_str(), code);
            self.prepared.push(Answer::plain(status));
        }
        if whole.is_empty() {
            return Assembled::Answered;
        }
        operation.items = whole;
        Assembled::Whole(operation)
    }

    /// Gives up the large object that is open, if one is.
    pub(super) fn give_up_open_object(&mut self) {
        if self.assembler.is_open() {
            self.assembler = Assembler::new(MAX_OBJECT_BYTES);
            self.announce_interruption();
        }
    }

    /// Tells the server which object will never be complete.
    fn announce_interruption(&mut self) {
        let items = vec![Item { source: self.open_object.take(), ..Item::default() }];
        let alert = Alert { id: CommandId::default(), code: AlertCode::NO_END_OF_DATA, items };
        self.prepared.push(Answer::plain(Command::Alert(alert)));
    }

    pub(super) fn execute(&mut self, message_id: u32, command: Command) {
        match command {
            Command::Operation(operation) => {
                if let Assembled::Whole(operation) = self.assemble(message_id, operation) {
                    let outcome = self.operate(message_id, &operation);
                    self.prepared.extend(outcome.answers);
                }
            }
            Command::Atomic(group) => self.atomic(message_id, group),
            Command::Sequence(group) => self.sequence(message_id, group),
            Command::Unrecognised(unrecognised) => {
                let status = package::status(message_id, &unrecognised.id, &unrecognised.name, StatusCode::BAD_REQUEST);
                self.prepared.push(Answer::plain(status));
            }
            // Handled where the message is taken apart; inside a group they are out of place.
            Command::Alert(_) | Command::Status(_) | Command::Results(_) => {
                let status = package::status(message_id, command.id(), command.name(), StatusCode::BAD_REQUEST);
                self.prepared.push(Answer::plain(status));
            }
        }
    }
}

impl Answer {
    pub(super) fn plain(command: Command) -> Self {
        Self { command, changes: false, touches: Vec::new(), group: None }
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        match &self.command {
            Command::Status(status) => Some(status.code),
            _ => None,
        }
    }

    pub(super) fn set_status(&mut self, code: StatusCode) {
        if let Command::Status(status) = &mut self.command {
            status.code = code;
        }
    }
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

/// The node that a change is really of. A new name for the machine is a setting like any other, so that it is in force
/// before it is acknowledged, comes back after it was changed by hand, and goes with the enrolment.
pub(super) fn changed(item: &Item) -> Result<LocUri, crate::engine::tree::Refusal> {
    let uri = target(item)?;
    let is_name = ["DevDetail", "Ext", "Microsoft", "DeviceName"]
        .iter()
        .zip(uri.segments())
        .filter(|(name, segment)| segment.eq_ignore_ascii_case(name))
        .count();
    if is_name == 4 && uri.segments().len() == 4 {
        return Ok(LocUri::parse(DEVICE_NAME)?);
    }
    Ok(uri)
}

/// The setting that the machine's name is.
const DEVICE_NAME: &str = "./Device/Vendor/LinuxMDM/Config/Device/Name";
