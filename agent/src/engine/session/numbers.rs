//! Numbers of commands (CmdID). Two commands of a message with the same one cannot be told apart in statuses: the first
//! counts, and the other is refused by itself.

use std::collections::BTreeSet;

use mdm_protocol::syncml::{Command, CommandId, Unrecognised};

/// The commands of a message, those whose number was used before turned into ones that are answered with status 400.
pub(super) fn refuse_duplicates(commands: Vec<Command>) -> Vec<Command> {
    refuse(commands, &mut BTreeSet::new())
}

fn refuse(commands: Vec<Command>, seen: &mut BTreeSet<CommandId>) -> Vec<Command> {
    let mut kept = Vec::with_capacity(commands.len());
    for command in commands {
        let is_duplicate = !command.id().is_missing() && !seen.insert(command.id().clone());
        match command {
            // These are not answered, so that nothing is mixed up.
            Command::Status(_) | Command::Results(_) => kept.push(command),
            command if is_duplicate => refuse_whole(command, &mut kept),
            Command::Atomic(mut group) => {
                group.commands = refuse(std::mem::take(&mut group.commands), seen);
                kept.push(Command::Atomic(group));
            }
            Command::Sequence(mut group) => {
                group.commands = refuse(std::mem::take(&mut group.commands), seen);
                kept.push(Command::Sequence(group));
            }
            command => kept.push(command),
        }
    }
    kept
}

/// A group falls with all that is in it.
fn refuse_whole(command: Command, refused: &mut Vec<Command>) {
    let (id, name) = (command.id().clone(), command.name().to_owned());
    refused.push(Command::Unrecognised(Unrecognised { id, name }));
    if let Command::Atomic(group) | Command::Sequence(group) = command {
        group.commands.into_iter().for_each(|inside| refuse_whole(inside, refused));
    }
}
