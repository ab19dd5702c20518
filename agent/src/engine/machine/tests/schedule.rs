//! The check-in schedule (rules C2 and R5).

use mdm_protocol::csp::dm_client::Poll;

use super::{Server, World};
use crate::engine::progress::Trigger;
use crate::engine::reply::Reply;
use crate::engine::testing::{PROVIDER, replace};
use crate::engine::time::TimerReason::ScheduledCheckIn;

const MINUTE: u64 = 60;

#[test]
fn the_default_schedule_is_five_times_3_eight_times_15_and_then_every_480_minutes() {
    let mut world = World::enrolled();
    let waits: Vec<u64> = (0..16).map(|_| world.wait(&Server::Content) / MINUTE).collect();
    assert_eq!(waits, [3, 3, 3, 3, 3, 15, 15, 15, 15, 15, 15, 15, 15, 480, 480, 480]);
    assert!(
        world
            .history()
            .iter()
            .all(|(triggers, outcome)| { (triggers.as_slice(), *outcome) == (&[Trigger::Schedule][..], "completed") })
    );
}

#[test]
fn the_schedule_survives_restarts_and_goes_on_where_it_stood() {
    let mut world = World::enrolled();
    world.wait_times(7);
    world.pass(5 * MINUTE);
    let world = world.restart(60);
    assert_eq!(world.next(), Some((9 * MINUTE, ScheduledCheckIn)));
    let mut world = world.restart(3600);
    assert_eq!(world.next(), Some((0, ScheduledCheckIn)));
    let waits: Vec<u64> = (0..8).map(|_| world.wait(&Server::Content) / MINUTE).collect();
    assert_eq!(waits, [0, 15, 15, 15, 15, 15, 480, 480]);
}

#[test]
fn check_ins_for_other_reasons_do_not_move_the_schedule() {
    let mut world = World::enrolled();
    world.wait_times(13);
    for hour in 1..8 {
        world.pass(3600);
        world.ask(Trigger::User, &Server::Content);
        assert_eq!(world.next(), Some(((8 - hour) * 3600, ScheduledCheckIn)));
    }
    assert_eq!(world.engine.progress().scheduled_done, 13);
}

#[test]
fn a_wall_clock_that_is_set_while_the_machine_runs_changes_nothing() {
    for jump in [-10 * 365 * 86_400, -86_400, 86_400, 10 * 365 * 86_400] {
        let mut world = World::enrolled();
        world.wait_times(13);
        world.pass(3600);
        world.now.wall += jump;
        assert_eq!(world.next(), Some((7 * 3600, ScheduledCheckIn)), "jump of {jump}");
        world.ask(Trigger::User, &Server::Content);
        assert_eq!(world.next(), Some((7 * 3600, ScheduledCheckIn)), "jump of {jump}, then a session");
        world.pass(3600);
        let world = world.restart(600);
        assert_eq!(world.next(), Some((6 * 3600 - 600, ScheduledCheckIn)), "jump of {jump}, then a restart");
    }
}

#[test]
fn a_wall_clock_that_is_wrong_after_a_restart_delays_a_check_in_by_one_interval_at_most() {
    let mut world = World::enrolled();
    world.wait_times(13);
    let back = world.restart(-20 * 365 * 86_400);
    // It has been up for five seconds, whatever the wall clock says.
    assert_eq!(back.next(), Some((8 * 3600 - 5, ScheduledCheckIn)));
    let forward = back.restart(40 * 365 * 86_400);
    assert_eq!(forward.next(), Some((0, ScheduledCheckIn)));
}

#[test]
fn a_schedule_that_the_server_sets_begins_at_once_and_from_its_start() {
    let mut world = World::enrolled();
    world.wait_times(6);
    let minutes = |minutes: &str| {
        Server::Says(vec![
            replace("1", &format!("{PROVIDER}/Poll/IntervalForFirstSetOfRetries"), minutes),
            replace("2", &format!("{PROVIDER}/Poll/NumberOfFirstRetries"), "0"),
        ])
    };
    world.ask(Trigger::User, &minutes("1"));
    assert_eq!(world.next(), Some((MINUTE, ScheduledCheckIn)));
    let waits: Vec<u64> = (0..4).map(|_| world.wait(&Server::Content)).collect();
    assert_eq!(waits, [MINUTE; 4]);
    world.wait(&minutes("60"));
    assert_eq!(world.next(), Some((3600, ScheduledCheckIn)));
    world.wait(&minutes("60"));
    assert_eq!(world.engine.progress().scheduled_done, 1, "what is the same is no change");
}

#[test]
fn a_schedule_that_the_server_sets_in_the_first_session_is_in_force_after_it() {
    let now = crate::engine::Now { boot_ms: 0, wall: crate::engine::testing::NOW };
    let mut world = World::enrolled();
    world.engine =
        crate::engine::Engine::new(crate::engine::testing::beginning(None, crate::engine::Progress::default(), 7), now);
    let enrolled = crate::engine::Event::Enrolled(
        Box::new(crate::engine::testing::account()),
        crate::engine::testing::certificates(),
    );
    let actions = world.handle(enrolled);
    let poll = format!("{PROVIDER}/Poll/intervalforfirstsetofretries");
    world.serve(actions, &Server::Says(vec![replace("1", &poll, "60")]));
    assert_eq!(world.next(), Some((3600, ScheduledCheckIn)));
}

#[test]
fn a_schedule_that_was_set_survives_a_restart() {
    let mut world = World::enrolled();
    let poll = format!("{PROVIDER}/Poll/IntervalForFirstSetOfRetries");
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &poll, "7")]));
    let mut world = world.restart(5);
    assert_eq!(world.wait(&Server::Content), 7 * MINUTE - 5);
    assert_eq!(world.wait(&Server::Content), 7 * MINUTE);
}

#[test]
fn a_store_that_cannot_be_opened_does_not_bring_an_older_schedule_back() {
    let mut world = World::enrolled();
    let poll = format!("{PROVIDER}/Poll/IntervalForFirstSetOfRetries");
    world.ask(Trigger::User, &Server::Says(vec![replace("1", &poll, "7")]));
    world.wait(&Server::Content);
    let done = world.engine.progress().scheduled_done;
    let actions = world.handle(crate::engine::Event::CheckInRequested(Trigger::User));
    assert_eq!(actions, [crate::engine::Action::OpenStore]);
    let actions = world.handle(super::not_opened());
    world.serve(actions, &Server::Content);
    assert_eq!(world.next(), Some((7 * MINUTE, ScheduledCheckIn)));
    assert_eq!(world.engine.progress().scheduled_done, done);
}

#[test]
fn a_failed_check_in_of_the_schedule_counts_and_the_schedule_goes_on() {
    let mut world = World::enrolled();
    world.wait(&Server::Answers(Reply { status: 400, ..Reply::default() }));
    assert_eq!(world.engine.progress().scheduled_done, 1);
    assert!(world.next().is_some_and(|(seconds, _)| seconds <= 3 * MINUTE));
}

#[test]
fn without_an_endless_set_the_device_checks_in_once_a_day() {
    let mut account = crate::engine::testing::account();
    let mut poll = Poll::UNSET;
    poll.sets[0].count = 2;
    account.poll = poll.into();
    let mut world = World::with(account, crate::engine::Progress::default());
    let waits: Vec<u64> = (0..4).map(|_| world.wait(&Server::Content) / MINUTE).collect();
    assert_eq!(waits, [15, 15, 1440, 1440]);
}
