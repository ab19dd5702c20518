//! When profiles go (rules R2, R4 and R5).

use super::*;
use crate::engine::authority::{Destination, OwnerRole};
use crate::engine::progress::{RetentionDeadlines, Triggers};

/// A device with a profile that goes in seven days, its schedule out of the way.
fn with_profile() -> World {
    let mut account = account();
    account.poll.sets = [(10_000_000, 0); 3];
    let now = Now { boot_ms: 1_000_000, wall: NOW };
    let mut world = World { life: Life::new(beginning(Some(account), Progress::default(), 5), now), now };
    world.life.note_retention(present(NOW + 7 * DAY));
    world
}

fn present(at: i64) -> RetentionDeadlines {
    RetentionDeadlines { present: Some(at), ..RetentionDeadlines::default() }
}

fn former(at: i64) -> RetentionDeadlines {
    RetentionDeadlines { former: Some(at), ..RetentionDeadlines::default() }
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
    world.life.note_retention(present(confirmed + 7 * DAY));
    world.pass(DAY);
    assert!(!world.life.removal_is_due(world.now));
}

#[test]
fn what_a_former_authority_left_goes_without_another_check_in() {
    let mut world = with_profile();
    world.life.note_retention(former(NOW + 7 * DAY));
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
fn what_a_former_authority_left_takes_nothing_of_the_present_one_with_it() {
    let mut world = with_profile();
    world.life.note_retention(RetentionDeadlines { present: Some(NOW + 7 * DAY), ..former(NOW + DAY / 2) });
    world.life.note_warned();
    world.ask(Ended::Completed, None);
    world.life.clock_synchronized(world.now);
    let mut world = world.reboot(9 * DAY);
    world.life.clock_synchronized(world.now);
    world.life.collect_due(world.now);
    assert!(
        world.life.may_expire(world.now).is_none(),
        "not before a check-in was tried, whichever authority has set it"
    );
    let (plan, _) = world.hold(Ended::Completed, None);
    assert!(plan.triggers.contains(Trigger::LastChance));
    let may_expire = world.life.may_expire_in_session(world.now);
    assert!(may_expire.allows(OwnerRole::Former) && !may_expire.allows(OwnerRole::Present));
}

#[test]
fn a_machine_that_was_off_past_the_deadline_waits_ten_minutes_whatever_the_check_in_fails_by() {
    for how in [offline(), failed(), refused()] {
        let mut world = with_profile();
        world.life.note_warned();
        world.life.clock_synchronized(world.now);
        let mut world = world.reboot(9 * DAY);
        world.life.clock_synchronized(world.now);
        assert!(!world.life.removal_is_due(world.now), "not before it has tried");
        world.life.collect_due(world.now);
        world.hold(how, None);
        assert!(!world.life.removal_is_due(world.now), "{how:?}");
        world.pass(300);
        world.life.network_up(world.now);
        let (plan, _) = world.hold(how, None);
        assert!(plan.triggers.contains(Trigger::NetworkUp));
        world.pass(299);
        assert!(!world.life.removal_is_due(world.now), "{how:?}");
        world.pass(2);
        assert!(world.life.removal_is_due(world.now), "{how:?}");
    }
}

#[test]
fn on_the_word_of_a_wall_clock_alone_nothing_is_removed_within_an_hour_of_a_boot() {
    let mut world = with_profile();
    world.life.note_warned();
    let mut world = world.reboot(9 * DAY);
    world.life.collect_due(world.now);
    world.hold(offline(), None);
    world.pass(3590);
    assert!(!world.life.removal_is_due(world.now));
    assert_eq!(world.life.clock().doubted_seconds(world.now), Some(9 * DAY - 3));
    world.pass(20);
    assert!(world.life.removal_is_due(world.now));
    assert_eq!(world.life.clock().doubted_seconds(world.now), None);
}

#[test]
fn a_session_without_a_date_removes_nothing_of_a_former_authority_on_the_word_of_a_wall_clock() {
    let mut world = with_profile();
    world.life.note_retention(former(NOW + 7 * DAY));
    let mut world = world.reboot(9 * DAY);
    world.ask(Ended::Completed, None);
    assert!(!world.life.may_expire_in_session(world.now).allows(OwnerRole::Former));
    world.pass(3700);
    assert!(world.life.may_expire_in_session(world.now).allows(OwnerRole::Former));
}

#[test]
fn the_deadline_that_an_older_agent_kept_counts_as_the_present_authoritys() {
    let kept: Progress = serde_json::from_str(r#"{"retention": {"earliest": 5, "warned": 3}}"#).unwrap();
    assert_eq!((kept.retention.deadlines, kept.retention.warned), (present(5), Some(3)));
    let written = serde_json::to_string(&kept.retention).unwrap();
    assert_eq!(serde_json::from_str::<Progress>(&format!("{{\"retention\": {written}}}")).unwrap(), kept);
}

#[test]
fn minutes_in_doubt_add_up_over_boots_and_an_accepted_claim_does_not_speak_for_the_next() {
    let mut world = with_profile();
    world.life.note_warned();
    for boot in 2..8 {
        world = world.reboot_as(2 * DAY, boot);
        world.life.collect_due(world.now);
        world.pass(900);
    }
    assert!(world.life.removal_is_due(world.now), "it has run for more than an hour since it first was in doubt");
    let mut world = world.reboot_as(30 * DAY, 9);
    world.life.note_retention(present(world.life.clock().read(world.now).wall - DAY));
    world.life.collect_due(world.now);
    world.pass(700);
    assert!(!world.life.removal_is_due(world.now));
}

#[test]
fn time_that_is_taken_back_takes_back_the_last_check_in_that_began_by_it() {
    let mut world = with_profile();
    world.life.confirm_time(NOW, world.now);
    world.life.note_warned();
    let mut world = world.reboot(30 * DAY);
    world.life.collect_due(world.now);
    world.hold(failed(), None);
    world.life.confirm_time(NOW + 60, world.now);
    assert!(world.life.last_chance_due().is_some_and(|due| due > world.life.clock().read(world.now).wall));
    world.pass(7 * DAY - 660 - 3600);
    world.life.collect_due(world.now);
    assert!(!world.life.removal_is_due(world.now));
    world.pass(3600 + 60);
    world.life.collect_due(world.now);
    world.hold(failed(), None);
    world.pass(600);
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn a_machine_that_is_on_for_minutes_at_a_time_keeps_nothing_for_ever() {
    let mut world = with_profile();
    world.life.note_warned();
    world.pass(7 * DAY - 700);
    world.pass(DAY);
    world.life.resumed(86_400, world.now);
    world.life.collect_due(world.now);
    world.hold(failed(), None);
    world.pass(480);
    assert!(!world.life.removal_is_due(world.now));
    world.pass(DAY);
    world.life.resumed(86_400, world.now);
    world.life.collect_due(world.now);
    assert!(!world.life.removal_is_due(world.now), "a check-in is tried all the same");
    world.hold(failed(), None);
    world.pass(200);
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn a_last_check_in_that_fails_is_repeated_within_its_ten_minutes() {
    let mut world = with_profile();
    world.life.note_warned();
    world.life.progress_mut().failures = 40;
    world.pass(7 * DAY - 600);
    world.life.collect_due(world.now);
    let mut attempts = 0;
    while !world.life.removal_is_due(world.now) {
        if !world.life.queued().is_empty() {
            world.hold(failed(), None);
            attempts += 1;
        }
        world.wait();
    }
    assert!(attempts >= 4, "{attempts}");
}

#[test]
fn after_a_sleep_a_check_in_is_tried_again_before_anything_is_removed() {
    let mut world = with_profile();
    world.life.note_warned();
    world.pass(7 * DAY - 600);
    world.life.collect_due(world.now);
    world.hold(offline(), None);
    world.pass(DAY);
    world.life.resumed(86_000, world.now);
    assert!(!world.life.removal_is_due(world.now));
    world.life.collect_due(world.now);
    let (plan, _) = world.hold(failed(), None);
    assert!(plan.triggers.contains(Trigger::LastChance));
    world.pass(601);
    assert!(world.life.removal_is_due(world.now));
}

#[test]
fn while_another_authority_takes_over_each_owner_is_asked_at_its_own_server() {
    let mut world = with_profile();
    world.ask(Ended::Completed, Some(&told("Next", OTHER)));
    world.hold(failed(), None);
    let (mine, its) = (NOW + 7 * DAY, NOW + 7 * DAY + 30);
    world.life.note_retention(RetentionDeadlines { present: Some(mine), next: Some(its), former: None });
    world.life.note_warned();
    world.pass(7 * DAY - 500);
    world.life.collect_due(world.now);
    let (plan, _) = world.hold(failed(), None);
    assert_eq!(plan.destination, Destination::Home);
    let (plan, _) = world.hold(failed(), None);
    assert_eq!(plan.destination, Destination::Next);
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
