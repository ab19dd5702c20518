//! A session from the opened store to its end.

use super::opening::Opening;
use super::waiting::Remembered;
use super::{Action, Conduct, Engine, Phase};
use crate::engine::application::{DriftReport, MAX_DRIFT_REPORTED, MachineReport};
use crate::engine::certificates::Slot;
use crate::engine::facts::{self, DeviceFacts};
use crate::engine::failure::{ConnectionFailure, SessionFailure};
use crate::engine::life::Plan;
use crate::engine::nodes::{self, PushOffer};
use crate::engine::note::Note;
use crate::engine::profile::{Changes, Owner, RemovalReason, Stored};
use crate::engine::push;
use crate::engine::reply::Reply;
use crate::engine::session::{AccountCredentials, LoginStatus, Session, SessionContext, SessionEnd, Step};
use crate::engine::time::Now;
use crate::engine::tree::Tree;

impl Engine {
    pub(super) fn begin_session(&mut self, plan: Plan, opening: Opening, now: Now, actions: &mut Vec<Action>) {
        let Opening { stored, facts, machine, .. } = opening;
        let Some(account) = self.account().cloned() else { return };
        let (mut stored, store_status) = match stored {
            Ok(stored) => (*stored, None),
            Err(failure) => (Stored::default(), Some(failure.status())),
        };
        let login = facts::login_status(&account, &facts);
        let outdated = if self.rekeyed { account.forget_provisioned(&mut stored) } else { Vec::new() };
        // What is over by now is told in this session.
        let remote = self.remote_context(now);
        let push = self.push_offer();
        let mut tree = Tree::new(&stored, login == LoginStatus::EnrolledUser)
            .speaking_for(self.owner(&plan))
            .with_succession(self.life.succession(plan.destination, &account));
        facts::provide_at(&mut tree, &account, &facts, now.wall);
        self.provide(&mut tree, &account, &push, plan.slot);
        let credentials = self.credentials(&account, &stored, &plan);
        let context = SessionContext {
            session_id: self.progress().session_id,
            server_url: self.life.address(plan.destination).to_owned(),
            device_id: account.device_id.clone(),
            provider_id: account.provider_id.clone(),
            server_initiated: plan.is_server_initiated(),
            login,
            alerts: self.alerts(&plan, &stored, &machine),
            push,
            device_info: facts::device_info(&account, &facts),
            credentials,
            store_status,
            remote,
            claims: self.claims(&plan),
            retries: self.retries(&plan),
            farewell: plan.is_farewell(),
        };
        let drift = drift_to_report(&plan, &machine);
        let told = self.compliance_alert().map(|_| self.compliance.report.clone());
        let obstacle = self.obstacle(&account, &facts);
        let session = Session::new(context, tree, &machine);
        let tombstones = stored.tombstones;
        self.phase = Phase::Running(Box::new(Conduct {
            plan,
            signs_messages: self.signs_messages(),
            session,
            facts,
            tombstones,
            outdated,
            unkept: Vec::new(),
            refusals: Vec::new(),
            before_keep: Remembered::default(),
            held: None,
            orders_noted: 0,
            remote_noted: (0, 0),
            waits_since: None,
            told,
            drift,
        }));
        let at = self.life.clock().read(now).wall;
        self.step(now, actions, |session| match obstacle {
            Some(failure) => Step::End(SessionEnd::Failed(failure)),
            None => session.begin(at),
        });
    }

    /// The account's credentials, with what is known of the nonce.
    fn credentials(
        &self,
        account: &crate::engine::Account,
        stored: &Stored,
        plan: &Plan,
    ) -> Option<AccountCredentials> {
        let nonce = self.progress().nonce.as_deref().and_then(|nonce| mdm_protocol::base64::decode(nonce).ok());
        let known = account.session_credentials(stored, nonce)?;
        Some(AccountCredentials { nonce_is_stale: self.nonce_is_stale(account, plan), ..known })
    }

    fn push_offer(&mut self) -> PushOffer {
        PushOffer { state: self.progress().push.clone(), topic: push::topic(self.life.random()), link: self.link }
    }

    fn signs_messages(&self) -> bool {
        self.progress().server_settings.as_ref().is_some_and(|settings| settings.signs_messages)
    }

    /// Whether the server has refused a nonce of that age before.
    fn nonce_is_stale(&self, account: &crate::engine::Account, plan: &Plan) -> bool {
        let age = self.progress().nonce_age(account.enrolled_at, plan.started);
        self.progress().nonce_life.is_some_and(|life| age >= life)
    }

    /// On whose behalf the server speaks.
    fn owner(&self, plan: &Plan) -> Owner {
        Owner {
            authority: self.life.authority_at(plan.destination).to_string(),
            epoch: self.life.epoch_at(plan.destination),
            session: self.progress().session_id,
        }
    }

    /// Puts in what the agent tells of itself.
    fn provide(&self, tree: &mut Tree, account: &crate::engine::Account, push: &PushOffer, slot: Slot) {
        nodes::provide_compliance(tree, &self.compliance);
        self.forget_challenges(tree);
        nodes::provide(tree, &self.life, account);
        nodes::provide_channel(tree, &account.provider_address(), push);
        if let Some(proof) = self.proof.as_ref().filter(|_| slot == Slot::Pending) {
            nodes::prove_renewal(tree, account, proof);
        }
    }

    /// Why no session can be held at all.
    fn obstacle(&mut self, account: &crate::engine::Account, facts: &DeviceFacts) -> Option<SessionFailure> {
        let (enrolled, found) = (&account.machine_id, &facts.machine_id);
        let cloned = !enrolled.is_empty() && !found.is_empty() && enrolled != found;
        self.life.progress_mut().cloned = cloned;
        cloned.then(|| SessionFailure::Cloned { enrolled: enrolled.clone(), found: found.clone() })
    }

    pub(super) fn replied(&mut self, reply: &Reply, now: Now, actions: &mut Vec<Action>) {
        let Phase::Running(conduct) = &self.phase else { return };
        let reported = &conduct.session.remote()[..conduct.remote_noted.0];
        let reported: Vec<String> = reported.iter().map(|order| order.id.clone()).collect();
        self.orders_heard(&reported);
        if let Some(date) = reply.date {
            self.life.confirm_time(date, now);
        }
        let at = self.life.clock().read(now).wall;
        self.server_waits(now);
        self.step(now, actions, |session| session.received(reply, at));
    }

    pub(super) fn connection_failed(&mut self, failure: ConnectionFailure, now: Now, actions: &mut Vec<Action>) {
        self.server_waits(now);
        self.step(now, actions, |session| match session.is_kept_alive() {
            true => session.kept_alive(None),
            false => Step::End(SessionEnd::Failed(failure.into())),
        });
    }

    pub(super) fn step(&mut self, now: Now, actions: &mut Vec<Action>, advance: impl FnOnce(&mut Session) -> Step) {
        let Phase::Running(conduct) = &mut self.phase else { return };
        match advance(&mut conduct.session) {
            Step::Send(body) => self.send(body, now, actions),
            Step::Evaluate(request) => actions.push(Action::Evaluate(request)),
            Step::Apply(application) => actions.push(Action::Apply(application)),
            Step::Keep(mut changes) => {
                conduct.remember(&mut changes, self.life.clock().read(now));
                // What waits for its place is kept with what holds it.
                let Phase::Running(mut conduct) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
                conduct.before_keep = Remembered::of(self.progress(), conduct.refusals.len());
                if self.keep_waiting(&mut conduct, now) {
                    changes.progress = Some(self.life.keep(now).clone());
                }
                self.phase = Phase::Running(conduct);
                actions.push(Action::Keep(changes));
            }
            Step::Wait => {}
            Step::End(end) => self.end_session(&end, now, actions),
        }
    }

    /// Sends a message, once the orders that it acknowledges would outlive this process (rule C4).
    fn send(&mut self, body: Vec<u8>, now: Now, actions: &mut Vec<Action>) {
        let Phase::Running(mut conduct) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let has_store = conduct.session.context().store_status.is_none();
        let renewal = conduct.session.wants_renewal() && has_store && !self.life.progress().renewal.forced;
        let certificates = has_store && self.note_orders(&conduct.session, conduct.orders_noted, now);
        conduct.orders_noted = conduct.session.requested();
        let remote = self.note_remote(&mut conduct, now);
        // What is answered with a refusal that may not last is tried again by this device alone.
        let is_kept = has_store && !conduct.session.has_lost_store();
        let waiting = is_kept && self.keep_waiting(&mut conduct, now);
        if renewal || certificates || (remote && has_store) || waiting {
            conduct.held = Some(body);
            self.life.progress_mut().renewal.forced |= renewal;
            let progress = Some(self.life.keep(now).clone());
            actions.push(Action::Keep(Box::new(Changes { progress, ..Changes::default() })));
        } else {
            actions.push(conduct.post(body));
        }
        self.phase = Phase::Running(conduct);
    }
}

/// Changes by others that the session reports.
fn drift_to_report(plan: &Plan, machine: &MachineReport) -> Vec<DriftReport> {
    let most = if plan.is_farewell() { 0 } else { MAX_DRIFT_REPORTED };
    machine.unreported.iter().take(most).cloned().collect()
}

impl Conduct {
    pub(super) fn post(&mut self, body: Vec<u8>) -> Action {
        self.waits_since = None;
        let (url, slot) = (self.session.context().request_url(), self.plan.slot);
        Action::Post { url, body, slot, is_signed: self.signs_messages }
    }

    /// Adds to changes what remains of profiles that the server deletes, and notes what becomes of each.
    fn remember(&mut self, changes: &mut Changes, now: Now) {
        let mut fallen = Vec::new();
        for (root, profile) in &changes.profiles {
            let before = self.session.tree().profiles().find(|known| known.root.to_string() == *root);
            match (before, profile) {
                (None, Some(profile)) => self.unkept.push(Note::profile("profile-received", profile, now)),
                (Some(before), Some(profile)) => {
                    let note = Note::profile("profile-replaced", profile, now);
                    let moved = before.authority != profile.authority;
                    self.unkept.push(if moved { note.with("from", before.authority.as_str()) } else { note });
                    if moved && profile.is_mailbox() {
                        self.unkept.push(Note::profile("mail-sign-in-needed", profile, now));
                    }
                }
                (Some(before), None) => fallen.push(before.tombstone(RemovalReason::Server, now.wall)),
                (None, None) => {}
            }
        }
        if !fallen.is_empty() {
            self.unkept.extend(fallen.iter().map(Note::removal));
            let known = Stored { tombstones: std::mem::take(&mut self.tombstones), ..Stored::default() };
            self.tombstones = known.with_tombstones(fallen);
            changes.tombstones = Some(self.tombstones.clone());
        }
    }
}
