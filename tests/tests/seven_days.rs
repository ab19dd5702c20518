//! Seven days, whatever happened: what a device keeps, loses and gets again, where agent and tenant each believe the other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_sim_server::tenant::{Admin, Assignment, Authority, DeliveryState, Role, SettingsPatch, Tenant, TenantMode};
use mdm_tests::scenario::{DAY, Trouble, World};

const USER: &str = "ada@tenant.example";
const HOUR: i64 = 3600;
const MAILBOX: &str = "./User/Vendor/MSFT/EMAIL2/%7B01234567-89ab-cdef-0123-456789abcdef%7D";

/// A tenant whose only device has one setting of Intune's.
fn world(mode: TenantMode) -> World {
    let mut world = World::new(mode).unwrap();
    world.add_known_user(USER, true).unwrap();
    world.enrol_by_token(USER).unwrap();
    world.assign("door", Authority::Intune, "Door", "closed").unwrap();
    world.sync(0);
    assert_eq!(value(&world), Some("closed"));
    world
}

fn value(world: &World) -> Option<&str> {
    world.machines[0].value("Door")
}

fn delivered(world: &World) -> Vec<(String, DeliveryState)> {
    world.seen(0).unwrap().profiles.into_iter().map(|profile| (profile.name, profile.state)).collect()
}

fn off_for(world: &mut World, seconds: i64) {
    world.set_power(0, false);
    world.pass(seconds);
    world.set_power(0, true);
}

#[test]
fn what_expired_while_the_device_was_away_is_delivered_again() {
    let mut world = world(TenantMode::Intune);
    world.set_online(0, false);
    world.pass(8 * DAY);
    assert_eq!(value(&world), None);
    world.set_online(0, true);
    world.pass(60);
    assert_eq!(value(&world), Some("closed"));
    assert_eq!(delivered(&world), [("door".to_owned(), DeliveryState::Delivered)]);
}

#[test]
fn what_expired_is_delivered_again_although_the_report_of_it_is_lost() {
    let mut world = world(TenantMode::Intune);
    world.set_online(0, false);
    world.pass(8 * DAY);
    // The server's copy of what the device said last is all that is left of the report.
    let backup = world.service.view(|tenant| Ok(tenant.records())).unwrap();
    world.set_online(0, true);
    world.pass(60);
    let tenant = Tenant::restore(backup).unwrap();
    let base = world.service.base_url().to_owned();
    world.machines[0].forget_profiles_without_a_word();
    world
        .service
        .act(|present, _| {
            *present = tenant;
            present.set_device_base(base);
            Ok(())
        })
        .unwrap();
    world.sync(0);
    assert_eq!(value(&world), Some("closed"));
}

#[test]
fn a_leftover_of_the_former_authority_takes_nothing_of_the_present_one_with_it() {
    let mut world = world(TenantMode::Intune);
    world.assign("lamp", Authority::CoManagement, "Lamp", "on").unwrap();
    world.pass(HOUR);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass(6 * DAY + 20 * HOUR);
    assert_eq!((value(&world), world.machines[0].value("Lamp")), (Some("closed"), Some("on")));
    world.set_power(0, false);
    world.pass(9 * DAY);
    // The network comes up a little after the agent: whatever is removed by then has had no chance.
    world.set_online(0, false);
    world.set_power(0, true);
    world.pass(30);
    assert_eq!(world.machines[0].value("Lamp"), Some("on"));
    world.set_online(0, true);
    world.pass_watching(HOUR, |world| assert_eq!(world.machines[0].value("Lamp"), Some("on")));
    assert_eq!(value(&world), None, "the leftover has expired");
    let lost = world.machines[0].notes.iter().filter(|note| note.what == "profile-removed").count();
    assert_eq!(lost, 1);
}

#[test]
fn a_recovery_while_a_move_is_pending_changes_name_address_and_ownership_in_one_step() {
    let mut world = world(TenantMode::Intune);
    world.assign("lamp", Authority::CoManagement, "Lamp", "on").unwrap();
    world.set(SettingsPatch { lose_rings: Some(true), ..SettingsPatch::default() }).unwrap();
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.recover(0, true).unwrap();
    let owner = |world: &World| {
        let found = world.machines[0].profiles().iter().find(|profile| profile.root.name() == "Lamp");
        found.map(|profile| profile.authority.clone())
    };
    assert_eq!(owner(&world).as_deref(), Some("Co-management"));
    assert_eq!(&*world.machines[0].engine().unwrap().life().authority(), "Co-management");
    world.pass_watching(20 * DAY, |world| assert_eq!(world.machines[0].value("Lamp"), Some("on")));
    assert_eq!(value(&world), None, "what the former authority left has expired");
}

#[test]
fn what_was_unassigned_while_the_device_was_away_is_deleted_in_the_first_session() {
    let mut world = world(TenantMode::Intune);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass(HOUR);
    world.set_online(0, false);
    world.service.act(|tenant, _| tenant.assign_profile("door", Assignment::default()).map(drop)).unwrap();
    world.set_authority(TenantMode::Intune).unwrap();
    world.pass(DAY);
    world.set_online(0, true);
    world.pass(60);
    world.sync(0);
    assert_eq!(&*world.machines[0].engine().unwrap().life().authority(), "Intune");
    assert_eq!(value(&world), None);
    assert_eq!(delivered(&world), []);
}

#[test]
fn whatever_a_check_in_fails_by_a_machine_that_was_off_has_ten_minutes() {
    for trouble in Trouble::ALL.into_iter().filter(|trouble| *trouble != Trouble::None) {
        let mut world = world(TenantMode::Intune);
        world.trouble = trouble;
        off_for(&mut world, 8 * DAY);
        world.pass_watching(540, |world| assert_eq!(value(world), Some("closed"), "{trouble:?}"));
        world.trouble = Trouble::None;
        world.pass(300);
        assert_eq!(value(&world), Some("closed"), "{trouble:?}");
        assert!(world.machines[0].notes.iter().all(|note| note.what != "profile-removed"), "{trouble:?}");
    }
}

#[test]
fn on_the_word_of_a_clock_that_is_days_ahead_nothing_is_removed_without_a_network() {
    let mut world = world(TenantMode::Intune);
    world.set_online(0, false);
    world.set_power(0, false);
    world.set_wall_error(0, 30 * DAY);
    world.pass(HOUR);
    world.set_power(0, true);
    world.pass_watching(3500, |world| assert_eq!(value(world), Some("closed")));
    world.set_online(0, true);
    world.pass(60);
    assert_eq!(value(&world), Some("closed"));
    world.pass(6 * DAY);
    assert_eq!(value(&world), Some("closed"));
}

#[test]
fn a_recovery_that_fails_locks_nobody_out() {
    let mut world = world(TenantMode::Intune);
    for _ in 0..2 {
        world.recover(0, false).unwrap();
        world.sync(0);
        assert!(world.machines[0].records.last().unwrap().completed, "{:?}", world.machines[0].records.last());
    }
    world.recover(0, true).unwrap();
    world.sync(0);
    assert!(world.machines[0].records.last().unwrap().completed);
    assert_eq!(world.machines[0].certificates().pending, None, "the new identity has proved itself");
}

#[test]
fn s72_the_consoles_list_of_what_is_redundant_ends_when_nothing_is() {
    let mut world = world(TenantMode::Intune);
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.pass(DAY);
    let redundant = world.seen(0).unwrap().redundant.unwrap();
    assert_eq!(redundant[0]["name"], "Linux/Scenario/Door", "{redundant}");
    world.pass(8 * DAY);
    assert_eq!(world.seen(0).unwrap().redundant, None);
}

#[test]
fn s45_a_license_that_is_given_or_taken_leaves_nothing_of_the_former_authority() {
    let mut world = world(TenantMode::Coexistence);
    world.assign("lamp", Authority::Office365, "Lamp", "on").unwrap();
    world.license(USER, false).unwrap();
    world.pass(60);
    assert_eq!((value(&world), world.machines[0].value("Lamp")), (None, Some("on")));
    world.license(USER, true).unwrap();
    world.pass(60);
    world.sync(0);
    assert_eq!((value(&world), world.machines[0].value("Lamp")), (Some("closed"), None));
}

#[test]
fn s25_a_device_without_a_user_stays_where_support_is_moving_it_although_its_user_is_set_to_none_again() {
    let world = world(TenantMode::Coexistence);
    let id = world.machines[0].device_id.clone();
    let none = |world: &World| {
        world.service.act(|tenant, now| tenant.change_device_user(&id, None, now).map(drop)).unwrap();
    };
    none(&world);
    let support = Admin { name: "support".to_owned(), role: Role::Support, licensed: false };
    let moved =
        |tenant: &mut Tenant, now| tenant.move_userless_device(&support, &id, Authority::Office365, now).map(drop);
    world.service.act(moved).unwrap();
    none(&world);
    assert_eq!(world.seen(0).unwrap().summary.due_authority, Authority::Office365);
}

#[test]
fn a_device_that_is_given_to_nobody_loses_its_former_users_mailbox() {
    let mut world = world(TenantMode::Intune);
    let leaf = |name: &str, value: &str| {
        format!(
            "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{MAILBOX}/{name}</LocURI></Target><Data>{value}</Data>\
             </Item></Replace>"
        )
    };
    let mail = [("ACCOUNTTYPE", "Email"), ("DOMAIN", "tenant.example"), ("NAME", "Ada"), ("SERVICENAME", "Mail")];
    let fragment: String = mail.iter().map(|(name, value)| leaf(name, value)).collect();
    world.assign_fragment("mail", Authority::Intune, &fragment).unwrap();
    world.sync(0);
    let has_mailbox = |world: &World| {
        world.machines[0].profiles().iter().any(|profile| profile.root.to_string().starts_with("./User"))
    };
    assert!(has_mailbox(&world));
    let id = world.machines[0].device_id.clone();
    world.service.act(|tenant, now| tenant.change_device_user(&id, None, now).map(drop)).unwrap();
    world.sync(0);
    assert!(!has_mailbox(&world));
    assert_eq!(value(&world), Some("closed"), "what is the device's own stays");
}

#[test]
fn a_process_that_is_killed_before_it_kept_anything_of_a_boot_stretches_nothing() {
    let mut world = world(TenantMode::Intune);
    world.set_online(0, false);
    world.set_power(0, false);
    world.pass(HOUR);
    let before = world.machines[0].backup();
    world.set_power(0, true);
    world.pass(33 * HOUR);
    // The clock was set back in this boot, and nothing of the boot was kept.
    world.set_wall_error(0, -40 * DAY);
    world.machines[0].put_back(&before);
    world.restart(0);
    // The hour that it was off cannot be known.
    world.pass(7 * DAY - 33 * HOUR + 60);
    assert_eq!(value(&world), None);
}

#[test]
fn s46_an_expired_certificate_that_was_not_is_so_no_longer_once_the_clock_is_right() {
    let mut world = world(TenantMode::Intune);
    world.set_power(0, false);
    world.set_online(0, false);
    world.set_wall_error(0, 500 * DAY);
    world.set_power(0, true);
    let expired = |world: &World| {
        let machine = &world.machines[0];
        machine.engine().unwrap().life().is_expired(machine.moment(world))
    };
    assert!(expired(&world));
    world.set_wall_error(0, 0);
    assert!(!expired(&world));
    world.set_online(0, true);
    world.pass(HOUR);
    assert!(world.machines[0].records.last().unwrap().completed);
}

#[test]
fn the_page_of_a_week_is_what_happens() {
    let week = mdm_tests::week::week().unwrap();
    let written =
        |name: &str| std::fs::read_to_string(format!("{}/../agent/doc/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let advice = "run `cargo run -p mdm-tests --bin week`";
    assert!(written("a-week.md") == week.page, "{advice}");
    assert!(written("a-week.svg") == week.drawing, "{advice}");
}
