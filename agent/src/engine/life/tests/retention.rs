//! When profiles go (rules R2, R4 and R5).

use super::*;
use crate::engine::progress::Triggers;

/// A device with a profile that goes in seven days, its schedule out of the way.
fn with_profile() -> World {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    let now = Now { boot_ms: 1_000_000, wall: NOW };
    let mut world = World { life: Life::new(beginning(Some(account), Progress::default(), 5), now), now };
    world.life.note_retention(Some(NOW + 7 * DAY));
    world
}

#[test]
fn a_profile_is_warned_of_a_day_before_and_only_once() {
    let mut world = with_profile();
    assert_eq!(world.wait(), (6 * DAY, TimerReason::RetentionWarning));
    assert!(world.life.sweep_is_due(world.now) && !world.life.removal_is_due(world.now));
    world.life.note_warned();
    assert!(!world.life.sweep_is_due(world.now));
    assert_eq!(world.next().map(|(_, reason)| reason), Some(TimerReason::LastChance));
}

#[test]
fn s22_at_the_deadline_a_last_check_in_has_been_tried_and_the_profile_goes_then_and_not_before() {
    let mut world = with_profile();
    world.wait();
    world.life.note_warned();
    let (_, reason) = world.wait();
    assert_eq!((reason, world.age()), (TimerReason::LastChance, 7 * DAY - 600 + 1));
    let (plan, _) = world.hold(offline(), None);
    assert_eq!(plan.triggers, Triggers::of(Trigger::LastChance));
    world.pass(7 * DAY - 1 - world.age());
    assert!(!world.life.removal_is_due(world.now), "a second early");
    world.pass(1);
    assert!(world.life.removal_is_due(world.now), "late");
}

#[test]
fn a_check_in_that_is_completed_at_the_last_chance_keeps_the_profile() {
    let mut world = with_profile();
    world.wait();
    world.life.note_warned();
    world.wait();
    world.hold(Ended::Completed, None);
    let confirmed = world.life.clock().read(world.now).wall;
    world.life.note_retention(Some(confirmed + 7 * DAY));
    world.pass(DAY);
    assert!(!world.life.removal_is_due(world.now));
}

#[test]
fn what_a_former_authority_left_goes_without_another_check_in() {
    let mut world = with_profile();
    world.pass(7 * DAY - 3600);
    world.life.note_warned();
    world.ask(Ended::Completed, None);
    assert_eq!(world.next(), Some((3600, TimerReason::Retention)));
    world.pass(3600);
    world.life.collect_due(world.now);
    assert!(world.life.begin(world.now).is_none());
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn a_machine_that_was_off_past_the_deadline_waits_ten_minutes_for_its_network() {
    let mut world = with_profile();
    world.life.note_warned();
    let mut world = world.reboot(9 * DAY);
    assert!(!world.life.removal_is_due(world.now), "not before it has tried");
    world.life.collect_due(world.now);
    world.hold(offline(), None);
    assert!(!world.life.removal_is_due(world.now));
    world.pass(300);
    world.life.network_up(world.now);
    let (plan, _) = world.hold(offline(), None);
    assert!(plan.triggers.contains(Trigger::NetworkUp));
    world.pass(299);
    assert!(!world.life.removal_is_due(world.now));
    world.pass(2);
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn a_server_that_says_no_is_not_waited_for() {
    let mut world = with_profile();
    world.life.note_warned();
    let mut world = world.reboot(9 * DAY);
    world.life.collect_due(world.now);
    world.hold(failed(), None);
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn a_wall_clock_that_is_set_neither_keeps_nor_drops_a_profile() {
    for jump in [-4000 * DAY, 4000 * DAY] {
        let mut world = with_profile();
        world.life.note_warned();
        world.now.wall += jump;
        world.pass(7 * DAY - 601);
        world.life.collect_due(world.now);
        assert!(world.life.begin(world.now).is_none(), "jump {jump}");
        world.pass(1);
        world.life.collect_due(world.now);
        world.hold(offline(), None);
        world.pass(599);
        assert!(!world.life.removal_is_due(world.now), "jump {jump}");
        world.pass(1);
        assert!(world.life.removal_is_due(world.now), "jump {jump}");
    }
}

#[test]
fn a_copied_identity_checks_in_nowhere_and_its_profiles_go_in_time() {
    let mut world = with_profile();
    world.life.progress_mut().cloned = true;
    world.life.note_warned();
    assert_eq!(world.next(), Some((7 * DAY, TimerReason::Retention)));
    world.pass(7 * DAY);
    world.life.collect_due(world.now);
    assert!(world.life.begin(world.now).is_none());
    assert!(world.life.removal_is_due(world.now));
}
