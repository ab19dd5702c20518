//! The behaviours that take time, in virtual time: real engine, real messages, real services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_agent::engine::progress::Trigger;
use mdm_sim_server::tenant::{Authority, SettingsPatch, TenantMode};
use mdm_tests::scenario::{DAY, Machine, World};

const HOUR: i64 = 3600;
const ADA: &str = "ada@tenant.example";

/// One device under Intune with a profile named `Printer`, checked in.
fn managed() -> World {
    let mut world = World::new(TenantMode::Intune).unwrap();
    world.add_user(ADA, true).unwrap();
    world.assign("printer", Authority::Intune, "Printer", "old").unwrap();
    world.enrol(ADA).unwrap();
    assert_eq!(world.machines[0].value("Printer"), Some("old"));
    world
}

fn authority(machine: &Machine) -> String {
    machine.engine().unwrap().life().authority().to_string()
}

fn lose_rings(world: &World) {
    world.set(SettingsPatch { lose_rings: Some(true), ..SettingsPatch::default() }).unwrap();
}

#[test]
fn s19_s55_without_a_ring_a_device_moves_with_its_next_check_in_and_within_eight_hours() {
    let mut world = managed();
    world.pass(3 * DAY);
    lose_rings(&world);
    world.set_authority(TenantMode::CoManagement).unwrap();
    assert_eq!(authority(&world.machines[0]), "Intune");
    let (begun, mut moved) = (world.now(), None);
    world.pass_watching(9 * HOUR, |world| {
        if moved.is_none() && authority(&world.machines[0]) == "Co-management" {
            moved = Some(world.now());
        }
    });
    let delay = moved.unwrap() - begun;
    assert!((1..=8 * HOUR).contains(&delay), "{delay} s");
}

#[test]
fn s51_s52_a_ring_moves_it_at_once_and_leaves_the_schedule_alone() {
    let mut world = managed();
    world.pass(3 * DAY);
    let before = world.machines[0].engine().unwrap().progress().timers.schedule;
    world.set_authority(TenantMode::CoManagement).unwrap();
    assert_eq!(authority(&world.machines[0]), "Co-management");
    assert_eq!(world.machines[0].engine().unwrap().progress().timers.schedule, before);
    let triggers: Vec<Vec<Trigger>> =
        world.machines[0].records.iter().rev().take(2).map(|record| record.triggers.iter().collect()).collect();
    assert_eq!(triggers, [vec![Trigger::AuthorityMoved], vec![Trigger::Push]]);
}

#[test]
fn s51_a_ring_that_an_offline_device_missed_is_heard_when_it_is_back() {
    let mut world = managed();
    world.pass(DAY);
    world.set_online(0, false);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass(HOUR);
    assert_eq!(authority(&world.machines[0]), "Intune");
    world.set_online(0, true);
    assert_eq!(authority(&world.machines[0]), "Co-management");
}

#[test]
fn s53_with_a_spread_all_devices_move_within_it_and_not_all_at_once() {
    let mut world = World::new(TenantMode::Intune).unwrap();
    world.add_user(ADA, true).unwrap();
    for _ in 0..10 {
        world.enrol(ADA).unwrap();
    }
    world.pass(3 * DAY);
    world.set(SettingsPatch { ring_spread_seconds: Some(1800), ..SettingsPatch::default() }).unwrap();
    world.set_authority(TenantMode::CoManagement).unwrap();
    let moved = |world: &World| world.machines.iter().filter(|one| authority(one) == "Co-management").count();
    assert_eq!(moved(&world), 0);
    world.pass(900);
    assert!((1..10).contains(&moved(&world)), "{} have moved after half of the time", moved(&world));
    world.pass(900);
    assert_eq!(moved(&world), 10);
}

#[test]
fn s21_s68_without_a_session_nothing_is_replaced_and_with_one_everything_is() {
    let mut world = managed();
    world.pass(DAY);
    world.set_online(0, false);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.assign("new-printer", Authority::CoManagement, "Printer", "new").unwrap();
    world.pass(DAY);
    assert_eq!(world.machines[0].value("Printer"), Some("old"));
    let hash = world.machines[0].profiles()[0].content_hash.clone();
    let mut gap = false;
    world.set_online(0, true);
    world.pass_watching(HOUR, |world| gap |= world.machines[0].value("Printer").is_none());
    assert_eq!((world.machines[0].value("Printer"), gap), (Some("new"), false));
    assert_eq!(world.machines[0].profiles().len(), 1, "the same name is one profile");
    assert_ne!(world.machines[0].profiles()[0].content_hash, hash);
    let replaced = world.machines[0].notes.iter().filter(|note| note.what == "profile-replaced").count();
    assert_eq!(replaced, 1);
}

#[test]
fn s22_s62_offline_profiles_stay_for_seven_days_and_go_then() {
    let mut world = managed();
    world.pass(DAY);
    world.sync(0);
    let confirmed = world.now();
    world.set_online(0, false);
    world.pass(confirmed + 7 * DAY - 1 - world.now());
    assert_eq!(world.machines[0].value("Printer"), Some("old"));
    world.pass(1);
    assert_eq!(world.machines[0].value("Printer"), None);
    let tombstone = &world.machines[0].stored().tombstones[0];
    assert_eq!((tombstone.name.as_str(), tombstone.removed), ("Linux/Scenario/Printer", confirmed + 7 * DAY));
    let warned = world.machines[0].notes.iter().find(|note| note.what == "profile-expires-soon").unwrap();
    assert_eq!(warned.time, confirmed + 6 * DAY);
    // Connected again, the server learns of it and sends it anew.
    world.set_online(0, true);
    world.pass(9 * HOUR);
    assert!(world.machines[0].stored().tombstones[0].reported);
}

#[test]
fn s22_a_machine_that_was_off_for_nine_days_tries_to_connect_before_it_drops_anything() {
    for (online, expected) in [(true, Some("old")), (false, None)] {
        let mut world = managed();
        world.set_power(0, false);
        world.set_online(0, online);
        world.pass(9 * DAY);
        world.set_power(0, true);
        world.pass(HOUR);
        assert_eq!(world.machines[0].value("Printer"), expected, "online: {online}");
    }
}

#[test]
fn s22_s72_what_a_former_authority_set_stays_redundant_until_its_own_deadline() {
    let mut world = managed();
    world.pass(DAY);
    world.set_authority(TenantMode::CoManagement).unwrap();
    let moved = world.now();
    world.pass(6 * DAY);
    let machine = &world.machines[0];
    assert_eq!((authority(machine).as_str(), machine.value("Printer")), ("Co-management", Some("old")));
    assert!(machine.profiles()[0].is_redundant("Co-management"));
    world.pass(moved + 7 * DAY + 1 - world.now());
    assert_eq!(world.machines[0].value("Printer"), None);
}

#[test]
fn s10_s45_a_licence_moves_a_device_to_intune_and_what_office_365_had_set_is_removed() {
    let mut world = World::new(TenantMode::Coexistence).unwrap();
    world.add_user(ADA, false).unwrap();
    world.assign("bms-mail", Authority::Office365, "Mail", "old").unwrap();
    world.assign("bms-door", Authority::Office365, "Door", "old").unwrap();
    world.assign("intune-mail", Authority::Intune, "Mail", "new").unwrap();
    world.enrol(ADA).unwrap();
    let machine = &world.machines[0];
    assert_eq!((machine.value("Mail"), machine.value("Door")), (Some("old"), Some("old")));
    world.pass(DAY);
    world.license(ADA, true).unwrap();
    world.pass(HOUR);
    let machine = &world.machines[0];
    assert_eq!(authority(machine), "Intune");
    assert_eq!((machine.value("Mail"), machine.value("Door")), (Some("new"), None));
}

#[test]
fn s46_a_device_that_is_left_alone_for_a_thousand_days_always_has_a_valid_certificate() {
    let mut world = managed();
    world.set(SettingsPatch { certificate_days: Some(90), ..SettingsPatch::default() }).unwrap();
    let day_poll = "./Device/Vendor/MSFT/DMClient/Provider/LinuxMDM/Poll/IntervalForRemainingScheduledRetries";
    let poll = format!(
        "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{day_poll}</LocURI></Target><Meta><Format \
         xmlns=\"syncml:metinf\">int</Format></Meta><Data>1440</Data></Item></Replace>"
    );
    world.service.act(|tenant, now| tenant.queue_command("DEVICE-0", &poll, now).map(drop)).unwrap();
    let mut certificates = std::collections::BTreeSet::new();
    world.pass_watching(1000 * DAY, |world| {
        let active = world.machines[0].certificates().active.unwrap();
        assert!(active.not_before <= world.now() && world.now() < active.not_after, "on {}", world.now());
        certificates.insert(active.thumbprint);
    });
    assert!(certificates.len() >= 10, "{} certificates in a thousand days", certificates.len());
    assert!(world.machines[0].records.iter().all(|record| record.completed));
    assert_eq!(world.machines[0].value("Printer"), Some("old"));
}

#[test]
fn s47_s48_a_silent_device_is_not_renewed_and_leaves_the_portal_180_days_after_its_certificate() {
    let mut world = managed();
    let ends = world.machines[0].certificates().active.unwrap().not_after;
    world.set_power(0, false);
    world.pass(ends - world.now() + 180 * DAY - 1);
    assert!(world.seen(0).is_ok());
    world.pass(2);
    world
        .service
        .act(|tenant, now| {
            tenant.sweep(now);
            Ok(())
        })
        .unwrap();
    assert!(world.seen(0).is_err());
}

#[test]
fn s56_s57_until_it_has_moved_a_device_is_pending_and_takes_no_orders_and_then_it_does() {
    let mut world = managed();
    world.pass(DAY);
    lose_rings(&world);
    world.set_authority(TenantMode::CoManagement).unwrap();
    let order = |world: &World| {
        let get = "<Get><CmdID>1</CmdID><Item><Target><LocURI>./DevInfo/DevId</LocURI></Target></Item></Get>";
        world.service.act(|tenant, now| tenant.queue_command("DEVICE-0", get, now)).map(drop)
    };
    let refusal = order(&world).unwrap_err().to_string();
    assert!(refusal.contains("has not completed a session with Co-management yet"), "{refusal}");
    world.sync(0);
    order(&world).unwrap();
    assert_eq!(authority(&world.machines[0]), "Co-management");
}

#[test]
fn s1_a_session_is_answered_with_the_settings_of_the_tenants_authority() {
    let mut world = managed();
    world.assign("other", Authority::CoManagement, "Door", "other").unwrap();
    world.sync(0);
    assert_eq!((world.machines[0].value("Printer"), world.machines[0].value("Door")), (Some("old"), None));
    world.set_authority(TenantMode::CoManagement).unwrap();
    assert_eq!(world.machines[0].value("Door"), Some("other"));
}

#[test]
fn s77_a_device_that_enrols_again_leaves_nothing_behind_and_belongs_to_the_new_authority() {
    let mut world = managed();
    let before = world.machines[0].certificates().active.unwrap();
    world.set_online(0, false);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.set_online(0, true);
    world.enrol_again(0, ADA).unwrap();
    let machine = &world.machines[0];
    assert_eq!((authority(machine).as_str(), machine.value("Printer")), ("Co-management", None));
    assert_ne!(machine.certificates().active.unwrap().thumbprint, before.thumbprint);
    let listed = [Authority::Intune, Authority::CoManagement].map(|one| world.listed(one).unwrap());
    assert_eq!(listed, [0, 1], "one record");
}

#[test]
fn power_that_fails_at_any_order_of_a_renewal_or_a_move_leaves_a_working_identity_and_whole_profiles() {
    let mut world = managed();
    let mut modes = [TenantMode::CoManagement, TenantMode::Intune].into_iter().cycle();
    for fails_after in 0..60 {
        world.pass(DAY);
        world.machines[0].fails_after = Some(fails_after % 30);
        if fails_after < 30 {
            world.service.act(|tenant, now| tenant.queue_renewal("DEVICE-0", now)).unwrap();
            world.sync(0);
        } else {
            world.set_authority(modes.next().unwrap()).unwrap();
        }
        world.machines[0].fails_after = None;
        world.set_power(0, false);
        world.set_power(0, true);
        world.pass(9 * HOUR);
        world.sync(0);
        let machine = &world.machines[0];
        let last = machine.records.last().unwrap();
        assert!(last.completed, "after {fails_after} orders: {last:?}");
        assert!(machine.certificates().active.unwrap().not_after > world.now());
        assert_eq!(world.seen(0).unwrap().summary.id, "DEVICE-0");
        let mode = world.service.view(|tenant| Ok(tenant.settings().authority)).unwrap();
        assert_eq!(authority(machine), mode.name(), "after {fails_after} orders");
    }
    assert!(world.machines[0].failures > 30, "the power failed only {} times", world.machines[0].failures);
}
