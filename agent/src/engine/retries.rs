//! Commands that were refused because the device lacked something: a package, room on the disk, the place of a file that
//! somebody else has put there. They are no part of the tree and cannot be read; the device tries them again in each
//! session, so that nobody has to send them twice.

use std::collections::BTreeSet;
use std::fmt;

use mdm_protocol::syncml::{Command, Item, Message};
use serde::{Deserialize, Serialize};

/// How much is kept of them altogether, in bytes.
pub const MAX_RETRIED_BYTES: usize = 128 << 10;
/// How many settings that were applied later the server is notified of at once.
pub const MAX_APPLIED: usize = 50;

/// What is tried again, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retries {
    /// What is tried again.
    pub commands: Vec<RefusedCommand>,
    /// Settings that were refused and are applied now, of which the server is not notified yet: addresses of their nodes.
    pub applied: BTreeSet<String>,
}

/// A command that was refused, or an Atomic. `Debug` hides its values, which may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCommand {
    /// A SyncML message with the command, or with all commands of the Atomic.
    pub message: String,
    /// The addresses of all nodes that it changes.
    pub nodes: BTreeSet<String>,
    /// Of those, the ones that were refused.
    pub refused: BTreeSet<String>,
    /// The authority that has sent it; it is tried again on behalf of no other.
    pub authority: String,
}

impl Retries {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.applied.is_empty()
    }

    /// Remembers a command, in place of those that it repeats; what would be too much is not remembered.
    pub fn remember(&mut self, command: RefusedCommand) {
        self.commands.retain(|known| known.refused.is_disjoint(&command.refused));
        let size: usize = self.commands.iter().map(|known| known.message.len()).sum();
        if size.saturating_add(command.message.len()) <= MAX_RETRIED_BYTES {
            self.commands.push(command);
        }
    }

    /// A command of the server has set or deleted a node since, so that what was refused before is no longer wanted.
    pub fn superseded(&mut self, node: &str) {
        let is_below = |known: &String| known.strip_prefix(node).is_some_and(|rest| rest.starts_with('/'));
        let concerns = |known: &String| known == node || is_below(known);
        self.commands.retain(|known| !known.nodes.iter().any(concerns));
        self.applied.retain(|known| !concerns(known));
    }

    /// Takes note that a setting was applied later.
    pub fn applied(&mut self, nodes: impl IntoIterator<Item = String>) {
        let room = MAX_APPLIED.saturating_sub(self.applied.len());
        self.applied.extend(nodes.into_iter().take(room));
    }
}

impl RefusedCommand {
    /// The commands, to be done as a whole or not at all.
    pub fn commands(&self) -> Vec<Command> {
        Message::decode(self.message.as_bytes()).map(|message| message.commands).unwrap_or_default()
    }

    /// Everything that it would set or delete.
    pub fn items(&self) -> Vec<Item> {
        let commands = self.commands().into_iter();
        let items = commands.map(|command| match command {
            Command::Operation(operation) => operation.items,
            _ => Vec::new(),
        });
        items.flatten().collect()
    }
}

impl fmt::Debug for RefusedCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RefusedCommand({:?}, {} bytes)", self.nodes, self.message.len())
    }
}
