use super::*;

const START: i64 = 1_750_000_000;
const DAY: i64 = 86_400;

fn at(boot_seconds: u64, wall: i64) -> Now {
    Now { boot_ms: boot_seconds * 1000, wall }
}

fn age(clock: &SteadyClock, now: Now) -> i64 {
    clock.read(now).wall - START
}

#[test]
fn while_the_machine_runs_only_the_boot_clock_counts() {
    let clock = SteadyClock::begin(at(50, START), 1);
    for wall in [0, START, START + 100, i64::MAX, i64::MIN] {
        assert_eq!(age(&clock, at(150, wall)), 100);
    }
}

#[test]
fn a_restart_of_the_program_in_the_same_boot_changes_nothing() {
    let kept = SteadyClock::begin(at(50, START), 1).keep(at(100, 0));
    let clock = SteadyClock::resume(kept, at(200, START * 2), 1);
    assert_eq!(age(&clock, at(200, 7)), 150);
}

#[test]
fn across_a_reboot_the_wall_clock_counts_and_never_backwards() {
    let kept = SteadyClock::begin(at(50, START), 1).keep(at(100, START + 50));
    let later = |wall| age(&SteadyClock::resume(kept, at(9, wall), 2), at(9, wall));
    assert_eq!(later(START + 50 + 3 * DAY), 50 + 3 * DAY);
    // It has been up for nine seconds, whatever the wall clock says.
    assert_eq!(later(0), 59);
    assert_eq!(later(i64::MIN), 59);
    // Without a boot id, a boot clock that went back tells of the reboot.
    assert_eq!(age(&SteadyClock::resume(kept, at(9, START + 150), 1), at(9, 0)), 150);
}

#[test]
fn a_process_that_starts_late_in_a_boot_counts_all_of_the_boot() {
    let kept = SteadyClock::begin(at(50, START), 1).keep(at(100, START + 50));
    // The wall clock was set back, and an earlier process of this boot was killed before it kept anything.
    let late = at(33 * 3600, START - DAY);
    let clock = SteadyClock::resume(kept, late, 2);
    assert_eq!(age(&clock, late), 50 + 33 * 3600);
    assert_eq!(clock.doubted_seconds(late), None);
}

#[test]
fn a_time_service_takes_back_what_a_wrong_wall_clock_made_of_a_reboot() {
    let mut clock = SteadyClock::begin(at(50, START), 1);
    clock.synchronized(at(50, START));
    let wrong = at(10, START + 30 * DAY);
    let mut clock = SteadyClock::resume(clock.keep(at(60, START + 10)), wrong, 2);
    assert!(clock.doubted_seconds(wrong).is_some());
    let moment = START + 20 * DAY;
    assert_eq!(clock.certain_from(moment), clock.read(wrong).wall - 10 + 3601, "an hour after the boot");
    let right = at(70, START + 10 + 70);
    clock.synchronized(right);
    assert_eq!(age(&clock, right), 80);
    assert_eq!((clock.doubted_seconds(right), clock.certain_from(moment)), (None, moment));
}

#[test]
fn the_server_takes_back_what_a_wrong_wall_clock_made_of_a_reboot() {
    let mut clock = SteadyClock::begin(at(50, START), 1);
    clock.confirm(START, at(50, START));
    let kept = clock.keep(at(50, START));
    let wrong = at(10, START + 3650 * DAY);
    let clock = SteadyClock::resume(kept, wrong, 2);
    assert_eq!(age(&clock, wrong), 3650 * DAY);
    // A restart of the program meanwhile does not make the mistake a truth.
    let mut clock = SteadyClock::resume(clock.keep(wrong), wrong, 2);
    clock.confirm(START + DAY, wrong);
    assert_eq!(age(&clock, wrong), DAY);
    // Only once, and only what the reboot had added.
    clock.confirm(START - 100 * DAY, wrong);
    assert_eq!(age(&clock, wrong), DAY);
}

#[test]
fn a_server_whose_clock_is_years_off_makes_nothing_older() {
    let mut clock = SteadyClock::begin(at(50, START), 1);
    for date in [START + 9000 * DAY, START - 9000 * DAY, i64::MAX, i64::MIN, START] {
        clock.confirm(date, at(60, START));
        assert_eq!(age(&clock, at(60, START)), 10);
    }
    clock.confirm(START + 9000 * DAY, at(60, START));
    assert_eq!(clock.utc(at(60, START)), START + 9000 * DAY);
    let kept = clock.keep(at(60, START));
    let mut clock = SteadyClock::resume(kept, at(1, START + DAY), 2);
    clock.confirm(START + 9000 * DAY + DAY, at(1, START + DAY));
    assert_eq!(age(&clock, at(1, 0)), 10 + DAY, "its date is as far off as before, and proves the reboot right");
}

#[test]
fn readings_and_moments_of_the_boot_clock_convert_both_ways() {
    let clock = SteadyClock::begin(at(50, START), 1);
    let now = at(77, START);
    assert_eq!(clock.boot_ms_at(clock.read_ms(now)), now.boot_ms);
    assert_eq!(clock.boot_ms_at(i64::MIN), 0);
    assert_eq!(clock.boot_ms_at(clock.read_ms(now) + 5), now.boot_ms + 5);
}
