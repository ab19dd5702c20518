//! What waits to be sent, cut into messages that the server can receive and that are as full as they may be.

use std::collections::VecDeque;

use mdm_protocol::syncml::{Command, CommandId, Item, Meta, Results, Status};
use mdm_protocol::xml::written_len;

use super::package;

/// The smallest message size that is believed; a smaller one could not carry a status.
const SMALLEST_MESSAGE: usize = 2048;
/// The largest message that is sent where the server states no limit, in bytes.
const DEFAULT_MESSAGE: usize = 1 << 20;
/// How many bytes a character takes at most that is escaped.
const LARGEST_ESCAPE: usize = 6;
/// What has to stay free beside results, in bytes: the status of the header, and enough of a value to get on.
const RESERVED: usize = 320;
/// A piece of a value is cut off for the rest of a message only if it is a fair part of the message.
const WORTH_CUTTING: usize = 4;

#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Waiting>,
    message_bytes: usize,
    object_bytes: Option<usize>,
}

#[derive(Debug)]
enum Waiting {
    Whole(Command),
    /// What is left of results whose beginning was sent.
    Rest(Results),
}

/// What goes into the next message.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) commands: Vec<Command>,
    /// Whether nothing is left to send.
    pub(super) is_final: bool,
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

    /// Records what the server can receive.
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
        self.waiting.extend(commands.into_iter().map(Waiting::Whole));
    }

    /// Puts commands back in front.
    pub(super) fn put_back(&mut self, commands: Vec<Command>) {
        for command in commands.into_iter().rev() {
            self.waiting.push_front(Waiting::Whole(command));
        }
    }

    /// The commands of the next message, whose envelope takes so many bytes.
    pub(super) fn next_message(&mut self, envelope: usize) -> Load {
        let room = self.message_bytes.saturating_sub(envelope);
        let (mut commands, mut used, mut by_header) = (Vec::new(), 0, 0);
        loop {
            // Room that is left, and room that a message would have that carries nothing else.
            let (left, most) = (room.saturating_sub(used), room.saturating_sub(by_header));
            // An answer to a challenge may stand before all of them.
            let number = commands.len() + 2;
            if self.begins_answer(commands.last()) && (left + 1..=most).contains(&self.answer_len(number)) {
                break;
            }
            let Some(mut waiting) = self.waiting.pop_front() else { break };
            let size = waiting.encoded_len(number);
            if size <= left {
                let command = waiting.into_command();
                used += size;
                by_header += if package::answers_header(&command) { size } else { 0 };
                commands.push(command);
                continue;
            }
            let is_alone = used == by_header;
            let (fits_elsewhere, is_worth_it) = (size <= most, left >= most / WORTH_CUTTING);
            let may_be_cut = (is_alone || is_worth_it) && !fits_elsewhere;
            match self.cut(&mut waiting, number, left, may_be_cut) {
                Some(piece) => {
                    commands.push(piece);
                    self.waiting.push_front(waiting);
                }
                // What cannot be cut goes alone; a status is true without its details.
                None if is_alone => commands.push(without_details(waiting.into_command())),
                None => self.waiting.push_front(waiting),
            }
            break;
        }
        Load { commands, is_final: self.waiting.is_empty() }
    }

    /// Whether the server can receive what was read of a node, in messages with an envelope of so many bytes.
    pub(super) fn carries(&self, item: &Item, envelope: impl FnOnce() -> usize) -> bool {
        let length = item.data.as_ref().map_or(0, String::len);
        if self.object_bytes.is_some_and(|limit| length > limit) {
            return false;
        }
        let address = item.source.as_ref().map_or(0, String::len);
        // What goes beside the address is small; only where it might not fit is it measured.
        if address.saturating_mul(LARGEST_ESCAPE) + SMALLEST_MESSAGE <= self.message_bytes {
            return true;
        }
        let piece = Item { data: Some(String::new()), more_data: true, ..item.clone() };
        let results = Results {
            id: CommandId::default(),
            message_ref: u32::MAX,
            command_ref: CommandId::default(),
            meta: Meta { size: Some(u64::MAX), ..Meta::default() },
            items: vec![piece],
        };
        let room = self.message_bytes.saturating_sub(envelope() + RESERVED);
        numbered(results, usize::MAX).encoded_len() <= room
    }

    /// How much can be read out in so many messages, in bytes as they are written.
    pub(super) fn room_in(&self, messages: u32) -> usize {
        // Half of them, each half full: statuses and markup take their part.
        let (messages, bytes) = (usize::try_from(messages).unwrap_or(usize::MAX), self.message_bytes / 2);
        (messages / 2).saturating_mul(bytes)
    }

    /// Whether what waits first begins the answer to a Get: its statuses, and results right behind them.
    fn begins_answer(&self, before: Option<&Command>) -> bool {
        let Some(Waiting::Whole(Command::Status(first))) = self.waiting.front() else { return false };
        !matches!(before, Some(Command::Status(before)) if is_same_answer(first, before))
    }

    /// The size of the answer that waits first, statuses and results; 0 if it has no results.
    fn answer_len(&mut self, number: usize) -> usize {
        let Some(Waiting::Whole(Command::Status(first))) = self.waiting.front() else { return 0 };
        let reference = (first.message_ref, first.command_ref.clone());
        let mut size = 0;
        for (number, waiting) in (number..).zip(&mut self.waiting) {
            size += waiting.encoded_len(number);
            match waiting {
                Waiting::Whole(Command::Status(status))
                    if (status.message_ref, &status.command_ref) == (reference.0, &reference.1) => {}
                Waiting::Whole(Command::Results(results))
                    if (results.message_ref, &results.command_ref) == (reference.0, &reference.1) =>
                {
                    return size;
                }
                _ => return 0,
            }
        }
        0
    }

    /// Cuts off as much of results as there is room for: some items, or a piece of the first. What is left stays.
    fn cut(&self, waiting: &mut Waiting, number: usize, room: usize, may_be_cut: bool) -> Option<Command> {
        let is_rest = matches!(waiting, Waiting::Rest(_));
        let (Waiting::Whole(Command::Results(results)) | Waiting::Rest(results)) = &mut *waiting else { return None };
        let empty = without_items(results);
        let of = |items: Vec<Item>| Results { items, ..empty.clone() };
        let whole = self.whole_items(results, &empty, number, room);
        if whole > 0 && whole < results.items.len() {
            let rest = results.items.split_off(whole);
            let piece = of(std::mem::take(&mut results.items));
            // What follows the rest of a value begins with a whole item.
            *waiting = Waiting::Whole(Command::Results(of(rest)));
            return Some(Command::Results(piece));
        }
        let first = results.items.first_mut().filter(|_| may_be_cut)?;
        let piece = self.cut_item(first, &empty, number, room, is_rest)?;
        let rest = std::mem::take(&mut results.items);
        *waiting = Waiting::Rest(of(rest));
        Some(Command::Results(of(vec![piece])))
    }

    /// How many of the first items fit as they are.
    fn whole_items(&self, results: &Results, empty: &Results, number: usize, room: usize) -> usize {
        let envelope = numbered(empty.clone(), number).encoded_len();
        let mut used = envelope;
        let fitting = results.items.iter().take_while(|item| {
            let alone = Results { items: vec![(*item).clone()], ..empty.clone() };
            used += numbered(alone, number).encoded_len() - envelope;
            used <= room
        });
        fitting.count()
    }

    /// Cuts a piece off an item's value: the first announces the size of all.
    fn cut_item(&self, item: &mut Item, empty: &Results, number: usize, room: usize, is_rest: bool) -> Option<Item> {
        let data = item.data.take()?;
        let meta = if is_rest { Meta::default() } else { Meta { size: Some(data.len() as u64), ..item.meta.clone() } };
        let piece = Item { meta, data: Some(String::new()), more_data: true, ..item.clone() };
        let markup = numbered(Results { items: vec![piece.clone()], ..empty.clone() }, number).encoded_len();
        let room = room.saturating_sub(markup);
        let mut written = 0;
        let end = data.char_indices().find(|(_, character)| {
            written += written_len(*character);
            written > room
        });
        let Some((end, _)) = end.filter(|(end, _)| *end > 0) else {
            item.data = Some(data);
            return None;
        };
        item.data = Some(data[end..].to_owned());
        item.meta = Meta::default();
        Some(Item { data: Some(data[..end].to_owned()), ..piece })
    }
}

impl Waiting {
    fn into_command(self) -> Command {
        match self {
            Self::Whole(command) => command,
            Self::Rest(results) => Command::Results(results),
        }
    }

    fn encoded_len(&mut self, number: usize) -> usize {
        match self {
            Self::Whole(command) => {
                command.set_id(CommandId(number.to_string()));
                command.encoded_len()
            }
            Self::Rest(results) => numbered(results.clone(), number).encoded_len(),
        }
    }
}

fn is_same_answer(left: &Status, right: &Status) -> bool {
    (left.message_ref, &left.command_ref) == (right.message_ref, &right.command_ref)
}

/// A status that is too large for a message is true without the reason in words and the address that it speaks of.
fn without_details(command: Command) -> Command {
    match command {
        Command::Status(status) => Command::Status(Status {
            items: Vec::new(),
            target_ref: status.target_ref.filter(|address| address.len() < SMALLEST_MESSAGE / 4),
            ..status
        }),
        command => command,
    }
}

fn without_items(results: &Results) -> Results {
    Results {
        id: results.id.clone(),
        message_ref: results.message_ref,
        command_ref: results.command_ref.clone(),
        meta: results.meta.clone(),
        items: Vec::new(),
    }
}

fn numbered(results: Results, number: usize) -> Command {
    Command::Results(Results { id: CommandId(number.to_string()), ..results })
}
