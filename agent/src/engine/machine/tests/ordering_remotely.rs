//! Remote orders from the server's first word to its last, with answers that get lost and processes that end.

use mdm_protocol::syncml::{Command, Message};

use super::{Server, World, answer, content};
use crate::engine::progress::Trigger;
use crate::engine::remote::{LOCK, RemoteKind, RemoteOutcome, RemoteState, WIPE_CONFIRMATION};
use crate::engine::testing::{add, atomic, config, exec, ok, statuses};
use crate::engine::{Action, Event};

const REBOOT: &str = "./Device/Vendor/MSFT/Reboot/RebootNow";
const WIPE: &str = "./Device/Vendor/MSFT/RemoteWipe/doWipe";
const UNIQUE: &str = "0b7c9d6e-8c1f-4b7a-9d55-0a3b7c1d2e3f";

/// What is being carried out, taken out of what else was to be done.
fn carried_out(world: &mut World) -> Vec<(String, bool)> {
    let deeds = std::mem::take(&mut world.deeds);
    deeds
        .into_iter()
        .filter_map(|deed| match deed {
            Action::CarryOut { order, is_confirmed } => Some((order.id, is_confirmed)),
            _ => None,
        })
        .collect()
}

fn state(world: &World, id: &str) -> Option<RemoteState> {
    let orders = world.engine.progress().remote_orders.as_ref()?;
    orders.iter().find(|order| order.id == id).map(|order| order.state)
}

/// A session in which the server says this; what the device told about orders in package 1, and its statuses.
fn talk(world: &mut World, event: Event, commands: &[Command]) -> (Vec<String>, Vec<u16>) {
    let mut commands = Some(commands.to_vec());
    let (mut told, mut codes) = (Vec::new(), Vec::new());
    let actions = world.handle(event);
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        codes.extend(statuses(&message).into_iter().filter(|(_, name, _)| *name != "SyncHdr").map(|(_, _, code)| code));
        for command in &message.commands {
            if let Command::Alert(alert) = command {
                let order = |item: &mdm_protocol::syncml::Item| {
                    let is_order = item.meta.media_type.as_deref() == Some("org.linuxmdm:order");
                    item.data.clone().filter(|_| is_order)
                };
                told.extend(alert.items.iter().filter_map(order));
            }
        }
        match commands.take() {
            Some(commands) if !commands.is_empty() => Event::Replied(ok(answer(&message, commands))),
            _ => content(body),
        }
    });
    (told, codes)
}

fn check_in(world: &mut World, commands: &[Command]) -> (Vec<String>, Vec<u16>) {
    talk(world, Event::CheckInRequested(Trigger::User), commands)
}

#[test]
fn s76_a_lock_is_accepted_then_done_then_told_in_a_session_of_its_own_and_never_repeated() {
    let mut world = World::enrolled();
    let lock = [exec(UNIQUE, LOCK, r#"{"message": "lost"}"#)];
    assert_eq!(check_in(&mut world, &lock).1, [202]);
    assert_eq!(carried_out(&mut world), [(UNIQUE.to_owned(), false)]);
    let done = Event::CarriedOut(UNIQUE.to_owned(), RemoteOutcome::Done("2 sessions".to_owned()));
    let (told, _) = talk(&mut world, done, &lock);
    assert_eq!(told.len(), 1, "the server hears of it without asking");
    let people: Vec<_> = world.notes.iter().filter_map(crate::engine::notification::of).collect();
    assert_eq!(people.len(), 1, "and so does whoever sits in front of the machine");
    assert!(told[0].contains(r#""state":"done""#) && told[0].contains("2 sessions"), "{told:?}");
    assert_eq!(carried_out(&mut world), [], "the same order again is not carried out again");
    let (told, codes) = check_in(&mut world, &lock);
    assert_eq!((told.len(), codes), (0, vec![200]), "and it is answered as it stands");
    assert_eq!(carried_out(&mut world), []);
}

#[test]
fn an_order_is_kept_before_it_is_acknowledged() {
    let mut world = World::enrolled();
    check_in(&mut world, &[exec(UNIQUE, LOCK, "")]);
    let stored = world.stored.progress.as_ref().and_then(|progress| progress.remote_orders.clone()).unwrap();
    assert_eq!(stored.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), [UNIQUE]);
}

#[test]
fn an_order_whose_answer_is_lost_is_carried_out_once_if_it_has_a_name_and_not_yet_if_it_has_none() {
    for (name, expected) in [(UNIQUE, 1), ("3", 0)] {
        let mut world = World::enrolled();
        let actions = world.handle(Event::CheckInRequested(Trigger::User));
        let mut rounds = 0;
        world.serve_by(actions, |_, body| {
            rounds += 1;
            let message = Message::decode(body).unwrap();
            if rounds == 1 {
                Event::Replied(ok(answer(&message, vec![exec(name, REBOOT, "")])))
            } else {
                Event::ConnectionFailed(crate::engine::ConnectionFailure::TimedOut)
            }
        });
        assert_eq!(carried_out(&mut world).len(), expected, "{name}");
        // The server gives it again.
        assert_eq!(check_in(&mut world, &[exec(name, REBOOT, "")]).1, [202]);
        assert_eq!(carried_out(&mut world).len(), 1 - expected, "{name}: once in all");
    }
}

#[test]
fn an_order_without_a_name_counts_once_the_server_went_on_after_its_acceptance() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    let mut rounds = 0;
    world.serve_by(actions, |_, body| {
        rounds += 1;
        let message = Message::decode(body).unwrap();
        match rounds {
            1 => Event::Replied(ok(answer(&message, vec![exec("3", REBOOT, "")]))),
            2 => Event::Replied(ok(answer(&message, vec![exec("4", "./Device/Vendor/X", "")]))),
            _ => Event::ConnectionFailed(crate::engine::ConnectionFailure::TimedOut),
        }
    });
    assert_eq!(carried_out(&mut world).len(), 1, "the server knows, whatever became of the rest");
}

#[test]
fn a_machine_that_was_told_to_restart_is_not_told_again_where_a_restart_cannot_be_seen() {
    let mut world = World::enrolled();
    check_in(&mut world, &[exec(UNIQUE, REBOOT, "")]);
    let actions = world.handle(Event::CarriedOut(UNIQUE.to_owned(), RemoteOutcome::Begun("soon".to_owned())));
    world.serve(actions, &Server::Content);
    let stored = world.stored.clone();
    let mut again = World::with(crate::engine::testing::account(), stored.progress.clone().unwrap());
    again.stored = stored;
    let mut actions = Vec::new();
    again.engine.begin(true, &mut actions);
    assert!(!actions.iter().any(|action| matches!(action, Action::CarryOut { .. })), "{actions:?}");
    assert_eq!(state(&again, UNIQUE), Some(RemoteState::Done));
}

#[test]
fn more_orders_than_are_taken_at_once_are_put_off_and_not_lost_with_a_smile() {
    let mut world = World::enrolled();
    let many: Vec<Command> = (0..10).map(|number| exec(&format!("{number}{UNIQUE}"), LOCK, "")).collect();
    let (_, codes) = check_in(&mut world, &many);
    assert_eq!((codes[7], codes[8], codes[9]), (202, 417, 417));
    assert_eq!(carried_out(&mut world).len(), 8);
}

#[test]
fn a_machine_that_became_its_users_between_plan_and_confirmation_is_not_wiped() {
    let mut world = World::enrolled();
    check_in(&mut world, &[exec(UNIQUE, WIPE, "")]);
    carried_out(&mut world);
    let planned = Event::CarriedOut(UNIQUE.to_owned(), RemoteOutcome::Planned(vec!["remove /home".to_owned()]));
    let (told, _) = talk(&mut world, planned, &[]);
    let report: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    world.engine.set_personal(true);
    let token = report["token"].as_str().unwrap();
    assert_eq!(check_in(&mut world, &[exec("5", WIPE_CONFIRMATION, token)]).1, [403]);
    assert_eq!(carried_out(&mut world), []);
    assert_eq!(state(&world, UNIQUE), Some(RemoteState::Failed));
}

#[test]
fn without_its_store_a_device_takes_no_orders() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    assert_eq!(actions, [Action::OpenStore]);
    let mut codes = Vec::new();
    let mut asked = false;
    let actions = world.handle(super::not_opened());
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).unwrap();
        codes.extend(statuses(&message).into_iter().filter(|(_, name, _)| *name == "Exec").map(|(_, _, code)| code));
        if std::mem::replace(&mut asked, true) {
            return content(body);
        }
        Event::Replied(ok(answer(&message, vec![exec(UNIQUE, REBOOT, "")])))
    });
    assert_eq!(codes, [420]);
    assert_eq!(carried_out(&mut world), []);
}

#[test]
fn a_wipe_is_planned_in_one_session_and_begun_only_after_the_confirmation_in_another() {
    let mut world = World::enrolled();
    check_in(&mut world, &[exec(UNIQUE, WIPE, "")]);
    assert_eq!(carried_out(&mut world), [(UNIQUE.to_owned(), false)]);
    let planned = Event::CarriedOut(UNIQUE.to_owned(), RemoteOutcome::Planned(vec!["remove /home".to_owned()]));
    let (told, _) = talk(&mut world, planned, &[]);
    let report: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(report["state"], "awaiting-confirmation");
    assert_eq!(report["detail"], "remove /home");
    assert_eq!(check_in(&mut world, &[exec("4", WIPE_CONFIRMATION, "guess")]).1, [404]);
    assert_eq!(check_in(&mut world, &[exec(UNIQUE, WIPE, "")]).1, [202], "ordered again is not confirmed");
    assert_eq!(carried_out(&mut world), []);
    let token = report["token"].as_str().unwrap();
    assert_eq!(check_in(&mut world, &[exec("5", WIPE_CONFIRMATION, token)]).1, [202]);
    assert_eq!(carried_out(&mut world), [(UNIQUE.to_owned(), true)]);
    assert_eq!(check_in(&mut world, &[exec("6", WIPE_CONFIRMATION, token)]).1, [202], "said again");
    assert_eq!(carried_out(&mut world), [], "and not done again");
    let over = Event::CarriedOut(UNIQUE.to_owned(), RemoteOutcome::Failed("cut off".to_owned()));
    talk(&mut world, over, &[]);
    assert_eq!(check_in(&mut world, &[exec("7", WIPE_CONFIRMATION, token)]).1, [404], "a replay revives nothing");
    assert_eq!(carried_out(&mut world), []);
}

#[test]
fn a_machine_of_its_user_is_locked_but_not_wiped() {
    let mut world = World::enrolled();
    world.engine.set_personal(true);
    assert_eq!(check_in(&mut world, &[exec("1", WIPE, ""), exec("2", LOCK, "")]).1, [403, 202]);
    let orders = world.engine.progress().remote_orders.clone().unwrap();
    assert!(orders.iter().all(|order| matches!(order.kind, RemoteKind::Lock(_))));
}

#[test]
fn an_action_in_an_atomic_begins_only_if_the_whole_of_it_holds() {
    for (bad, expected, started) in [(false, vec![200, 202, 200], 1), (true, vec![507, 216, 404], 0)] {
        let mut world = World::enrolled();
        let target = if bad { "./Nowhere".to_owned() } else { config("A") };
        let (_, codes) = check_in(&mut world, &[atomic("1", vec![exec("2", LOCK, ""), add("3", &target, "1")])]);
        assert_eq!((codes, carried_out(&mut world).len()), (expected, started));
    }
}
