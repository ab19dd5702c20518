//! Commands that were refused before are tried again in front of the first message that the server sends in a session:
//! the device may have by now what it lacked. Each is done as a whole or not at all; the server is notified in the next
//! session, and gets no status now.

use std::collections::BTreeSet;
use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Command, CommandId, Group, Item, Message, Operation, StatusCode, Verb};

use super::Session;
use super::atomic::{AtomicRun, Member};
use super::incoming::{changed, target};
use super::outcome::ItemOutcome;
use super::round::Unit;
use crate::engine::refusals::profile_node;
use crate::engine::retries::{RefusedCommand, Retries};

/// Statuses of refusals that may no longer hold once something else has changed on the device. What is wrong with a value
/// itself has others.
const MAY_SUCCEED: [StatusCode; 4] =
    [StatusCode::NOT_SUPPORTED, StatusCode::ALREADY_EXISTS, StatusCode::DEVICE_FULL, StatusCode::FAILED];
/// The number of a group that is tried again; no status refers to it.
const RETRIED: &str = "retried";

impl Session {
    /// What is tried again, and what came of it.
    pub fn retries(&self) -> &Retries {
        &self.effects.retries
    }

    /// What was refused before, once in a session.
    pub(super) fn units_to_retry(&mut self) -> Vec<Unit> {
        if std::mem::replace(&mut self.has_retried, true) || self.context.store_status.is_some() {
            return Vec::new();
        }
        let refused = self.effects.retries.commands.iter().cloned();
        refused
            .map(|refused| {
                let group = Group { id: CommandId(RETRIED.to_owned()), commands: refused.commands() };
                Unit::Retry(Arc::new(group), Arc::new(refused))
            })
            .collect()
    }

    /// What was tried again was refused again, or is applied now.
    pub(super) fn retried(&mut self, refused: &RefusedCommand, code: StatusCode) {
        if code.is_success() {
            self.effects.retries.commands.retain(|known| known != refused);
            self.effects.retries.applied(refused.refused.iter().cloned());
            refused.nodes.iter().for_each(|node| self.effects.fates.accept(node.clone()));
        }
    }

    /// Keeps items of an operation that were refused and may succeed later.
    pub(super) fn keep_refused_items(&mut self, operation: &Operation, outcomes: &[ItemOutcome]) {
        let refused = operation.items.iter().zip(outcomes).filter(|(_, outcome)| may_succeed(outcome));
        for (item, _) in refused {
            let Some(node) = node(operation, item).filter(|_| operation.verb != Verb::Delete) else { continue };
            // What waits for the place of another setting is tried again as soon as that goes.
            if !self.effects.claims.iter().any(|claim| claim.node == node) {
                let command = Operation { items: vec![item.clone()], ..operation.clone() };
                let nodes = BTreeSet::from([node]);
                self.keep_refused(vec![Command::Operation(command)], nodes.clone(), nodes);
            }
        }
    }

    /// Keeps an Atomic that was refused, if all that it was refused for may be otherwise later.
    pub(super) fn keep_refused_atomic(&mut self, run: &AtomicRun) {
        let (mut nodes, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for (command, member) in run.group.commands.iter().zip(&run.members) {
            let Command::Operation(operation) = command else { return };
            let outcomes = match member {
                Member::Items(outcomes) => outcomes.as_slice(),
                Member::Whole(StatusCode::NOT_EXECUTED) => &[],
                Member::Whole(_) => return,
            };
            for (place, item) in operation.items.iter().enumerate() {
                let Some(node) = node(operation, item) else { return };
                match outcomes.get(place) {
                    None => {}
                    Some(outcome) if outcome.code == StatusCode::ROLLED_BACK => {}
                    Some(outcome) if may_succeed(outcome) => drop(refused.insert(node.clone())),
                    Some(_) => return,
                }
                nodes.insert(node);
            }
        }
        self.keep_refused(run.group.commands.clone(), nodes, refused);
    }

    fn keep_refused(&mut self, commands: Vec<Command>, nodes: BTreeSet<String>, refused: BTreeSet<String>) {
        if refused.is_empty() {
            return;
        }
        let message = Message { commands, ..Message::default() }.encode();
        let authority = self.tree.authority().to_owned();
        self.effects.retries.remember(RefusedCommand { message, nodes, refused, authority });
    }
}

fn may_succeed(outcome: &ItemOutcome) -> bool {
    // That a node exists has no reason of its own; a foreign file in its place has.
    let is_plain = outcome.code == StatusCode::ALREADY_EXISTS
        && outcome.reason.as_deref().is_none_or(|reason| reason == outcome.code.reason());
    MAY_SUCCEED.contains(&outcome.code) && !is_plain
}

/// The address of the node of a profile that an item sets or deletes.
fn node(operation: &Operation, item: &Item) -> Option<String> {
    let uri: Option<LocUri> = match operation.verb {
        Verb::Replace => changed(item).ok(),
        Verb::Add | Verb::Delete => target(item).ok(),
        Verb::Get | Verb::Exec => None,
    };
    profile_node(&uri?)
}
