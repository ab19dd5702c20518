//! Rings, starts, networks, sleep (rules C1, C3, P1 and P3).

use super::*;
use crate::engine::progress::Triggers;

#[test]
fn s52_a_ring_starts_a_session_at_once_and_leaves_the_schedule_alone() {
    let mut world = World::new();
    world.pass(3600);
    let before = world.next();
    world.life.rung("a", 0, world.now);
    let (plan, _) = world.hold(Ended::Completed, None);
    assert_eq!(plan.triggers, Triggers::of(Trigger::Push));
    assert!(plan.is_server_initiated());
    assert_eq!(world.next(), before);
}

#[test]
fn a_ring_with_a_spread_starts_a_session_at_some_moment_within_it() {
    let moments: std::collections::BTreeSet<i64> = (0..50)
        .map(|seed| {
            let mut world = World::new();
            let mut beginning = beginning(Some(account()), Progress::default(), seed);
            beginning.account = world.life.account().cloned();
            world.life = Life::new(beginning, world.now);
            world.life.rung("a", 600, world.now);
            let (seconds, reason) = world.next().unwrap();
            assert!((0..=600).contains(&seconds) && reason == TimerReason::DelayedCheckIn);
            world.wait();
            assert_eq!(world.hold(Ended::Completed, None).0.triggers, Triggers::of(Trigger::Push));
            seconds
        })
        .collect();
    assert!(moments.len() > 30, "they all come at once: {moments:?}");
}

#[test]
fn a_session_for_another_reason_answers_the_ring_that_waits() {
    let mut world = World::new();
    world.life.rung("a", 600, world.now);
    let (plan, _) = world.ask(Ended::Completed, None);
    assert_eq!(plan.triggers, [Trigger::Push, Trigger::User].into_iter().collect());
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::ScheduledCheckIn));
}

#[test]
fn ten_thousand_rings_start_a_handful_of_sessions() {
    let mut world = World::new();
    let mut sessions = 0;
    for number in 0..10_000 {
        world.now.boot_ms += 1;
        world.life.rung(&number.to_string(), 0, world.now);
        world.life.collect_due(world.now);
        if world.life.begin(world.now).is_some() {
            sessions += 1;
        }
    }
    assert_eq!(sessions, 4);
    world.wait();
    assert!(world.life.begin(world.now).is_some(), "the last ring is not forgotten");
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::ScheduledCheckIn));
}

#[test]
fn rings_with_a_spread_start_no_more_sessions_than_others() {
    let mut world = World::new();
    let mut sessions = 0;
    for second in 0..60 {
        for number in 0..10 {
            world.life.rung(&format!("{second}-{number}"), 1, world.now);
            world.now.boot_ms += 100;
            world.life.collect_due(world.now);
            if world.life.begin(world.now).is_some() {
                sessions += 1;
            }
        }
    }
    assert!((3..=8).contains(&sessions), "{sessions} sessions in a minute");
}

#[test]
fn a_ring_does_not_break_the_quiet_that_a_server_asked_for() {
    let mut world = World::new();
    world.ask(Ended::Failed(FailedHow { retry_after: Some(900), ..FailedHow::default() }), None);
    world.life.rung("a", 0, world.now);
    assert!(world.life.begin(world.now).is_none());
    let (seconds, _) = world.wait();
    assert!(seconds >= 900, "{seconds}");
    assert!(world.life.begin(world.now).is_some());
}

#[test]
fn a_repeated_ring_starts_nothing() {
    let mut world = World::new();
    world.life.rung("a", 0, world.now);
    world.hold(Ended::Completed, None);
    world.life.rung("a", 0, world.now);
    assert!(world.life.begin(world.now).is_none());
}

#[test]
fn after_a_start_of_the_machine_the_device_checks_in_within_a_minute() {
    let mut world = World::new();
    world.ask(Ended::Completed, None);
    let mut world = world.reboot(30);
    let (seconds, reason) = world.next().unwrap();
    assert!((0..=60).contains(&seconds) && reason == TimerReason::DelayedCheckIn, "{seconds} {reason:?}");
    world.wait();
    assert_eq!(world.hold(Ended::Completed, None).0.triggers, Triggers::of(Trigger::Boot));
}

#[test]
fn a_restart_of_the_program_is_no_reason_to_check_in() {
    let mut world = World::new();
    world.ask(Ended::Completed, None);
    let mut next = beginning(None, world.life.keep(world.now).clone(), 6);
    next.account = world.life.account().cloned();
    world.life = Life::new(next, world.now);
    assert_eq!(world.next(), Some((8 * 3600, TimerReason::ScheduledCheckIn)));
}

#[test]
fn a_network_that_comes_up_is_a_reason_only_if_the_last_check_in_failed_and_ends_long_waits() {
    let mut world = World::new();
    world.life.network_up(world.now);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::ScheduledCheckIn));
    (0..12).for_each(|_| drop(world.ask(offline(), None)));
    world.life.network_up(world.now);
    let (seconds, reason) = world.next().unwrap();
    assert!((0..=10).contains(&seconds) && reason == TimerReason::DelayedCheckIn, "{seconds} {reason:?}");
    world.wait();
    world.hold(offline(), None);
    let (seconds, reason) = world.next().unwrap();
    assert!(seconds <= 64 && reason == TimerReason::Retry, "the waits have not begun anew: {seconds}");
}

#[test]
fn a_long_sleep_is_a_reason_and_a_short_one_is_none() {
    for (slept, expected) in [(899, TimerReason::ScheduledCheckIn), (900, TimerReason::DelayedCheckIn)] {
        let mut world = World::new();
        world.life.resumed(slept, world.now);
        assert_eq!(world.next().map(|(_, reason)| reason), Some(expected), "{slept}");
    }
}

#[test]
fn retries_and_quiet_survive_a_restart() {
    let mut world = World::new();
    world.ask(Ended::Failed(FailedHow { retry_after: Some(7200), ..FailedHow::default() }), None);
    let mut next = beginning(None, world.life.keep(world.now).clone(), 6);
    next.account = world.life.account().cloned();
    world.life = Life::new(next, world.now);
    let (seconds, reason) = world.next().unwrap();
    assert!(seconds >= 7200 && reason == TimerReason::Retry, "{seconds} {reason:?}");
}

#[test]
fn a_clock_that_is_set_is_a_reason_only_if_the_last_check_in_may_have_failed_by_it() {
    let by_clock = FailedHow { may_be_clock: true, ..FailedHow::default() };
    let quiet = FailedHow { retry_after: Some(7200), ..by_clock };
    let cases = [(by_clock, TimerReason::DelayedCheckIn), (FailedHow::default(), TimerReason::Retry)];
    for (how, expected) in cases.into_iter().chain([(quiet, TimerReason::Retry)]) {
        let mut world = World::new();
        (0..6).for_each(|_| drop(world.ask(Ended::Failed(how), None)));
        world.life.clock_set(world.now);
        assert_eq!(world.next().map(|(_, reason)| reason), Some(expected), "{how:?}");
    }
    let mut world = World::new();
    world.ask(Ended::Failed(by_clock), None);
    world.ask(Ended::Completed, None);
    world.life.clock_set(world.now);
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::ScheduledCheckIn));
}
