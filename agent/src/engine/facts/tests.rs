//! What the device says of itself.

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;

use super::{DeviceFacts, login_status, provide};
use crate::engine::profile::Stored;
use crate::engine::session::LoginStatus::{self, EnrolledUser, Nobody, Others};
use crate::engine::testing::{PROVIDER, account, facts, stored_after, tree};
use crate::engine::tree::Tree;

#[test]
fn who_is_signed_in_depends_on_who_enrolled_and_what_the_machine_keeps_track_of() {
    // The enrolled user, their name on the machine, who is signed in, and what follows.
    type Row = (Option<&'static str>, Option<&'static str>, Option<&'static [&'static str]>, LoginStatus);
    let table: &[Row] = &[
        (None, None, None, Nobody),
        (None, None, Some(&["ada"]), Nobody),
        (Some("ada@x.org"), None, None, EnrolledUser),
        (Some("ada@x.org"), Some("ada"), None, EnrolledUser),
        (Some("ada@x.org"), None, Some(&[]), Nobody),
        (Some("ada@x.org"), Some("ada"), Some(&[]), Nobody),
        (Some("ada@x.org"), None, Some(&["bob"]), EnrolledUser),
        (Some("ada@x.org"), Some("ada"), Some(&["bob", "ada"]), EnrolledUser),
        (Some("ada@x.org"), Some("ada"), Some(&["bob"]), Others),
    ];
    for (user, local_user, signed_in, expected) in table {
        let mut account = account();
        account.user = user.map(str::to_owned);
        account.local_user = local_user.map(str::to_owned);
        let signed_in = signed_in.map(|users| users.iter().map(|user| (*user).to_owned()).collect());
        let facts = DeviceFacts { signed_in, ..facts() };
        assert_eq!(login_status(&account, &facts), *expected, "{user:?} {local_user:?} {:?}", facts.signed_in);
    }
}

#[test]
fn the_time_is_told_with_its_zone() {
    let mut tree = Tree::default();
    super::provide_at(&mut tree, &account(), &facts(), 1_796_083_200);
    let node = LocUri::parse("./DevDetail/Ext/Microsoft/LocalTime").unwrap();
    assert_eq!(tree.get(&node).unwrap().value, "2026-12-01T00:00:00Z");
}

#[test]
fn a_check_in_at_sign_in_is_refused_where_nothing_notices_it() {
    for (misses_sign_ins, expected) in [(false, Ok(())), (true, Err(406))] {
        let mut tree = Tree::default();
        super::provide_at(&mut tree, &account(), &DeviceFacts { misses_sign_ins, ..facts() }, 0);
        for name in ["PollOnLogin", "AllUsersPollOnFirstLogin"] {
            let node = LocUri::parse(&format!("{}/Poll/{name}", account().provider_address())).unwrap();
            let mut set = |value| tree.replace(&node, &Format::Bool, value).map_err(|refusal| refusal.status.0);
            assert_eq!(set("true"), expected);
            assert_eq!(set("false"), Ok(()));
        }
    }
}

#[test]
fn what_is_not_known_is_not_there_and_device_information_is_never_empty() {
    let mut tree = Tree::default();
    provide(&mut tree, &account(), &DeviceFacts::default());
    let value = |address: &str| tree.get(&LocUri::parse(address).unwrap()).ok().map(|node| node.value);
    for (address, expected) in [
        ("./DevInfo/Man", Some("unknown")),
        ("./DevInfo/Mod", Some("unknown")),
        ("./DevInfo/Lang", Some("en-US")),
        ("./DevInfo/DmV", Some("1.3")),
        ("./DevDetail/LrgObj", Some("true")),
        ("./DevDetail/URI/MaxDepth", Some("0")),
        ("./DevDetail/Ext/Microsoft/TotalRAM", None),
        ("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber", None),
        ("./DevDetail/Ext/WLANMACAddress", None),
        ("./DevDetail/Ext/Microsoft/ProcessorArchitecture", Some("65535")),
    ] {
        assert_eq!(value(address).as_deref(), expected, "{address}");
    }
}

#[test]
fn what_is_known_is_readable_in_the_units_of_the_provider() {
    let tree = tree(&Stored::default());
    let value = |address: &str| tree.get(&LocUri::parse(address).unwrap()).map(|node| node.value).unwrap();
    assert_eq!(value("./DevDetail/Ext/Microsoft/TotalRAM"), "4096");
    assert_eq!(value("./DevDetail/Ext/Microsoft/ProcessorArchitecture"), "9");
    assert_eq!(value("./DevDetail/Ext/WLANMACAddress"), "001122334455");
    assert_eq!(value("./DevDetail/SwV"), "13");
    assert_eq!(value(&format!("{PROVIDER}/EnrollmentType")), "Full");
}

#[test]
fn what_the_server_set_is_not_covered_by_what_was_provisioned() {
    let set = format!("{PROVIDER}/Poll/NumberOfFirstRetries");
    let tree = tree(&stored_after(vec![crate::engine::testing::replace("1", &set, "77")]));
    assert_eq!(tree.get(&LocUri::parse(&set).unwrap()).map(|node| node.value), Ok("77".to_owned()));
}

#[test]
fn what_was_provisioned_is_told_until_the_server_sets_it_and_unknown_nodes_are_left_out() {
    let mut account = account();
    account.settings.insert("NoSuchNode".to_owned(), "x".to_owned());
    let uri = |leaf: &str| LocUri::parse(&format!("{PROVIDER}/{leaf}")).unwrap();
    let told = |stored: &Stored, leaf: &str| {
        let mut tree = Tree::new(stored, true);
        provide(&mut tree, &account, &facts());
        tree.get(&uri(leaf)).ok().map(|node| node.value)
    };
    assert_eq!(told(&Stored::default(), "EntDMID").as_deref(), Some("entity-7"));
    assert_eq!(told(&Stored::default(), "NoSuchNode"), None);
    let mut stored = Stored::default();
    let node = crate::engine::tree::Node::new(&mdm_protocol::syncml::Format::Chr, "entity-8");
    stored.settings.insert(uri("EntDMID").to_string(), node);
    assert_eq!(told(&stored, "EntDMID").as_deref(), Some("entity-8"));
}
