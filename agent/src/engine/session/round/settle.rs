//! The end of a message: its changes go to the machine once, then to the store; what fails only there is taken back, and
//! the message is worked through again with that failure known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::syncml::StatusCode;

use crate::engine::application::{Application, ApplicationOutcome, MachineReport};
use crate::engine::session::{Session, Step};
use crate::engine::tree::Refusal;

impl Session {
    /// Hands what the message has changed to the machine, together with what has to be put back.
    pub(super) fn apply(&mut self) -> Step {
        let Some(round) = &self.round else { return self.answer() };
        let roots: BTreeSet<String> = self.changed.keys().chain(&round.handed).cloned().collect();
        if roots.is_empty() {
            return self.keep();
        }
        let profiles: BTreeMap<_, _> = roots.iter().map(|root| (root.clone(), self.present_profile(root))).collect();
        let is_expected = |root: &&String| {
            let present = profiles.get(*root).and_then(Option::as_ref);
            // A removal; or what was found to be applicable, and not what still waits.
            present.is_none_or(|present| self.applied.get(*root) == Some(&present.content_hash))
        };
        let expected = self.changed.keys().filter(is_expected).cloned().collect();
        let applied_before = self.round.as_ref().filter(|round| !round.failing.is_empty()).map(|round| {
            let both = round.start.applied.iter().chain(&round.start.held);
            both.map(|(root, content)| (root.clone(), content.clone())).collect()
        });
        if let Some(round) = &mut self.round {
            round.handed = roots;
        }
        Step::Apply(Box::new(Application { profiles, expected: Some(expected), applied_before, now: self.now }))
    }

    /// Takes what became of the changes on the machine.
    pub fn applied(&mut self, outcome: &ApplicationOutcome) -> Step {
        self.evaluator_is_current = false;
        let is_change = |(root, _): &(&String, &Refusal)| self.changed.contains_key(*root);
        let mut failed: Vec<_> = outcome.failed.iter().filter(is_change).collect();
        if failed.is_empty() {
            failed = outcome.consequences.iter().filter(is_change).collect();
        }
        if failed.is_empty() {
            if let Some(round) = &mut self.round {
                round.handed.retain(|root| self.changed.contains_key(root));
            }
            if let Some(machine) = &outcome.machine {
                if self.waits_in_the_end(machine) {
                    return self.repeat();
                }
                self.take_machine(machine);
            }
            return self.keep();
        }
        let failed: Vec<_> = failed.into_iter().map(|(root, why)| (root.clone(), why.clone())).collect();
        if let Some(round) = &mut self.round {
            let is_news = failed.iter().any(|(root, _)| !round.failing.profiles.contains_key(root));
            round.failing.profiles.extend(failed);
            if !is_news {
                // What goes on failing although its commands are refused is not theirs.
                return self.keep();
            }
        }
        self.repeat()
    }

    /// Whether profiles that were applicable when they were judged are not applied, for a reason that has turned up now.
    fn waits_in_the_end(&mut self, machine: &MachineReport) -> bool {
        let is_expected = |root: &String| match (self.applied.get(root), self.changed.get(root)) {
            (Some(content), Some(Some(present))) => *content == present.content_hash,
            _ => false,
        };
        let is_missing = |root: &&String| {
            let is_there = machine.applied.contains_key(*root) || machine.held.contains_key(*root);
            is_expected(root) && !is_there && !machine.refused.contains_key(*root)
        };
        let waiting: BTreeSet<String> = self.changed.keys().filter(is_missing).cloned().collect();
        let Some(round) = &mut self.round else { return false };
        let known = round.failing.waiting.len();
        round.failing.waiting.extend(waiting);
        round.failing.waiting.len() > known
    }

    /// How the machine is now.
    pub(in crate::engine::session) fn take_machine(&mut self, machine: &MachineReport) {
        self.applied.clone_from(&machine.applied);
        self.held.clone_from(&machine.held);
        self.not_applied.clone_from(&machine.refused);
        self.nodes = Arc::new(machine.nodes.clone());
        self.tree.provide_machine(&self.nodes);
        self.nodes_are_stale = false;
    }

    fn keep(&mut self) -> Step {
        let store_failed = self.round.as_ref().is_some_and(|round| round.failing.store.is_some());
        let changes = self.tree.changes(self.now);
        if changes.is_empty() || store_failed {
            return self.answer();
        }
        self.unkept = Some(changes.clone());
        Step::Keep(Box::new(changes))
    }

    /// Takes whether the changes are kept. `Err` gives the status for commands whose effect is lost.
    pub fn kept(&mut self, result: Result<(), StatusCode>) -> Step {
        match (result, self.unkept.take()) {
            (Ok(()), Some(changes)) => {
                let profiles = changes.profiles.values().flatten();
                self.has_new_rules |=
                    profiles.into_iter().any(|profile| crate::engine::session::rule_id(profile).is_some());
                self.has_lost_store = false;
                self.tree.accept(&changes);
                self.changed.clear();
                self.answer()
            }
            (Ok(()), None) => self.answer(),
            (Err(status), _) => {
                self.has_lost_store = true;
                if let Some(round) = &mut self.round {
                    round.failing.store = Some(status);
                }
                self.repeat()
            }
        }
    }

    /// Takes the whole message back and works through it again, now that more is known.
    fn repeat(&mut self) -> Step {
        let Some(round) = &mut self.round else { return self.answer() };
        self.tree.undo_to(round.start.mark);
        self.effects = round.start.effects.clone();
        self.applied.clone_from(&round.start.applied);
        self.held.clone_from(&round.start.held);
        self.not_applied.clone_from(&round.start.not_applied);
        self.nodes = Arc::clone(&round.start.nodes);
        self.tree.provide_machine(&self.nodes);
        (round.next, round.read_bytes, round.pending) = (0, 0, None);
        round.claims.clear();
        round.answers.clear();
        round.outcomes.clear();
        self.nodes_are_stale = false;
        self.evaluator_is_current = false;
        self.proposal_accepted = true;
        self.changed.clear();
        self.settled.clear();
        self.before_unit.clear();
        self.retry_claims();
        self.advance()
    }
}
