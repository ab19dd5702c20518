//! What became of a command's items, and the statuses that say so.

use mdm_protocol::syncml::{Command, CommandId, Item, Meta, Operation, Results, Status, StatusCode};

use super::package;
use crate::engine::tree::Refusal;

/// What became of one item.
#[derive(Debug, Clone)]
pub(super) struct ItemOutcome {
    pub(super) code: StatusCode,
    /// Why, in words.
    pub(super) reason: Option<String>,
    /// What was read.
    pub(super) results: Vec<Item>,
}

impl ItemOutcome {
    pub(super) fn of(code: StatusCode) -> Self {
        Self { code, reason: None, results: Vec::new() }
    }

    /// Kept, and applied once what is missing has come.
    pub(super) fn incomplete(reason: String) -> Self {
        Self { code: StatusCode::ACCEPTED, reason: Some(reason), results: Vec::new() }
    }

    pub(super) fn is_success(&self) -> bool {
        self.code.is_success()
    }
}

impl From<Refusal> for ItemOutcome {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.status, reason: Some(refusal.reason), results: Vec::new() }
    }
}

/// The answers to an operation: one status where all items fared alike, else one for each item; then what was read.
pub(super) fn answers(message_id: u32, operation: &Operation, outcomes: Vec<ItemOutcome>) -> Vec<Command> {
    let alike = outcomes.windows(2).all(|pair| pair[0].code == pair[1].code);
    let shown = if alike { 1 } else { outcomes.len() };
    let mut answers: Vec<Command> = operation
        .items
        .iter()
        .zip(&outcomes)
        .take(shown)
        .map(|(item, outcome)| {
            let mut status = Status::new(message_id, &operation.id, operation.verb.as_str(), outcome.code);
            status.target_ref = item.target.clone().filter(|_| outcomes.len() > 1 && !alike);
            // The reason in words is for the administrator; servers that do not know it ignore the item.
            status.items.extend(outcome.reason.as_ref().map(|reason| Item::default().with_data(reason)));
            Command::Status(status)
        })
        .collect();
    let found: Vec<Item> = outcomes.into_iter().flat_map(|outcome| outcome.results).collect();
    if !found.is_empty() {
        answers.push(Command::Results(Results {
            id: CommandId::default(),
            message_ref: message_id,
            command_ref: operation.id.clone(),
            meta: Meta::default(),
            items: found,
        }));
    }
    answers
}

/// The status of an operation that is refused before any of its items is looked at, if it is.
pub(super) fn refused_whole(operation: &Operation) -> Option<StatusCode> {
    match operation {
        _ if operation.id.is_missing() => Some(StatusCode::BAD_REQUEST),
        _ if operation.items.is_empty() => Some(StatusCode::INCOMPLETE),
        _ => None,
    }
}

/// One status for an operation as a whole.
pub(super) fn whole(message_id: u32, operation: &Operation, code: StatusCode) -> Command {
    package::status(message_id, &operation.id, operation.verb.as_str(), code)
}
