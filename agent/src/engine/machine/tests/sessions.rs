//! Sessions: what starts them, what merges, what is kept before what.

use mdm_protocol::syncml::{Command, Message};

use super::{Server, World, answer, content_in, not_opened, opened};
use crate::engine::application::DriftReport;
use crate::engine::certificates::Slot;
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Stored;
use crate::engine::progress::{Progress, Trigger, Triggers};
use crate::engine::testing::{NOW, SERVER, account, add, config, facts, ok, stored_credentials};
use crate::engine::{Action, Engine, Event, Now, Phase};

#[test]
fn messages_are_signed_from_the_session_after_the_one_that_requires_it() {
    let mut world = World::enrolled();
    let node = format!("{}/RequireMessageSigning", account().provider_address());
    world.ask(Trigger::User, &Server::Says(vec![add("1", &node, "true")]));
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    assert!(matches!(&actions[..], [Action::Post { is_signed: true, .. }]), "{actions:?}");
}

#[test]
fn a_session_is_opened_held_kept_closed_and_reported_in_this_order() {
    let mut world = World::enrolled();
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), [Action::OpenStore]);
    let actions = world.handle(opened(&world.stored));
    let [Action::Post { url, body, slot: Slot::Active, is_signed: false }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(url, &format!("{SERVER}?mode=Maintenance&Platform=WoA"));
    let message = Message::decode(body).unwrap();
    let actions = world.handle(Event::Replied(ok(answer(&message, vec![add("a", &config("A"), "1")]))));
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(changes.profiles.len(), 1);
    let actions = world.handle(Event::Kept(Ok(())));
    assert!(matches!(&actions[..], [Action::Post { .. }]));
    world.pass(2);
    let actions = world.handle(content_in(&world.engine));
    let [Action::Keep(changes)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(changes.progress.as_ref().and_then(|progress| progress.last_completed), Some(NOW + 2));
    assert!(changes.profiles.is_empty() && changes.settings.is_empty());
    let actions = world.handle(Event::Kept(Ok(())));
    let [Action::CloseStore, Action::Report(record)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((record.started, record.ended, record.rounds, record.succeeded), (NOW, NOW + 2, 2, 1));
    assert!(record.completed && !record.unreachable);
    assert_eq!((record.session_id, record.outcome.as_str()), (1, "completed"));
}

#[test]
fn enrolment_starts_a_session_at_once() {
    let now = Now { boot_ms: 5, wall: NOW };
    let mut engine = Engine::new(crate::engine::testing::beginning(None, Progress::default(), 7), now);
    assert_eq!(engine.next_deadline(), None);
    let mut actions = Vec::new();
    engine.handle(Event::CheckInRequested(Trigger::User), now, &mut actions);
    assert_eq!(actions, []);
    engine.handle(Event::Enrolled(Box::new(account()), crate::engine::testing::certificates()), now, &mut actions);
    assert!(matches!(&actions[..], [Action::Note(_), Action::OpenStore]), "{actions:?}");
    let Phase::Opening(assignment) = engine.phase() else { panic!("{:?}", engine.phase()) };
    assert_eq!(assignment.triggers, Triggers::of(Trigger::Enrolment));
}

#[test]
fn triggers_during_a_session_merge_into_one_session_after_it() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), []);
    world.handle(opened(&world.stored));
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::User)), []);
    assert_eq!(world.handle(Event::CheckInRequested(Trigger::Schedule)), []);
    let actions = world.handle(content_in(&world.engine));
    world.serve(actions, &Server::Content);
    let expected = vec![(vec![Trigger::User], "completed"), (vec![Trigger::Schedule, Trigger::User], "completed")];
    assert_eq!(world.history(), expected);
}

#[test]
fn while_a_session_runs_there_is_no_deadline_and_a_late_one_starts_nothing() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    assert_eq!(world.engine.next_deadline(), None);
    world.pass(86_400);
    assert_eq!(world.handle(Event::DeadlineReached), []);
    world.handle(opened(&world.stored));
    assert_eq!(world.engine.next_deadline(), None);
    let actions = world.handle(content_in(&world.engine));
    assert_eq!(world.engine.next_deadline(), None);
    world.serve(actions, &Server::Content);
    assert_eq!(world.history().len(), 2);
}

#[test]
fn a_deadline_that_is_not_reached_starts_nothing() {
    let mut world = World::enrolled();
    world.pass(179);
    assert_eq!(world.handle(Event::DeadlineReached), []);
}

#[test]
fn events_out_of_place_do_not_disturb_what_is_under_way() {
    let mut world = World::enrolled();
    let strays = || [Event::Replied(ok("")), Event::Kept(Ok(())), opened(&Stored::default())];
    strays().into_iter().for_each(|event| assert_eq!(world.handle(event), []));
    world.handle(Event::CheckInRequested(Trigger::User));
    for event in [Event::Kept(Ok(())), Event::Replied(ok(""))] {
        assert_eq!(world.handle(event), []);
        assert!(matches!(world.engine.phase(), Phase::Opening(_)));
    }
    world.handle(opened(&world.stored));
    assert_eq!(world.handle(opened(&world.stored)), []);
    assert!(matches!(world.engine.phase(), Phase::Running(..)));
}

#[test]
fn session_numbers_go_up_to_65535_and_begin_again_at_1() {
    let progress = Progress { session_id: 65_534, ..Progress::default() };
    let mut world = World::with(account(), progress);
    (0..3).for_each(|_| world.ask(Trigger::User, &Server::Content));
    let numbers: Vec<u16> = world.reports.iter().map(|record| record.session_id).collect();
    assert_eq!(numbers, [65_535, 1, 2]);
}

#[test]
fn a_session_without_the_store_is_held_and_says_that_nothing_can_be_kept() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(not_opened());
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let message = Message::decode(body).unwrap();
    let actions = world.handle(Event::Replied(ok(answer(&message, vec![add("a", &config("A"), "1")]))));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let codes = crate::engine::testing::statuses(&Message::decode(body).unwrap())
        .iter()
        .map(|(.., code)| *code)
        .collect::<Vec<_>>();
    assert_eq!(codes, [200, 420]);
    let actions = world.handle(content_in(&world.engine));
    assert!(matches!(&actions[..], [Action::Keep(_)]));
    let actions = world.handle(Event::Kept(Err(StoreFailure::Full("no room".to_owned()))));
    assert!(matches!(&actions[..], [Action::CloseStore, Action::Report(_)]));
    assert!(matches!(world.engine.phase(), Phase::Idle));
    assert!(world.next().is_some());
}

#[test]
fn changes_that_could_not_be_kept_are_not_acknowledged() {
    let mut world = World::enrolled();
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let message = Message::decode(body).unwrap();
    world.handle(Event::Replied(ok(answer(&message, vec![add("a", &config("A"), "1")]))));
    let actions = world.handle(Event::Kept(Err(StoreFailure::Unusable("gone".to_owned()))));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let message = Message::decode(body).unwrap();
    assert_eq!(crate::engine::testing::statuses(&message).last().map(|(.., code)| *code), Some(500));
}

#[test]
fn a_store_that_was_rebuilt_is_announced_until_a_session_is_completed() {
    let mut world = World::enrolled();
    let actions = open(&mut world, Trigger::User, true, Some(Progress::default()));
    assert!(announces_loss(&actions));
    world.serve(actions, &Server::Gone);
    let actions = open(&mut world, Trigger::User, false, Some(Progress::default()));
    assert!(announces_loss(&actions));
    world.serve(actions, &Server::Content);
    let actions = open(&mut world, Trigger::User, false, Some(Progress::default()));
    assert!(!announces_loss(&actions));
}

#[test]
fn a_store_that_came_back_empty_is_announced_as_lost_except_right_after_enrolment() {
    let mut world = World::enrolled();
    assert!(announces_loss(&open(&mut world, Trigger::User, false, None)));
    let mut world = World::enrolled();
    assert!(!announces_loss(&open(&mut world, Trigger::Enrolment, false, None)));
}

#[test]
fn the_nonce_is_kept_for_the_next_session_and_survives_a_restart() {
    use mdm_protocol::syncml::{Challenge, CredentialsKind, Status};
    let mut account = account();
    account.credentials = Some(stored_credentials(true));
    let mut world = World::with(account, Progress::default());
    let Command::Status(accepted) = crate::engine::testing::status("1", 1, "0", "SyncHdr", 200) else { unreachable!() };
    let challenge = Some(Challenge { kind: CredentialsKind::Md5, nonce: Some(b"next".to_vec()) });
    let header = mdm_protocol::syncml::Header { session_id: "1".to_owned(), message_id: 1, ..Default::default() };
    let commands = vec![Command::Status(Status { challenge, ..accepted })];
    let reply = ok(Message { header, commands, is_final: true }.encode());
    world.ask(Trigger::User, &Server::Answers(reply));
    let mut world = world.restart(0);
    world.handle(Event::CheckInRequested(Trigger::User));
    let actions = world.handle(opened(&world.stored));
    let [Action::Post { body, .. }] = &actions[..] else { panic!("{actions:?}") };
    let secret = mdm_protocol::Secret::new("lovelace");
    let proof = mdm_protocol::syncml::Credentials::md5("ada", &secret, b"next");
    assert_eq!(Message::decode(body).unwrap().header.credentials, Some(proof));
}

fn open(world: &mut World, trigger: Trigger, rebuilt: bool, progress: Option<Progress>) -> Vec<Action> {
    world.handle(Event::CheckInRequested(trigger));
    let stored = Ok(Box::new(Stored { progress, ..Stored::default() }));
    world.handle(Event::StoreOpened { stored, rebuilt, facts: Box::new(facts()), machine: Box::default() })
}

fn announces_loss(actions: &[Action]) -> bool {
    let [Action::Post { body, .. }] = actions else { panic!("{actions:?}") };
    let commands = Message::decode(body).unwrap().commands;
    commands.iter().any(|command| matches!(command, Command::Alert(alert) if alert.code.0 == 1226))
}

#[test]
fn the_servers_date_is_heard_in_a_session_and_only_there() {
    let mut world = World::enrolled();
    let dated = || Event::Replied(crate::engine::reply::Reply { date: Some(NOW + 90), ..ok("") });
    world.handle(dated());
    assert_eq!(world.engine.life().clock().skew(), None);
    world.handle(Event::CheckInRequested(Trigger::User));
    world.handle(opened(&world.stored));
    world.handle(dated());
    assert_eq!(world.engine.life().clock().skew(), Some(90));
}

#[test]
fn changes_by_others_count_as_reported_once_the_session_that_named_them_was_completed() {
    let drift = |number| DriftReport { path: format!("/etc/{number}"), ..DriftReport::default() };
    let unreported: Vec<DriftReport> = (0..25).map(drift).collect();
    let begin = |world: &mut World| {
        world.handle(Event::CheckInRequested(Trigger::User));
        let mut event = opened(&world.stored);
        let Event::StoreOpened { machine, .. } = &mut event else { panic!("{event:?}") };
        machine.unreported.clone_from(&unreported);
        world.handle(event)
    };
    let reported = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::DriftReported(drift) => Some(drift.clone()),
            _ => None,
        })
    };
    let mut world = World::enrolled();
    begin(&mut world);
    let actions = world.handle(content_in(&world.engine));
    assert_eq!(reported(&actions).as_deref(), Some(&unreported[..20]), "as many as the message names");

    let mut world = World::enrolled();
    begin(&mut world);
    let failure = crate::engine::ConnectionFailure::Identity("none".to_owned());
    assert_eq!(reported(&world.handle(Event::ConnectionFailed(failure))), None, "the server did not get it");

    let mut world = World::enrolled();
    world.handle(Event::UnenrolRequested);
    begin(&mut world);
    assert_eq!(reported(&world.handle(content_in(&world.engine))), None, "a farewell names nothing");
}
