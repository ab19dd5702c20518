//! Groups: Atomic is all or nothing, Sequence is in order.

use mdm_protocol::syncml::{Command, Group, StatusCode, Verb};

use super::execute::refused;
use super::{Answer, Session, package};

impl Session {
    /// Does all of a group or none of it; the group's own status stands before those of its commands.
    pub(super) fn atomic(&mut self, message_id: u32, group: Group) {
        // No piece of a large object can come in an Atomic, so one that is open will not be completed.
        self.give_up_open_object();
        let mark = self.tree.mark();
        let before = (self.unenrol, self.renew_now, self.orders.clone());
        self.groups += 1;
        let number = self.groups;
        self.group = Some(number);
        self.tree.set_group(self.group);
        let first = self.prepared.len();
        let id = group.id.clone();
        self.prepared.push(Answer::plain(package::status(message_id, &id, "Atomic", StatusCode::OK)));
        let mut failed = id.is_missing();
        for command in group.commands {
            failed |= !self.execute_in_atomic(message_id, command, failed);
        }
        self.group = None;
        self.tree.set_group(None);
        self.prepared[first..].iter_mut().for_each(|answer| answer.group = Some(number));
        if !failed {
            self.prepared[first].changes = self.prepared[first + 1..].iter().any(|answer| answer.changes);
            return;
        }
        self.tree.undo_to(mark);
        self.follow_push_name();
        (self.unenrol, self.renew_now, self.orders) = before;
        for answer in &mut self.prepared[first + 1..] {
            if answer.status().is_some_and(StatusCode::is_success) {
                answer.set_status(StatusCode::ROLLED_BACK);
                answer.changes = false;
            }
        }
        let own = if id.is_missing() { StatusCode::BAD_REQUEST } else { StatusCode::ATOMIC_FAILED };
        self.prepared[first].set_status(own);
    }

    /// Runs one command of an Atomic; `false` if it failed. After a failure the rest is not run at all.
    fn execute_in_atomic(&mut self, message_id: u32, command: Command, failed_before: bool) -> bool {
        let outcome = match &command {
            Command::Operation(operation) if failed_before => refused(message_id, operation, StatusCode::NOT_EXECUTED),
            Command::Operation(operation) if operation.verb == Verb::Get => {
                refused(message_id, operation, StatusCode::FAILED)
            }
            // A piece of a large object is not the object, and an Atomic cannot wait for the rest.
            Command::Operation(operation) if operation.items.iter().any(|item| item.more_data) => {
                refused(message_id, operation, StatusCode::NOT_SUPPORTED)
            }
            Command::Operation(operation) => self.operate(message_id, operation),
            _ => {
                let code = match &command {
                    _ if failed_before => StatusCode::NOT_EXECUTED,
                    Command::Unrecognised(_) => StatusCode::BAD_REQUEST,
                    _ => StatusCode::FAILED,
                };
                let status = package::status(message_id, command.id(), command.name(), code);
                self.prepared.push(Answer::plain(status));
                return false;
            }
        };
        self.prepared.extend(outcome.answers);
        outcome.succeeded
    }

    /// Does a group in order; a failure does not stop the rest.
    pub(super) fn sequence(&mut self, message_id: u32, group: Group) {
        let code = if group.id.is_missing() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        self.prepared.push(Answer::plain(package::status(message_id, &group.id, "Sequence", code)));
        if code.is_success() {
            group.commands.into_iter().for_each(|command| self.execute(message_id, command));
        }
    }
}
