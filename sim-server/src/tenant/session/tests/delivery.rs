//! Profiles on their way to a device, and away from it.

use std::collections::BTreeSet;

use mdm_protocol::syncml::{AlertCode, Command, Item, Meta, StatusCode, Verb, alert_type};

use crate::tenant::test_support::*;
use crate::tenant::{Assignment, DeliveryState};

const WIFI: &str = "./Vendor/MSFT/WiFi/Profile/Office/WlanXml";

#[test]
fn a_profile_goes_from_assignment_to_delivery_to_change_to_removal() {
    let mut talker = Talker::new();
    talker.tenant.put_profile("wifi", &fragment("Replace", WIFI, "one"), None, NOW).unwrap();
    assert!(talker.check_in().is_empty());
    assert_eq!(talker.delivery("wifi"), None);

    let users = BTreeSet::from(["ALICE@contoso.example".to_owned()]);
    talker.tenant.assign_profile("wifi", Assignment { users, ..Assignment::default() }).unwrap();
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Pending));
    assert_eq!(targets(&talker.check_in()), [(Verb::Replace, WIFI.to_owned())]);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Delivered));
    assert!(talker.check_in().is_empty());

    talker.tenant.put_profile("wifi", &fragment("Replace", WIFI, "two"), None, NOW).unwrap();
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Pending));
    assert_eq!(targets(&talker.check_in()), [(Verb::Replace, WIFI.to_owned())]);

    talker.tenant.assign_profile("wifi", Assignment::default()).unwrap();
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Removing));
    let root = "./Device/Vendor/MSFT/WiFi/Profile/Office".to_owned();
    assert_eq!(targets(&talker.check_in()), [(Verb::Delete, root)]);
    assert_eq!(talker.delivery("wifi"), None);
    assert!(talker.check_in().is_empty());
}

#[test]
fn a_node_that_left_a_profile_is_deleted_after_the_new_one_is_set() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/Old/WlanXml", "x"));
    talker.check_in();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/New/WlanXml", "x"));
    let expected = [
        (Verb::Replace, "./Vendor/MSFT/WiFi/Profile/New/WlanXml".to_owned()),
        (Verb::Delete, "./Device/Vendor/MSFT/WiFi/Profile/Old".to_owned()),
    ];
    assert_eq!(targets(&talker.check_in()), expected);
}

#[test]
fn a_node_that_another_profile_has_too_stays_and_is_set_anew() {
    let mut talker = Talker::new();
    talker.profile("one", &fragment("Replace", WIFI, "one"));
    talker.profile("two", &fragment("Replace", WIFI, "two"));
    talker.check_in();
    talker.tenant.remove_profile("two").unwrap();
    assert_eq!(targets(&talker.check_in()), [(Verb::Replace, WIFI.to_owned())]);
    assert!(talker.check_in().is_empty());
}

#[test]
fn a_deletion_that_failed_is_tried_again_and_one_that_was_needless_is_done() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", WIFI, "x"));
    talker.check_in();
    talker.tenant.remove_profile("wifi").unwrap();
    assert_eq!(talker.check_in_answering(|_| StatusCode::FAILED).len(), 1);
    assert_eq!(talker.check_in_answering(|_| StatusCode::NOT_FOUND).len(), 1);
    assert!(talker.check_in().is_empty());
}

#[test]
fn a_failed_profile_waits_for_a_change_or_for_the_administrator() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", WIFI, "x"));
    talker.check_in_answering(|_| StatusCode::NOT_FOUND);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Failed(404)));
    assert!(talker.check_in().is_empty());
    talker.tenant.resend_profile("device-1", "wifi").unwrap();
    assert_eq!(talker.check_in_answering(|_| StatusCode::FAILED).len(), 1);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Failed(500)));
    talker.profile("wifi", &fragment("Replace", WIFI, "y"));
    assert_eq!(talker.check_in().len(), 1);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Delivered));
}

#[test]
fn an_add_of_an_existing_node_is_tried_once_more_as_replace() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Add", WIFI, "x"));
    let answer = |command: &Command| match command {
        Command::Operation(operation) if operation.verb == Verb::Add => StatusCode::ALREADY_EXISTS,
        _ => StatusCode::OK,
    };
    let seen = talker.check_in_answering(answer);
    assert_eq!(targets(&seen), [(Verb::Add, WIFI.to_owned()), (Verb::Replace, WIFI.to_owned())]);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Delivered));

    talker.profile("wifi", &fragment("Add", WIFI, "y"));
    assert_eq!(talker.check_in_answering(|_| StatusCode::ALREADY_EXISTS).len(), 2);
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Failed(418)));
}

#[test]
fn an_atomic_that_met_an_existing_node_is_sent_again_with_replace_inside() {
    let mut talker = Talker::new();
    let inner = fragment("Add", WIFI, "x");
    talker.profile("wifi", &format!("<Atomic>{inner}</Atomic>"));
    let reply = talker.begin(Vec::new()).unwrap();
    let atomic = work(&reply).remove(0);
    let Command::Atomic(group) = &atomic else { panic!("no Atomic") };
    let answers = vec![
        status(&reply, &atomic, StatusCode::ATOMIC_FAILED),
        status(&reply, &group.commands[0], StatusCode::ALREADY_EXISTS),
    ];
    let reply = talker.send(answers).unwrap();
    let again = work(&reply);
    assert_eq!(targets(&again), [(Verb::Replace, WIFI.to_owned())]);
    let Command::Atomic(group) = &again[0] else { panic!("no Atomic") };
    let answers =
        vec![status(&reply, &again[0], StatusCode::ATOMIC_FAILED), status(&reply, &group.commands[0], StatusCode(415))];
    talker.send(answers);
    // The reason counts, not what follows from it.
    assert_eq!(talker.delivery("wifi"), Some(DeliveryState::Failed(415)));
}

#[test]
fn a_device_that_lost_its_store_gets_everything_again() {
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", WIFI, "x"));
    talker.check_in();
    let item = Item::default().with_meta(Meta::media_type(alert_type::STORE_REBUILT)).with_data("1");
    let reply = talker.begin(vec![alert(AlertCode::GENERIC, vec![item])]).unwrap();
    assert_eq!(targets(&work(&reply)), [(Verb::Replace, WIFI.to_owned())]);
}

#[test]
fn profiles_reach_only_whom_they_are_assigned_to() {
    let mut talker = Talker::new();
    talker.tenant.put_profile("wifi", &fragment("Replace", WIFI, "x"), None, NOW).unwrap();
    let to = |devices: &[&str]| Assignment {
        devices: devices.iter().map(|id| (*id).to_owned()).collect(),
        ..Assignment::default()
    };
    talker.tenant.assign_profile("wifi", to(&["device-2"])).unwrap();
    assert!(talker.check_in().is_empty());
    talker.tenant.assign_profile("wifi", to(&["device-1", "device-2"])).unwrap();
    assert_eq!(talker.check_in().len(), 1);
    let unknown = Assignment { users: BTreeSet::from(["nobody".to_owned()]), ..Assignment::default() };
    assert!(talker.tenant.assign_profile("wifi", unknown).is_err());
}

const VPN: &str = "./Device/Vendor/MSFT/VPNv2/Office";

fn vpn(leaves: &[(&str, &str)]) -> String {
    leaves.iter().map(|(leaf, value)| fragment("Replace", &format!("{VPN}/{leaf}"), value)).collect()
}

fn deletions(commands: &[Command]) -> Vec<String> {
    let deleted = targets(commands).into_iter().filter(|(verb, _)| *verb == Verb::Delete);
    deleted.map(|(_, target)| target).collect()
}

#[test]
fn a_leaf_that_left_a_profile_is_deleted_although_its_root_stays() {
    let mut talker = Talker::new();
    talker.profile("vpn", &vpn(&[("DnsSuffix", "x"), ("TrustedNetworkDetection", "y"), ("AlwaysOn", "true")]));
    talker.check_in();
    talker.profile("vpn", &vpn(&[("DnsSuffix", "x"), ("AlwaysOn", "true")]));
    let seen = talker.check_in();
    assert_eq!(targets(&seen).last().unwrap(), &(Verb::Delete, format!("{VPN}/TrustedNetworkDetection")));
    assert_eq!(deletions(&seen).len(), 1);
    assert!(talker.check_in().is_empty());
    talker.tenant.remove_profile("vpn").unwrap();
    assert_eq!(deletions(&talker.check_in()), [VPN]);
    assert!(talker.check_in().is_empty());
}

#[test]
fn a_leaf_that_another_profile_has_stays_and_is_set_anew() {
    let mut talker = Talker::new();
    talker.profile("one", &vpn(&[("DnsSuffix", "one")]));
    talker.profile("two", &vpn(&[("DnsSuffix", "two"), ("AlwaysOn", "true")]));
    talker.check_in();
    talker.profile("two", &vpn(&[("AlwaysOn", "true")]));
    let mut seen = talker.check_in();
    seen.extend(talker.check_in());
    let leaf = |name: &str| (Verb::Replace, format!("{VPN}/{name}"));
    assert_eq!(targets(&seen), [leaf("AlwaysOn"), leaf("DnsSuffix")]);
    talker.tenant.remove_profile("two").unwrap();
    assert_eq!(deletions(&talker.check_in()), [format!("{VPN}/AlwaysOn")]);
}

#[test]
fn a_deletion_never_takes_along_what_is_still_wanted() {
    let mut talker = Talker::new();
    talker.profile("vpn", &vpn(&[("RouteList/0", ""), ("dnssuffix", "x")]));
    talker.check_in();
    talker.profile("vpn", &vpn(&[("RouteList/0/Address", "10.0.0.0"), ("DnsSuffix", "x")]));
    assert!(deletions(&talker.check_in()).is_empty());
}
