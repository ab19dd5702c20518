//! Settings that were refused because the device lacked something are applied once it has that, without being sent again;
//! by a plain model of the rule over random sequences of sessions.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::syncml::{Command, Message, StatusCode, alert_type};
use proptest::prelude::*;

use super::{Server, World, answer};
use crate::engine::progress::Trigger;
use crate::engine::testing::{atomic, cases, config, delete, ok, replace, statuses};
use crate::engine::tree::Refusal;
use crate::engine::verdict::Verdict;
use crate::engine::{ConnectionFailure, Event};

const WEEK: i64 = 7 * 24 * 3600;

/// A setting's value, or `None` to delete it.
type Set = (&'static str, Option<u8>);

#[derive(Debug, Clone)]
enum Order {
    One(Set),
    All(Vec<Set>),
}

#[derive(Debug, Clone)]
enum Turn {
    /// The device has what these settings need, or lacks it.
    Lack(&'static str),
    Has(&'static str),
    Session {
        days: u8,
        orders: Vec<Order>,
        breaks_off: bool,
    },
    Restart,
}

/// A command that is tried again.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    sets: Vec<Set>,
    refused: BTreeSet<&'static str>,
}

/// The rule.
#[derive(Debug, Default)]
struct Model {
    lacking: BTreeSet<&'static str>,
    values: BTreeMap<&'static str, u8>,
    /// When each was refused last.
    refused: BTreeMap<&'static str, i64>,
    waiting: Vec<Waiting>,
    unreported: BTreeSet<&'static str>,
}

impl Model {
    /// Sets all or nothing. `Err` names what is lacking; nothing, if it can't be done for another reason.
    fn set(&mut self, sets: &[Set]) -> Result<(), BTreeSet<&'static str>> {
        let mut values = self.values.clone();
        for (name, value) in sets {
            match value {
                Some(value) => drop(values.insert(name, *value)),
                None => drop(values.remove(name).ok_or_else(BTreeSet::new)?),
            }
        }
        let is_lacking = |name: &&str| {
            let value = values.get(name);
            self.lacking.contains(name) && value.is_some() && value != self.values.get(name)
        };
        let lacking: BTreeSet<&str> = sets.iter().map(|(name, _)| *name).filter(is_lacking).collect();
        if lacking.is_empty() {
            self.values = values;
            return Ok(());
        }
        Err(lacking)
    }

    fn superseded(&mut self, name: &'static str) {
        self.refused.remove(name);
        self.unreported.remove(name);
        self.waiting.retain(|waiting| waiting.sets.iter().all(|(known, _)| *known != name));
    }

    fn retry(&mut self) {
        for waiting in self.waiting.clone() {
            if self.set(&waiting.sets).is_ok() {
                self.waiting.retain(|known| *known != waiting);
                waiting.sets.iter().for_each(|(name, _)| self.refused.retain(|known, _| known != name));
                self.unreported.extend(&waiting.refused);
            }
        }
    }

    /// The status of a command.
    fn order(&mut self, order: &Order, now: i64) -> u16 {
        let (sets, failed) = match order {
            Order::One(set) => (std::slice::from_ref(set), 406),
            Order::All(sets) => (sets.as_slice(), 507),
        };
        let result = self.set(sets);
        match &result {
            Ok(()) => sets.iter().for_each(|(name, _)| self.superseded(name)),
            Err(lacking) if lacking.is_empty() => {
                // What was not there to be deleted is not wanted.
                let mut there = self.values.keys().copied().collect::<BTreeSet<_>>();
                for (name, value) in sets {
                    match value {
                        Some(_) => drop(there.insert(name)),
                        None if there.remove(name) => {}
                        None => {
                            self.superseded(name);
                            break;
                        }
                    }
                }
            }
            Err(lacking) => {
                self.refused.extend(lacking.iter().map(|name| (*name, now)));
                self.waiting.retain(|known| known.refused.is_disjoint(lacking));
                self.waiting.push(Waiting { sets: sets.to_vec(), refused: lacking.clone() });
            }
        }
        match (result, order) {
            (Ok(()), _) => 200,
            (Err(lacking), Order::One(_)) if lacking.is_empty() => 404,
            (Err(_), _) => failed,
        }
    }

    fn session_ends(&mut self, now: i64) {
        self.refused.retain(|_, at| *at + WEEK > now);
        let refused = &self.refused;
        self.waiting.retain(|waiting| waiting.refused.iter().all(|name| refused.contains_key(name)));
        self.unreported.retain(|name| self.values.contains_key(name));
    }
}

fn command(id: &str, (name, value): &Set) -> Command {
    match value {
        Some(value) => replace(id, &config(name), &value.to_string()),
        None => delete(id, &config(name)),
    }
}

fn commands(orders: &[Order]) -> Vec<Command> {
    let command = |(number, order): (usize, &Order)| match order {
        Order::One(set) => command(&number.to_string(), set),
        Order::All(sets) => {
            let members = sets.iter().enumerate().map(|(member, set)| command(&format!("{number}.{member}"), set));
            atomic(&number.to_string(), members.collect())
        }
    };
    (1..).zip(orders).map(command).collect()
}

/// Holds a session; what the device announced, and the statuses of the orders.
fn session(world: &mut World, orders: &[Order], breaks_off: bool) -> (BTreeSet<String>, Vec<u16>) {
    let (mut announced, mut codes) = (BTreeSet::new(), Vec::new());
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        if message.header.message_id == 1 {
            announced = applied(&message);
            return Event::Replied(ok(answer(&message, commands(orders))));
        }
        let found = statuses(&message);
        let code = |number: usize| found.iter().find(|(id, ..)| *id == number.to_string()).map(|(.., code)| *code);
        codes = (1..=orders.len()).filter_map(code).collect();
        if breaks_off {
            return Event::ConnectionFailed(ConnectionFailure::TimedOut);
        }
        Event::Replied(ok(answer(&message, Vec::new())))
    });
    (announced, codes)
}

/// The settings of which the device says that it applied them later.
fn applied(message: &Message) -> BTreeSet<String> {
    let alerts = message.commands.iter().filter_map(|command| match command {
        Command::Alert(alert) => alert.items.first(),
        _ => None,
    });
    let of_type = alerts.filter(|item| item.meta.media_type.as_deref() == Some(alert_type::APPLIED));
    let lists =
        of_type.map(|item| serde_json::from_str::<Vec<serde_json::Value>>(item.data.as_ref().unwrap()).unwrap());
    lists.flatten().map(|entry| entry["node"].as_str().unwrap().to_owned()).collect()
}

fn nodes<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> BTreeSet<String> {
    names.into_iter().map(|name| config(name)).collect()
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["A", "B", "C"])
}

fn order() -> impl Strategy<Value = Order> {
    let set = || (name(), prop::option::weighted(0.8, 1..4u8));
    prop_oneof![3 => set().prop_map(Order::One), 2 => prop::collection::vec(set(), 1..4).prop_map(Order::All)]
}

fn turn() -> impl Strategy<Value = Turn> {
    let days = prop_oneof![4 => Just(0u8), 1 => 1..9u8];
    let held = (days, prop::collection::vec(order(), 0..4), prop::bool::weighted(0.2));
    prop_oneof![
        2 => name().prop_map(Turn::Lack),
        2 => name().prop_map(Turn::Has),
        5 => held.prop_map(|(days, orders, breaks_off)| Turn::Session {
            days: if breaks_off { 0 } else { days },
            orders,
            breaks_off,
        }),
        1 => Just(Turn::Restart),
    ]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_was_refused_is_applied_once_the_device_can(turns in prop::collection::vec(turn(), 1..16)) {
        let (mut world, mut model) = (World::enrolled(), Model::default());
        for turn in &turns {
            match turn {
                Turn::Lack(name) => {
                    let refusal = Refusal { status: StatusCode::NOT_SUPPORTED, reason: "no package".to_owned() };
                    world.verdicts.insert(config(name), Verdict::Refused(refusal));
                    model.lacking.insert(name);
                }
                Turn::Has(name) => {
                    world.verdicts.remove(&config(name));
                    model.lacking.remove(name);
                }
                Turn::Restart => world = world.restart(60),
                Turn::Session { days, orders, breaks_off } => {
                    world.pass(u64::from(*days) * 24 * 3600);
                    let breaks_off = *breaks_off && !orders.is_empty();
                    let (announced, codes) = session(&mut world, orders, breaks_off);
                    prop_assert_eq!(announced, nodes(&model.unreported));
                    let notified = model.unreported.clone();
                    model.retry();
                    let now = world.now.wall;
                    let expected: Vec<u16> = orders.iter().map(|order| model.order(order, now)).collect();
                    prop_assert_eq!(codes, expected);
                    if !breaks_off {
                        model.unreported.retain(|name| !notified.contains(name));
                    }
                    model.session_ends(now);
                }
            }
            let stored = world.stored.profiles.iter().map(|profile| (profile.root.to_string(), profile.nodes[""].value.clone()));
            let values = model.values.iter().map(|(name, value)| (config(name), value.to_string()));
            prop_assert_eq!(stored.collect::<BTreeMap<_, _>>(), values.collect::<BTreeMap<_, _>>());
            let progress = world.engine.progress();
            let refused = progress.refused.iter().flat_map(|refused| refused.keys().cloned());
            prop_assert_eq!(refused.collect::<BTreeSet<_>>(), nodes(model.refused.keys()));
            let waiting = progress.retries.iter().flat_map(|retries| &retries.commands).map(|known| known.refused.clone());
            let expected = model.waiting.iter().map(|waiting| nodes(&waiting.refused));
            prop_assert_eq!(waiting.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_server_that_has_nothing_to_say_need_not_speak_for_it_and_is_notified_in_the_next_session() {
    let mut world = World::enrolled();
    let refusal = Refusal { status: StatusCode::NOT_SUPPORTED, reason: "no package".to_owned() };
    world.verdicts.insert(config("A"), Verdict::Refused(refusal));
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &config("A"), "1")]));
    assert_eq!((world.reports[0].refused, world.stored.profiles.len()), (1, 0));
    world.verdicts.clear();
    world.ask(Trigger::User, &Server::Content);
    assert_eq!((world.reports[1].rounds, world.stored.profiles.len()), (1, 1));
    assert!(world.reports[1].completed);
    let noted = |name: &str| world.notes.iter().filter(|note| note.what == name).count();
    assert_eq!([noted("setting-refused"), noted("setting-applied-later"), noted("profile-received")], [1; 3]);
    let (announced, _) = session(&mut world, &[], false);
    assert_eq!(announced, nodes(&["A"]));
    assert_eq!(session(&mut world, &[], false).0, BTreeSet::new());
}

#[test]
fn another_authority_takes_nothing_over_and_too_much_is_not_remembered() {
    let mut world = World::enrolled();
    let refusal = Refusal { status: StatusCode::DEVICE_FULL, reason: "no room".to_owned() };
    for name in ["A", "B"] {
        world.verdicts.insert(config(name), Verdict::Refused(refusal.clone()));
    }
    let large = "x".repeat(crate::engine::retries::MAX_RETRIED_BYTES);
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &config("A"), &large), replace("2", &config("B"), "2")]));
    let waiting = |world: &World| world.engine.progress().retries.as_ref().map_or(0, |retries| retries.commands.len());
    assert_eq!(waiting(&world), 1);
    let mut progress = world.stored.progress.clone().unwrap();
    progress.retries.as_mut().unwrap().commands[0].authority = "another".to_owned();
    world.stored.progress = Some(progress);
    world = world.restart(60);
    world.verdicts.clear();
    world.ask(Trigger::User, &Server::Content);
    assert_eq!((world.stored.profiles.len(), waiting(&world)), (0, 0));
}
