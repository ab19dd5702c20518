//! Between a message's changes and their statuses: what is changed is in force on the machine before it is kept, and
//! kept before it is acknowledged (rule C4). What the machine refuses is taken back together with whatever stands or
//! falls with it, and only the commands that brought it are refused.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::syncml::{Command, Item, StatusCode};

use super::{Answer, Session, Step, Touch};
use crate::engine::application::{Application, ApplicationOutcome};
use crate::engine::profile::Changes;
use crate::engine::tree::Refusal;

/// What is being put in force.
#[derive(Debug)]
pub(super) enum Applying {
    /// What a message changed.
    Changes(Box<Application>),
    /// What was there before, because the changes could not be kept.
    Former,
}

impl Session {
    /// What has to happen before a message can be answered.
    pub(super) fn apply_or_keep(&mut self) -> Step {
        let changes = self.tree.changes(self.now);
        if changes.profiles.is_empty() {
            return self.keep_or_answer(changes);
        }
        let application = self.tree.application(&changes, self.now);
        self.applying = Some(Applying::Changes(Box::new(application.clone())));
        Step::Apply(Box::new(application))
    }

    fn keep_or_answer(&mut self, changes: Changes) -> Step {
        if changes.is_empty() {
            return self.answer();
        }
        self.pending = Some(changes.clone());
        Step::Keep(Box::new(changes))
    }

    /// Takes note of what is in force on the machine and what is not.
    pub fn applied(&mut self, outcome: &ApplicationOutcome) -> Step {
        match self.applying.take() {
            Some(Applying::Changes(application)) => {
                let fallen = application.fallen(&outcome.refused);
                if !fallen.is_empty() {
                    let groups = self.tree.take_back(&fallen);
                    self.follow_push_name();
                    self.refuse(&fallen, &groups, &outcome.refused);
                }
                self.accept_waiting(&outcome.waiting);
                self.provide(outcome);
                let changes = self.tree.changes(self.now);
                self.keep_or_answer(changes)
            }
            Some(Applying::Former) | None => self.answer(),
        }
    }

    /// Has what was there before put in force again.
    pub(super) fn put_back(&mut self, changes: &Changes) -> Step {
        self.applying = Some(Applying::Former);
        Step::Apply(Box::new(self.tree.restoration(changes, self.now)))
    }

    fn provide(&mut self, outcome: &ApplicationOutcome) {
        for (address, format, value) in &outcome.nodes {
            if let Ok(uri) = LocUri::parse(address) {
                self.tree.provide(uri, format, value.as_str());
            }
        }
    }

    fn refuse(&mut self, fallen: &BTreeSet<String>, groups: &BTreeSet<u32>, refused: &BTreeMap<String, Refusal>) {
        let groups_of_orders = &self.groups_of_orders;
        self.orders.retain(|root, _| {
            let in_fallen_group = groups_of_orders.get(root).is_some_and(|group| groups.contains(group));
            !in_fallen_group && !fallen.contains(root)
        });
        let answers = std::mem::take(&mut self.prepared);
        self.prepared = answers.into_iter().flat_map(|answer| answer.refuse(fallen, groups, refused)).collect();
    }

    /// What is kept but cannot be in force yet is accepted, not done (status 202).
    fn accept_waiting(&mut self, waiting: &BTreeMap<String, String>) {
        for answer in self.prepared.iter_mut().filter(|answer| answer.changes) {
            let reason = answer.touches.iter().find_map(|touch| waiting.get(touch.profile.as_ref()?));
            if let (Some(reason), Command::Status(status)) = (reason, &mut answer.command)
                && status.code == StatusCode::OK
                && status.command != "Atomic"
            {
                status.code = StatusCode::ACCEPTED;
                status.items = vec![Item::default().with_data(reason)];
            }
        }
    }
}

impl Answer {
    /// The answer as it is once these profiles are not in force, or one for each item where they fare differently.
    fn refuse(
        mut self,
        fallen: &BTreeSet<String>,
        groups: &BTreeSet<u32>,
        refused: &BTreeMap<String, Refusal>,
    ) -> Vec<Self> {
        let is_atomic = matches!(&self.command, Command::Status(status) if status.command == "Atomic");
        let is_exec = matches!(&self.command, Command::Status(status) if status.command == "Exec");
        let in_fallen_group = self.group.is_some_and(|group| groups.contains(&group));
        let claims = (self.changes || is_exec) && self.status().is_some_and(StatusCode::is_success);
        let falls = |touch: &Touch| in_fallen_group || touch.profile.as_ref().is_some_and(|root| fallen.contains(root));
        if is_atomic && in_fallen_group {
            self.set_status(StatusCode::ATOMIC_FAILED);
            return vec![self];
        }
        if !claims || !self.touches.iter().any(falls) {
            return vec![self];
        }
        if self.touches.len() == 1 {
            let why = self.touches[0].profile.as_ref().and_then(|root| refused.get(root));
            self.fail(why);
            return vec![self];
        }
        let touches = std::mem::take(&mut self.touches);
        let each = touches.into_iter().map(|touch| {
            let mut answer = Self { touches: vec![touch.clone()], command: self.command.clone(), ..self };
            if let Command::Status(status) = &mut answer.command {
                status.target_ref.clone_from(&touch.target);
            }
            if falls(&touch) {
                answer.fail(touch.profile.as_ref().and_then(|root| refused.get(root)));
            }
            answer
        });
        each.collect()
    }

    /// Refused for a reason of its own, or taken back because of something else.
    fn fail(&mut self, why: Option<&Refusal>) {
        self.changes = false;
        if let Command::Status(status) = &mut self.command {
            status.code = why.map_or(StatusCode::ROLLED_BACK, |refusal| refusal.status);
            status.items = why.map(|refusal| Item::default().with_data(&refusal.reason)).into_iter().collect();
        }
    }
}
