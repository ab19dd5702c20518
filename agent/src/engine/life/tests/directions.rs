//! What the server sets of the agent itself: refreshes without it, the end for want of contact, sign-ins.

use super::{Ended, World, failed};
use crate::engine::life::Told;
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

#[test]
fn a_device_that_loses_contact_for_as_long_as_its_server_has_set_leaves() {
    let mut world = World::new();
    let settings = ServerSettings { lost_contact_days: Some(30), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings)));
    assert_eq!(world.life.lost_contact_due().map(|due| due - world.life.clock().read(world.now).wall), Some(30 * DAY));
    world.pass(29 * DAY + 3600);
    let (_, follow) = world.ask(failed(), None);
    assert!(follow.contact_lost_soon.is_some() && !follow.contact_lost, "it is announced a day ahead");
    let (_, follow) = world.ask(failed(), None);
    assert_eq!(follow.contact_lost_soon, None, "once");
    world.pass(DAY);
    let (_, follow) = world.ask(failed(), None);
    assert!(!follow.contact_lost, "check-ins are tried for ten minutes");
    world.pass(599);
    assert!(!world.ask(failed(), None).1.contact_lost);
    // After a sleep the network may not be there yet.
    world.pass(3600);
    world.life.resumed(3600, world.now);
    assert!(!world.ask(failed(), None).1.contact_lost);
    world.pass(601);
    let (_, follow) = world.ask(failed(), None);
    assert!(follow.contact_lost && follow.farewell);
}

#[test]
fn contact_within_the_time_or_at_the_last_moment_keeps_the_enrollment() {
    let mut world = World::new();
    let settings = ServerSettings { lost_contact_days: Some(30), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings.clone())));
    world.pass(40 * DAY);
    assert!(!world.ask(failed(), None).1.contact_lost);
    world.pass(300);
    world.ask(Ended::Completed, Some(&told(settings)));
    world.pass(601);
    assert!(!world.ask(failed(), None).1.farewell);
    world.ask(Ended::Completed, Some(&told(ServerSettings::default())));
    world.pass(400 * DAY);
    world.ask(failed(), None);
    world.pass(601);
    assert!(!world.ask(failed(), None).1.farewell, "a server that sets nothing of the kind ends nothing");
}

#[test]
fn it_never_leaves_before_the_profiles_have_had_their_time_nor_by_a_wall_clock_alone() {
    let mut world = World::new();
    let settings = ServerSettings { lost_contact_days: Some(1), ..ServerSettings::default() };
    world.ask(Ended::Completed, Some(&told(settings)));
    world.pass(7 * DAY - 60);
    world.ask(failed(), None);
    world.pass(30);
    assert!(!world.ask(failed(), None).1.contact_lost);
    // The machine is off, and comes up with a clock that claims years.
    let mut world = world.reboot(900 * DAY);
    world.ask(failed(), None);
    world.pass(601);
    assert!(!world.ask(failed(), None).1.contact_lost, "years that only a wall clock claims do not count");
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
