//! The server's commands, in few words.

use mdm_protocol::syncml::{
    Alert, AlertCode, Command, CommandId, Group, Item, Meta, Operation, Status, StatusCode, Verb,
};

pub(crate) fn operation(id: &str, verb: Verb, items: Vec<Item>) -> Command {
    Command::Operation(Operation { id: CommandId::from(id), verb, meta: Meta::default(), items })
}

pub(crate) fn add(id: &str, uri: &str, data: &str) -> Command {
    operation(id, Verb::Add, vec![Item::target(uri).with_data(data)])
}

pub(crate) fn replace(id: &str, uri: &str, data: &str) -> Command {
    operation(id, Verb::Replace, vec![Item::target(uri).with_data(data)])
}

pub(crate) fn delete(id: &str, uri: &str) -> Command {
    operation(id, Verb::Delete, vec![Item::target(uri)])
}

pub(crate) fn get(id: &str, uri: &str) -> Command {
    operation(id, Verb::Get, vec![Item::target(uri)])
}

pub(crate) fn exec(id: &str, uri: &str, data: &str) -> Command {
    operation(id, Verb::Exec, vec![Item::target(uri).with_data(data)])
}

pub(crate) fn atomic(id: &str, commands: Vec<Command>) -> Command {
    Command::Atomic(Group { id: CommandId::from(id), commands })
}

pub(crate) fn sequence(id: &str, commands: Vec<Command>) -> Command {
    Command::Sequence(Group { id: CommandId::from(id), commands })
}

pub(crate) fn alert(id: &str, code: u16) -> Command {
    Command::Alert(Alert { id: CommandId::from(id), code: AlertCode(code), items: Vec::new() })
}

pub(crate) fn status(id: &str, message: u32, command_ref: &str, command: &str, code: u16) -> Command {
    Command::Status(Status {
        id: CommandId::from(id),
        message_ref: message,
        command_ref: CommandId::from(command_ref),
        command: command.to_owned(),
        target_ref: None,
        source_ref: None,
        challenge: None,
        code: StatusCode(code),
        items: Vec::new(),
    })
}

/// A piece of a large object.
pub(crate) fn piece(id: &str, uri: &str, data: &str, size: Option<u64>, more: bool) -> Command {
    let meta = Meta { size, ..Meta::default() };
    let item = Item { more_data: more, ..Item::target(uri).with_data(data).with_meta(meta) };
    operation(id, Verb::Replace, vec![item])
}
