//! The commands of a message's body.

use std::collections::BTreeSet;
use std::fmt;

use super::{AlertCode, Challenge, Format, Meta, StatusCode};

/// A command's number within its message: opaque text, empty where the sender gave none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub String);

impl CommandId {
    /// Whether the sender gave no number, which must be answered with status 400.
    pub fn is_missing(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<u32> for CommandId {
    fn from(number: u32) -> Self {
        Self(number.to_string())
    }
}

impl From<&str> for CommandId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The numbers of the commands of one message: which are used a second time.
#[derive(Debug, Default)]
pub struct UsedCommandIds(BTreeSet<CommandId>);

impl UsedCommandIds {
    /// Takes the number of the message's next command: whether it is used for the first time. A command with a number
    /// that is used up must be answered with status 400; the one that had it before counts. A missing number, which is an
    /// error of its own, is never used up.
    pub fn admit(&mut self, id: &CommandId) -> bool {
        id.is_missing() || self.0.insert(id.clone())
    }
}

/// What an [`Operation`] does to the nodes it addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Creates a node; fails if it exists.
    Add,
    /// Sets a node's value.
    Replace,
    /// Removes a node and all below it.
    Delete,
    /// Reads a node.
    Get,
    /// Runs what the node stands for.
    Exec,
}

impl Verb {
    /// The element's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Replace => "Replace",
            Self::Delete => "Delete",
            Self::Get => "Get",
            Self::Exec => "Exec",
        }
    }
}

/// One command of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Add, Replace, Delete, Get or Exec.
    Operation(Operation),
    /// A group that is done as a whole or not at all.
    Atomic(Group),
    /// A group that is done in order.
    Sequence(Group),
    /// An announcement.
    Alert(Alert),
    /// The outcome of a command of the other side.
    Status(Status),
    /// What a Get of the other side returned.
    Results(Results),
    /// An element that is no command of this protocol, or an Alert without a code; it must be answered with status 400.
    Unrecognised(Unrecognised),
}

/// Add, Replace, Delete, Get or Exec on one or more nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The command's number.
    pub id: CommandId,
    /// What is done.
    pub verb: Verb,
    /// Meta that holds for every item without its own.
    pub meta: Meta,
    /// The nodes, with values where the verb takes them.
    pub items: Vec<Item>,
}

/// A group of commands, for Atomic and Sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's own number.
    pub id: CommandId,
    /// The commands inside.
    pub commands: Vec<Command>,
}

/// An announcement with a code, and items for events and generic alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The command's number.
    pub id: CommandId,
    /// What is announced.
    pub code: AlertCode,
    /// Details.
    pub items: Vec<Item>,
}

/// The outcome of one command, or of one item of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The command's number.
    pub id: CommandId,
    /// The MsgID of the message that carried the command.
    pub message_ref: u32,
    /// The CmdID of the command; `0` for the message's header.
    pub command_ref: CommandId,
    /// The command's element name; `SyncHdr` for the message's header.
    pub command: String,
    /// The target that the outcome speaks of, where it does not speak of all.
    pub target_ref: Option<String>,
    /// The source that the outcome speaks of.
    pub source_ref: Option<String>,
    /// A demand for credentials.
    pub challenge: Option<Challenge>,
    /// The outcome.
    pub code: StatusCode,
    /// Details, such as the next nonce in old peers or a reason in words.
    pub items: Vec<Item>,
}

/// What a Get returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The command's number.
    pub id: CommandId,
    /// The MsgID of the message that carried the Get; 1 where it is not said.
    pub message_ref: u32,
    /// The CmdID of the Get.
    pub command_ref: CommandId,
    /// Meta that holds for every item without its own.
    pub meta: Meta,
    /// The nodes, each with its address as source.
    pub items: Vec<Item>,
}

/// An element that is no command of this protocol, or an Alert that has no code in its Data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecognised {
    /// Its number, if it has one.
    pub id: CommandId,
    /// Its element name.
    pub name: String,
}

/// A node that a command speaks of. `Debug` hides the data, which may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// The node a command acts on, as written.
    pub target: Option<String>,
    /// The node a value comes from, as written.
    pub source: Option<String>,
    /// What is said about the data.
    pub meta: Meta,
    /// The value; for live XML elements their source text.
    pub data: Option<String>,
    /// Whether more pieces of the same object follow.
    pub more_data: bool,
}

impl Item {
    /// An item that addresses a node.
    pub fn target(uri: impl Into<String>) -> Self {
        Self { target: Some(uri.into()), ..Self::default() }
    }

    /// An item that reports a node.
    pub fn source(uri: impl Into<String>) -> Self {
        Self { source: Some(uri.into()), ..Self::default() }
    }

    /// The same item with data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The same item with meta.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        self.meta = meta;
        self
    }

    /// The format of the data: the item's own, else the command's, else text.
    pub fn format<'a>(&'a self, command: &'a Meta) -> &'a Format {
        self.meta.format.as_ref().or(command.format.as_ref()).unwrap_or(&Format::Chr)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Item")
            .field("target", &self.target)
            .field("source", &self.source)
            .field("meta", &self.meta)
            .field("data", &self.data.as_ref().map(|data| format!("{} bytes", data.len())))
            .field("more_data", &self.more_data)
            .finish()
    }
}

impl Status {
    /// The outcome of a command of message `message_ref`; its own number is still to be given.
    pub fn new(message_ref: u32, command_ref: &CommandId, command: &str, code: StatusCode) -> Self {
        Self {
            id: CommandId::default(),
            message_ref,
            command_ref: command_ref.clone(),
            command: command.to_owned(),
            target_ref: None,
            source_ref: None,
            challenge: None,
            code,
            items: Vec::new(),
        }
    }
}

impl Command {
    /// The command's number.
    pub fn id(&self) -> &CommandId {
        match self {
            Self::Operation(operation) => &operation.id,
            Self::Atomic(group) | Self::Sequence(group) => &group.id,
            Self::Alert(alert) => &alert.id,
            Self::Status(status) => &status.id,
            Self::Results(results) => &results.id,
            Self::Unrecognised(unrecognised) => &unrecognised.id,
        }
    }

    /// Gives the command another number; commands inside a group keep theirs.
    pub fn set_id(&mut self, id: CommandId) {
        let slot = match self {
            Self::Operation(operation) => &mut operation.id,
            Self::Atomic(group) | Self::Sequence(group) => &mut group.id,
            Self::Alert(alert) => &mut alert.id,
            Self::Status(status) => &mut status.id,
            Self::Results(results) => &mut results.id,
            Self::Unrecognised(unrecognised) => &mut unrecognised.id,
        };
        *slot = id;
    }

    /// How many bytes the command takes in a message, with the number that it has.
    pub fn encoded_len(&self) -> usize {
        super::write::encoded_len(self)
    }

    /// The element's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.verb.as_str(),
            Self::Atomic(_) => "Atomic",
            Self::Sequence(_) => "Sequence",
            Self::Alert(_) => "Alert",
            Self::Status(_) => "Status",
            Self::Results(_) => "Results",
            Self::Unrecognised(unrecognised) => &unrecognised.name,
        }
    }
}
