//! What waits to be sent, cut into messages that the server can receive.

use std::collections::VecDeque;

use mdm_protocol::syncml::{Command, Message, Results, split};

/// Room left for the header and for the markup round each command, in bytes.
const OVERHEAD: usize = 2048;
/// The smallest message size that is believed; a smaller one could not carry a status.
const SMALLEST_MESSAGE: usize = 4096;
/// The largest message that is sent where the server states no limit, in bytes.
const DEFAULT_MESSAGE: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Command>,
    message_bytes: usize,
    object_bytes: Option<usize>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), message_bytes: DEFAULT_MESSAGE, object_bytes: None }
    }
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes note of what the server can receive.
    pub(super) fn limit_to(&mut self, message_bytes: Option<u64>, object_bytes: Option<u64>) {
        let bounded = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        if let Some(bytes) = message_bytes {
            self.message_bytes = bounded(bytes).clamp(SMALLEST_MESSAGE, DEFAULT_MESSAGE);
        }
        if let Some(bytes) = object_bytes {
            self.object_bytes = Some(bounded(bytes));
        }
    }

    pub(super) fn extend(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.waiting.extend(commands);
    }

    /// Puts commands back in front.
    pub(super) fn put_back(&mut self, commands: Vec<Command>) {
        for command in commands.into_iter().rev() {
            self.waiting.push_front(command);
        }
    }

    /// The commands of the next message, and whether they are the last.
    pub(super) fn next_message(&mut self) -> (Vec<Command>, bool) {
        let room = self.message_bytes - OVERHEAD;
        let mut commands = Vec::new();
        let mut used = 0;
        while let Some(command) = self.waiting.pop_front() {
            let size = encoded_size(&command);
            if used + size > room {
                match self.cut(command, room) {
                    Ok(pieces) => {
                        self.put_back(pieces);
                        continue;
                    }
                    // What cannot be cut goes alone, whatever its size.
                    Err(command) if commands.is_empty() => commands.push(*command),
                    Err(command) => self.waiting.push_front(*command),
                }
                break;
            }
            used += size;
            let is_piece = is_piece(&command);
            commands.push(command);
            if is_piece {
                break;
            }
        }
        (commands, self.waiting.is_empty())
    }

    /// Cuts results that are too large for one message: item by item, and large items in pieces.
    fn cut(&self, command: Command, room: usize) -> Result<Vec<Command>, Box<Command>> {
        // Escaping makes text up to six times as long.
        let piece = (room / 6).min(self.object_bytes.unwrap_or(usize::MAX)).max(1024 / 6);
        let Command::Results(results) = command else { return Err(Box::new(command)) };
        let largest = results.items.iter().filter_map(|item| item.data.as_ref()).map(String::len).max().unwrap_or(0);
        if encoded_size(&Command::Results(results.clone())) <= room || (results.items.len() <= 1 && largest <= piece) {
            return Err(Box::new(Command::Results(results)));
        }
        let pieces = results.items.iter().cloned().flat_map(|item| split(item, piece));
        Ok(pieces.map(|item| Command::Results(Results { items: vec![item], ..results.clone() })).collect())
    }
}

fn is_piece(command: &Command) -> bool {
    matches!(command, Command::Results(results) if results.items.iter().any(|item| item.more_data))
}

fn encoded_size(command: &Command) -> usize {
    let message = Message { commands: vec![command.clone()], ..Message::default() };
    message.encode().len()
}
