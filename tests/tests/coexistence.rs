//! Two authorities in one tenant, decided for each user, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_sim_server::tenant::{Authority, BmsPolicies, SettingsPatch, TenantMode};
use mdm_tests::scenario::{DAY, Machine, World};

const HOUR: i64 = 3600;
const ADA: &str = "ada@tenant.example";
const BOB: &str = "bob@tenant.example";

fn authority(machine: &Machine) -> String {
    machine.engine().unwrap().life().authority().to_string()
}

/// Ada and Bob under Office 365, with three devices and one.
fn office() -> World {
    let mut world = World::new(TenantMode::Office365).unwrap();
    world.add_user(ADA, false).unwrap();
    world.add_user(BOB, false).unwrap();
    for user in [ADA, ADA, ADA, BOB] {
        world.enrol(user).unwrap();
    }
    world.pass(DAY);
    world
}

#[test]
fn s7_s27_s29_s43_all_devices_of_a_licensed_user_move_and_everybody_elses_stay_for_thirty_days() {
    let mut world = office();
    world.set_authority(TenantMode::Coexistence).unwrap();
    world.pass(9 * HOUR);
    assert!(world.machines.iter().all(|machine| authority(machine) == "Office 365"));
    world.license(ADA, true).unwrap();
    let there = |world: &World| world.machines.iter().map(authority).collect::<Vec<_>>();
    assert_eq!(there(&world), ["Intune", "Intune", "Intune", "Office 365"]);
    world.pass_watching(30 * DAY, |world| assert_eq!(there(world)[3], "Office 365"));
    assert_eq!(there(&world), ["Intune", "Intune", "Intune", "Office 365"]);
}

#[test]
fn s28_s50_s61_the_user_decides_and_each_device_is_listed_in_one_portal() {
    let mut world = office();
    world.set_authority(TenantMode::Coexistence).unwrap();
    let listed = |world: &World| [Authority::Intune, Authority::Office365].map(|one| world.listed(one).unwrap());
    assert_eq!(listed(&world), [0, 4]);
    world.license(ADA, true).unwrap();
    assert_eq!(listed(&world), [3, 1]);
    world.license(ADA, false).unwrap();
    world.license(BOB, true).unwrap();
    world.pass(HOUR);
    assert_eq!(listed(&world), [1, 3]);
}

#[test]
fn s32_users_who_have_a_licence_already_switch_once_coexistence_is_enabled() {
    let mut world = office();
    world.license(BOB, true).unwrap();
    assert_eq!(authority(&world.machines[3]), "Office 365");
    world.set_authority(TenantMode::Coexistence).unwrap();
    assert_eq!(authority(&world.machines[3]), "Intune");
}

#[test]
fn s11_s35_without_a_replacement_the_settings_are_lost_and_the_loss_is_told() {
    let mut world = office();
    world.assign("bms-mail", Authority::Office365, "Mail", "old").unwrap();
    world.sync(3);
    assert_eq!(world.machines[3].value("Mail"), Some("old"));
    world.set_authority(TenantMode::Coexistence).unwrap();
    world.license(BOB, true).unwrap();
    let bob = &world.machines[3];
    assert_eq!((authority(bob).as_str(), bob.value("Mail")), ("Intune", None));
    let removed = bob.notes.iter().find(|note| note.what == "profile-removed").unwrap();
    assert!(removed.particulars.iter().any(|(_, value)| value == "Linux/Scenario/Mail"), "{removed:?}");
    assert_eq!(bob.stored().tombstones.len(), 1);
}

#[test]
fn s41_s42_with_coexistence_the_first_assignment_of_intune_reaches_its_users_and_nobody_else() {
    let mut world = office();
    world.set_authority(TenantMode::Intune).unwrap();
    let mode = world.service.view(|tenant| Ok(tenant.settings().authority)).unwrap();
    assert_eq!(mode, TenantMode::Coexistence, "adding Intune to Office 365 enables both");
    world.assign("intune-printer", Authority::Intune, "Printer", "new").unwrap();
    world.license(BOB, true).unwrap();
    world.pass(9 * HOUR);
    let values: Vec<Option<&str>> = world.machines.iter().map(|machine| machine.value("Printer")).collect();
    assert_eq!(values, [None, None, None, Some("new")]);
}

#[test]
fn s38_turned_off_policies_leave_the_devices_and_office_365_stays_provisioned() {
    let mut world = office();
    world.assign("bms-mail", Authority::Office365, "Mail", "old").unwrap();
    world.sync(0);
    world.set(SettingsPatch { bms_policies: Some(BmsPolicies::Off), ..SettingsPatch::default() }).unwrap();
    world.ring();
    world.sync(0);
    assert_eq!(world.machines[0].value("Mail"), None);
    assert_eq!(authority(&world.machines[0]), "Office 365");
    assert!(world.service.view(|tenant| Ok(tenant.settings().authority.has_bms())).unwrap());
}

#[test]
fn s25_devices_without_a_user_are_rung_and_stay_where_they_are() {
    let mut world = World::new(TenantMode::Intune).unwrap();
    world.add_user(ADA, true).unwrap();
    world.enrol(ADA).unwrap();
    let lonely = world.enrol_userless().unwrap();
    world.pass(DAY);
    let before = world.machines[lonely].records.len();
    world.set_authority(TenantMode::CoManagement).unwrap();
    assert_eq!(world.machines[lonely].records.len(), before + 1, "rung like all");
    world.pass(10 * DAY);
    assert_eq!(authority(&world.machines[0]), "Co-management");
    assert_eq!(authority(&world.machines[lonely]), "Intune");
}

#[test]
fn s74_s75_a_device_that_enrols_after_the_change_is_listed_with_the_new_authority_only() {
    let mut world = World::new(TenantMode::Intune).unwrap();
    world.add_user(ADA, true).unwrap();
    world.set_authority(TenantMode::CoManagement).unwrap();
    world.enrol(ADA).unwrap();
    assert_eq!(authority(&world.machines[0]), "Co-management");
    let listed = [Authority::Intune, Authority::CoManagement].map(|one| world.listed(one).unwrap());
    assert_eq!(listed, [0, 1]);
}

#[test]
fn a_server_whose_date_is_years_off_neither_keeps_nor_drops_anything() {
    for error in [-10 * 365 * DAY, 10 * 365 * DAY] {
        let mut world = World::new(TenantMode::Intune).unwrap();
        world.add_user(ADA, true).unwrap();
        world.assign("printer", Authority::Intune, "Printer", "old").unwrap();
        world.date_error = error;
        world.enrol(ADA).unwrap();
        world.pass(20 * DAY);
        assert_eq!(world.machines[0].value("Printer"), Some("old"), "{error}");
        assert!(world.machines[0].records.iter().all(|record| record.completed));
        world.set_online(0, false);
        let confirmed = world.machines[0].records.last().unwrap().ended;
        world.pass(confirmed + 7 * DAY - 1 - world.now());
        assert_eq!(world.machines[0].value("Printer"), Some("old"), "{error}");
        world.pass(2);
        assert_eq!(world.machines[0].value("Printer"), None, "{error}");
    }
}
