//! Settings that were refused because the device lacked something are accepted once it has that, without being sent again;
//! by a plain model of the rule over random sequences of sessions.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::authority::NAME;
use mdm_protocol::syncml::{Command, Message, StatusCode, alert_type};
use proptest::prelude::*;

use super::{Server, World, answer};
use crate::engine::progress::Trigger;
use crate::engine::testing::{add, atomic, cases, config, delete, get, ok, replace, statuses};
use crate::engine::tree::Refusal;
use crate::engine::verdict::Verdict;
use crate::engine::{Action, ConnectionFailure, Event};

const WEEK: i64 = 7 * 24 * 3600;

/// What a command does to a setting.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Add(u8),
    Replace(u8),
    Delete,
}

type Set = (&'static str, Deed);

#[derive(Debug, Clone)]
enum Order {
    One(Set),
    All(Vec<Set>),
}

/// What the device says to a setting that it can be brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lack {
    Refuses,
    Waits,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Completes,
    BreaksOff,
    /// The process is killed once the orders are answered.
    Killed,
}

#[derive(Debug, Clone)]
enum Turn {
    Lacks(&'static str, Option<Lack>),
    Session { days: u8, orders: Vec<Order>, end: End },
    Restart,
}

/// A command that is tried again.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    sets: Vec<Set>,
    refused: BTreeSet<&'static str>,
}

/// Why nothing was done.
enum Not {
    /// These are lacking.
    Lacking(BTreeSet<&'static str>),
    /// The set at this place cannot be done: it adds what is there (418) or deletes what is not (404).
    Impossible(usize, u16),
}

/// The rule.
#[derive(Debug, Default)]
struct Model {
    lacks: BTreeMap<&'static str, Lack>,
    values: BTreeMap<&'static str, u8>,
    /// Settings that are stored and not applied.
    unapplied: BTreeSet<&'static str>,
    /// When each was refused last.
    refused: BTreeMap<&'static str, i64>,
    waiting: Vec<Waiting>,
    /// Settings of which the server is to be notified, and with which status.
    unreported: BTreeMap<&'static str, u16>,
}

impl Model {
    /// Sets all or nothing; says whether something of it waits.
    fn set(&mut self, sets: &[Set]) -> Result<bool, Not> {
        let mut values = self.values.clone();
        for (place, (name, deed)) in sets.iter().enumerate() {
            match deed {
                Deed::Add(_) if values.contains_key(name) => return Err(Not::Impossible(place, 418)),
                Deed::Add(value) | Deed::Replace(value) => drop(values.insert(name, *value).is_some()),
                Deed::Delete if values.remove(name).is_none() => return Err(Not::Impossible(place, 404)),
                Deed::Delete => {}
            }
        }
        // What is applied as it is needs nothing.
        let names: BTreeSet<&str> = sets.iter().map(|(name, _)| *name).collect();
        let is_new = |name: &&&str| {
            let value = values.get(*name);
            value.is_some() && (value != self.values.get(*name) || self.unapplied.contains(*name))
        };
        let judged: Vec<(&str, Option<Lack>)> =
            names.iter().filter(is_new).map(|name| (*name, self.lacks.get(name).copied())).collect();
        let of = |wanted| judged.iter().filter(move |(_, lack)| *lack == wanted).map(|(name, _)| *name);
        let lacking: BTreeSet<&str> = of(Some(Lack::Refuses)).collect();
        if !lacking.is_empty() {
            return Err(Not::Lacking(lacking));
        }
        let (waiting, fine): (BTreeSet<&str>, Vec<&str>) = (of(Some(Lack::Waits)).collect(), of(None).collect());
        self.unapplied.extend(&waiting);
        self.unapplied.retain(|name| !fine.contains(name) && values.contains_key(name));
        self.values = values;
        Ok(!waiting.is_empty())
    }

    fn superseded(&mut self, name: &'static str) {
        self.refused.remove(name);
        self.unreported.remove(name);
        self.waiting.retain(|waiting| waiting.sets.iter().all(|(known, _)| *known != name));
    }

    fn retry(&mut self, known: &[Waiting]) {
        for waiting in self.waiting.clone().into_iter().filter(|waiting| known.contains(waiting)) {
            if let Ok(waits) = self.set(&waiting.sets) {
                self.waiting.retain(|known| *known != waiting);
                waiting.sets.iter().for_each(|(name, _)| self.refused.retain(|known, _| known != name));
                let status = if waits { 202 } else { 200 };
                self.unreported.extend(waiting.refused.iter().map(|name| (*name, status)));
            }
        }
    }

    /// The status of a command.
    fn order(&mut self, order: &Order, now: i64) -> u16 {
        let (sets, is_atomic) = match order {
            Order::One(set) => (std::slice::from_ref(set), false),
            Order::All(sets) => (sets.as_slice(), true),
        };
        match self.set(sets) {
            Ok(waits) => {
                sets.iter().for_each(|(name, _)| self.superseded(name));
                if waits && !is_atomic { 202 } else { 200 }
            }
            Err(Not::Impossible(place, code)) => {
                // What was not there to be deleted is not wanted.
                if code == 404 {
                    self.superseded(sets[place].0);
                }
                if is_atomic { 507 } else { code }
            }
            Err(Not::Lacking(lacking)) => {
                self.refused.extend(lacking.iter().map(|name| (*name, now)));
                self.unreported.retain(|name, _| !lacking.contains(name));
                let names: BTreeSet<&str> = sets.iter().map(|(name, _)| *name).collect();
                self.waiting.retain(|known| known.sets.iter().all(|(name, _)| !names.contains(name)));
                self.waiting.push(Waiting { sets: sets.to_vec(), refused: lacking });
                if is_atomic { 507 } else { 406 }
            }
        }
    }

    fn session(&mut self, orders: &[Order], end: End, now: i64) -> Vec<u16> {
        let (known, notified) = (self.waiting.clone(), self.unreported.clone());
        // The device tries what waits before each session.
        let waits = |name: &&&str| self.lacks.get(**name) == Some(&Lack::Waits);
        self.unapplied = self.values.keys().filter(waits).copied().collect();
        let codes = orders.iter().map(|order| self.order(order, now)).collect();
        if end == End::Completes {
            self.unreported.retain(|name, status| notified.get(name) != Some(status));
            self.retry(&known);
        }
        if end != End::Killed {
            self.refused.retain(|_, at| *at + WEEK > now);
            let refused = &self.refused;
            self.waiting.retain(|waiting| waiting.refused.iter().all(|name| refused.contains_key(name)));
        }
        codes
    }
}

fn command(id: &str, (name, deed): &Set) -> Command {
    match deed {
        Deed::Add(value) => add(id, &config(name), &value.to_string()),
        Deed::Replace(value) => replace(id, &config(name), &value.to_string()),
        Deed::Delete => delete(id, &config(name)),
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

/// What a session has shown.
#[derive(Debug, Default)]
struct Seen {
    /// What the device announced as accepted, with the status.
    announced: BTreeMap<String, u16>,
    codes: Vec<u16>,
}

/// Holds a session with these orders in its first answer.
fn session(world: &mut World, orders: &[Order], end: End) -> Seen {
    let mut seen = Seen::default();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let mut actions = std::collections::VecDeque::from(actions);
    while let Some(action) = actions.pop_front() {
        let Action::Post { body, .. } = &action else {
            actions.extend(world.carry_out(action));
            continue;
        };
        let message = Message::decode(body).unwrap();
        let reply = match message.header.message_id {
            1 => {
                seen.announced = announced(&message);
                Event::Replied(ok(answer(&message, commands(orders))))
            }
            _ => {
                let found = statuses(&message);
                let code = |number: usize| found.iter().find(|(id, ..)| *id == number.to_string()).map(|known| known.2);
                seen.codes = (1..=orders.len()).filter_map(code).collect();
                match end {
                    End::Completes => Event::Replied(ok(answer(&message, Vec::new()))),
                    End::BreaksOff => Event::ConnectionFailed(ConnectionFailure::TimedOut),
                    End::Killed => return seen,
                }
            }
        };
        actions.extend(world.handle(reply));
    }
    seen
}

/// The settings of which the device says that it has accepted them since.
fn announced(message: &Message) -> BTreeMap<String, u16> {
    let alerts = message.commands.iter().filter_map(|command| match command {
        Command::Alert(alert) => alert.items.first(),
        _ => None,
    });
    let of_type = alerts.filter(|item| item.meta.media_type.as_deref() == Some(alert_type::ACCEPTED));
    let lists =
        of_type.map(|item| serde_json::from_str::<Vec<serde_json::Value>>(item.data.as_ref().unwrap()).unwrap());
    let entry = |entry: serde_json::Value| {
        let status = u16::try_from(entry["status"].as_u64().unwrap()).unwrap();
        (entry["node"].as_str().unwrap().to_owned(), status)
    };
    lists.flatten().map(entry).collect()
}

fn nodes<'a>(names: impl IntoIterator<Item = &'a &'static str>) -> BTreeSet<String> {
    names.into_iter().map(|name| config(name)).collect()
}

fn reported(unreported: &BTreeMap<&'static str, u16>) -> BTreeMap<String, u16> {
    unreported.iter().map(|(name, status)| (config(name), *status)).collect()
}

fn lack(world: &mut World, name: &str, lack: Option<Lack>) {
    let refusal = Refusal { status: StatusCode::NOT_SUPPORTED, reason: "no package".to_owned() };
    match lack {
        Some(Lack::Refuses) => drop(world.verdicts.insert(config(name), Verdict::Refused(refusal))),
        Some(Lack::Waits) => drop(world.verdicts.insert(config(name), Verdict::Incomplete("a certificate".to_owned()))),
        None => drop(world.verdicts.remove(&config(name))),
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["A", "B", "C"])
}

fn order() -> impl Strategy<Value = Order> {
    let deed = || prop_oneof![3 => (1..4u8).prop_map(Deed::Replace), 1 => (1..4u8).prop_map(Deed::Add), 1 => Just(Deed::Delete)];
    let set = move || (name(), deed());
    prop_oneof![3 => set().prop_map(Order::One), 2 => prop::collection::vec(set(), 1..4).prop_map(Order::All)]
}

fn turn() -> impl Strategy<Value = Turn> {
    let lack = prop_oneof![3 => Just(Some(Lack::Refuses)), 1 => Just(Some(Lack::Waits)), 3 => Just(None)];
    let days = prop_oneof![4 => Just(0u8), 1 => 1..9u8];
    let end = prop_oneof![6 => Just(End::Completes), 1 => Just(End::BreaksOff), 1 => Just(End::Killed)];
    let held = (days, prop::collection::vec(order(), 0..4), end);
    prop_oneof![
        4 => (name(), lack).prop_map(|(name, lack)| Turn::Lacks(name, lack)),
        5 => held.prop_map(|(days, orders, end)| {
            let end = if orders.is_empty() { End::Completes } else { end };
            Turn::Session { days: if end == End::Completes { days } else { 0 }, orders, end }
        }),
        1 => Just(Turn::Restart),
    ]
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_was_refused_is_accepted_once_the_device_can(turns in prop::collection::vec(turn(), 1..16)) {
        let (mut world, mut model) = (World::enrolled(), Model::default());
        for turn in &turns {
            match turn {
                Turn::Lacks(name, found) => {
                    lack(&mut world, name, *found);
                    match found {
                        Some(found) => drop(model.lacks.insert(name, *found).is_some()),
                        None => drop(model.lacks.remove(name).is_some()),
                    }
                }
                Turn::Restart => world = world.restart(60),
                Turn::Session { days, orders, end } => {
                    world.pass(u64::from(*days) * 24 * 3600);
                    let expected = reported(&model.unreported);
                    let seen = session(&mut world, orders, *end);
                    prop_assert_eq!(seen.announced, expected);
                    prop_assert_eq!(seen.codes, model.session(orders, *end, world.now.wall));
                    if *end == End::Killed {
                        world = world.restart(60);
                    }
                }
            }
            let stored = world.stored.profiles.iter().map(|known| (known.root.to_string(), known.nodes[""].value.clone()));
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
    lack(&mut world, "A", Some(Lack::Refuses));
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &config("A"), "1")]));
    assert_eq!((world.reports[0].refused, world.stored.profiles.len()), (1, 0));
    world.verdicts.clear();
    world.ask(Trigger::User, &Server::Content);
    assert_eq!((world.reports[1].rounds, world.stored.profiles.len()), (1, 1));
    assert!(world.reports[1].completed);
    let noted = |name: &str| world.notes.iter().filter(|note| note.what == name).count();
    assert_eq!([noted("setting-refused"), noted("setting-accepted-later"), noted("profile-received")], [1; 3]);
    assert_eq!(session(&mut world, &[], End::Completes).announced, BTreeMap::from([(config("A"), 200)]));
    assert_eq!(session(&mut world, &[], End::Completes).announced, BTreeMap::new());
}

#[test]
fn a_server_that_names_itself_in_the_session_that_is_refused_is_the_same_one_later() {
    let mut world = World::enrolled();
    lack(&mut world, "A", Some(Lack::Refuses));
    let named = replace("name", NAME, "Intune");
    world.ask(Trigger::User, &Server::Says(vec![named, replace("1", &config("A"), "1")]));
    assert_eq!(&*world.engine.life().authority(), "Intune");
    world.verdicts.clear();
    world.ask(Trigger::User, &Server::Content);
    assert_eq!(world.stored.profiles.len(), 1);
}

#[test]
fn what_another_authority_was_refused_waits_for_that_and_too_much_is_not_remembered() {
    let mut world = World::enrolled();
    lack(&mut world, "A", Some(Lack::Refuses));
    lack(&mut world, "B", Some(Lack::Refuses));
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
    // It is neither the device's authority nor the next one.
    assert_eq!((world.stored.profiles.len(), waiting(&world)), (0, 0));
}

#[test]
fn a_refusal_that_is_repeated_with_another_number_is_the_same() {
    let mut world = World::enrolled();
    lack(&mut world, "A", Some(Lack::Refuses));
    let mut kept = |id: &str| {
        world.ask(Trigger::User, &Server::Says(vec![get("x", "./DevInfo/Man"), replace(id, &config("A"), "1")]));
        world.stored.progress.clone().unwrap().retries
    };
    assert_eq!(kept("4"), kept("17"));
}
