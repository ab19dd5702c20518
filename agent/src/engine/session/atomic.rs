//! An Atomic is judged at its end, as a whole, over all that it names: if one member falls, nothing of it happened (rule
//! C6). Its own status stands before those of its members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Command, Group, Item, Operation, StatusCode, Verb};

use super::blame::Blame;
use super::effects::SessionEffects;
use super::outcome::{ItemOutcome, answers, refused_whole, whole};
use super::round::Pending;
use super::{Session, package};
use crate::engine::profile::Profile;
use crate::engine::retries::RefusedCommand;
use crate::engine::tree::{Mark, Refusal};
use crate::engine::verdict::{Verdict, VerdictRequest, Verdicts};

/// An Atomic whose members were run on the tree.
#[derive(Debug)]
pub(super) struct AtomicRun {
    pub(super) group: Arc<Group>,
    /// What is tried again by it, if it is no command of the server.
    retried: Option<Arc<RefusedCommand>>,
    mark: Mark,
    effects: SessionEffects,
    pub(super) members: Vec<Member>,
    /// What each item made of its profile, in order.
    pub(super) versions: Vec<Version>,
    /// The items that changed something, by member and item.
    changing: BTreeSet<(usize, usize)>,
    pub(super) blame: Option<Blame>,
}

/// A member and what became of it.
#[derive(Debug)]
pub(super) enum Member {
    /// One status for all of it.
    Whole(StatusCode),
    /// What became of each item.
    Items(Vec<ItemOutcome>),
}

/// What an item made of a profile; looked up only if that is refused.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) member: usize,
    pub(super) item: usize,
    pub(super) root: String,
    pub(super) profile: Option<Arc<Profile>>,
}

impl Session {
    /// Runs the members of an Atomic and asks for the verdict on all that they name.
    pub(super) fn perform_atomic(
        &mut self,
        group: &Arc<Group>,
        retried: Option<&Arc<RefusedCommand>>,
    ) -> Option<VerdictRequest> {
        let mut run = AtomicRun {
            group: Arc::clone(group),
            retried: retried.cloned(),
            mark: self.tree.mark(),
            effects: self.effects.clone(),
            members: Vec::new(),
            versions: Vec::new(),
            changing: BTreeSet::new(),
            blame: None,
        };
        let mut failed = group.id.is_missing();
        for command in &group.commands {
            // After a failure the rest is not run at all.
            let member =
                if failed { Member::Whole(StatusCode::NOT_EXECUTED) } else { self.run_member(&mut run, command) };
            failed |= !member.succeeded();
            run.members.push(member);
        }
        if failed {
            self.atomic_falls(run);
            return None;
        }
        let roots = run.roots();
        self.note_changes(roots.iter().cloned());
        let named: BTreeSet<String> = roots.iter().filter_map(|root| self.needs_verdict(Some(root))).collect();
        if named.is_empty() && self.falls_by_failure(&mut run) {
            self.atomic_falls(run);
            return None;
        }
        if named.is_empty() {
            roots.into_iter().for_each(|root| self.settle(Some(root)));
            self.atomic_holds(run);
            return None;
        }
        let proposed = run.roots_in_order();
        Some(self.request(Pending::Atomic(Box::new(run)), &proposed, named))
    }

    fn run_member(&mut self, run: &mut AtomicRun, command: &Command) -> Member {
        match command {
            Command::Operation(operation) => match cannot_be_member(operation) {
                Some(code) => Member::Whole(code),
                None => Member::Items(
                    (0..operation.items.len()).map(|index| self.run_member_item(run, operation, index)).collect(),
                ),
            },
            Command::Unrecognised(_) => Member::Whole(StatusCode::BAD_REQUEST),
            _ => Member::Whole(StatusCode::FAILED),
        }
    }

    fn run_member_item(&mut self, run: &mut AtomicRun, operation: &Operation, index: usize) -> ItemOutcome {
        let item = &operation.items[index];
        if operation.verb == Verb::Exec {
            return self.execute_item(operation, item);
        }
        let (mark, member) = (self.tree.mark(), run.members.len());
        match self.change(operation, item) {
            Ok(root) => {
                if !self.tree.nodes_changed_since(mark).is_empty() {
                    run.changing.insert((member, index));
                }
                run.versions.extend(root.map(|root| Version { member, item: index, root, profile: None }));
                ItemOutcome::of(StatusCode::OK)
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// Takes a verdict on an Atomic, or on one of its items alone.
    pub(super) fn atomic_evaluated(&mut self, mut run: AtomicRun, verdicts: &Verdicts) -> Option<VerdictRequest> {
        if run.blame.is_some() {
            run.blame(verdicts);
        } else {
            let refused = self.refused_of(&run, verdicts);
            if refused.is_empty() && self.falls_by_failure(&mut run) {
                self.proposal_accepted = false;
                self.atomic_falls(run);
                return None;
            }
            if refused.is_empty() {
                self.atomic_accepted(run, verdicts);
                return None;
            }
            if run.retried.is_some() {
                // The server gets no status that could name the member to blame.
                self.proposal_accepted = false;
                self.atomic_falls(run);
                return None;
            }
            self.look_up_versions(&mut run, &refused);
            run.begin_to_blame(refused);
        }
        self.proposal_accepted = false;
        self.next_suspect(run)
    }

    /// Runs the members again to see what each made of the profiles that are refused.
    fn look_up_versions(&mut self, run: &mut AtomicRun, refused: &BTreeMap<String, Refusal>) {
        let effects = self.effects.clone();
        self.tree.undo_to(run.mark);
        for version in &mut run.versions {
            let Some(Command::Operation(operation)) = run.group.commands.get(version.member) else { continue };
            let done = operation.items.get(version.item).map(|item| self.change(operation, item));
            if done.is_some_and(|done| done.is_ok()) && refused.contains_key(&version.root) {
                let uri = LocUri::parse(&version.root).ok();
                version.profile = uri.and_then(|uri| self.tree.profile(&uri, self.now)).map(Arc::new);
            }
        }
        self.effects = effects;
    }

    fn refused_of(&self, run: &AtomicRun, verdicts: &Verdicts) -> BTreeMap<String, Refusal> {
        let roots: BTreeSet<&String> = run.versions.iter().map(|version| &version.root).collect();
        let named = roots.into_iter().filter(|root| verdicts.verdicts.contains_key(*root));
        let refused = named.filter_map(|root| Some((root.clone(), self.verdict_on(root, verdicts).refusal()?.clone())));
        refused.collect()
    }

    fn atomic_accepted(&mut self, mut run: AtomicRun, verdicts: &Verdicts) {
        let named = run.roots().into_iter().filter(|root| verdicts.verdicts.contains_key(root));
        let named: BTreeMap<String, Verdict> =
            named.map(|root| (root.clone(), self.verdict_on(&root, verdicts))).collect();
        for root in &run.roots() {
            match named.get(root) {
                Some(verdict) => self.take_verdict(root, verdict),
                // It is removed, or applied as it is.
                None => self.settle(Some(root.clone())),
            }
        }
        for version in &run.versions {
            if let (Some(Verdict::Incomplete(reason)), Some(Member::Items(items))) =
                (named.get(&version.root), run.members.get_mut(version.member))
            {
                items[version.item] = ItemOutcome::incomplete(reason.clone());
            }
        }
        self.atomic_holds(run);
    }

    /// Asks for the verdict on the next suspect, or lets the Atomic fall when there is none left.
    fn next_suspect(&mut self, mut run: AtomicRun) -> Option<VerdictRequest> {
        let Some((root, profile)) = run.suspect() else {
            run.mark_culprits();
            self.atomic_falls(run);
            return None;
        };
        let proposed = run.roots_in_order();
        let named = BTreeSet::from([root.clone()]);
        let mut request = self.request(Pending::Atomic(Box::new(run)), &proposed, named);
        for (_, slot) in request.proposed.iter_mut().filter(|(proposed, _)| *proposed == root) {
            slot.clone_from(&profile);
        }
        Some(request)
    }

    /// Whether something is known to fail when it is applied or kept; the items that change it are to blame.
    fn falls_by_failure(&self, run: &mut AtomicRun) -> bool {
        let Some(failing) = self.round.as_ref().map(|round| &round.failing) else { return false };
        if self.failure_since(run.mark).is_none() {
            return false;
        }
        // An item that changes nothing is not to blame. Settings without a profile have no version, and are lost with the
        // store as well.
        let of_profiles = run
            .versions
            .iter()
            .filter_map(|version| Some(((version.member, version.item), failing.profiles.get(&version.root)?.clone())));
        let known: BTreeMap<(usize, usize), Refusal> = of_profiles.collect();
        for place @ (member, item) in &run.changing {
            let why = failing.store.map(Refusal::new).or_else(|| known.get(place).cloned());
            if let (Some(why), Some(Member::Items(items))) = (why, run.members.get_mut(*member)) {
                items[*item] = why.into();
            }
        }
        true
    }

    fn atomic_holds(&mut self, run: AtomicRun) {
        // The server has said what it wants of them now.
        run.roots().iter().for_each(|root| self.forget_claims(root));
        self.answer_atomic(run, StatusCode::OK);
    }

    fn atomic_falls(&mut self, mut run: AtomicRun) {
        self.take_back(run.mark);
        self.effects = std::mem::take(&mut run.effects);
        for member in &mut run.members {
            match member {
                Member::Items(items) => {
                    let done = items.iter_mut().filter(|item| item.is_success());
                    done.for_each(|item| *item = ItemOutcome::of(StatusCode::ROLLED_BACK));
                }
                Member::Whole(_) => {}
            }
        }
        let code = if run.group.id.is_missing() { StatusCode::BAD_REQUEST } else { StatusCode::ATOMIC_FAILED };
        self.answer_atomic(run, code);
    }

    fn answer_atomic(&mut self, run: AtomicRun, code: StatusCode) {
        if let Some(refused) = &run.retried {
            return self.retried(refused, &run, code);
        }
        let Some(message_id) = self.round.as_ref().map(|round| round.message_id) else { return };
        for (command, member) in run.group.commands.iter().zip(&run.members) {
            if let (Command::Operation(operation), Member::Items(outcomes)) = (command, member) {
                let outcomes = operation.items.iter().zip(outcomes);
                outcomes.for_each(|(item, outcome)| self.record_fate(operation, item, outcome));
            }
        }
        if !code.is_success() {
            self.keep_refused_atomic(&run);
        }
        let own = package::status(message_id, &run.group.id, "Atomic", code);
        let members =
            run.group.commands.iter().zip(run.members).flat_map(|(command, member)| match (command, member) {
                (Command::Operation(operation), Member::Items(outcomes)) => answers(message_id, operation, outcomes),
                (Command::Operation(operation), Member::Whole(code)) => vec![whole(message_id, operation, code)],
                (command, Member::Whole(code)) => vec![package::status(message_id, command.id(), command.name(), code)],
                (_, Member::Items(_)) => Vec::new(),
            });
        let answers: Vec<Command> = [own].into_iter().chain(members).collect();
        self.push_answers(answers);
    }
}

impl AtomicRun {
    /// The profiles that it names, in the order in which they became what they are in the end.
    fn roots_in_order(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let roots = self.versions.iter().rev().map(|version| &version.root);
        let mut roots: Vec<String> = roots.filter(|root| seen.insert(*root)).cloned().collect();
        roots.reverse();
        roots
    }

    /// The profiles that it names.
    fn roots(&self) -> BTreeSet<String> {
        self.versions.iter().map(|version| version.root.clone()).collect()
    }
}

impl Member {
    fn succeeded(&self) -> bool {
        match self {
            Self::Whole(code) => code.is_success(),
            Self::Items(items) => items.iter().all(ItemOutcome::is_success),
        }
    }
}

/// Why an operation cannot be a member of an Atomic, if it cannot.
fn cannot_be_member(operation: &Operation) -> Option<StatusCode> {
    let is_piece = |item: &Item| item.more_data;
    match refused_whole(operation) {
        Some(code) => Some(code),
        None if operation.verb == Verb::Get => Some(StatusCode::FAILED),
        // A piece of a large object is not the object, and an Atomic cannot wait for the rest.
        None if operation.items.iter().any(is_piece) => Some(StatusCode::NOT_SUPPORTED),
        None => None,
    }
}
