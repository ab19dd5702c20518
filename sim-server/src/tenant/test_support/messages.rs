//! Messages: how tests write them and what they look for in them.

use mdm_protocol::syncml::{
    Alert, AlertCode, Command, CommandId, Item, Message, Meta, Operation, Results, Status, StatusCode, Verb, alert_type,
};

pub(crate) fn alert(code: AlertCode, items: Vec<Item>) -> Command {
    Command::Alert(Alert { id: CommandId::default(), code, items })
}

pub(crate) fn operation(verb: Verb, items: Vec<Item>) -> Command {
    Command::Operation(Operation { id: CommandId::default(), verb, meta: Meta::default(), items })
}

/// What a device reports of itself in package 1.
pub(crate) fn device_information(device: &str) -> Command {
    let nodes = [("DevId", device), ("Man", "Contoso"), ("Mod", "Laptop"), ("DmV", "1.3"), ("Lang", "en-US")];
    let items = nodes.map(|(name, value)| Item::source(format!("./DevInfo/{name}")).with_data(value));
    operation(Verb::Replace, items.to_vec())
}

/// The commands of a message that the device must run.
pub(crate) fn work(message: &Message) -> Vec<Command> {
    let is_work = |command: &&Command| !matches!(command, Command::Status(_) | Command::Alert(_));
    message.commands.iter().filter(is_work).cloned().collect()
}

/// The alert that says who is signed in at the device.
pub(crate) fn signed_in(who: &str) -> Command {
    let item = Item::default().with_meta(Meta::media_type(alert_type::LOGIN_STATUS)).with_data(who);
    alert(AlertCode::CLIENT_EVENT, vec![item])
}

/// The alerts of a message.
pub(crate) fn alerts(message: &Message) -> Vec<AlertCode> {
    let code = |command: &Command| if let Command::Alert(alert) = command { Some(alert.code) } else { None };
    message.commands.iter().filter_map(code).collect()
}

/// The verbs and addresses of commands, those inside groups too.
pub(crate) fn targets(commands: &[Command]) -> Vec<(Verb, String)> {
    let mut found = Vec::new();
    for command in commands {
        match command {
            Command::Operation(operation) => found.push((operation.verb, operation.items[0].target.clone().unwrap())),
            Command::Atomic(group) => found.extend(targets(&group.commands)),
            other => panic!("{other:?}"),
        }
    }
    found
}

/// The code that a message answers the header with.
pub(crate) fn header_code(message: &Message) -> StatusCode {
    match message.commands.first() {
        Some(Command::Status(status)) if status.command == "SyncHdr" => status.code,
        other => panic!("the first command is {other:?}"),
    }
}

pub(crate) fn status(message: &Message, command: &Command, code: StatusCode) -> Command {
    Command::Status(Status {
        id: CommandId::default(),
        message_ref: message.header.message_id,
        command_ref: command.id().clone(),
        command: command.name().to_owned(),
        target_ref: None,
        source_ref: None,
        challenge: None,
        code,
        items: Vec::new(),
    })
}

pub(crate) fn results(message: &Message, command: &Command, item: Item) -> Command {
    Command::Results(Results {
        id: CommandId::default(),
        message_ref: message.header.message_id,
        command_ref: command.id().clone(),
        meta: Meta::default(),
        items: vec![item],
    })
}

/// Whether a message is the last of its session: it has statuses and nothing else.
pub(crate) fn is_end(message: Option<&Message>) -> bool {
    message.is_some_and(|message| message.is_final && message.commands.iter().all(is_status))
}

fn is_status(command: &Command) -> bool {
    matches!(command, Command::Status(_))
}

/// The statuses of a message: of which command, by name and number, and the code.
pub(crate) fn statuses(message: &Message) -> Vec<(&str, &str, u16)> {
    let statuses = message.commands.iter().filter_map(|command| match command {
        Command::Status(status) => Some(status),
        _ => None,
    });
    statuses.map(|status| (status.command.as_str(), status.command_ref.0.as_str(), status.code.0)).collect()
}

/// A fragment with one command on one node.
pub(crate) fn fragment(verb: &str, uri: &str, data: &str) -> String {
    format!("<{verb}><Item><Target><LocURI>{uri}</LocURI></Target><Data>{data}</Data></Item></{verb}>")
}

/// The nonce that the reply asks the next message to use.
pub(crate) fn challenge(message: &Message) -> Vec<u8> {
    match &message.commands[0] {
        Command::Status(status) => status.challenge.clone().unwrap().nonce.unwrap(),
        other => panic!("{other:?}"),
    }
}
