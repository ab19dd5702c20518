//! Devices that are told who manages them, and that move.

use mdm_protocol::syncml::{Command, Item, StatusCode, Verb};

use crate::tenant::life::{Authority, BmsPolicies, Registration, TenantMode};
use crate::tenant::test_support::*;
use crate::tenant::{Assignment, DeliveryState, Licence, SettingsPatch, UserPatch};

const NAME: &str = "./Device/Vendor/LinuxMDM/Authority/Name";
const LIST: &str = "./Device/Vendor/MSFT/DMClient/Provider/LinuxMDM/ManagementServerAddressList";
const INTUNE: &str = "./Device/Vendor/MSFT/WiFi/Profile/Intune";
const BMS: &str = "./Device/Vendor/MSFT/WiFi/Profile/Bms";

/// A device of a user without an Intune licence, managed by BMS, with a profile of BMS and one of Intune waiting.
fn bms() -> Talker {
    let mut tenant = fresh_tenant();
    change(&mut tenant, mode(TenantMode::Office365));
    tenant.set_device_base("https://server".to_owned());
    let licences = Some([Licence::Microsoft365Basic].into());
    tenant.change_user(USER, UserPatch { licences, co_managed: None }, NOW).unwrap();
    enrol(&mut tenant, "device-1");
    let mut talker = Talker::with(tenant);
    for (name, root, authority) in [("bms", BMS, Authority::Office365), ("intune", INTUNE, Authority::Intune)] {
        let text = fragment("Replace", &format!("{root}/WlanXml"), "x");
        talker.tenant.put_profile(name, &text, Some(authority), NOW).unwrap();
        talker.tenant.assign_profile(name, Assignment { all: true, ..Assignment::default() }).unwrap();
    }
    assert_eq!(targets(&talker.check_in()), [(Verb::Replace, format!("{BMS}/WlanXml"))]);
    talker
}

fn mode(authority: TenantMode) -> SettingsPatch {
    SettingsPatch { authority: Some(authority), ..SettingsPatch::default() }
}

fn license(talker: &mut Talker, licence: Licence) {
    let patch = UserPatch { licences: Some([licence].into()), co_managed: None };
    talker.tenant.change_user(USER, patch, talker.now).unwrap();
}

fn data(command: &Command, target: &str) -> Option<String> {
    let Command::Atomic(group) = command else { panic!("no Atomic") };
    group.commands.iter().find_map(|inner| match inner {
        Command::Operation(operation) if operation.items[0].target.as_deref() == Some(target) => {
            operation.items[0].data.clone()
        }
        _ => None,
    })
}

fn registration(talker: &Talker) -> (Authority, Registration) {
    let view = talker.tenant.device_view("device-1").unwrap();
    (view.summary.authority, view.summary.registration)
}

#[test]
fn a_new_device_is_told_its_authority_and_no_address() {
    let mut talker = Talker::new();
    talker.tenant.devices.get_mut("device-1").unwrap().life.told = None;
    let seen = talker.check_in();
    assert_eq!(seen.len(), 1);
    assert_eq!(data(&seen[0], NAME).as_deref(), Some("Intune"));
    assert_eq!(data(&seen[0], LIST), None);
    assert!(talker.check_in().is_empty());
}

#[test]
fn a_device_that_knows_nothing_of_authorities_is_not_told_again_and_again() {
    let mut talker = Talker::new();
    talker.tenant.devices.get_mut("device-1").unwrap().life.told = None;
    assert_eq!(talker.check_in_answering(|_| StatusCode::NOT_FOUND).len(), 1);
    assert!(talker.check_in().is_empty());
}

#[test]
fn s10_s44_s45_a_licence_moves_a_device_and_takes_what_bms_had_set() {
    let mut talker = bms();
    change(&mut talker.tenant, mode(TenantMode::Coexistence));
    license(&mut talker, Licence::E3);
    assert_eq!(registration(&talker), (Authority::Office365, Registration::Moving));

    talker.at = Some(Authority::Office365);
    let seen = talker.check_in();
    assert_eq!(seen.len(), 1, "a move is the only work of its session");
    assert_eq!(data(&seen[0], NAME).as_deref(), Some("Intune"));
    assert_eq!(data(&seen[0], LIST).as_deref(), Some("<https://server/ManagementServer/Intune/MDM.svc>"));
    assert_eq!(registration(&talker), (Authority::Office365, Registration::Moving));

    talker.at = Some(Authority::Intune);
    let expected = [(Verb::Replace, format!("{INTUNE}/WlanXml")), (Verb::Delete, BMS.to_owned())];
    assert_eq!(targets(&talker.check_in()), expected);
    assert_eq!(registration(&talker), (Authority::Intune, Registration::Registered));
    assert!(talker.check_in().is_empty());
}

#[test]
fn s56_commands_are_refused_while_a_device_moves_and_those_queued_before_wait() {
    let mut talker = bms();
    let get = fragment("Get", "./DevDetail/SwV", "");
    talker.tenant.queue_command("device-1", &get, NOW).unwrap();
    change(&mut talker.tenant, mode(TenantMode::Coexistence));
    license(&mut talker, Licence::E3);
    let refusal = talker.tenant.queue_command("device-1", &get, NOW).unwrap_err().to_string();
    assert!(refusal.contains("has not completed a session with Intune"), "{refusal}");
    talker.at = Some(Authority::Office365);
    assert!(matches!(talker.check_in()[..], [Command::Atomic(_)]));
    talker.at = Some(Authority::Intune);
    assert_eq!(talker.check_in()[0].name(), "Get");
    assert!(talker.tenant.queue_command("device-1", &get, NOW).is_ok());
}

#[test]
fn a_device_at_a_wrong_address_is_sent_on_again_and_again() {
    let mut talker = bms();
    for at in [Authority::Intune, Authority::CoManagement, Authority::Intune] {
        talker.at = Some(at);
        let seen = talker.check_in();
        assert_eq!(data(&seen[0], NAME).as_deref(), Some("Office 365"));
    }
    talker.at = None;
    assert!(talker.check_in().is_empty());
    assert_eq!(talker.delivery("bms"), Some(DeliveryState::Delivered));
}

#[test]
fn a_change_that_is_taken_back_before_the_device_moved_is_corrected_where_it_shows_up() {
    let mut talker = bms();
    change(&mut talker.tenant, mode(TenantMode::Coexistence));
    license(&mut talker, Licence::E3);
    talker.at = Some(Authority::Office365);
    talker.check_in();
    license(&mut talker, Licence::Microsoft365Basic);
    assert_eq!(registration(&talker), (Authority::Office365, Registration::Registered));
    let seen = talker.check_in();
    assert_eq!(data(&seen[0], NAME).as_deref(), Some("Office 365"));
    assert_eq!(data(&seen[0], LIST).as_deref(), Some("<https://server/ManagementServer/Office365/MDM.svc>"));
    assert!(talker.check_in().is_empty());
}

#[test]
fn s22_a_change_of_the_whole_tenant_deletes_nothing() {
    let mut talker = Talker::new();
    talker.profile("intune", &fragment("Replace", &format!("{INTUNE}/WlanXml"), "x"));
    talker.check_in();
    change(&mut talker.tenant, mode(TenantMode::CoManagement));
    assert_eq!(registration(&talker), (Authority::Intune, Registration::Moving));
    assert!(matches!(talker.check_in()[..], [Command::Atomic(_)]));
    talker.at = Some(Authority::CoManagement);
    assert!(talker.check_in().is_empty());
    assert_eq!(registration(&talker), (Authority::CoManagement, Registration::Registered));
    assert_eq!(talker.delivery("intune"), None);
}

#[test]
fn s38_the_policies_of_bms_can_be_turned_off() {
    let mut talker = bms();
    change(&mut talker.tenant, SettingsPatch { bms_policies: Some(BmsPolicies::Off), ..SettingsPatch::default() });
    assert_eq!(targets(&talker.check_in()), [(Verb::Delete, BMS.to_owned())]);
    change(&mut talker.tenant, SettingsPatch { bms_policies: Some(BmsPolicies::On), ..SettingsPatch::default() });
    assert_eq!(targets(&talker.check_in()), [(Verb::Replace, format!("{BMS}/WlanXml"))]);
}

#[test]
fn s23_a_group_reaches_exactly_the_devices_of_its_users() {
    let mut talker = Talker::new();
    talker.tenant.add_user(new_user("bob", "pw")).unwrap();
    talker.tenant.put_group("sales", &["bob".to_owned()].into()).unwrap();
    let groups = ["sales".to_owned()].into();
    talker.profile("wifi", &fragment("Replace", &format!("{INTUNE}/WlanXml"), "x"));
    talker.tenant.assign_profile("wifi", Assignment { groups, ..Assignment::default() }).unwrap();
    assert!(talker.check_in().is_empty());
    talker.tenant.put_group("sales", &["bob".to_owned(), USER.to_owned()].into()).unwrap();
    assert_eq!(talker.check_in().len(), 1);
    talker.tenant.remove_group("sales").unwrap();
    assert_eq!(targets(&talker.check_in()), [(Verb::Delete, INTUNE.to_owned())]);
}

#[test]
fn s51_every_device_that_can_be_rung_is_rung_when_the_authority_changes() {
    let mut talker = Talker::new();
    talker.tenant.set_push_base(Some("https://push".to_owned()));
    enrol(&mut talker.tenant, "device-2");
    let reply = talker.begin(Vec::new()).unwrap();
    let commands = work(&reply);
    let uri = "./Device/Vendor/MSFT/DMClient/Provider/LinuxMDM/Push";
    assert_eq!(targets(&commands), [(Verb::Replace, format!("{uri}/PFN")), (Verb::Get, format!("{uri}/ChannelURI"))]);
    let mut answers: Vec<_> = commands.iter().map(|command| status(&reply, command, StatusCode::OK)).collect();
    let item = Item::source(format!("{uri}/ChannelURI")).with_data("https://push/AbCd");
    answers.push(results(&reply, &commands[1], item));
    assert!(is_end(talker.send(answers).as_ref()));
    assert!(talker.tenant.take_rings().is_empty());

    change(&mut talker.tenant, SettingsPatch { ring_spread_seconds: Some(60), ..SettingsPatch::default() });
    change(&mut talker.tenant, mode(TenantMode::CoManagement));
    let rings = talker.tenant.take_rings();
    let rung: Vec<_> = rings.iter().map(|ring| (ring.device.as_str(), ring.topic.as_str(), ring.text())).collect();
    assert_eq!(rung, [("device-1", "AbCd", "spread=60".to_owned())]);

    change(&mut talker.tenant, SettingsPatch { lose_rings: Some(true), ..SettingsPatch::default() });
    talker.tenant.ring_device("device-1").unwrap();
    assert!(talker.tenant.take_rings().is_empty());
    assert!(talker.tenant.ring_device("device-2").is_err());
}

#[test]
fn only_addresses_of_the_tenants_own_push_service_are_believed() {
    for (address, expected) in [
        ("https://push/AbCd", true),
        ("https://push.example/AbCd", false),
        ("https://push/a/b", false),
        ("https://push/", false),
        ("http://push/AbCd", false),
    ] {
        let mut talker = Talker::new();
        talker.tenant.set_push_base(Some("https://push".to_owned()));
        talker.tenant.channel_told("device-1", Some(address));
        assert_eq!(talker.tenant.ring_device("device-1").is_ok(), expected, "{address}");
    }
}
