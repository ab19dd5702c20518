//! What people are told of profiles, and what they are not.

use std::sync::Arc;

use super::{NotFound, Standing, find, list};
use crate::engine::profile::{RETENTION_WINDOW, Stored};
use crate::engine::testing::{NOW, WIFI, add, config, stored_after, wlan};

#[test]
fn profiles_are_listed_by_kind_and_name_with_their_dates() {
    let stored = stored_after(vec![
        add("1", WIFI, &wlan("swordfish")),
        add("2", &config("B"), "1"),
        add("3", &config("A"), "1"),
        add("4", "./User/Vendor/LinuxMDM/Config/Test/A", "1"),
    ]);
    let names = |stored: &Stored| {
        list(stored, &standing())
            .into_iter()
            .map(|view| format!("{} {} {}", view.kind, view.name, view.scope))
            .collect::<Vec<_>>()
    };
    let expected = [
        "configuration Linux/Test/A device",
        "configuration Linux/Test/A user",
        "configuration Linux/Test/B device",
        "wifi Corp device",
    ];
    assert_eq!(names(&stored), expected);
    let view = list(&stored, &standing()).remove(3);
    assert_eq!((view.received, view.confirmed, view.kept_until), (NOW + 1, NOW + 1, Some(NOW + 1 + RETENTION_WINDOW)));
    assert_eq!((view.authority.as_str(), view.summary.as_str()), ("Contoso", "Corp WPA2PSK, automatic"));
    let mut standing = standing();
    standing.progress.confirm(&Arc::from("Contoso"), NOW + 50);
    let view = list(&stored, &standing).remove(3);
    let kept_until = Some(NOW + 50 + RETENTION_WINDOW);
    assert_eq!((view.received, view.confirmed, view.kept_until), (NOW + 1, NOW + 50, kept_until));
}

#[test]
fn a_profile_is_found_by_its_name_or_by_a_beginning_that_only_one_has() {
    let stored = stored_after(vec![
        add("1", &config("Alpha"), "1"),
        add("2", &config("Alphabet"), "1"),
        add("3", &config("Beta"), "1"),
        add("4", WIFI, &wlan("swordfish")),
    ]);
    let name = |kind, name| find(&stored, &standing(), kind, name, false).map(|found| found.view.name);
    assert_eq!(name(None, "Linux/Test/Alpha"), Ok("Linux/Test/Alpha".to_owned()));
    assert_eq!(name(None, "Linux/Test/B"), Ok("Linux/Test/Beta".to_owned()));
    assert_eq!(name(Some("wifi"), "C"), Ok("Corp".to_owned()));
    assert_eq!(name(Some("wifi"), ""), Ok("Corp".to_owned()));
    let several = NotFound::Several { count: 2, name: "Linux/Test/Al".to_owned() };
    assert_eq!(name(None, "Linux/Test/Al"), Err(several));
    assert_eq!(name(None, "Gamma"), Err(NotFound::None("Gamma".to_owned())));
    assert_eq!(name(Some("vpn"), "Corp"), Err(NotFound::None("Corp".to_owned())));
}

#[test]
fn secret_values_are_concealed_unless_revealed() {
    let pfx = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/Id";
    let vpn = "./Device/Vendor/MSFT/VPNv2/Head";
    let mail = "./User/Vendor/MSFT/EMAIL2/Mail";
    let blob = mdm_protocol::base64::encode("hush");
    for (kind, address, value, secret) in [
        ("wifi", WIFI.to_owned(), wlan("swordfish"), true),
        ("certificate", format!("{pfx}/PFXCertBlob"), blob, true),
        ("certificate", format!("{pfx}/PFXCertPassword"), "hush".to_owned(), true),
        ("certificate", format!("{pfx}/KeyLocation"), "3".to_owned(), false),
        ("email", format!("{mail}/AUTHSECRET"), "hush".to_owned(), true),
        ("email", format!("{mail}/authsecret"), "hush".to_owned(), true),
        ("email", format!("{mail}/SERVICENAME"), "Mail".to_owned(), false),
        ("vpn", format!("{vpn}/NativeProfile/L2tpPsk"), "hush".to_owned(), true),
        ("vpn", format!("{vpn}/PluginProfile/CustomConfiguration"), "PrivateKey = hush".to_owned(), true),
        ("vpn", format!("{vpn}/AlwaysOn"), "true".to_owned(), false),
        ("configuration", config("A"), "1".to_owned(), false),
    ] {
        let stored = stored_after(vec![add("1", &address, &value)]);
        let shown = |reveal| find(&stored, &standing(), Some(kind), "", reveal).unwrap().nodes.remove(0).2;
        assert_eq!(shown(true), value, "{address}");
        assert_eq!(shown(false), if secret { "********".to_owned() } else { value }, "{address}");
        let everything = format!("{:?}{:?}", list(&stored, &standing()), stored);
        assert!(!everything.contains("hush") && !everything.contains("swordfish"), "{everything}");
    }
}

#[test]
fn the_profiles_own_node_is_shown_as_what_it_is() {
    let stored = stored_after(vec![crate::engine::testing::operation(
        "1",
        mdm_protocol::syncml::Verb::Add,
        vec![
            mdm_protocol::syncml::Item::target("./Device/Vendor/MSFT/VPNv2/Head")
                .with_meta(mdm_protocol::syncml::Meta::format(mdm_protocol::syncml::Format::Node)),
        ],
    )]);
    let found = find(&stored, &standing(), None, "Head", false).unwrap();
    assert_eq!(found.nodes, [(String::new(), "node".to_owned(), String::new())]);
}

#[test]
fn a_profile_that_is_not_usable_yet_says_what_it_lacks() {
    let stored = stored_after(vec![add("1", "./User/Vendor/MSFT/EMAIL2/Mail/AUTHSECRET", "hush")]);
    assert_eq!(list(&stored, &standing())[0].summary, "incomplete: SERVICENAME: is missing");
}

fn standing() -> Standing {
    Standing { authority: Arc::from("Contoso"), ..Standing::default() }
}
