//! What is handed out to be kept.

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileKind;
use mdm_protocol::syncml::Format;

use crate::engine::profile::{Changes, Owner, Profile, Stored};
use crate::engine::testing::{PROVIDER, WIFI, config, wlan};
use crate::engine::tree::Tree;

#[test]
fn profiles_are_kept_whole_and_settings_node_by_node() {
    let mut tree = Tree::default();
    add(&mut tree, WIFI, &wlan("swordfish"));
    add(&mut tree, "./Device/Vendor/MSFT/WiFi/Profile/Corp/WiFiCost", "2");
    add(&mut tree, &format!("{PROVIDER}/EntDMID"), "id");
    let changes = tree.changes(5);
    assert_eq!(changes.settings.keys().collect::<Vec<_>>(), [&format!("{PROVIDER}/EntDMID")]);
    let [(address, Some(profile))] = &changes.profiles.iter().collect::<Vec<_>>()[..] else {
        panic!("not one profile: {changes:?}");
    };
    assert_eq!(address.as_str(), "./Device/Vendor/MSFT/WiFi/Profile/Corp");
    assert_eq!(profile.nodes.keys().collect::<Vec<_>>(), ["WiFiCost", "WlanXml"]);
    assert_eq!(profile.address().map(|address| address.kind), Some(ProfileKind::Wifi));
}

#[test]
fn a_profile_with_the_same_content_keeps_its_date_and_one_with_another_does_not() {
    let mut tree = stored_and_loaded(&[(&config("A"), "1")], "Contoso", 5);
    replace(&mut tree, &config("A"), "1");
    assert_eq!(tree.changes(9), Changes::default());
    replace(&mut tree, &config("A"), "2");
    assert_eq!(only(&tree.changes(9)).received, 9);
}

#[test]
fn s71_another_authority_takes_a_profile_over_by_setting_it_even_with_the_same_content() {
    for set in [add, replace] {
        let mut tree = stored_and_loaded(&[(&config("A"), "1")], "Old", 5).speaking_for(by("New"));
        set(&mut tree, &config("A"), "1");
        let changes = tree.changes(9);
        assert_eq!((only(&changes).authority.as_str(), only(&changes).received), ("New", 9));
    }
}

#[test]
fn s68_what_another_authority_sets_replaces_the_whole_profile_and_not_only_a_node_of_it() {
    let cost = "./Device/Vendor/MSFT/WiFi/Profile/Corp/WiFiCost";
    let old = stored_and_loaded(&[(WIFI, &wlan("swordfish")), (cost, "3")], "Old", 5);
    let mut tree = old.speaking_for(by("New"));
    add(&mut tree, WIFI, &wlan("changed!"));
    let changes = tree.changes(9);
    assert_eq!(only(&changes).nodes.keys().collect::<Vec<_>>(), ["WlanXml"]);
    assert_eq!(only(&changes).nodes["WlanXml"].value, wlan("changed!"));
    // A second node joins the first instead of replacing it again.
    add(&mut tree, cost, "1");
    assert_eq!(only(&tree.changes(9)).nodes.len(), 2);
}

#[test]
fn what_another_authority_failed_to_set_leaves_the_old_profile_untouched() {
    let mut tree = stored_and_loaded(&[(WIFI, &wlan("swordfish"))], "Old", 5).speaking_for(by("New"));
    assert!(tree.add(&uri(WIFI), &Format::Chr, "<no profile/>").is_err());
    assert!(tree.changes(9).is_empty());
    let mark = tree.mark();
    add(&mut tree, WIFI, &wlan("changed!"));
    tree.undo_to(mark);
    assert!(tree.changes(9).is_empty());
    assert_eq!(tree.value(&uri(WIFI)), Some(wlan("swordfish").as_str()));
    add(&mut tree, WIFI, &wlan("changed!"));
    assert_eq!(only(&tree.changes(9)).authority, "New");
}

#[test]
fn s72_profiles_of_another_name_are_left_to_their_owner() {
    let mut tree = stored_and_loaded(&[(&config("A"), "1")], "Old", 5).speaking_for(by("New"));
    add(&mut tree, &config("B"), "1");
    let changes = tree.changes(9);
    assert_eq!(only(&changes).root.to_string(), config("B"));
}

#[test]
fn a_deleted_profile_is_handed_out_as_none_and_a_partly_deleted_one_with_what_is_left() {
    let cost = "./Device/Vendor/MSFT/WiFi/Profile/Corp/WiFiCost";
    let xml = wlan("swordfish");
    let mut tree = stored_and_loaded(&[(WIFI, &xml), (cost, "1"), (&config("A"), "1")], "Contoso", 5);
    tree.delete(&uri(cost)).unwrap();
    assert_eq!(only(&tree.changes(9)).nodes.keys().collect::<Vec<_>>(), ["WlanXml"]);
    tree.delete(&uri("./Device/Vendor/MSFT/WiFi/Profile/Corp")).unwrap();
    let changes = tree.changes(9);
    let expected: Vec<(&str, bool)> = vec![("./Device/Vendor/MSFT/WiFi/Profile/Corp", false)];
    let found = changes.profiles.iter().map(|(root, profile)| (root.as_str(), profile.is_some()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_deleted_setting_is_handed_out_as_none() {
    let address = format!("{PROVIDER}/EntDMID");
    let mut tree = stored_and_loaded(&[(&address, "1")], "Contoso", 5);
    tree.delete(&uri(&address)).unwrap();
    assert_eq!(tree.changes(9).settings, [(address, None)].into());
}

#[test]
fn accepted_changes_are_not_handed_out_again_and_not_undone() {
    let mut tree = Tree::default();
    add(&mut tree, &config("A"), "1");
    let changes = tree.changes(5);
    tree.accept(&changes);
    assert_eq!(tree.changes(9), Changes::default());
    add(&mut tree, &config("B"), "1");
    tree.undo_unkept();
    assert!(tree.get(&uri(&config("A"))).is_ok());
    assert!(tree.get(&uri(&config("B"))).is_err());
}

#[test]
fn what_the_device_provides_is_never_kept() {
    let mut tree = crate::engine::testing::tree(&Stored::default());
    replace(&mut tree, &format!("{PROVIDER}/EntDMID"), "1");
    assert_eq!(tree.changes(5).settings.len(), 1);
}

#[test]
fn names_with_any_character_survive_the_store() {
    for name in ["a/b", "a%2Fb", "%", " lead", "trail ", "ü?*\"<>", ".", "..", "\u{3000}", "%FF"] {
        let address = LocUri::new(mdm_protocol::Scope::Device, ["Vendor", "MSFT", "VPNv2", name, "Servers", name]);
        let mut tree = Tree::default();
        tree.add(&address, &Format::Chr, "x").unwrap();
        let mut stored = Stored::default();
        stored.apply(&tree.changes(5));
        let again = Tree::new(&serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap(), true);
        assert_eq!(again.own, tree.own, "{name:?}");
        assert_eq!(stored.profiles[0].address().map(|address| address.name), Some(name.to_owned()));
    }
}

#[test]
fn applying_changes_to_a_copy_of_the_store_replaces_removes_and_adds() {
    let mut stored = Stored::default();
    let mut tree = Tree::default();
    add(&mut tree, &config("A"), "1");
    add(&mut tree, &config("B"), "1");
    add(&mut tree, &format!("{PROVIDER}/EntDMID"), "1");
    stored.apply(&tree.changes(5));
    let mut tree = Tree::new(&stored, true);
    replace(&mut tree, &config("A"), "2");
    tree.delete(&uri(&config("B"))).unwrap();
    tree.delete(&uri(&format!("{PROVIDER}/EntDMID"))).unwrap();
    stored.apply(&tree.changes(6));
    let values: Vec<&str> = stored.profiles.iter().map(|profile| profile.nodes[""].value.as_str()).collect();
    assert_eq!((values, stored.settings.len()), (vec!["2"], 0));
}

fn by(authority: &str) -> Owner {
    Owner { authority: authority.to_owned(), epoch: 0, session: 1 }
}

fn uri(text: &str) -> LocUri {
    LocUri::parse(text).unwrap()
}

fn add(tree: &mut Tree, address: &str, value: &str) {
    tree.add(&uri(address), &Format::Chr, value).unwrap();
}

fn replace(tree: &mut Tree, address: &str, value: &str) {
    tree.replace(&uri(address), &Format::Chr, value).unwrap();
}

fn stored_and_loaded(nodes: &[(&str, &str)], authority: &str, now: i64) -> Tree {
    let mut tree = Tree::default();
    nodes.iter().for_each(|(address, value)| add(&mut tree, address, value));
    let mut stored = Stored::default();
    stored.apply(&tree.speaking_for(by(authority)).changes(now));
    Tree::new(&stored, true).speaking_for(by(authority))
}

fn only(changes: &Changes) -> &Profile {
    assert_eq!(changes.profiles.len(), 1);
    changes.profiles.values().flatten().next().expect("a profile that is there")
}
