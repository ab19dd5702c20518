//! Whatever happens in whatever order: one session at a time, and nothing acknowledged that is not in force and
//! kept.

use std::collections::BTreeSet;

use mdm_protocol::syncml::{Message, StatusCode, Verb};
use proptest::prelude::*;

use super::{answer, content, not_opened, opened};
use crate::engine::application::{Application, ApplicationOutcome};
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Stored;
use crate::engine::progress::{Progress, Trigger};
use crate::engine::renewal::{RenewalFailure, RenewalOrder};
use crate::engine::reply::Reply;
use crate::engine::testing::{NOW, PROVIDER, account, add, config, exec, get, ok, statuses};
use crate::engine::tree::Refusal;
use crate::engine::verdict::{VerdictRequest, Verdicts};
use crate::engine::{Action, ConnectionFailure, Engine, Event, Now, Phase};

/// What the world does next, if it can.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Ask,
    Leave,
    Pass(u32),
    JumpWall(i32),
    Enrol,
    /// Finishes whatever is under way, well or badly.
    Finish(u8),
}

/// What was ordered and not yet reported.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pending {
    Renew(Box<RenewalOrder>),
    Open,
    Evaluate(Box<VerdictRequest>),
    Apply(Box<Application>),
    Keep(Box<crate::engine::Changes>),
    Post(Vec<u8>),
    Erase,
}

struct Machine {
    engine: Engine,
    now: Now,
    pending: Option<Pending>,
    stored: Stored,
    /// The profiles that the machine has.
    in_force: BTreeSet<String>,
    store_is_open: bool,
    /// The names that the server sent in its last message.
    sent: Vec<String>,
    counter: u32,
}

proptest! {
    #![proptest_config(crate::engine::testing::cases(400))]

    #[test]
    fn any_legal_order_of_events_keeps_the_rules(turns in prop::collection::vec(turn(), 1..120)) {
        let now = Now { boot_ms: 0, wall: NOW };
        let mut machine = Machine {
            engine: Engine::new(crate::engine::testing::beginning(Some(account()), Progress::default(), 3), now),
            now,
            pending: None,
            stored: Stored::default(),
            in_force: BTreeSet::new(),
            store_is_open: false,
            sent: Vec::new(),
            counter: 0,
        };
        for turn in turns {
            machine.take(turn);
        }
    }
}

impl Machine {
    fn take(&mut self, turn: Turn) {
        let event = match turn {
            Turn::Ask => Event::CheckInRequested(Trigger::User),
            Turn::Leave => Event::UnenrolRequested,
            Turn::Pass(seconds) => {
                self.now.boot_ms += u64::from(seconds) * 1000;
                self.now.wall += i64::from(seconds);
                Event::DeadlineReached
            }
            Turn::JumpWall(seconds) => {
                self.now.wall += i64::from(seconds);
                Event::DeadlineReached
            }
            Turn::Enrol if self.engine.account().is_none() => {
                Event::Enrolled(Box::new(account()), crate::engine::testing::certificates())
            }
            Turn::Enrol => return,
            Turn::Finish(how) => match self.pending.take() {
                None => return,
                Some(pending) => self.outcome(pending, how),
            },
        };
        let mut actions = Vec::new();
        self.engine.handle(event, self.now, &mut actions);
        actions.into_iter().for_each(|action| self.carry_out(action));
        let idle = matches!(self.engine.phase(), Phase::Idle);
        assert_eq!(idle, self.pending.is_none(), "something is awaited exactly while something is ordered");
        assert_eq!(self.engine.next_deadline().is_some(), idle && self.engine.account().is_some());
        if idle {
            assert!(self.engine.next_deadline().is_none_or(|next| next.boot_ms < u64::MAX / 2));
        }
    }

    fn carry_out(&mut self, action: Action) {
        let pending = match action {
            Action::OpenStore => {
                assert!(!self.store_is_open, "the store is opened twice");
                self.store_is_open = true;
                Pending::Open
            }
            Action::Evaluate(request) => Pending::Evaluate(request),
            Action::Apply(application) => Pending::Apply(application),
            Action::Keep(changes) => Pending::Keep(changes),
            Action::Post { body, .. } => {
                self.check_acknowledgements(&body);
                Pending::Post(body)
            }
            Action::DriftReported(_) => return,
            Action::CloseStore => {
                assert!(std::mem::take(&mut self.store_is_open), "a store is closed that is not open");
                let kept: BTreeSet<String> =
                    self.stored.profiles.iter().map(|profile| profile.root.to_string()).collect();
                assert!(self.in_force.is_superset(&kept), "something is kept that is not in force");
                // What the store does not have is removed from the machine before it is closed.
                self.in_force = kept;
                return;
            }
            Action::Report(_)
            | Action::Note(_)
            | Action::Promote
            | Action::DiscardPending
            | Action::SaveAccount(_)
            | Action::Listen(_)
            | Action::RequestCertificate(_)
            | Action::CheckCompliance(_)
            | Action::KeepCompliance(_)
            | Action::CarryOut { .. } => return,
            Action::Renew(order) => Pending::Renew(order),
            Action::Erase => Pending::Erase,
        };
        assert_eq!(self.pending.replace(pending), None, "two things are under way at once");
    }

    /// Every Add that is answered with 200 must be in the store by now.
    fn check_acknowledgements(&mut self, body: &[u8]) {
        let message = Message::decode(body).unwrap();
        for (id, name, code) in statuses(&message) {
            if (name, code) == (Verb::Add.as_str(), 200) {
                let root = config(id);
                let kept = self.stored.profiles.iter().any(|profile| profile.root.to_string() == root);
                assert!(kept, "{id} is acknowledged and not kept");
                assert!(self.in_force.contains(&root), "{id} is acknowledged and not in force");
                assert!(self.sent.contains(&id.to_owned()));
            }
        }
    }

    fn outcome(&mut self, pending: Pending, how: u8) -> Event {
        match pending {
            Pending::Open if how.is_multiple_of(5) => not_opened(),
            Pending::Open => opened(&self.stored),
            Pending::Evaluate(request) => Event::Evaluated(Box::new(match how % 5 {
                0 => Verdicts::lost(&request.named, StatusCode::FAILED, "no machine"),
                _ => Verdicts::all_applicable(&request),
            })),
            Pending::Apply(application) => {
                let mut outcome = ApplicationOutcome::default();
                for (root, profile) in application.profiles {
                    if profile.is_some() && how.is_multiple_of(3) {
                        let reason = "not on this machine".to_owned();
                        outcome.failed.insert(root, Refusal { status: StatusCode::NOT_SUPPORTED, reason });
                    } else if profile.is_some() {
                        self.in_force.insert(root);
                    } else {
                        self.in_force.remove(&root);
                    }
                }
                Event::Applied(Box::new(outcome))
            }
            Pending::Keep(_) if how.is_multiple_of(4) => Event::Kept(Err(StoreFailure::Full("no room".to_owned()))),
            Pending::Keep(changes) => {
                self.stored.apply(&changes);
                Event::Kept(Ok(()))
            }
            Pending::Post(body) => self.reply(&body, how),
            Pending::Renew(_) => Event::Renewed(Err(RenewalFailure::Local("no".to_owned()))),
            Pending::Erase => {
                self.stored = Stored::default();
                self.in_force.clear();
                Event::Erased
            }
        }
    }

    fn reply(&mut self, body: &[u8], how: u8) -> Event {
        let message = Message::decode(body).unwrap();
        let commands = match how % 12 {
            0 => return Event::ConnectionFailed(ConnectionFailure::TimedOut),
            1 => return Event::Replied(Reply { status: 503, retry_after: Some(u64::from(how)), ..Reply::default() }),
            2 => return Event::Replied(Reply { status: 401, ..Reply::default() }),
            3 => return Event::Replied(ok("<html>")),
            4 => return content(body),
            5 => return Event::Replied(ok("")),
            6 => vec![exec("unenrol", &format!("{PROVIDER}/Unenroll"), "Contoso")],
            7 => vec![get("read", "./DevInfo/DevId")],
            _ => {
                self.counter += 1;
                let name = format!("N{}", self.counter);
                self.sent.push(name.clone());
                vec![add(&name, &config(&name), "1")]
            }
        };
        Event::Replied(ok(answer(&message, commands)))
    }
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => Just(Turn::Ask),
        1 => Just(Turn::Leave),
        2 => (0..100_000u32).prop_map(Turn::Pass),
        1 => any::<i32>().prop_map(Turn::JumpWall),
        1 => Just(Turn::Enrol),
        12 => any::<u8>().prop_map(Turn::Finish),
    ]
}
