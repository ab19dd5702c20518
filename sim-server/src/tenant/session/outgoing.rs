//! What a device is sent: the administrator's commands first, then profiles, then the removal of what is surplus, cut to
//! what fits into one message.

use std::collections::VecDeque;

use mdm_protocol::syncml::{Command, Item, Operation, StatusCode, split};

use super::super::command::delete;
use super::super::fragment::is_for_user;
use super::super::{Authority, CommandState, Tenant};
use super::Turn;
use super::answers::{Outstanding, Progress};
use super::inventory::note_changes;

/// The least data that a piece of a large object carries, in bytes.
const LEAST_PIECE: usize = 64;
/// What is kept free beside a piece: later messages carry a little more beside it than the first one does.
const PIECE_RESERVE: usize = 256;

/// Where a command comes from, and so who learns of its outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Command(u64),
    Profile {
        name: String,
        version: String,
    },
    Removal(String),
    /// The device is told who manages it, and where a move leads.
    Authority {
        to: Authority,
        with_address: bool,
    },
    /// The device is told the name of the push service.
    PushName(String),
    /// The device is asked where it can be rung.
    Channel,
    /// The device is asked for a digest of what it holds.
    Digest,
    /// The device is asked for a list of what it holds; how often it was before in this session.
    Inventory(u32),
}

/// A command that waits to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) origin: Origin,
    pub(super) command: Command,
    pub(super) retried: bool,
}

/// A large object of which pieces are left to be sent.
#[derive(Debug)]
pub(super) struct Sending {
    origin: Origin,
    operation: Operation,
    retried: bool,
    pieces: VecDeque<Item>,
}

/// How much of a command was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, or the last piece of its data.
    Last,
    /// A piece of its data, with more to follow.
    Piece,
}

impl Tenant {
    /// Puts into the reply what the device is to do next.
    pub(super) fn fill(&mut self, turn: &mut Turn<'_>) {
        let is_waiting = turn.session.outstanding.values().any(|sent| sent.part == Part::Piece);
        // A device that does not acknowledge a piece does not get the next: the object is tried again next time.
        if let Some(sending) = turn.session.sending.take().filter(|_| !is_waiting) {
            send_piece(turn, sending);
            return;
        }
        while turn.reply.commands() < self.settings.max_commands_per_message {
            if turn.session.queue.is_empty() {
                self.collect_work(turn);
            }
            let Some(next) = turn.session.queue.pop_front() else { break };
            if !self.place(turn, next) {
                break;
            }
        }
    }

    /// Puts one command into the reply; `false` if nothing more fits.
    fn place(&mut self, turn: &mut Turn<'_>, next: Outgoing) -> bool {
        if turn.session.object_limit.is_some_and(|limit| largest_object(&next.command) > limit) {
            // The device has said that it cannot take it, so it is not even tried.
            if let Some(progress) = turn.session.open.get_mut(&next.origin) {
                progress.note(StatusCode::TOO_LARGE);
            }
            self.count_down(turn, &next.origin);
            return true;
        }
        if turn.reply.size_of(&next.command) <= turn.reply.room() {
            let Outgoing { origin, command, retried } = next;
            send(turn, origin, command.clone(), command, retried, Part::Last);
            return true;
        }
        if turn.reply.is_working() {
            turn.session.queue.push_front(next);
            return false;
        }
        match next {
            Outgoing { origin, command: Command::Operation(mut operation), retried } if operation.items.len() == 1 => {
                let pieces = pieces(turn, &mut operation);
                send_piece(turn, Sending { origin, operation, retried, pieces });
            }
            // A group cannot be cut: it goes alone, and the device has the last word.
            Outgoing { origin, command, retried } => {
                send(turn, origin, command.clone(), command, retried, Part::Last);
            }
        }
        false
    }

    /// Takes up whatever is to be done for the device and was not taken up in this session yet.
    fn collect_work(&mut self, turn: &mut Turn<'_>) {
        if !self.collect_housekeeping(turn) {
            return;
        }
        self.collect_inventory(turn);
        let user_signed_in = turn.session.user_signed_in;
        let queued = self.commands_of(turn.device).filter(|command| command.state == CommandState::Queued);
        let queued: Vec<_> = queued
            .map(|command| (command.id, command.commands()))
            .filter(|(_, commands)| user_signed_in || !is_for_user(commands))
            .collect();
        for (id, commands) in queued {
            // A fragment that an older server took and this one cannot read must not wait for ever.
            let state = if commands.is_empty() { CommandState::Failed } else { CommandState::Sent };
            self.set_command_state(turn.device, id, state);
            enqueue(turn, &Origin::Command(id), commands);
        }
        let Some(device) = self.devices.get(turn.device) else { return };
        let profiles: Vec<_> = self
            .undelivered(device)
            .filter(|(_, profile)| user_signed_in || !profile.is_for_user())
            .map(|(name, profile)| {
                let origin = Origin::Profile { name: name.to_owned(), version: profile.version().to_owned() };
                (origin, name.to_owned(), profile.commands().to_vec())
            })
            .filter(|(origin, ..)| !turn.session.offered.contains(origin))
            .collect();
        let removals = self.surplus(device).into_iter().map(|node| (delete(&node), node));
        let removals: Vec<_> =
            removals.filter(|(command, _)| user_signed_in || !is_for_user(std::slice::from_ref(command))).collect();
        for (origin, name, commands) in profiles {
            self.profile_sent(turn.device, &name, turn.now);
            enqueue(turn, &origin, commands);
        }
        for (command, node) in removals {
            enqueue(turn, &Origin::Removal(node), vec![command]);
        }
        if turn.session.queue.is_empty() {
            self.collect_last_inventory(turn);
        }
    }
}

pub(super) fn enqueue(turn: &mut Turn<'_>, origin: &Origin, commands: Vec<Command>) {
    if !turn.session.offered.insert(origin.clone()) {
        return;
    }
    turn.session.open.insert(origin.clone(), Progress::new(commands.len()));
    let outgoing = commands.into_iter().map(|command| Outgoing { origin: origin.clone(), command, retried: false });
    turn.session.queue.extend(outgoing);
}

/// Appends `written` to the reply and remembers the whole command as sent.
fn send(turn: &mut Turn<'_>, origin: Origin, written: Command, whole: Command, retried: bool, part: Part) {
    let (numbered, inside) = turn.reply.command(written);
    let message = turn.session.message_id;
    let number = numbered.id().0.clone();
    // An Add inside a group is found again by its number, so the numbered form is kept; pieces are no groups.
    let command = match numbered {
        Command::Atomic(_) | Command::Sequence(_) => numbered,
        other => {
            let mut whole = whole;
            whole.set_id(other.id().clone());
            whole
        }
    };
    note_changes(&mut turn.session, &origin, &command);
    if let Origin::Command(id) = origin {
        let numbers = inside.iter().chain([&number]);
        turn.session.sources.extend(numbers.map(|number| ((message, number.clone()), id)));
    }
    turn.session.children.extend(inside.into_iter().map(|inner| ((message, inner), number.clone())));
    let sent = Outstanding { origin, command, part, retried, answered: false, answers: Vec::new(), words: None };
    turn.session.outstanding.insert((message, number), sent);
}

/// Sends the next piece and keeps the rest for the next message.
fn send_piece(turn: &mut Turn<'_>, mut sending: Sending) {
    let Some(item) = sending.pieces.pop_front() else { return };
    let part = if item.more_data { Part::Piece } else { Part::Last };
    let written = Command::Operation(Operation { items: vec![item], ..sending.operation.clone() });
    let whole = Command::Operation(sending.operation.clone());
    send(turn, sending.origin.clone(), written, whole, sending.retried, part);
    if part == Part::Piece {
        // OMA-DM representation section 5.6: an object with MoreData is never the last of its package.
        turn.reply.leave_open();
        turn.session.sending = Some(sending);
    }
}

/// Cuts the data of an operation's only item into pieces that fit into messages of their own.
fn pieces(turn: &Turn<'_>, operation: &mut Operation) -> VecDeque<Item> {
    let Some(item) = operation.items.first() else { return VecDeque::new() };
    let with = |item: Item| Command::Operation(Operation { items: vec![item], ..operation.clone() });
    let bare = turn.reply.size_of(&with(Item { data: Some(String::new()), more_data: true, ..item.clone() }));
    let room = turn.reply.room().saturating_sub(bare + PIECE_RESERVE).max(LEAST_PIECE);
    let mut length = room;
    loop {
        let pieces = split(item.clone(), length);
        // Escaped characters take more room in the message than they count in the object.
        let fits = pieces.iter().all(|piece| escaped_length(piece.data.as_deref().unwrap_or_default()) <= room);
        if fits || length <= LEAST_PIECE {
            return pieces.into();
        }
        length = (length / 4 * 3).max(LEAST_PIECE);
    }
}

fn escaped_length(data: &str) -> usize {
    data.bytes().map(|byte| if matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'\r') { 6 } else { 1 }).sum()
}

fn largest_object(command: &Command) -> u64 {
    match command {
        Command::Operation(operation) => {
            let lengths = operation.items.iter().map(|item| item.data.as_ref().map_or(0, String::len));
            lengths.max().unwrap_or(0) as u64
        }
        Command::Atomic(group) | Command::Sequence(group) => {
            group.commands.iter().map(largest_object).max().unwrap_or(0)
        }
        Command::Alert(_) | Command::Status(_) | Command::Results(_) | Command::Unrecognised(_) => 0,
    }
}
