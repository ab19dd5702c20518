//! The server's side of a session: it sends its commands in one message, and reads what the device answers.

use mdm_agent::engine::reply::Reply;
use mdm_protocol::syncml::{Command, Header, Message, Meta, Status, StatusCode};

/// The most messages that a session takes here.
const MAX_MESSAGES: usize = 150;

/// What a device answered: to which command, which one it was, the item it speaks of, the code.
pub type StatusLine = (u32, String, Option<String>, u16);

/// What a device answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Every status but those of headers.
    pub statuses: Vec<StatusLine>,
    /// What was read: for which command, address and value.
    pub results: Vec<(u32, String, Option<String>)>,
    /// Whether the session came to its end.
    pub completed: bool,
}

/// The server's answer to a message: it is accepted, and these commands.
pub(super) fn answer(message: &Message, number: usize, commands: Vec<Command>, max_message: Option<u64>) -> Message {
    let accepted = Status::new(message.header.message_id, &"0".into(), "SyncHdr", StatusCode::OK);
    let accepted = Command::Status(Status { id: "1".into(), ..accepted });
    let header = Header {
        session_id: message.header.session_id.clone(),
        message_id: u32::try_from(number).unwrap_or(u32::MAX),
        target: message.header.source.clone(),
        source: message.header.target.clone(),
        meta: Meta { max_message_size: max_message, ..Meta::default() },
        ..Header::default()
    };
    Message { header, commands: [accepted].into_iter().chain(commands).collect(), is_final: true }
}

/// The server's side of a session.
pub(super) struct Session {
    commands: Option<Vec<Command>>,
    messages: usize,
    pub(super) answers: Answers,
}

impl Session {
    pub(super) fn new(commands: Vec<Command>) -> Self {
        Self { commands: Some(commands), messages: 0, answers: Answers::default() }
    }

    pub(super) fn reply(&mut self, body: &[u8], max_message: Option<u64>) -> Reply {
        self.messages += 1;
        let message = Message::decode(body).expect("the device writes valid messages");
        self.answers.read(&message);
        if (self.commands.is_none() && message.is_final) || self.messages > MAX_MESSAGES {
            return Reply { status: 200, ..Reply::default() };
        }
        let commands = self.commands.take().unwrap_or_default();
        let body = answer(&message, self.messages, commands, max_message).encode().into_bytes();
        Reply { status: 200, body, ..Reply::default() }
    }
}

impl Answers {
    /// Adds what a message of the device's answers.
    pub fn read(&mut self, message: &Message) {
        let number = |text: &str| text.parse().unwrap_or(0);
        for command in &message.commands {
            match command {
                Command::Status(status) if status.command != "SyncHdr" => self.statuses.push((
                    number(&status.command_ref.0),
                    status.command.clone(),
                    status.target_ref.clone(),
                    status.code.0,
                )),
                Command::Results(results) => {
                    let found = results.items.iter().map(|item| {
                        (number(&results.command_ref.0), item.source.clone().unwrap_or_default(), item.data.clone())
                    });
                    self.results.extend(found);
                }
                _ => {}
            }
        }
    }
}
