//! Commands that were refused because the device lacked something: a package, room on the disk, the place of a foreign file.
//! They are no part of the tree and cannot be read. The device tries them again at the end of each session, so that the server
//! need not send them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mdm_protocol::syncml::{Command, Item, Message};
use serde::{Deserialize, Serialize};

/// How much is kept of them altogether, in bytes.
pub const MAX_RETRIED_BYTES: usize = 128 << 10;
/// How many settings that were accepted later a server is notified of in one session.
pub const MAX_NOTIFIED: usize = 20;

/// What is tried again, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retries {
    /// What is tried again.
    pub commands: Vec<RefusedCommand>,
    /// Settings that were refused and accepted since, of which their server is not notified yet, by the address of their
    /// node.
    pub accepted: BTreeMap<String, Accepted>,
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

/// What a setting would be answered with now that was refused when it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// 200 if it is applied, 202 if it waits for something.
    pub status: u16,
    /// The authority that has sent it.
    pub authority: String,
}

impl Retries {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.accepted.is_empty()
    }

    /// Leaves only what has been sent by authorities of which this holds.
    pub fn retain_of(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.commands.retain(|known| is_meant(&known.authority));
        self.accepted.retain(|_, known| is_meant(&known.authority));
    }

    /// Adds what is not there yet.
    pub fn extend(&mut self, others: Self) {
        for command in others.commands {
            if !self.commands.contains(&command) {
                self.commands.push(command);
            }
        }
        for (node, known) in others.accepted {
            self.accepted.entry(node).or_insert(known);
        }
    }

    /// The name of the authority that has sent each.
    pub fn authorities_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let commands = self.commands.iter_mut().map(|known| &mut known.authority);
        commands.chain(self.accepted.values_mut().map(|known| &mut known.authority))
    }

    /// Remembers a command, in place of those that change a node that it changes; what would be too much is not remembered.
    pub fn remember(&mut self, command: RefusedCommand) {
        self.commands.retain(|known| known.nodes.is_disjoint(&command.nodes));
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
        self.accepted.retain(|known, _| !concerns(known));
    }

    /// The settings of which a server is notified in a session that begins with these.
    pub fn notified(&self) -> impl Iterator<Item = (&String, &Accepted)> {
        self.accepted.iter().take(MAX_NOTIFIED)
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
