//! A message of the server, worked through one command after the other (rule C6).
//!
//! Each top-level command is a [`Unit`] that takes effect, and has its verdict, before the next one begins. The machine
//! is changed once, after the last of them. If that fails, or the changes cannot be kept, the whole message is taken back
//! and worked through again with what is known by then: what failed is refused in its turn, so that every answer is that
//! of a device on which it never happened.

mod settle;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mdm_protocol::syncml::{Command, Format, Group, Operation, StatusCode};

use super::atomic::AtomicRun;
use super::effects::SessionEffects;
use super::outcome::ItemOutcome;
use super::{Session, Step};
use crate::engine::claim::Claim;
use crate::engine::retries::RefusedCommand;
use crate::engine::tree::{Mark, Refusal};
use crate::engine::verdict::{VerdictRequest, Verdicts};

/// What takes effect, and is judged, by itself.
#[derive(Debug, Clone)]
pub(super) enum Unit {
    /// An answer that nothing can change.
    Answer(Box<Command>),
    /// One item of an operation.
    Item(Arc<Operation>, usize),
    /// A group that is done as a whole or not at all.
    Atomic(Arc<Group>),
    /// What was refused before, tried again as a whole.
    Retry(Arc<Group>, Arc<RefusedCommand>),
}

impl Unit {
    pub(super) fn answer(command: Command) -> Self {
        Self::Answer(Box::new(command))
    }
}

/// A message in progress.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) message_id: u32,
    units: Vec<Unit>,
    next: usize,
    /// What was there before the message.
    start: Start,
    pub(super) answers: Vec<Command>,
    /// Settings that wait for their place and are tried before the next unit, by their address.
    pub(super) claims: VecDeque<String>,
    /// Of the operation whose items are being worked through.
    pub(super) outcomes: Vec<ItemOutcome>,
    /// What waits for its verdict.
    pub(super) pending: Option<Pending>,
    /// What turned out not to be possible when it was tried.
    pub(super) failing: Failing,
    /// Profiles that were handed to the machine for this message.
    handed: BTreeSet<String>,
    /// How much the answers read out so far, in bytes.
    pub(super) read_bytes: usize,
}

/// What was there before a message.
#[derive(Debug)]
struct Start {
    mark: Mark,
    effects: SessionEffects,
    applied: BTreeMap<String, String>,
    held: BTreeMap<String, String>,
    not_applied: BTreeMap<String, Refusal>,
    nodes: Arc<Vec<(String, Format, String)>>,
}

/// What waits for its verdict.
#[derive(Debug)]
pub(super) enum Pending {
    /// Nothing; only what can be read has to be brought up to date.
    Refresh,
    /// A change of one profile.
    Item { mark: Mark, root: String, claim: Option<Claim> },
    /// A setting that waits for its place.
    Claim { mark: Mark, root: String },
    /// A group.
    Atomic(Box<AtomicRun>),
}

/// What turned out not to be possible when it was tried.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// Profiles that could not be changed on the machine, and why.
    pub(super) profiles: BTreeMap<String, Refusal>,
    /// Why nothing can be kept.
    pub(super) store: Option<StatusCode>,
    /// Profiles that were applicable and wait in the end, for what a later command has deleted.
    pub(super) waiting: BTreeSet<String>,
}

impl Failing {
    pub(super) fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.store.is_none() && self.waiting.is_empty()
    }
}

impl Round {
    /// Whether the server gets no answer.
    pub(super) fn is_silent(&self) -> bool {
        self.units.iter().all(|unit| matches!(unit, Unit::Retry(..)))
    }

    /// The item that is being worked through.
    pub(super) fn item(&self) -> Option<(Arc<Operation>, usize)> {
        match self.units.get(self.next)? {
            Unit::Item(operation, index) => Some((Arc::clone(operation), *index)),
            Unit::Answer(_) | Unit::Atomic(_) | Unit::Retry(..) => None,
        }
    }

    /// The operation whose last item is being worked through.
    pub(super) fn operation_at_its_end(&self) -> Option<Arc<Operation>> {
        match self.units.get(self.next)? {
            Unit::Item(operation, index) if index + 1 == operation.items.len() => Some(Arc::clone(operation)),
            Unit::Item(..) | Unit::Answer(_) | Unit::Atomic(_) | Unit::Retry(..) => None,
        }
    }
}

impl Session {
    /// Begins with a message.
    pub(super) fn begin_round(&mut self, message_id: u32, units: Vec<Unit>) -> Step {
        let start = Start {
            mark: self.tree.mark(),
            effects: self.effects.clone(),
            applied: self.applied.clone(),
            held: self.held.clone(),
            not_applied: self.not_applied.clone(),
            nodes: Arc::clone(&self.nodes),
        };
        self.round = Some(Round {
            message_id,
            units,
            next: 0,
            start,
            answers: Vec::new(),
            claims: VecDeque::new(),
            outcomes: Vec::new(),
            pending: None,
            failing: Failing::default(),
            handed: BTreeSet::new(),
            read_bytes: 0,
        });
        self.retry_claims();
        self.advance()
    }

    /// Works through the message until a verdict is needed or it is at its end.
    fn advance(&mut self) -> Step {
        loop {
            while let Some(node) = self.round.as_mut().and_then(|round| round.claims.pop_front()) {
                if let Some(request) = self.try_claim(&node) {
                    return Step::Evaluate(Box::new(request));
                }
            }
            let Some(unit) = self.round.as_ref().and_then(|round| round.units.get(round.next).cloned()) else { break };
            let request = match unit {
                Unit::Answer(answer) => {
                    self.push_answers([*answer]);
                    None
                }
                Unit::Item(operation, index) => self.perform_item(&operation, index),
                Unit::Atomic(group) => self.perform_atomic(&group, None),
                Unit::Retry(group, refused) => self.perform_atomic(&group, Some(&refused)),
            };
            match request {
                Some(request) => return Step::Evaluate(Box::new(request)),
                None => self.unit_done(),
            }
        }
        self.apply()
    }

    /// Takes the verdict that was asked for.
    pub fn evaluated(&mut self, verdicts: &Verdicts) -> Step {
        let pending = self.round.as_mut().and_then(|round| round.pending.take());
        self.evaluator_is_current = !verdicts.lost;
        let request = match pending {
            Some(Pending::Refresh) if verdicts.lost => {
                // The state of the device is unknown.
                self.item_done(ItemOutcome::of(StatusCode::FAILED));
                None
            }
            Some(Pending::Refresh) => {
                self.take_nodes(verdicts);
                // The unit that needed it is still to be done.
                return self.advance();
            }
            Some(Pending::Item { mark, root, claim }) => {
                self.item_evaluated(mark, &root, claim, verdicts);
                None
            }
            Some(Pending::Claim { mark, root }) => {
                self.claim_evaluated(mark, &root, verdicts);
                return self.advance();
            }
            Some(Pending::Atomic(run)) => self.atomic_evaluated(*run, verdicts),
            None => None,
        };
        if let Some(request) = request {
            return Step::Evaluate(Box::new(request));
        }
        self.unit_done();
        self.advance()
    }

    fn unit_done(&mut self) {
        let is_changed = |(root, before): (&String, &Option<_>)| self.changed.get(root) != before.as_ref();
        if !self.effects.claims.is_empty() && self.before_unit.iter().any(is_changed) {
            self.retry_claims();
        }
        self.before_unit.clear();
        // The channel follows from the push server's name, also where that was rolled back.
        self.follow_push_name();
        if let Some(round) = &mut self.round {
            round.next += 1;
        }
    }

    pub(super) fn push_answers(&mut self, answers: impl IntoIterator<Item = Command>) {
        if let Some(round) = &mut self.round {
            round.answers.extend(answers);
        }
    }

    /// Asks for a verdict on changes that have been made to the tree.
    pub(super) fn request(&mut self, pending: Pending, proposed: &[String], named: BTreeSet<String>) -> VerdictRequest {
        let from_store = !std::mem::replace(&mut self.evaluator_is_current, true);
        let accepted = std::mem::replace(&mut self.proposal_accepted, true);
        if from_store {
            // Everything but what is proposed, of which counts what was accepted before.
            let others = self.changed.iter().filter(|(root, _)| !self.before_unit.contains_key(*root));
            let before = self.before_unit.iter().filter_map(|(root, before)| Some((root, before.as_ref()?)));
            self.settled = others.chain(before).map(|(root, profile)| (root.clone(), profile.clone())).collect();
        }
        let proposed = proposed.iter().map(|root| (root.clone(), self.present_profile(root)));
        let request = VerdictRequest {
            from_store,
            accepted,
            proposed: proposed.collect(),
            settled: std::mem::take(&mut self.settled),
            named,
            wants_nodes: matches!(pending, Pending::Refresh),
            now: self.now,
        };
        if let Some(round) = &mut self.round {
            round.pending = Some(pending);
        }
        request
    }

    /// What is known of applicable profiles, as the changes so far leave them.
    fn take_nodes(&mut self, verdicts: &Verdicts) {
        if let Some(nodes) = &verdicts.nodes {
            self.nodes = Arc::clone(nodes);
            self.tree.provide_machine(&self.nodes);
        }
        self.nodes_are_stale = false;
    }
}
