//! Commands that were refused in earlier sessions are tried again once the server has nothing more to say: the device may
//! have by now what it lacked. Each is done as a whole or not at all. They come after all that the server
//! says, so that none of its commands is answered otherwise because of them; it is notified in the next session.

use std::collections::BTreeSet;
use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Command, CommandId, Group, Item, Message, Operation, StatusCode, Verb};

use super::atomic::{AtomicRun, Member};
use super::incoming::{changed, target};
use super::outcome::ItemOutcome;
use super::round::Unit;
use super::{Session, SessionEnd, Step, package};
use crate::engine::refusals::profile_node;
use crate::engine::retries::{Accepted, RefusedCommand, Retries};

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

    /// The server has nothing more to say.
    pub(super) fn finish(&mut self) -> Step {
        let is_able = !self.has_retried && self.context.store_status.is_none() && !self.context.farewell;
        self.has_retried = true;
        let known = &self.context.retries.commands;
        // What was refused in this session was refused by the machine as it is.
        // An authority that has named itself meanwhile takes nothing over from the one before.
        let is_meant =
            |refused: &&RefusedCommand| refused.authority == self.tree.authority() && known.contains(refused);
        let again = self.effects.retries.commands.iter().filter(|refused| is_able && is_meant(refused));
        let units: Vec<Unit> = again
            .map(|refused| {
                let group = Group { id: CommandId(RETRIED.to_owned()), commands: refused.commands() };
                Unit::Retry(Arc::new(group), Arc::new(refused.clone()))
            })
            .collect();
        if units.is_empty() { Step::End(SessionEnd::Completed) } else { self.begin_round(0, units) }
    }

    /// What was tried again was refused again, or is accepted now.
    pub(super) fn retried(&mut self, refused: &RefusedCommand, run: &AtomicRun, code: StatusCode) {
        if !code.is_success() {
            return;
        }
        let waits = run.members.iter().any(|member| match member {
            Member::Items(items) => items.iter().any(|item| item.code == StatusCode::ACCEPTED),
            Member::Whole(_) => false,
        });
        let status = if waits { StatusCode::ACCEPTED } else { StatusCode::OK };
        self.effects.retries.commands.retain(|known| known != refused);
        refused.nodes.iter().for_each(|node| self.effects.fates.accept(node.clone()));
        refused.refused.iter().for_each(|node| self.note_accepted(node.clone(), status));
    }

    /// The server is to be notified of a setting that was refused and is accepted now.
    pub(super) fn note_accepted(&mut self, node: String, status: StatusCode) {
        let accepted = Accepted { status: status.0, authority: self.tree.authority().to_owned() };
        self.effects.retries.accepted.insert(node, accepted);
    }

    /// Keeps an item that was refused and may succeed later.
    pub(super) fn keep_refused_item(&mut self, operation: &Operation, item: &Item, outcome: &ItemOutcome) {
        let is_set = matches!(operation.verb, Verb::Add | Verb::Replace);
        let Some(node) = node(operation, item).filter(|_| is_set && may_succeed(outcome)) else { return };
        let claims = &mut self.effects.claims;
        let is_of_node = |claim: &str| LocUri::parse(claim).is_ok_and(|uri| profile_node(&uri).as_ref() == Some(&node));
        // The last value counts. What waits for the place of another setting is tried as soon as that goes.
        if outcome.code == StatusCode::ALREADY_EXISTS && claims.iter().any(|claim| is_of_node(&claim.node)) {
            return self.effects.retries.superseded(&node);
        }
        claims.retain(|claim| !is_of_node(&claim.node));
        let command = Operation { items: vec![item.clone()], ..operation.clone() };
        let nodes = BTreeSet::from([node]);
        self.keep_refused(vec![Command::Operation(command)], nodes.clone(), nodes);
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
        // The same setting is the same whatever number it comes with.
        let commands = package::number(commands.into_iter());
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
