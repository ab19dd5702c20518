//! What the server sets of the agent itself: refreshes without it, the end for want of contact, sign-ins.

use super::{Ended, World, failed};
use crate::engine::life::{FailedHow, Told};
use crate::engine::progress::Trigger;
use crate::engine::server_settings::ServerSettings;
use crate::engine::testing::{DAY, account};
use crate::engine::time::TimerReason;

fn told(settings: ServerSettings) -> Told {
    Told { settings, poll: Some(poll()), ..Told::default() }
}

fn poll() -> crate::engine::account::StoredPoll {
    crate::engine::account::StoredPoll { sets: [(480, 0); 3], ..account().poll }
}

#[test]
fn what_is_applied_is_checked_by_its_cadence_between_sessions() {
    let mut world = World::new();
    let settings = ServerSettings { refresh_minutes: Some(30), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings)));
    for _ in 0..3 {
        assert_eq!(world.next(), Some((1800, TimerReason::ConfigRefresh)));
        world.wait();
        assert!(world.life.refresh_is_due(world.now) && world.life.queued().is_empty(), "no session is needed for it");
        world.life.plan_refresh(world.now);
        assert!(!world.life.refresh_is_due(world.now));
    }
    // A session sees to it as well, and one that switches it off does.
    world.ask(Ended::Completed, Some(&told(ServerSettings::default())));
    assert_ne!(world.next().map(|(_, reason)| reason), Some(TimerReason::ConfigRefresh));
}

fn lost_after(days: u32) -> World {
    let mut world = World::new();
    let settings = ServerSettings { lost_contact_days: Some(days), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings)));
    world
}

/// So many check-ins fail, minutes apart; whether contact is lost for good after each.
fn fails(world: &mut World, how: FailedHow, times: usize) -> Vec<bool> {
    let fail = |_| {
        world.pass(150);
        world.ask(Ended::Failed(how), None).1.contact_lost
    };
    (0..times).map(fail).collect()
}

#[test]
fn a_device_that_loses_contact_for_as_long_as_its_server_has_set_leaves() {
    let mut world = lost_after(30);
    assert_eq!(world.life.lost_contact_due().map(|due| due - world.life.clock().read(world.now).wall), Some(30 * DAY));
    world.pass(29 * DAY + 3600);
    let (_, follow) = world.ask(failed(), None);
    assert!(follow.contact_lost_soon.is_some() && !follow.contact_lost, "it is announced a day ahead");
    assert_eq!(world.ask(failed(), None).1.contact_lost_soon, None, "once");
    world.pass(DAY);
    assert_eq!(fails(&mut world, FailedHow::default(), 4), [false; 4], "several check-ins are tried");
    world.life.resumed(3600, world.now);
    let (_, follow) = {
        world.pass(150);
        world.ask(failed(), None)
    };
    assert!(follow.contact_lost && follow.farewell);
}

#[test]
fn what_was_away_all_the_time_has_a_day_after_the_announcement() {
    let mut world = lost_after(30);
    world.pass(90 * DAY);
    assert_eq!(fails(&mut world, FailedHow::default(), 20), [false; 20]);
    world.pass(DAY);
    assert_eq!(fails(&mut world, FailedHow::default(), 1), [true]);
}

#[test]
fn a_check_in_that_failed_for_another_reason_than_a_silent_server_does_not_count() {
    for how in [
        FailedHow { no_network: true, ..FailedHow::default() },
        FailedHow { answered: true, ..FailedHow::default() },
        FailedHow { may_be_clock: true, ..FailedHow::default() },
    ] {
        let mut world = lost_after(30);
        world.pass(29 * DAY + 3600);
        world.ask(Ended::Failed(how), None);
        world.pass(2 * DAY);
        assert_eq!(fails(&mut world, how, 20), [false; 20], "{how:?}");
    }
}

#[test]
fn contact_at_the_last_moment_keeps_the_enrollment_and_so_does_a_server_that_sets_nothing() {
    let mut world = lost_after(30);
    world.pass(29 * DAY + 3600);
    world.ask(failed(), None);
    world.pass(DAY);
    fails(&mut world, FailedHow::default(), 4);
    let settings = ServerSettings { lost_contact_days: Some(30), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings)));
    assert_eq!(fails(&mut world, FailedHow::default(), 5), [false; 5]);
    world.ask(Ended::Completed, Some(&told(ServerSettings::default())));
    world.pass(400 * DAY);
    fails(&mut world, FailedHow::default(), 10);
    world.pass(2 * DAY);
    assert_eq!(fails(&mut world, FailedHow::default(), 10), [false; 10]);
}

#[test]
fn it_never_leaves_before_the_profiles_have_had_their_time_nor_by_a_wall_clock_alone() {
    let mut world = lost_after(1);
    world.pass(6 * DAY);
    world.ask(failed(), None);
    world.pass(DAY - 3600);
    assert_eq!(fails(&mut world, FailedHow::default(), 10), [false; 10]);
    // The machine is off, and comes up with a clock that claims years: servers' certificates are expired by it.
    let mut world = lost_after(30).reboot(900 * DAY);
    let how = FailedHow { may_be_clock: true, ..FailedHow::default() };
    for _ in 0..30 {
        assert_eq!(fails(&mut world, how, 10), [false; 10]);
        world.pass(DAY);
    }
}

#[test]
fn sign_ins_start_sessions_as_the_server_has_set_it() {
    let users = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (on_login, on_first, expected) in
        [(false, false, [false; 3]), (true, false, [true; 3]), (false, true, [true, false, true])]
    {
        let mut world = World::new();
        let poll = crate::engine::account::StoredPoll { on_login, all_users_on_first_login: on_first, ..poll() };
        world.ask(Ended::Completed, Some(&Told { poll: Some(poll), ..Told::default() }));
        for (who, expected) in [["ada"], ["ada"], ["bob"]].into_iter().zip(expected) {
            world.pass(900);
            world.life.signed_in(&users(&who), world.now);
            let (seconds, reason) = world.next().unwrap();
            assert_eq!(
                reason == TimerReason::DelayedCheckIn && seconds <= 30,
                expected,
                "{who:?}: {on_login} {on_first}"
            );
            if expected {
                world.wait();
                assert!(world.life.queued().contains(Trigger::SignIn));
                world.hold(Ended::Completed, Some(&Told { poll: Some(poll), ..Told::default() }));
            }
        }
    }
}
