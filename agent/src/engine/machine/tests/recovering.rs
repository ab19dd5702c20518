//! The identity is issued again, and a disk that takes nothing does not drive the device in circles.

use std::collections::VecDeque;

use super::{Server, World, opened};
use crate::engine::failure::StoreFailure;
use crate::engine::progress::Trigger;
use crate::engine::reply::Reply;
use crate::engine::testing::{DAY, NOW, account, add, certificates, config, replace, stored_after, stored_credentials};
use crate::engine::{Account, Action, Event};

const SECRET: &str = "./SyncML/DMAcc/Contoso/AppAuth/CLCRED/AAuthSecret";

#[test]
fn what_the_server_had_set_of_the_old_credentials_is_dropped() {
    let mut world = World::enrolled();
    world.ask(Trigger::User, &Server::Says(vec![replace("1", SECRET, "long ago")]));
    assert!(world.stored.settings.contains_key(SECRET));
    let fresh = Account { credentials: Some(stored_credentials(true)), ..account() };
    let actions = world.handle(Event::Recovered(Box::new(fresh), certificates()));
    world.serve(actions, &Server::Content);
    assert!(!world.stored.settings.contains_key(SECRET));
    let used = world.engine.account().unwrap().session_credentials(&world.stored, None).unwrap();
    assert_eq!(used.secret.expose(), "lovelace");
}

#[test]
fn a_recovery_that_ends_after_the_enrolment_brings_nothing_back() {
    let mut world = World::enrolled();
    let actions = world.handle(Event::UnenrolRequested);
    world.serve(actions, &Server::Content);
    world.handle(Event::Recovered(Box::new(account()), certificates()));
    assert!(world.engine.account().is_none());
}

#[test]
fn nothing_begins_while_the_identity_is_exchanged() {
    let mut world = World::enrolled();
    assert_eq!(world.handle(Event::Pause(true)), []);
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), []);
    assert_eq!(world.engine.next_deadline(), None);
    assert_eq!(world.handle(Event::Pause(false)), [Action::OpenStore]);
}

#[test]
fn a_full_disk_and_a_failing_server_at_a_deadline_do_not_make_the_device_run() {
    let mut world = World::enrolled();
    world.stored = stored_after(vec![add("1", &config("A"), "1"), add("2", &config("Old"), "1")]);
    world.stored.profiles[1].authority = "Former".to_owned();
    world.stored.profiles[1].received = NOW - DAY;
    world.ask(Trigger::User, &Server::Content);
    world.pass(6 * 86_400 - 700);
    let (mut sessions, begun) = (0, world.now.wall);
    while world.now.wall < begun + 3600 {
        let (seconds, _) = world.next().unwrap();
        world.pass(seconds);
        world.now.boot_ms += 1;
        let mut actions = VecDeque::from(world.handle(Event::DeadlineReached));
        while let Some(action) = actions.pop_front() {
            let event = match action {
                Action::OpenStore => opened(&world.stored),
                Action::Keep(_) => Event::Kept(Err(StoreFailure::Full("no room".to_owned()))),
                Action::Post { .. } => Event::Replied(Reply { status: 500, ..Reply::default() }),
                Action::Report(_) => {
                    sessions += 1;
                    continue;
                }
                _ => continue,
            };
            actions.extend(world.handle(event));
        }
        assert!(sessions < 100, "{sessions} sessions in {} s", world.now.wall - begun);
    }
    assert_eq!(world.stored.profiles.len(), 2, "nothing was removed that could not be");
}
