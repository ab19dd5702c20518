//! Commands that an administrator queued for one device, and what the device answered.

use std::fmt;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Command, Item, Meta, Operation, Status, Verb};
use serde::{Deserialize, Serialize};

use super::fragment::{self, Purpose};
use super::life::Registration;
use super::record::RecordKind;
use super::{AdminError, PROVIDER_ID, Tenant};

/// The most that is kept of one command's results, in bytes and in nodes.
const MAX_RESULT_BYTES: usize = 4 << 20;
const MAX_RESULTS: usize = 10_000;
/// The most statuses that are kept of one command, and of what each says, in characters.
pub(super) const MAX_ANSWERS: usize = 10_000;
const MAX_ANSWER_CHARACTERS: usize = 2048;
/// The most commands that wait for one device, and the most finished ones that are remembered.
const MAX_WAITING: usize = 500;
const MAX_FINISHED: usize = 100;

/// How far a command got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// It waits for the device's next session.
    Queued,
    /// It was sent and is not yet answered.
    Sent,
    /// The device did all of it.
    Done,
    /// The device refused at least a part of it.
    Failed,
}

/// What the device answered to one element of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// The element's name.
    pub command: String,
    /// The node that the answer speaks of, where it names one.
    pub target: Option<String>,
    /// The status code.
    pub code: u16,
}

/// One node that a Get returned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The node's address, as the device wrote it.
    pub uri: String,
    /// The format of the value.
    pub format: String,
    /// The value.
    pub data: Option<String>,
}

/// A queued command.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct QueuedCommand {
    pub(super) id: u64,
    pub(super) device: String,
    pub(super) fragment: String,
    pub(super) queued: i64,
    pub(super) state: CommandState,
    pub(super) answers: Vec<CommandAnswer>,
    pub(super) results: Vec<CommandResult>,
    pub(super) truncated: bool,
}

/// A command as the administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandView {
    /// Its number.
    pub id: u64,
    /// When it was queued, in seconds since 1970.
    pub queued: i64,
    /// How far it got.
    pub state: CommandState,
    /// What the device answered.
    pub statuses: Vec<CommandAnswer>,
    /// What its Gets returned.
    pub results: Vec<CommandResult>,
    /// Whether there were more statuses or results than are kept.
    pub truncated: bool,
}

impl fmt::Debug for QueuedCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The fragment may hold passwords and keys.
        let Self { id, state, .. } = self;
        formatter.debug_struct("QueuedCommand").field("id", id).field("state", state).finish_non_exhaustive()
    }
}

impl fmt::Debug for CommandResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value may be a password or a key.
        let bytes = self.data.as_ref().map(String::len);
        formatter.debug_struct("CommandResult").field("uri", &self.uri).field("bytes", &bytes).finish_non_exhaustive()
    }
}

impl QueuedCommand {
    fn is_finished(&self) -> bool {
        matches!(self.state, CommandState::Done | CommandState::Failed)
    }

    pub(super) fn commands(&self) -> Vec<Command> {
        fragment::parse(&self.fragment, Purpose::Command).unwrap_or_default()
    }

    fn view(&self) -> CommandView {
        CommandView {
            id: self.id,
            queued: self.queued,
            state: self.state,
            statuses: self.answers.clone(),
            results: self.results.clone(),
            truncated: self.truncated,
        }
    }

    fn add_result(&mut self, meta: &Meta, item: Item) {
        if self.results.len() >= MAX_RESULTS {
            self.truncated = true;
            return;
        }
        let size = |result: &CommandResult| {
            result.uri.len() + result.format.len() + result.data.as_ref().map_or(0, String::len)
        };
        let format = item.format(meta).as_str().to_owned();
        let uri = item.source.or(item.target).unwrap_or_default();
        let result = CommandResult { uri, format, data: item.data };
        let kept: usize = self.results.iter().map(size).sum();
        if kept + size(&result) > MAX_RESULT_BYTES {
            self.truncated = true;
        } else {
            self.results.push(result);
        }
    }
}

impl Tenant {
    /// Queues a fragment for a device's next session and returns its number.
    pub fn queue_command(&mut self, device_id: &str, fragment: &str, now: i64) -> Result<u64, AdminError> {
        let device = self.devices.get(device_id).ok_or_else(|| AdminError::no_such("device", device_id))?;
        if self.registration(device) == Registration::Moving {
            let due = self.due_authority(device);
            return Err(AdminError::Conflict(format!(
                "the device {device_id:?} has not completed a session with {due} yet; nothing can be asked of it until then"
            )));
        }
        let commands =
            fragment::parse(fragment, Purpose::Command).map_err(|error| AdminError::Invalid(error.to_string()))?;
        let waiting = self.commands_of(device_id).filter(|command| !command.is_finished()).count();
        if waiting >= MAX_WAITING {
            return Err(AdminError::Conflict(format!("{waiting} commands wait for the device {device_id:?} already")));
        }
        self.note_renewal_order(device_id, &commands);
        self.forget_finished_commands(device_id);
        self.last_command += 1;
        let id = self.last_command;
        let command = QueuedCommand {
            id,
            device: device_id.to_owned(),
            fragment: fragment.to_owned(),
            queued: now,
            state: CommandState::Queued,
            answers: Vec::new(),
            results: Vec::new(),
            truncated: false,
        };
        self.commands.insert((device_id.to_owned(), id), command);
        self.note(RecordKind::Settings, "");
        self.note_command(device_id, id);
        self.note_ring(device_id, 0);
        Ok(id)
    }

    /// Queues the order to end the enrolment.
    pub fn queue_unenrolment(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let fragment = format!(
            "<Exec><Item><Target><LocURI>./Device/Vendor/MSFT/DMClient/Unenroll</LocURI></Target>\
             <Data>{PROVIDER_ID}</Data></Item></Exec>"
        );
        self.queue_command(device_id, &fragment, now)
    }

    /// Queues the order to renew the certificate, which opens the renewal window once.
    pub fn queue_renewal(&mut self, device_id: &str, now: i64) -> Result<u64, AdminError> {
        let fragment = "<Exec><Item><Target>\
             <LocURI>./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow</LocURI></Target></Item></Exec>";
        self.queue_command(device_id, fragment, now)
    }

    /// All commands of a device, oldest first.
    pub fn commands(&self, device_id: &str) -> Result<Vec<CommandView>, AdminError> {
        if !self.devices.contains_key(device_id) {
            return Err(AdminError::no_such("device", device_id));
        }
        Ok(self.commands_of(device_id).map(QueuedCommand::view).collect())
    }

    /// One command of a device.
    pub fn command(&self, device_id: &str, id: u64) -> Result<CommandView, AdminError> {
        let command = self.commands.get(&(device_id.to_owned(), id));
        command.map(QueuedCommand::view).ok_or_else(|| AdminError::no_such("command", &id.to_string()))
    }

    pub(super) fn commands_of<'a>(&'a self, device_id: &'a str) -> impl Iterator<Item = &'a QueuedCommand> {
        let range = (device_id.to_owned(), 0)..=(device_id.to_owned(), u64::MAX);
        self.commands.range(range).map(|(_, command)| command)
    }

    /// Puts commands that were sent and never answered back into the queue: their session was lost.
    pub(super) fn requeue_unanswered(&mut self, device_id: &str) {
        let sent: Vec<u64> =
            self.commands_of(device_id).filter(|command| command.state == CommandState::Sent).map(|c| c.id).collect();
        sent.into_iter().for_each(|id| self.set_command_state(device_id, id, CommandState::Queued));
    }

    pub(super) fn set_command_state(&mut self, device_id: &str, id: u64, state: CommandState) {
        if let Some(command) = self.commands.get_mut(&(device_id.to_owned(), id)) {
            command.state = state;
            if state == CommandState::Queued {
                command.answers.clear();
                command.results.clear();
            }
            self.note_command(device_id, id);
        }
    }

    pub(super) fn record_answer(&mut self, device_id: &str, id: u64, status: &Status) {
        if let Some(command) = self.commands.get_mut(&(device_id.to_owned(), id)) {
            if command.answers.len() < MAX_ANSWERS {
                let shortened = |text: &String| text.chars().take(MAX_ANSWER_CHARACTERS).collect();
                command.answers.push(CommandAnswer {
                    command: shortened(&status.command),
                    target: status.target_ref.as_ref().map(shortened),
                    code: status.code.0,
                });
            } else {
                command.truncated = true;
            }
            self.note_command(device_id, id);
        }
    }

    pub(super) fn record_result(&mut self, device_id: &str, id: u64, meta: &Meta, item: Item) {
        if let Some(command) = self.commands.get_mut(&(device_id.to_owned(), id)) {
            command.add_result(meta, item);
            self.note_command(device_id, id);
        }
    }

    pub(super) fn remove_commands_of(&mut self, device_id: &str) {
        let ids: Vec<u64> = self.commands_of(device_id).map(|command| command.id).collect();
        ids.into_iter().for_each(|id| self.remove_command(device_id, id));
    }

    /// Makes room for one more finished command, the oldest first.
    fn forget_finished_commands(&mut self, device_id: &str) {
        let finished = self.commands_of(device_id).filter(|command| command.is_finished());
        let mut ids: Vec<u64> = finished.map(|command| command.id).collect();
        ids.truncate((ids.len() + 1).saturating_sub(MAX_FINISHED));
        ids.into_iter().for_each(|id| self.remove_command(device_id, id));
    }

    fn remove_command(&mut self, device_id: &str, id: u64) {
        self.commands.remove(&(device_id.to_owned(), id));
        self.note_command(device_id, id);
    }

    fn note_command(&mut self, device_id: &str, id: u64) {
        self.note(RecordKind::Command, command_key(device_id, id));
    }
}

/// The name of a command's record.
pub(super) fn command_key(device_id: &str, id: u64) -> String {
    format!("{device_id}/{id:010}")
}

/// The command that deletes a profile's node.
pub(super) fn delete(root: &str) -> Command {
    debug_assert!(
        mdm_protocol::LocUri::parse(root).is_ok_and(|uri| ProfileAddress::locate(&uri).is_some()),
        "only profile nodes are deleted"
    );
    Command::Operation(Operation {
        id: mdm_protocol::syncml::CommandId::default(),
        verb: Verb::Delete,
        meta: Meta::default(),
        items: vec![Item::target(root)],
    })
}
