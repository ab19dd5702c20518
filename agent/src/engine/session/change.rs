//! One item of an operation that stands by itself: it takes effect, and has its verdict, before the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Item, Operation, StatusCode, Verb};

use super::incoming::{changed, target};
use super::outcome::{ItemOutcome, answers};
use super::round::{Pending, Round};
use super::{Session, execution};
use crate::engine::claim::Claim;
use crate::engine::profile::Profile;
use crate::engine::refusals::profile_node;
use crate::engine::tree::{Mark, Refusal};
use crate::engine::verdict::{Verdict, VerdictRequest, Verdicts};

/// Statuses of profiles that could have been applied and were not: the disk was full, or a tool failed. Only trying
/// again shows whether that is still so.
const FAILED_WHEN_APPLIED: [StatusCode; 2] = [StatusCode::FAILED, StatusCode::DEVICE_FULL];

/// Why a profile waits that was applicable when its command was judged.
const WAITS: &str = "it waits for something that was there when its command was judged";

impl Session {
    /// Does what an item asks for; answers with what has to be known before the next one.
    pub(super) fn perform_item(&mut self, operation: &Arc<Operation>, index: usize) -> Option<VerdictRequest> {
        let item = &operation.items[index];
        let outcome = match operation.verb {
            Verb::Get if self.nodes_are_stale => {
                return Some(self.request(Pending::Refresh, &[], BTreeSet::new()));
            }
            Verb::Get => {
                let nodes = [self.effects.nodes(), self.inventory_nodes(item)].concat();
                self.tree.provide_session(&nodes);
                self.read_item(item)
            }
            Verb::Exec => self.execute_item(operation, item),
            Verb::Add | Verb::Replace | Verb::Delete => match self.change_item(operation, item) {
                Ok(outcome) => outcome,
                Err(request) => return Some(*request),
            },
        };
        self.item_done(outcome);
        None
    }

    /// Makes a change; `Err` asks for the verdict that it depends on.
    fn change_item(&mut self, operation: &Operation, item: &Item) -> Result<ItemOutcome, Box<VerdictRequest>> {
        let mark = self.tree.mark();
        let effects = (operation.verb == Verb::Delete).then(|| self.effects.clone());
        let root = match self.change(operation, item) {
            Ok(root) => root,
            Err(refusal) => return Ok(refusal.into()),
        };
        self.note_changes(root.clone());
        if let Some(root) = self.needs_verdict(root.as_deref()) {
            let named = BTreeSet::from([root.clone()]);
            let claim = self.claim_of(operation, item, &root);
            let pending = Pending::Item { mark, root: root.clone(), claim };
            return Err(Box::new(self.request(pending, &[root], named)));
        }
        if let Some(refusal) = self.failure_since(mark) {
            self.take_back(mark);
            effects.into_iter().for_each(|effects| self.effects = effects);
            return Ok(refusal.into());
        }
        root.iter().for_each(|root| self.forget_claims(root));
        if !self.tree.nodes_changed_since(mark).is_empty() {
            self.settle(root);
        }
        Ok(ItemOutcome::of(StatusCode::OK))
    }

    /// Takes the verdict on a change.
    pub(super) fn item_evaluated(&mut self, mark: Mark, root: &str, claim: Option<Claim>, verdicts: &Verdicts) {
        let failure = self.failure_since(mark);
        let verdict = match (self.verdict_on(root, verdicts), failure) {
            (Verdict::Applicable | Verdict::Incomplete(_), Some(failure)) => Verdict::Refused(failure),
            (verdict, _) => verdict,
        };
        let outcome = match verdict {
            Verdict::Refused(refusal) => {
                self.take_back(mark);
                self.proposal_accepted = false;
                refusal.into()
            }
            Verdict::Taken(refusal) => {
                // What is stored and as it was needs no claim.
                let claim = claim.filter(|_| !self.tree.nodes_changed_since(mark).is_empty());
                self.take_back(mark);
                self.proposal_accepted = false;
                claim.into_iter().for_each(|claim| self.remember(claim));
                refusal.into()
            }
            Verdict::Applicable | Verdict::Incomplete(_) => {
                self.forget_claims(root);
                self.take_verdict(root, &verdict);
                match verdict {
                    Verdict::Incomplete(reason) => ItemOutcome::incomplete(reason),
                    _ => ItemOutcome::of(StatusCode::OK),
                }
            }
        };
        self.item_done(outcome);
    }

    pub(super) fn item_done(&mut self, outcome: ItemOutcome) {
        if let Some((operation, index)) = self.round.as_ref().and_then(Round::item)
            && let Some(item) = operation.items.get(index)
        {
            self.record_fate(&operation, item, &outcome);
            self.keep_refused_item(&operation, item, &outcome);
        }
        let Some(round) = &mut self.round else { return };
        round.outcomes.push(outcome);
        let Some(operation) = round.operation_at_its_end() else { return };
        let outcomes = std::mem::take(&mut round.outcomes);
        let answers = answers(round.message_id, &operation, outcomes);
        round.answers.extend(answers);
    }

    /// Records what was made of a setting of a profile, so that users see the reason that the server gets.
    pub(super) fn record_fate(&mut self, operation: &Operation, item: &Item, outcome: &ItemOutcome) {
        let uri = if operation.verb == Verb::Replace { changed(item) } else { target(item) };
        let Ok(uri) = uri else { return };
        self.effects.fates.record(operation, &uri, outcome.code, outcome.reason.as_deref());
        if let Some(node) = profile_node(&uri).filter(|_| is_otherwise_now(operation.verb, outcome)) {
            self.effects.retries.superseded(&node);
        }
    }

    /// Changes the tree; answers with the address of the profile that the node belongs to.
    pub(super) fn change(&mut self, operation: &Operation, item: &Item) -> Result<Option<String>, Refusal> {
        if let Some(status) = self.context.store_status {
            return Err(Refusal::new(status));
        }
        let uri = if operation.verb == Verb::Replace { changed(item)? } else { target(item)? };
        if operation.verb == Verb::Delete
            && let Some(address) = ProfileAddress::locate(&uri)
        {
            // What waits for its place cannot be seen, but it is no longer wanted.
            self.forget_claims(&address.root.to_string());
        }
        let address = ProfileAddress::locate(&uri);
        let has_request = address.as_ref().is_some_and(|address| self.has_certificate_request(&address.root));
        let format = item.format(&operation.meta);
        match operation.verb {
            Verb::Add => self.tree.add(&uri, format, execution::data(item)),
            Verb::Delete => self.tree.delete(&uri),
            Verb::Replace | Verb::Get | Verb::Exec => self.tree.replace(&uri, format, execution::data(item)),
        }?;
        if let Some(root) = address.as_ref().map(|address| &address.root).filter(|root| !self.tree.has_own(root)) {
            // A removed profile takes its certificate request along.
            self.effects.profile_removed(&root.to_string(), has_request);
        }
        Ok(address.map(|address| address.root.to_string()))
    }

    /// Whether a certificate was requested for a profile, in this session or before.
    fn has_certificate_request(&self, root: &LocUri) -> bool {
        let is_scep = root.segments().get(3).is_some_and(|name| name == "SCEP");
        is_scep && self.tree.value(&root.child("Status")).is_some()
    }

    /// Brings what is known of changed profiles up to date with the tree.
    pub(super) fn note_changes(&mut self, roots: impl IntoIterator<Item = String>) {
        for root in roots {
            let Ok(uri) = LocUri::parse(&root) else { continue };
            let present = self.tree.profile(&uri, self.now);
            self.before_unit.entry(root.clone()).or_insert_with(|| self.changed.get(&root).cloned());
            if present.as_ref() == self.tree.stored_profile(&uri) {
                self.changed.remove(&root);
            } else {
                self.changed.insert(root, present.map(Arc::new));
            }
        }
    }

    /// A profile as the commands so far leave it.
    pub(super) fn present_profile(&self, root: &str) -> Option<Arc<Profile>> {
        match self.changed.get(root) {
            Some(changed) => changed.clone(),
            None => {
                let stored = LocUri::parse(root).ok().and_then(|uri| self.tree.stored_profile(&uri));
                stored.cloned().map(Arc::new)
            }
        }
    }

    /// Why the changes since a moment are known not to be possible.
    pub(super) fn failure_since(&self, mark: Mark) -> Option<Refusal> {
        let failing = &self.round.as_ref()?.failing;
        if failing.is_empty() {
            return None;
        }
        let changed = self.tree.nodes_changed_since(mark);
        let of_profile = || {
            let mut roots = changed.iter().filter_map(|uri| ProfileAddress::locate(uri));
            roots.find_map(|address| failing.profiles.get(&address.root.to_string()).cloned())
        };
        failing.store.filter(|_| !changed.is_empty()).map(Refusal::new).or_else(of_profile)
    }

    /// The profile, if it is there and not known to be applied as it is.
    pub(super) fn needs_verdict(&self, root: Option<&str>) -> Option<String> {
        let profile = self.present_profile(root?)?;
        let is_applied = self.applied.get(root?).is_some_and(|content| *content == profile.content_hash);
        (!is_applied).then(|| root.unwrap_or_default().to_owned())
    }

    /// A change that needs no verdict.
    pub(super) fn settle(&mut self, root: Option<String>) {
        let Some(root) = root else { return };
        let present = self.present_profile(&root);
        if present.is_none() {
            self.applied.remove(&root);
        }
        self.nodes_are_stale = true;
        self.settled.push((root, present));
    }

    /// Takes changes of the tree back.
    pub(super) fn take_back(&mut self, mark: Mark) {
        let roots: Vec<String> = self.tree.profiles_touched_since(mark).iter().map(ToString::to_string).collect();
        self.tree.undo_to(mark);
        self.note_changes(roots);
    }

    /// The verdict on a profile, by all that is known.
    pub(super) fn verdict_on(&self, root: &str, verdicts: &Verdicts) -> Verdict {
        let verdict = verdicts.verdicts.get(root).cloned().unwrap_or(Verdict::Applicable);
        let failed = self.not_applied.get(root).filter(|refusal| FAILED_WHEN_APPLIED.contains(&refusal.status));
        let waits = || self.round.as_ref().is_some_and(|round| round.failing.waiting.contains(root));
        match (verdict, failed) {
            (Verdict::Applicable, _) if waits() => Verdict::Incomplete(WAITS.to_owned()),
            (Verdict::Applicable, Some(refusal)) if !self.changed.contains_key(root) => {
                Verdict::Refused(refusal.clone())
            }
            (verdict, _) => verdict,
        }
    }

    /// A verdict that was accepted.
    pub(super) fn take_verdict(&mut self, root: &str, verdict: &Verdict) {
        self.nodes_are_stale = true;
        match (verdict, self.present_profile(root)) {
            (Verdict::Applicable, Some(profile)) => {
                drop(self.applied.insert(root.to_owned(), profile.content_hash.clone()));
            }
            _ => drop(self.applied.remove(root)),
        }
    }
}

/// Whether the server has set or deleted what an item names, in place of whatever it said before.
fn is_otherwise_now(verb: Verb, outcome: &ItemOutcome) -> bool {
    match verb {
        // What is to be deleted and not there is not wanted, either.
        Verb::Delete => !matches!(outcome.code, StatusCode::ROLLED_BACK | StatusCode::NOT_EXECUTED),
        // Also one that is refused says what is wanted now; that a node is there already says nothing.
        Verb::Add | Verb::Replace => {
            let says_nothing = [StatusCode::ROLLED_BACK, StatusCode::NOT_EXECUTED, StatusCode::ALREADY_EXISTS];
            !says_nothing.contains(&outcome.code)
        }
        Verb::Get | Verb::Exec => false,
    }
}
