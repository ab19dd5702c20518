//! What the page promises of many devices, in virtual time: nothing here waits, and nothing here looks at a clock.

use mdm_sim_server::tenant::life::{Authority, LISTED_AFTER_EXPIRY, TenantMode, is_listed};
use mdm_tests::fleet::device::{Context, Device};
use mdm_tests::fleet::diary::Diary;
use mdm_tests::fleet::link::Place;
use mdm_tests::fleet::tally::{By, Cause, Unmoved};
use mdm_tests::fleet::time::{DAY_MS, HOUR_MS, SECOND_MS};
use mdm_tests::fleet::world::World;
use mdm_tests::fleet::{Scenario, Tally, replay, report, run};

/// Clocks count whole seconds, and so does what passes while a machine is off: a second for each of many reboots.
const ROUNDING_MS: u64 = 20 * SECOND_MS;
/// A check-in that is due takes two sessions to move: one with the old authority, one with the new.
const TWO_SESSIONS_MS: u64 = 5 * SECOND_MS;

/// A fleet whose change is on its third day, and whose network keeps what is sent.
fn scenario() -> Scenario {
    Scenario { devices: 2_000, days: 12, broken_share: 0.0, ..Scenario::default() }
}

/// The fleet's life, in which everything held that always has to.
fn live(scenario: &Scenario) -> Tally {
    let tally = run(scenario, 2, &|_| {});
    assert_eq!(tally.violation, None);
    tally
}

/// Every device alone, at the end of its life.
fn each(scenario: &Scenario, mut see: impl FnMut(u64, &Device)) {
    let world = World::new(scenario);
    let (mut tally, mut diary) = (Tally::default(), Diary::default());
    for id in scenario.shard_devices() {
        let mut context = Context { world: &world, tally: &mut tally, diary: &mut diary };
        let mut device = Device::enrol(id, &mut context).expect("the tenant admits every user");
        device.live_until(scenario.end(), &mut context);
        see(id, &device);
    }
    assert_eq!(tally.violation, None);
}

fn moved(tally: &Tally) -> u64 {
    tally.migration.moved_by.iter().sum()
}

#[test]
fn s19_s55_when_every_ring_is_lost_all_online_devices_move_at_their_next_check_in_within_eight_hours() {
    let tally = live(&Scenario { lose_rings: true, enrolment_ms: 10 * HOUR_MS, ..scenario() });
    let online = &tally.migration.online;
    assert!(online.len() > 1_500, "{}", online.len());
    assert!(online.greatest().unwrap() <= 8 * HOUR_MS + TWO_SESSIONS_MS, "{online:?}");
    assert!(online.greatest().unwrap() > 7 * HOUR_MS && online.least().unwrap() < HOUR_MS, "they differ: {online:?}");
    assert_eq!((tally.migration.rung, tally.migration.moved_by[By::Ring as usize]), (0, 0));
    assert_eq!(moved(&tally) + tally.migration.unmoved[Unmoved::Away as usize], tally.devices);
}

#[test]
fn clocks_that_people_set_neither_keep_a_profile_nor_drop_one() {
    let tally = live(&Scenario { clock_jump_share: 0.5, offline_share: 0.6, ..scenario() });
    assert!(tally.profiles.expired > 0);
}

#[test]
fn s44_s51_s52_s53_when_rings_are_heard_all_online_devices_move_within_the_spread_window() {
    let scenario = scenario();
    let tally = live(&scenario);
    let (online, window) = (&tally.migration.online, scenario.ring_spread * SECOND_MS);
    assert!(online.len() > 1_500, "{}", online.len());
    assert!(online.greatest().unwrap() <= window + TWO_SESSIONS_MS, "{online:?}");
    let median = online.percentile(50.0);
    assert!((window / 3..window * 2 / 3).contains(&median), "they come unevenly: {median}");
    assert_eq!(moved(&tally) + tally.migration.unmoved[Unmoved::Away as usize], tally.devices);
    assert_eq!(tally.migration.rung, moved(&tally), "who was away hears it on coming back");
}

#[test]
fn a_spread_window_keeps_the_herd_from_the_server() {
    let steady = Scenario { days: 4, enrolment_ms: 24 * HOUR_MS, offline_share: 0.0, ..scenario() };
    let peaks = [0, 3600].map(|ring_spread| {
        let tally = live(&Scenario { ring_spread, ..steady.clone() });
        tally.sessions.per_minute.peak()
    });
    assert_eq!(peaks[0].0, 3 * 1440, "all come in the minute of the change");
    assert!(peaks[0].1 >= 4_000, "each to both authorities: {peaks:?}");
    assert!(peaks[1].1 < peaks[0].1 / 20, "{peaks:?}");
}

#[test]
fn s25_devices_without_a_user_are_rung_like_all_and_stay_where_they_are() {
    let scenario = Scenario { userless_share: 0.1, offline_share: 0.0, ..scenario() };
    let tally = live(&scenario);
    let userless = scenario.shard_devices().filter(|id| scenario.owner(*id).is_none()).count() as u64;
    assert!(userless > 100, "{userless}");
    assert_eq!(tally.migration.unmoved[Unmoved::Userless as usize], userless);
    assert_eq!((moved(&tally), tally.migration.rung), (tally.devices - userless, tally.devices));
    assert_eq!(tally.profiles.held - tally.profiles.redundant, userless * 5 + (tally.devices - userless) * 3);
}

#[test]
fn s22_s24_s54_s62_profiles_of_devices_that_are_away_stay_seven_days_and_no_longer() {
    let tally = live(&Scenario { offline_share: 0.7, days: 25, ..scenario() });
    let profiles = &tally.profiles;
    assert!(profiles.expired > 500, "{}", profiles.expired);
    assert!(profiles.age.least().unwrap() >= 7 * DAY_MS - ROUNDING_MS, "{:?}", profiles.age.least());
    assert!(profiles.late.percentile(20.0) <= ROUNDING_MS, "who is awake all the time is in time");
    // A machine that was off may doubt its wall clock for an hour.
    assert!(profiles.late.greatest().unwrap() <= HOUR_MS + ROUNDING_MS, "{:?}", profiles.late.greatest());
}

#[test]
fn s71_s72_what_was_not_replaced_is_redundant_and_goes_seven_days_after_its_owners_last_word() {
    let steady = Scenario { offline_share: 0.0, ..scenario() };
    let before = live(&Scenario { days: 9, ..steady.clone() });
    assert_eq!((before.profiles.replaced, before.profiles.redundant), (2_000 * 3, 2_000 * 2));
    let after = live(&Scenario { days: 11, ..steady });
    assert_eq!((after.profiles.redundant, after.profiles.expired, after.profiles.held), (0, 2_000 * 2, 2_000 * 3));
}

#[test]
fn s46_a_certificate_is_renewed_for_ever_on_devices_that_are_online_and_come_back() {
    let years = Scenario { devices: 60, days: 600, certificate_days: 90, change: u64::MAX / 2, ..scenario() };
    let tally = live(&Scenario { broken_share: 0.02, ..years });
    assert_eq!((tally.certificates.lapsed, tally.certificates.delisted), (0, 0));
    assert!(tally.certificates.renewed >= 60 * 10, "{}", tally.certificates.renewed);
    assert!(tally.certificates.failed > 0, "answers were lost, and that did no harm");
}

#[test]
fn s47_s48_a_wiped_device_is_not_renewed_and_is_listed_until_180_days_after_its_certificate() {
    let years = Scenario { devices: 60, days: 600, certificate_days: 90, change: u64::MAX / 2, ..scenario() };
    let wiped = Scenario { wiped_share: 0.5, offline_share: 0.0, ..years };
    let (mut count, mut delisted) = (0, 0);
    each(&wiped, |_, device| {
        let (record, end) = (device.record(), mdm_tests::fleet::time::utc(wiped.end()));
        let gone = record.certificate_not_after + LISTED_AFTER_EXPIRY;
        assert!(is_listed(record, gone - 1) && !is_listed(record, gone));
        if device.place() == Place::Gone {
            let silent = record.last_completed.unwrap();
            assert!(record.certificate_not_before <= silent, "renewed after its last session");
            count += 1;
            delisted += u64::from(!is_listed(record, end));
        } else {
            assert!(record.certificate_not_after > end);
        }
    });
    assert!(count > 20 && (1..count).contains(&delisted), "{count} wiped, {delisted} no longer listed");
    assert_eq!(live(&wiped).certificates.delisted, delisted);
}

#[test]
fn s27_s43_licensed_and_unlicensed_users_are_stable_side_by_side_for_thirty_days() {
    let mixed = Scenario {
        from: TenantMode::Coexistence,
        to: TenantMode::Coexistence,
        licensed_share: 0.5,
        days: 30,
        devices: 600,
        ..scenario()
    };
    each(&mixed, |id, device| {
        let is_licensed = mixed.owner(id).is_some_and(|owner| owner.entitled);
        let expected = if is_licensed { Authority::Intune } else { Authority::Office365 };
        assert_eq!(device.record().authority, expected);
    });
    let tally = live(&mixed);
    let [unlicensed, at_home] = [Unmoved::Unlicensed, Unmoved::AtHome].map(|why| tally.migration.unmoved[why as usize]);
    assert!(unlicensed > 200 && at_home > 200, "{unlicensed} and {at_home}");
    assert_eq!((moved(&tally), unlicensed + at_home), (0, 600));
    assert_eq!((tally.profiles.replaced, tally.profiles.deleted, tally.profiles.redundant), (0, 0, 0));
}

#[test]
fn s29_s32_with_coexistence_exactly_the_devices_of_licensed_users_move_all_of_a_user_or_none() {
    let change = Scenario {
        from: TenantMode::Office365,
        to: TenantMode::Coexistence,
        licensed_share: 0.5,
        offline_share: 0.0,
        devices: 600,
        ..scenario()
    };
    let mut users = std::collections::BTreeMap::<u64, Vec<Authority>>::new();
    each(&change, |id, device| {
        let is_licensed = change.owner(id).is_some_and(|owner| owner.is_for_intune());
        assert_eq!(device.record().authority == Authority::Intune, is_licensed);
        users.entry(id / 3).or_default().push(device.record().authority);
    });
    assert!(users.values().all(|devices| devices.len() == 3 && devices.iter().all(|known| *known == devices[0])));
    let tally = live(&change);
    assert_eq!(tally.profiles.deleted, moved(&tally) * 2, "what nothing replaces goes with the licence (S45)");
    assert_eq!(tally.profiles.redundant, 0);
}

#[test]
fn after_an_outage_devices_come_back_by_themselves_and_not_all_at_once() {
    let change = 3 * DAY_MS;
    let outage = change..change + 10 * HOUR_MS;
    let tally = live(&Scenario { outage, offline_share: 0.0, ..scenario() });
    assert!(tally.sessions.failed[Cause::Unreachable as usize] > 2_000);
    assert_eq!(moved(&tally), tally.devices);
    let end = usize::try_from((change + 10 * HOUR_MS) / HOUR_MS).unwrap();
    let busiest = tally.sessions.per_minute.0[end..end + 60].iter().max().copied().unwrap_or(0);
    assert!(busiest < tally.devices / 10, "{busiest} in one minute");
}

#[test]
fn the_same_seed_is_the_same_run_on_any_number_of_threads_and_in_any_number_of_shards() {
    let varied = Scenario { devices: 1_999, days: 6, userless_share: 0.1, wiped_share: 0.1, ..Scenario::default() };
    let whole = run(&varied, 1, &|_| {});
    for threads in [2, 3] {
        assert!(run(&varied, threads, &|_| {}) == whole, "{threads} threads");
    }
    let mut merged = Tally::default();
    for part in [3, 1, 2] {
        let shard = run(&Scenario { shard: (part, 3), ..varied.clone() }, 1, &|_| {});
        let saved = serde_json::to_string(&shard).unwrap();
        merged.merge(&serde_json::from_str(&saved).unwrap());
    }
    assert!(merged == whole);
    let text = |tally| report::json(&varied, "", tally, None).to_string();
    assert_eq!(text(&merged), text(&whole));
    assert!(run(&Scenario { seed: 2, ..varied }, 1, &|_| {}) != whole, "another seed is another run");
}

#[test]
fn a_device_that_is_replayed_alone_lives_the_life_that_it_had_in_the_fleet() {
    let varied = Scenario { devices: 200, days: 8, offline_share: 0.5, clock_jump_share: 0.0, ..Scenario::default() };
    let mut merged = Tally::default();
    for id in varied.shard_devices() {
        let (lines, tally) = replay(&varied, id);
        assert!(lines.first().is_some_and(|line| line.contains("enrols")));
        assert_eq!(replay(&varied, id).0, lines);
        merged.merge(&tally);
    }
    assert!(run(&varied, 2, &|_| {}) == merged);
}

#[test]
fn the_state_of_a_device_is_small() {
    let tally = live(&Scenario { devices: 300, ..scenario() });
    // Three deadlines, three last check-ins, a clock that can be in doubt, the age of nonces, the forms of a renewal and
    // what is tried again are part of it.
    assert!(tally.state_bytes <= 1_408, "{} bytes", tally.state_bytes);
}

#[test]
fn every_rule_holds_for_devices_to_which_everything_happens() {
    let eventful = Scenario {
        devices: 300,
        days: 120,
        change_back: 40 * DAY_MS,
        certificate_days: 60,
        offline_share: 0.7,
        userless_share: 0.1,
        broken_share: 0.02,
        clock_jump_share: 0.1,
        incident_share: 1.0,
        ..scenario()
    };
    let licensed = Scenario {
        from: TenantMode::Office365,
        to: TenantMode::Coexistence,
        change_back: u64::MAX,
        licensed_share: 0.5,
        ..eventful.clone()
    };
    for scenario in [eventful, licensed] {
        let tally = live(&scenario);
        assert!(tally.incidents.iter().all(|count| *count > 300), "{:?}", tally.incidents);
        assert!(tally.profiles.expired > 300, "{}", tally.profiles.expired);
        assert!(moved(&tally) > 300, "{}", moved(&tally));
    }
}

#[test]
fn a_change_that_is_taken_back_brings_every_device_home_with_what_it_had() {
    let there_and_back = Scenario { change_back: 5 * DAY_MS, offline_share: 0.0, days: 14, ..scenario() };
    let tally = live(&there_and_back);
    assert_eq!((moved(&tally), tally.migration.rung), (tally.devices * 2, tally.devices * 2));
    assert_eq!((tally.profiles.held, tally.profiles.redundant), (tally.devices * 5, 0));
    assert_eq!(tally.profiles.expired, 0, "it was home again within seven days");
    each(&there_and_back, |_, device| assert_eq!(device.record().authority, Authority::Intune));
}
