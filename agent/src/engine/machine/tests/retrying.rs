//! Settings that were refused because the device lacked something are accepted once it has that, without being sent again;
//! by a plain model of the rule over random sequences of sessions.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::csp::authority::NAME;
use mdm_protocol::syncml::{Command, Message, StatusCode, alert_type};
use proptest::prelude::*;

use self::model::{Deed, End, Lack, Model, Order, Set};
use super::moving::{NEXT, address, change};
use super::{Server, World, answer, reply};
use crate::engine::failure::StoreFailure;
use crate::engine::progress::Trigger;
use crate::engine::testing::{add, atomic, cases, config, delete, get, ok, replace, statuses};
use crate::engine::tree::Refusal;
use crate::engine::verdict::Verdict;
use crate::engine::{Action, ConnectionFailure, Event};

#[derive(Debug, Clone)]
enum Turn {
    Lacks(&'static str, Option<Lack>),
    Session { days: u8, orders: Vec<Order>, end: End },
    Restart,
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

#[test]
fn what_the_next_authority_was_refused_outlives_a_session_with_the_present_one() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Says(vec![replace("n", NAME, "Intune")]));
    lack(&mut world, "A", Some(Lack::Refuses));
    let waiting = |world: &World| {
        let retries = world.engine.progress().retries.as_ref();
        retries.map(|retries| retries.commands[0].authority.clone())
    };
    // The next authority's server breaks off once its command is refused.
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let (present, next) = (Server::Says(vec![change("Co-management", NEXT)]), replace("1", &config("A"), "1"));
    world.serve_by(actions, |url, body| {
        let message = Message::decode(body).unwrap();
        match (address(url) == NEXT, message.header.message_id) {
            (false, _) => reply(&present, body),
            (true, 1) => Event::Replied(ok(answer(&message, vec![next.clone()]))),
            (true, _) => Event::ConnectionFailed(ConnectionFailure::TimedOut),
        }
    });
    assert_eq!(waiting(&world).as_deref(), Some("Co-management"));
    let mut asked = Vec::new();
    while !asked.iter().any(|known: &String| known != NEXT) {
        let (seconds, _) = world.next().unwrap();
        world.pass(seconds + 1);
        let actions = world.handle(Event::DeadlineReached);
        world.serve_by(actions, |url, body| {
            asked.push(address(url));
            if address(url) == NEXT {
                Event::ConnectionFailed(ConnectionFailure::TimedOut)
            } else {
                reply(&present, body)
            }
        });
    }
    assert_eq!(waiting(&world).as_deref(), Some("Co-management"), "{asked:?}");
}

#[test]
fn an_authority_that_names_itself_in_the_place_of_another_takes_nothing_over() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Says(vec![replace("n", NAME, "Intune")]));
    lack(&mut world, "A", Some(Lack::Refuses));
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &config("A"), "1")]));
    world.verdicts.clear();
    world.ask(Trigger::User, &Server::Says(vec![replace("n", NAME, "Other")]));
    assert_eq!(&*world.engine.life().authority(), "Other");
    assert_eq!((world.stored.profiles.len(), &world.engine.progress().retries), (0, &None));
}

#[test]
fn what_could_not_be_kept_is_neither_accepted_nor_forgotten() {
    let mut world = World::enrolled();
    lack(&mut world, "A", Some(Lack::Refuses));
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &config("A"), "1")]));
    let before = world.engine.progress().clone();
    world.verdicts.clear();
    let mut actions = std::collections::VecDeque::from(world.handle(Event::CheckInRequested(Trigger::User)));
    let mut failed = 0;
    while let Some(action) = actions.pop_front() {
        let news = match action {
            Action::Keep(changes) if !changes.profiles.is_empty() => {
                failed += 1;
                world.handle(Event::Kept(Err(StoreFailure::Full("no room".to_owned()))))
            }
            Action::Post { body, .. } => world.handle(super::content(&body)),
            other => world.carry_out(other),
        };
        actions.extend(news);
    }
    let after = world.engine.progress();
    assert_eq!((failed, world.stored.profiles.len()), (1, 0));
    assert_eq!((&after.retries, &after.refused), (&before.retries, &before.refused));
    world.ask(Trigger::User, &Server::Content);
    assert_eq!((world.stored.profiles.len(), &world.engine.progress().refused), (1, &None));
}
