//! Settings that wait for a place that another one holds: remembered when they are refused for that alone, tried again when
//! something has changed, forgotten when the server sets or deletes the profile otherwise.

use std::collections::BTreeSet;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Format, Item, Operation, StatusCode, Verb};

use super::round::Pending;
use super::{Session, execution, incoming};
use crate::engine::claim::{Claim, MAX_CLAIMS};
use crate::engine::refusals::profile_node;
use crate::engine::tree::Mark;
use crate::engine::verdict::{Verdict, VerdictRequest, Verdicts};

impl Session {
    /// The settings that wait for their place.
    pub fn claims(&self) -> &[Claim] {
        &self.effects.claims
    }

    /// What an item would claim, should its place be taken.
    pub(super) fn claim_of(&self, operation: &Operation, item: &Item, root: &str) -> Option<Claim> {
        let uri = match operation.verb {
            Verb::Replace => incoming::changed(item),
            Verb::Add => incoming::target(item),
            Verb::Delete | Verb::Get | Verb::Exec => return None,
        };
        Some(Claim {
            root: root.to_owned(),
            node: uri.ok()?.to_string(),
            format: item.format(&operation.meta).as_str().to_owned(),
            value: execution::data(item).to_owned(),
            authority: self.tree.authority().to_owned(),
        })
    }

    /// Remembers a claim; the last one of a profile counts.
    pub(super) fn remember(&mut self, claim: Claim) {
        self.forget_claims(&claim.root);
        if self.effects.claims.len() < MAX_CLAIMS {
            self.effects.claims.push(claim);
        }
    }

    /// The server has said otherwise.
    pub(super) fn forget_claims(&mut self, root: &str) {
        self.effects.claims.retain(|claim| claim.root != root);
    }

    /// Has everything tried again that waits for its place.
    pub(super) fn retry_claims(&mut self) {
        let nodes = self.effects.claims.iter().map(|claim| claim.node.clone()).collect();
        if let Some(round) = &mut self.round {
            round.claims = nodes;
        }
    }

    /// Tries one of them; answers with what has to be known for it.
    pub(super) fn try_claim(&mut self, node: &str) -> Option<VerdictRequest> {
        let claim = self.effects.claims.iter().find(|claim| claim.node == node)?.clone();
        let (uri, format) = (LocUri::parse(&claim.node).ok()?, Format::parse(&claim.format));
        let mark = self.tree.mark();
        let set = self.tree.add(&uri, &format, &claim.value);
        set.or_else(|_| self.tree.replace(&uri, &format, &claim.value)).ok()?;
        self.note_changes([claim.root.clone()]);
        let Some(root) = self.needs_verdict(Some(&claim.root)) else {
            // It is there already.
            profile_node(&uri).into_iter().for_each(|node| self.effects.fates.accept(node));
            self.forget_claims(&claim.root);
            return None;
        };
        let pending = Pending::Claim { mark, root: root.clone() };
        Some(self.request(pending, std::slice::from_ref(&root), BTreeSet::from([root.clone()])))
    }

    /// Takes the verdict on a claim: it gets its place, or goes on waiting.
    pub(super) fn claim_evaluated(&mut self, mark: Mark, root: &str, verdicts: &Verdicts) {
        let is_free = self.verdict_on(root, verdicts) == Verdict::Applicable && self.failure_since(mark).is_none();
        if is_free {
            self.take_verdict(root, &Verdict::Applicable);
            let claims = self.effects.claims.iter().filter(|claim| claim.root == root);
            let nodes: Vec<String> =
                claims.filter_map(|claim| profile_node(&LocUri::parse(&claim.node).ok()?)).collect();
            for node in nodes {
                self.effects.fates.accept(node.clone());
                self.note_accepted(node, StatusCode::OK);
            }
            self.forget_claims(root);
        } else {
            self.take_back(mark);
            self.proposal_accepted = false;
        }
        self.before_unit.clear();
    }
}
