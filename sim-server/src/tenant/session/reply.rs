//! A reply in the making: numbers its commands and keeps count of its size.

use mdm_protocol::syncml::{
    Alert, AlertCode, Challenge, Command, CommandId, CredentialsKind, Header, Item, Message, Meta, Status, StatusCode,
};

use super::authentication::Proof;
use super::{OBJECT_LIMIT, Reference, Reply, number};

/// The largest message that this server wishes to get, in bytes.
const RECEIVE_LIMIT: u64 = 512 << 10;
/// What is kept free in every message for the closing elements.
const RESERVE: usize = 64;

#[derive(Debug)]
pub(super) struct ReplyBuilder {
    message: Message,
    answered: u32,
    next_id: u32,
    bytes: usize,
    limit: usize,
    commands: u32,
}

impl ReplyBuilder {
    pub(super) fn new(request: &Header, message_id: u32, limit: u64) -> Self {
        let header = Header {
            session_id: request.session_id.clone(),
            message_id,
            target: request.source.clone(),
            source: request.target.clone(),
            meta: Meta {
                max_message_size: Some(RECEIVE_LIMIT),
                max_object_size: Some(OBJECT_LIMIT),
                ..Meta::default()
            },
            ..Header::default()
        };
        let message = Message { header, commands: Vec::new(), is_final: true };
        let bytes = message.encode().len() + RESERVE;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { message, answered: request.message_id, next_id: 1, bytes, limit, commands: 0 }
    }

    /// Answers the header; this must be the first status.
    pub(super) fn header_status(&mut self, request: &Header, proof: &Proof) {
        let nonce = proof.next.as_ref();
        let challenge = nonce.map(|nonce| Challenge { kind: CredentialsKind::Md5, nonce: Some(nonce.value.clone()) });
        let status = Status {
            target_ref: Some(request.target.clone()),
            source_ref: Some(request.source.clone()),
            challenge,
            ..self.blank_status(&CommandId::from("0"), "SyncHdr", proof.code)
        };
        self.append(Command::Status(status));
    }

    /// Answers a command.
    pub(super) fn status(&mut self, command: &Command, code: StatusCode) {
        let status = self.blank_status(command.id(), command.name(), code);
        self.append(Command::Status(status));
    }

    /// Answers a command and says why it was refused.
    pub(super) fn refusal(&mut self, command: &Command, code: StatusCode, reason: &str) {
        let items = vec![Item::default().with_data(reason)];
        let status = Status { items, ..self.blank_status(command.id(), command.name(), code) };
        self.append(Command::Status(status));
    }

    /// The message and number of everything that the device must answer.
    pub(super) fn numbers(&self) -> Vec<Reference> {
        let mut numbers = Vec::new();
        let mut left: Vec<&Command> = self.message.commands.iter().collect();
        while let Some(command) = left.pop() {
            match command {
                Command::Status(_) | Command::Results(_) => continue,
                Command::Atomic(group) | Command::Sequence(group) => left.extend(&group.commands),
                Command::Operation(_) | Command::Alert(_) | Command::Unrecognised(_) => {}
            }
            numbers.push((self.message.header.message_id, command.id().0.clone()));
        }
        numbers
    }

    /// Answers every command, also those inside groups, with the code that refused their message: a client may send
    /// again only what it is told was refused.
    pub(super) fn refuse_all(&mut self, commands: &[Command], code: StatusCode) {
        for command in commands {
            match command {
                Command::Status(_) | Command::Results(_) => {}
                Command::Atomic(group) | Command::Sequence(group) => {
                    self.status(command, code);
                    self.refuse_all(&group.commands, code);
                }
                Command::Operation(_) | Command::Alert(_) | Command::Unrecognised(_) => self.status(command, code),
            }
        }
    }

    fn blank_status(&self, command_ref: &CommandId, command: &str, code: StatusCode) -> Status {
        Status::new(self.answered, command_ref, command, code)
    }

    /// Asks for the rest of what the device has begun to say. Until then the server's package has not begun, let alone
    /// ended.
    pub(super) fn ask_for_more(&mut self) {
        self.alert(AlertCode::NEXT_MESSAGE);
        self.leave_open();
    }

    /// Says that the package goes on in another message.
    pub(super) fn leave_open(&mut self) {
        self.message.is_final = false;
    }

    pub(super) fn alert(&mut self, code: AlertCode) {
        self.append(Command::Alert(Alert { id: CommandId::default(), code, items: Vec::new() }));
        self.commands += 1;
    }

    /// Whether the reply asks the device to do something, so that the session goes on.
    pub(super) fn is_working(&self) -> bool {
        self.commands > 0
    }

    /// How many commands the device is asked to run.
    pub(super) fn commands(&self) -> u32 {
        self.commands
    }

    /// How many bytes are still free.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes)
    }

    /// How many bytes a command takes with the numbers it would get now.
    pub(super) fn size_of(&self, command: &Command) -> usize {
        let mut numbered = command.clone();
        number(&mut numbered, &mut self.next_id.clone());
        encoded_size(numbered)
    }

    /// Appends a command whatever its size; returns it with its numbers, and those of the commands inside it.
    pub(super) fn command(&mut self, mut command: Command) -> (Command, Vec<String>) {
        let inside = number(&mut command, &mut self.next_id);
        self.bytes += encoded_size(command.clone());
        self.commands += 1;
        self.message.commands.push(command.clone());
        (command, inside)
    }

    fn append(&mut self, mut command: Command) {
        number(&mut command, &mut self.next_id);
        self.bytes += encoded_size(command.clone());
        self.message.commands.push(command);
    }

    pub(super) fn finish(&mut self) -> Reply {
        Reply::Message(self.message.encode())
    }
}

fn encoded_size(command: Command) -> usize {
    let empty = Message { is_final: true, ..Message::default() };
    let full = Message { commands: vec![command], ..empty.clone() };
    full.encode().len() - empty.encode().len()
}
