//! Renewal step by step, with the process ending between any two of them (rule I2).

use mdm_protocol::syncml::Message;

use super::{Server, answer, content, content_in, names, opened, reply};
use crate::engine::certificates::{CertificateTerms, Certificates, RenewalStatus, Slot};
use crate::engine::failure::StoreFailure;
use crate::engine::life::Beginning;
use crate::engine::machine::Renewed;
use crate::engine::nodes::RenewalProof;
use crate::engine::profile::Stored;
use crate::engine::progress::Trigger;
use crate::engine::renewal::{RenewalFailure, RenewalForm};
use crate::engine::reply::Reply;
use crate::engine::testing::{DAY, NOW, account, beginning, certificate_for, exec, ok, statuses};
use crate::engine::verdict::Verdicts;
use crate::engine::{Action, Engine, Event, Now, Phase};

const RENEW_NOW: &str = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow";

#[test]
fn the_attempt_is_kept_before_it_is_made_and_the_new_certificate_is_promoted_after_its_session_is_kept() {
    let mut device = Device::new();
    let before = device.disk.clone();
    let actions = device.handle(Event::CheckInRequested(Trigger::User));
    assert_eq!(names(&actions), ["OpenStore"]);
    let body = device.expect_post(opened(&before.stored), Slot::Active);
    let message = Message::decode(&body).unwrap();
    let ordered = ok(answer(&message, vec![exec("e", RENEW_NOW, "")]));
    let actions = device.handle(Event::Replied(ordered));
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    assert!(changes.progress.as_ref().unwrap().renewal.forced, "an order is kept before it is acknowledged");
    device.expect_post(Event::Kept(Ok(())), Slot::Active);
    let actions = device.handle(content_in(&device.engine));
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    let kept = changes.progress.as_ref().unwrap().renewal;
    assert_eq!((kept.attempted, kept.status), (Some(NOW), RenewalStatus::InProgress));
    assert!(kept.forced, "the order stands until its outcome is known");
    let actions = device.handle(Event::Kept(Ok(())));
    assert_eq!(names(&actions), ["CloseStore", "Note", "Report", "Renew"]);
    let Some(Action::Renew(order)) = actions.last() else { panic!("{actions:?}") };
    assert_eq!((order.active, order.entity_id.as_deref()), (old(), Some("entity-7")));
    assert!(matches!(device.engine.phase(), Phase::Renewing));
    assert_eq!(device.engine.next_deadline(), None);

    let actions = device.handle(Event::Renewed(Ok(Box::new(renewed()))));
    assert_eq!(names(&actions), ["Note", "OpenStore"]);
    device.expect_post(opened(&before.stored), Slot::Pending);
    let actions = device.handle(content_in(&device.engine));
    assert_eq!(names(&actions), ["Keep"]);
    let actions = device.handle(Event::Kept(Ok(())));
    assert_eq!(names(&actions), ["CloseStore", "Promote", "Note", "Report"]);
    assert_eq!(device.engine.life().certificates(), &Certificates { active: Some(new()), pending: None });
}

#[test]
fn a_renewal_that_fails_leaves_everything_as_it_was() {
    let mut device = Device::new();
    let mut actions = device.drive_to_renewal();
    assert!(matches!(actions.pop(), Some(Action::Renew(_))));
    let actions = device.handle(Event::Renewed(Err(RenewalFailure::Shorter)));
    let [Action::Note(notes), Action::OpenStore] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(notes[0].what, "certificate-not-renewed");
    assert!(notes[0].particulars.iter().any(|(_, reason)| reason.contains("end before")), "{notes:?}");
    let actions = device.handle(opened(&device.disk.stored.clone()));
    let Some(Action::Keep(changes)) = actions.last() else { panic!("{actions:?}") };
    let kept = changes.progress.as_ref().unwrap().renewal;
    let told = (kept.status, kept.error, kept.forced, kept.failures);
    assert_eq!(told, (RenewalStatus::Failed, 0x8018_0019, false, 1), "a process that ends now has kept it");
    device.handle(Event::Kept(Ok(())));
    assert!(matches!(device.engine.phase(), Phase::Idle));
    assert_eq!(device.engine.life().certificates(), &Certificates { active: Some(old()), pending: None });
    let renewal = device.engine.progress().renewal;
    assert_eq!((renewal.status, renewal.error, renewal.forced), (RenewalStatus::Failed, 0x8018_0019, false));
    assert_eq!(device.ask(&Server::Content), [Slot::Active], "and it is not tried again at once");
}

#[test]
fn a_renewal_that_is_reported_out_of_place_is_ignored() {
    let mut device = Device::new();
    assert_eq!(device.handle(Event::Renewed(Ok(Box::new(renewed())))), []);
    assert_eq!(device.engine.life().certificates().pending, None);
}

#[test]
fn wherever_the_process_ends_the_device_has_a_certificate_that_works_and_the_order_is_carried_out() {
    let whole = Device::new().renew(usize::MAX);
    assert!(whole.steps > 10 && whole.acknowledged, "{} steps", whole.steps);
    for limit in 0..=whole.steps {
        let cut = Device::new().renew(limit);
        // The server has the order in its queue until it was acknowledged; from then on it is the device's.
        let mut ordered = cut.acknowledged;
        let mut device = cut.restart();
        for round in 0..2 {
            let actions = device.handle(Event::CheckInRequested(Trigger::User));
            device.carry_out(actions, usize::MAX, |_, body| order(body, &mut ordered));
            assert!(matches!(device.engine.phase(), Phase::Idle), "cut after {limit}, round {round}");
        }
        let held = device.disk.certificates;
        assert_eq!(held, Certificates { active: Some(new()), pending: None }, "cut after {limit} actions");
        assert_eq!(device.engine.life().certificates(), &held, "cut after {limit} actions");
        assert_eq!(device.engine.progress().renewal.status, RenewalStatus::Succeeded, "cut after {limit}");
        assert!(device.issued <= 2, "cut after {limit}: {} certificates were issued", device.issued);
        assert_eq!(device.ask(&Server::Content), [Slot::Active], "cut after {limit} actions");
    }
}

#[test]
fn a_server_that_orders_renewal_in_every_session_does_not_drive_the_device_in_circles() {
    let mut device = Device::new();
    let always = Server::Says(vec![exec("e", RENEW_NOW, "")]);
    let slots = device.ask(&always);
    assert_eq!((slots, device.issued), (vec![Slot::Active, Slot::Pending], 1));
    assert!(device.engine.progress().renewal.forced, "the next check-in carries the second order out");
    let slots = device.ask(&Server::Content);
    assert_eq!((slots, device.issued), (vec![Slot::Active, Slot::Pending], 2));
    let form = device.engine.progress().renewal.form;
    assert_eq!(form, RenewalForm::Plain, "what the server took is remembered for the next renewal");
}

#[test]
fn a_session_that_cannot_be_kept_promotes_all_the_same() {
    let mut device = Device::new();
    device.drive_to_renewal();
    device.handle(Event::Renewed(Ok(Box::new(renewed()))));
    device.expect_post(opened(&Stored::default()), Slot::Pending);
    device.handle(content_in(&device.engine));
    let actions = device.handle(Event::Kept(Err(StoreFailure::Full("no room".to_owned()))));
    assert!(names(&actions).contains(&"Promote"), "the server has used it: {actions:?}");
}

#[test]
fn a_new_certificate_that_is_refused_three_times_is_dropped_and_the_old_one_goes_on() {
    let mut device = Device::new();
    device.drive_to_renewal();
    let actions = device.handle(Event::Renewed(Ok(Box::new(renewed()))));
    let slots = device.serve(actions, &Server::Answers(Reply { status: 401, ..Reply::default() }));
    assert_eq!(slots, [Slot::Pending]);
    let mut used = Vec::new();
    let mut sessions = 0;
    while device.engine.life().certificates().pending.is_some() {
        sessions += 1;
        assert!(sessions < 10, "{used:?}");
        used.extend(device.ask_by(|slot, body| match slot {
            Slot::Pending => Event::Replied(Reply { status: 401, ..Reply::default() }),
            Slot::Active => content(body),
        }));
    }
    assert_eq!(used, [Slot::Active, Slot::Pending, Slot::Active, Slot::Pending]);
    assert_eq!(device.disk.certificates, Certificates { active: Some(old()), pending: None });
    assert_eq!(device.ask(&Server::Content), [Slot::Active]);
    assert_eq!(device.engine.progress().refusals, 0, "the device itself was never refused");
}

/// What outlives the process.
#[derive(Clone)]
struct Disk {
    stored: Stored,
    certificates: Certificates,
}

struct Device {
    engine: Engine,
    disk: Disk,
    now: Now,
    /// Actions that were carried out.
    steps: usize,
    /// Certificates that the server issued.
    issued: u32,
    /// Whether the server was told that the order is carried out.
    acknowledged: bool,
}

impl Device {
    fn new() -> Self {
        let certificates = Certificates { active: Some(old()), pending: None };
        Self::of(Disk { stored: Stored::default(), certificates }, 0)
    }

    fn of(disk: Disk, issued: u32) -> Self {
        let now = Now { boot_ms: 1_000_000, wall: NOW };
        let progress = disk.stored.progress.clone().unwrap_or_default();
        let beginning = Beginning { certificates: disk.certificates, ..beginning(Some(account()), progress, 3) };
        Self { engine: Engine::new(beginning, now), disk, now, steps: 0, issued, acknowledged: false }
    }

    /// What is left of it when the process ends.
    fn restart(self) -> Self {
        Self::of(self.disk, self.issued)
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        self.engine.handle(event, self.now, &mut actions);
        // A look at the machine beside everything else.
        actions.retain(|action| !matches!(action, Action::CheckCompliance(_)));
        actions
    }

    fn expect_post(&mut self, event: Event, expected: Slot) -> Vec<u8> {
        match self.handle(event).pop() {
            Some(Action::Post { body, slot, .. }) if slot == expected => body,
            other => panic!("{other:?}"),
        }
    }

    /// Checks in with a server that orders renewal, until so many actions are carried out.
    fn renew(mut self, limit: usize) -> Self {
        let actions = self.handle(Event::CheckInRequested(Trigger::User));
        let mut ordered = false;
        self.carry_out(actions, limit, |_, body| order(body, &mut ordered));
        self
    }

    fn drive_to_renewal(&mut self) -> Vec<Action> {
        self.handle(Event::CheckInRequested(Trigger::User));
        let body = self.expect_post(opened(&Stored::default()), Slot::Active);
        let ordered = answer(&Message::decode(&body).unwrap(), vec![exec("e", RENEW_NOW, "")]);
        self.handle(Event::Replied(ok(ordered)));
        self.expect_post(Event::Kept(Ok(())), Slot::Active);
        self.handle(content_in(&self.engine));
        self.handle(Event::Kept(Ok(())))
    }

    fn ask(&mut self, server: &Server) -> Vec<Slot> {
        let actions = self.handle(Event::CheckInRequested(Trigger::User));
        self.serve(actions, server)
    }

    fn ask_by(&mut self, answer: impl FnMut(Slot, &[u8]) -> Event) -> Vec<Slot> {
        let actions = self.handle(Event::CheckInRequested(Trigger::User));
        self.carry_out(actions, usize::MAX, answer)
    }

    fn serve(&mut self, actions: Vec<Action>, server: &Server) -> Vec<Slot> {
        self.carry_out(actions, usize::MAX, |_, body| reply(server, body))
    }

    /// Carries actions out and what follows from them, up to a number; the slots of the sessions.
    fn carry_out(
        &mut self,
        actions: Vec<Action>,
        limit: usize,
        mut answer: impl FnMut(Slot, &[u8]) -> Event,
    ) -> Vec<Slot> {
        let mut actions = std::collections::VecDeque::from(actions);
        let mut slots = Vec::new();
        while let Some(action) = actions.pop_front() {
            if self.steps == limit {
                break;
            }
            self.steps += 1;
            let event = match action {
                Action::Evaluate(request) => Event::Evaluated(Box::new(Verdicts::all_applicable(&request))),
                Action::OpenStore => opened(&self.disk.stored),
                Action::Apply(_) => Event::Applied(Box::default()),
                Action::RequestCertificate(order) => panic!("nothing was ordered: {order:?}"),
                Action::Keep(changes) => {
                    self.disk.stored.apply(&changes);
                    Event::Kept(Ok(()))
                }
                Action::Post { body, slot, .. } => {
                    let message = Message::decode(&body).unwrap();
                    self.acknowledged |= statuses(&message).iter().any(|(id, _, code)| *id == "e" && *code < 300);
                    slots.extend((message.header.message_id == 1).then_some(slot));
                    answer(slot, &body)
                }
                Action::Renew(order) => {
                    assert_eq!(order.active, self.disk.certificates.active.unwrap());
                    self.issued += 1;
                    self.disk.certificates.pending = Some(new());
                    Event::Renewed(Ok(Box::new(renewed())))
                }
                Action::Promote => {
                    self.disk.certificates.active = self.disk.certificates.pending.take();
                    continue;
                }
                Action::DiscardPending => {
                    self.disk.certificates.pending = None;
                    continue;
                }
                Action::Report(_)
                | Action::Note(_)
                | Action::DriftReported(_)
                | Action::CloseStore
                | Action::Listen(_) => continue,
                other @ (Action::SaveAccount(_)
                | Action::Erase
                | Action::CarryOut { .. }
                | Action::CheckCompliance(_)
                | Action::KeepCompliance(_)) => panic!("{other:?}"),
            };
            // What the disk holds by now is there although the engine never hears of it.
            actions.extend(self.handle(event));
        }
        slots
    }
}

/// A server that orders renewal once.
fn order(body: &[u8], ordered: &mut bool) -> Event {
    let first = Message::decode(body).unwrap().header.message_id == 1;
    let server = match first && !std::mem::replace(ordered, true) {
        true => Server::Says(vec![exec("e", RENEW_NOW, "")]),
        false => Server::Content,
    };
    reply(&server, body)
}

fn old() -> CertificateTerms {
    certificate_for(365)
}

fn new() -> CertificateTerms {
    CertificateTerms { not_after: NOW + 700 * DAY, thumbprint: mdm_protocol::Thumbprint::of(b"new"), ..old() }
}

fn renewed() -> Renewed {
    let proof = RenewalProof { signed_entity_id: Some("c2lnbmVk".to_owned()), renewed: NOW };
    Renewed { terms: new(), proof, form: RenewalForm::Plain }
}
