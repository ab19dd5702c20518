//! What a simulated machine does for its engine: the store, the network, the profiles on its root.

use std::collections::VecDeque;

use mdm_agent::engine::application::{Application, ApplicationOutcome};
use mdm_agent::engine::certificates::Slot as SlotName;
use mdm_agent::engine::nodes::RenewalProof;
use mdm_agent::engine::verdict::{VerdictRequest, Verdicts};
use mdm_agent::engine::{Action, ConnectionFailure, Event, Listening, Phase};
use mdm_agent::platform::force::Others;
use mdm_agent::shell::keys;

use super::Machine;
use super::disk::Disk;
use crate::scenario::{Trouble, World, exchange};

impl Machine {
    pub(super) fn converge(&self) {
        if let Some(root) = &self.root {
            let converged = root.platform.converge(&self.disk.stored.profiles, Others::Go);
            let converged = converged.expect("a folder for tests can be written to");
            assert!(converged.drift.is_empty() && converged.refused.is_empty(), "{converged:?}");
        }
    }

    fn evaluate(&mut self, request: &VerdictRequest) -> Verdicts {
        let Some(root) = &mut self.root else { return Verdicts::all_applicable(request) };
        if request.from_store {
            let evaluator = root.platform.evaluator(&self.disk.stored.profiles);
            root.evaluator = Some(evaluator.expect("a folder for tests can be read"));
        }
        root.evaluator.as_mut().map_or_else(Verdicts::default, |evaluator| evaluator.evaluate(request))
    }

    fn apply(&self, application: &Application) -> ApplicationOutcome {
        let Some(root) = &self.root else { return ApplicationOutcome::default() };
        let applied = root.platform.put_in_force(&self.disk.stored.profiles, application, Others::Go);
        applied.expect("a folder for tests can be written to")
    }

    pub(super) fn carry_out(&mut self, actions: Vec<Action>, world: &mut World) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            if self.power_fails() {
                return;
            }
            let Some(event) = self.perform(action, world) else { continue };
            let now = self.moment(world);
            let Some(running) = &mut self.running else { return };
            let mut more = Vec::new();
            running.engine.handle(event, now, &mut more);
            actions.extend(more);
        }
        debug_assert!(self.engine().is_none_or(|engine| matches!(engine.phase(), Phase::Idle)));
    }

    /// Whether the power fails now; it comes back at once, for the next start.
    fn power_fails(&mut self) -> bool {
        match &mut self.fails_after {
            Some(0) => {
                self.fails_after = None;
                self.failures += 1;
                self.running = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn perform(&mut self, action: Action, world: &mut World) -> Option<Event> {
        match action {
            Action::OpenStore => {
                self.converge();
                Some(Event::StoreOpened {
                    stored: Ok(Box::new(self.disk.stored.clone())),
                    rebuilt: false,
                    facts: Box::new(self.facts()),
                    machine: Box::default(),
                })
            }
            Action::Evaluate(request) => Some(Event::Evaluated(Box::new(self.evaluate(&request)))),
            Action::Apply(application) => Some(Event::Applied(Box::new(self.apply(&application)))),
            Action::Keep(changes) => {
                self.disk.stored.apply(&changes);
                Some(Event::Kept(Ok(())))
            }
            Action::Post { url, body, slot, .. } => Some(self.post(&url, &body, slot, world)),
            Action::Renew(order) => Some(self.renew(*order, world)),
            Action::Promote => {
                if let Some(pending) = self.disk.pending.take() {
                    self.disk.active = Some(pending);
                }
                None
            }
            Action::DiscardPending => {
                self.disk.pending = None;
                None
            }
            Action::SaveAccount(account) => {
                self.disk.account = Some((*account).clone());
                None
            }
            Action::Listen(listening) => self.listen(listening),
            Action::Erase => {
                self.disk = Disk::default();
                self.converge();
                Some(Event::Erased)
            }
            Action::Report(record) => {
                self.records.push(*record);
                None
            }
            Action::Note(notes) => {
                self.noted.extend(notes.iter().map(|_| world.now()));
                self.notes.extend(notes);
                None
            }
            Action::CloseStore => {
                self.converge();
                None
            }
            Action::DriftReported(_)
            | Action::RequestCertificate(_)
            | Action::CarryOut { .. }
            | Action::CheckCompliance(_)
            | Action::KeepCompliance(_) => None,
        }
    }

    fn listen(&mut self, listening: Option<Listening>) -> Option<Event> {
        self.heard = None;
        if let Some(running) = &mut self.running {
            running.listening = listening;
        }
        None
    }

    fn post(&self, url: &str, body: &[u8], slot: SlotName, world: &mut World) -> Event {
        if !self.online {
            return Event::ConnectionFailed(ConnectionFailure::NoNetwork("the cable is out".to_owned()));
        }
        let slot = match slot {
            SlotName::Active => self.disk.active.as_ref(),
            SlotName::Pending => self.disk.pending.as_ref(),
        };
        let Some(certificate) = slot.and_then(|slot| slot.certificate().ok()) else {
            return Event::ConnectionFailed(ConnectionFailure::Identity("there is none".to_owned()));
        };
        if slot.and_then(|slot| slot.terms().ok()).is_none_or(|terms| terms.not_after < world.now()) {
            return Event::ConnectionFailed(ConnectionFailure::CertificateRefused("it has expired".to_owned()));
        }
        if let Some(event) = world.trouble.instead() {
            return event;
        }
        let reply = exchange::post(world, url, body, Some(&certificate));
        if world.loses_answer() {
            return Event::ConnectionFailed(ConnectionFailure::Broken("the answer was lost".to_owned()));
        }
        Event::Replied(reply)
    }

    fn renew(&mut self, order: mdm_agent::engine::renewal::RenewalOrder, world: &mut World) -> Event {
        let Some(active) = self.disk.active.clone().filter(|_| self.online) else {
            let failure = ConnectionFailure::NoNetwork("the cable is out".to_owned());
            let failure = mdm_agent::engine::enrolment::EnrolmentFailure::Connection(failure);
            return Event::Renewed(Err(failure.into()));
        };
        let entity_id = order.entity_id.clone();
        if world.trouble != Trouble::None || world.answers_until_loss == Some(0) {
            world.answers_until_loss = None;
            let failure = ConnectionFailure::Unreachable("no answer".to_owned());
            let failure = mdm_agent::engine::enrolment::EnrolmentFailure::Connection(failure);
            return Event::Renewed(Err(failure.into()));
        }
        match exchange::renew(order, &active, world) {
            Ok((pending, form)) => {
                let Ok(terms) = pending.terms() else {
                    let failure = mdm_agent::engine::renewal::RenewalFailure::Local("no certificate".to_owned());
                    return Event::Renewed(Err(failure));
                };
                self.disk.pending = Some(pending);
                let signed_entity_id = entity_id.and_then(|id| keys::sign_entity_id(&active, &id).ok());
                let proof = RenewalProof { signed_entity_id, renewed: world.now() };
                Event::Renewed(Ok(Box::new(mdm_agent::engine::Renewed { terms, proof, form })))
            }
            Err(failure) => Event::Renewed(Err(failure)),
        }
    }
}
