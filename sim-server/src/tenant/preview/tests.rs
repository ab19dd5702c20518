use crate::tenant::life::{Authority, TenantMode};
use crate::tenant::test_support::*;
use crate::tenant::{Admin, AdminError, Assignment, Licence, ProfileFate, Role, SettingsPatch, Tenant, UserPatch};

const WIFI: &str = "./Device/Vendor/MSFT/WiFi/Profile/A/WlanXml";
const VPN: &str = "./Device/Vendor/MSFT/VPNv2/A/AlwaysOn";

fn mode(authority: TenantMode) -> SettingsPatch {
    SettingsPatch { authority: Some(authority), ..SettingsPatch::default() }
}

/// A tenant under BMS: a user entitled to Intune with a device, and two profiles of BMS.
fn bms() -> Tenant {
    let mut tenant = fresh_tenant();
    change(&mut tenant, mode(TenantMode::Office365));
    enrol(&mut tenant, "device-1");
    for (name, uri) in [("wifi", WIFI), ("vpn", VPN)] {
        put(&mut tenant, name, uri, Authority::Office365);
    }
    tenant
}

fn put(tenant: &mut Tenant, name: &str, uri: &str, authority: Authority) {
    tenant.put_profile(name, &fragment("Replace", uri, "x"), Some(authority), NOW).unwrap();
    tenant.assign_profile(name, Assignment { all: true, ..Assignment::default() }).unwrap();
}

#[test]
fn s20_s32_s34_the_preview_names_who_would_move_and_what_has_no_replacement() {
    let mut tenant = bms();
    put(&mut tenant, "wifi 2", WIFI, Authority::Intune);
    let preview = tenant.preview(TenantMode::Coexistence).unwrap();
    assert_eq!(preview.users[USER], ["device-1"]);
    assert_eq!((preview.devices[0].from, preview.devices[0].to), (Authority::Office365, Authority::Intune));
    assert_eq!(preview.devices[0].replaced, [("vpn", false), ("wifi", true)].into());
    assert_eq!(preview.uncovered, 1);

    change(&mut tenant, mode(TenantMode::Coexistence));
    let moving: Vec<_> = tenant.devices().into_iter().filter(|device| device.state == "pending").collect();
    assert_eq!(moving.iter().map(|device| device.id.as_str()).collect::<Vec<_>>(), ["device-1"]);
    assert!(matches!(tenant.preview(TenantMode::Intune), Err(AdminError::Conflict(_))));
}

#[test]
fn s33_the_users_who_would_switch_at_once_are_named() {
    let mut tenant = bms();
    let view = tenant.change_settings_as(&Admin::owner(), mode(TenantMode::Intune), NOW).unwrap();
    assert!(view.coexistence && view.bms_provisioned, "Intune beside Office 365 is coexistence");
    assert!(view.warnings.iter().any(|warning| warning.contains(USER)), "{:?}", view.warnings);
}

#[test]
fn s3_an_administrator_without_a_licence_is_warned_or_refused() {
    let mut tenant = fresh_tenant();
    let admin = Admin { name: "eve".to_owned(), role: Role::IntuneAdministrator, licensed: false };
    change(&mut tenant, SettingsPatch { strict_licences: Some(true), ..SettingsPatch::default() });
    let refusal = tenant.change_settings_as(&admin, mode(TenantMode::Intune), NOW).unwrap_err();
    assert!(matches!(refusal, AdminError::Forbidden(_)));
    assert_eq!(tenant.settings().authority, TenantMode::Unknown);
    change(&mut tenant, SettingsPatch { strict_licences: Some(false), ..SettingsPatch::default() });
    let view = tenant.change_settings_as(&admin, mode(TenantMode::Intune), NOW).unwrap();
    assert!(view.warnings[0].contains("should hold an Intune licence"));
    let lines = tenant.audit_lines(9);
    assert_eq!((lines[0].what.as_str(), lines[1].outcome.as_str()), ("MDM authority: Unknown to Intune", "warned"));
}

#[test]
fn s6_who_has_no_licences_is_told_to_purchase_some() {
    let mut tenant = bms();
    let view = tenant.change_user(USER, crate::tenant::UserPatch { licences: Some([].into()), co_managed: None }, NOW);
    assert!(!view.unwrap().licensed);
    let none = Licence::ALL.into_iter().map(|licence| (licence, 0)).collect();
    change(&mut tenant, SettingsPatch { licences: Some(none), ..SettingsPatch::default() });
    let refusal = tenant.change_settings(mode(TenantMode::Coexistence), NOW).unwrap_err().to_string();
    assert!(refusal.contains("purchase"), "{refusal}");
}

#[test]
fn s31_more_licences_than_there_are_cannot_be_assigned() {
    let mut tenant = fresh_tenant();
    let counts = [(Licence::Intune, 1)].into();
    change(&mut tenant, SettingsPatch { licences: Some(counts), ..SettingsPatch::default() });
    let refusal = tenant.add_user(new_user("bob", "pw")).unwrap_err().to_string();
    assert!(refusal.contains("all 1 licences") && refusal.contains("1 users hold one"), "{refusal}");
    let count = tenant.licences()[0];
    assert_eq!((count.purchased, count.assigned), (1, 1));
    let less = SettingsPatch { licences: Some([(Licence::Intune, 0)].into()), ..SettingsPatch::default() };
    assert!(tenant.change_settings(less, NOW).is_err());
}

#[test]
fn s45_what_becomes_of_each_profile_is_said_before_a_license_is_taken_and_is_one_rule_for_both_directions() {
    let mut tenant = bms();
    put(&mut tenant, "wifi 2", WIFI, Authority::Intune);
    put(&mut tenant, "vpn 2", "./Device/Vendor/MSFT/VPNv2/B/AlwaysOn", Authority::Intune);
    change(&mut tenant, mode(TenantMode::Coexistence));
    let fates = |tenant: &Tenant, licences: &[Licence]| {
        let patch = UserPatch { licences: Some(licences.iter().copied().collect()), ..UserPatch::default() };
        let preview = tenant.preview_user(USER, &patch).unwrap();
        (preview.authority, preview.devices.into_iter().flat_map(|device| device.profiles).collect::<Vec<_>>())
    };
    let expected = |names: [&str; 2]| {
        let [replaced, deleted] = names.map(str::to_owned);
        let mut fates = vec![(replaced, ProfileFate::Replaced), (deleted, ProfileFate::Deleted)];
        fates.sort_by(|one, other| one.0.cmp(&other.0));
        fates
    };
    // The device is still with BMS.
    let preview = fates(&tenant, &[Licence::Intune]);
    assert_eq!(preview, (Some(Authority::Intune), expected(["wifi", "vpn"])));
    assert_eq!(fates(&tenant, &[]), (Some(Authority::Office365), Vec::new()));
    tenant.devices.get_mut("device-1").unwrap().life.authority = Authority::Intune;
    assert_eq!(fates(&tenant, &[]), (Some(Authority::Office365), expected(["wifi 2", "vpn 2"])));
    let mut other = fresh_tenant();
    change(&mut other, mode(TenantMode::Intune));
    enrol(&mut other, "device-1");
    put(&mut other, "wifi", WIFI, Authority::Intune);
    let preview = other.preview(TenantMode::CoManagement).unwrap();
    assert_eq!(preview.devices[0].profiles, [("wifi".to_owned(), ProfileFate::KeptUpToSevenDays)].into());
}
