//! Put in force, left alone, changed by somebody, taken away.

use super::*;
use crate::platform::ledger::DriftKind;

fn some() -> Vec<Profile> {
    vec![
        wifi("Corp", "correct horse"),
        sysctl("kernel.sysrq", "0"),
        policy("DeviceLock/MaxInactivityTimeDeviceLock", "5"),
        policy("DeviceLock/MaxDevicePasswordFailedAttempts", "5"),
        policy("TimeLanguageSettings/ConfigureTimeZone", "Europe/Berlin"),
        authority(),
    ]
}

#[test]
fn what_is_put_in_force_and_taken_away_again_leaves_a_byte_identical_tree() {
    let site = Site::new();
    site.write("etc/security/faillock.conf", "# deny = 3\n\n   # nothing is set\n");
    let before = site.tree();
    let profiles = some();
    let outcome = site.apply(&[], &profiles);
    assert_eq!(outcome.failed, BTreeMap::new());
    let during = site.tree();
    let keyfile = during.iter().find(|(path, _)| path.ends_with(".nmconnection")).unwrap();
    assert_eq!(keyfile.1.0 & 0o7777, 0o600, "a connection is for root alone");
    assert!(site.read("etc/security/faillock.conf").unwrap().ends_with("deny = 5\n"));
    assert_eq!(site.root.join("etc/localtime").read_link().unwrap(), Path::new("/usr/share/zoneinfo/Europe/Berlin"));
    assert!(site.read("etc/firefox/policies/policies.json").unwrap().contains("/usr/local/share/ca-certificates/"));
    site.platform.converge(&[], Others::Go).unwrap();
    assert_eq!(site.tree(), before);
    assert!(!site.state.join("ledger.json").exists(), "nothing is left to remember");
}

#[test]
fn a_thousand_looks_at_unchanged_profiles_touch_nothing() {
    let site = Site::new();
    let profiles = some();
    site.apply(&[], &profiles);
    let (files, ledger) = (stamps(&site.root), stamps(&site.state));
    for _ in 0..1000 {
        let found = site.platform.converge(&profiles, Others::Go).unwrap();
        assert_eq!((found.drift.len(), found.refused.len()), (0, 0));
    }
    assert_eq!(stamps(&site.root), files);
    assert_eq!(stamps(&site.state), ledger);
}

#[test]
fn setting_the_same_again_touches_nothing() {
    let site = Site::new();
    let profiles = some();
    site.apply(&[], &profiles);
    let files = stamps(&site.root);
    site.apply(&profiles, &profiles[..2]);
    assert_eq!(stamps(&site.root), files);
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_under_the_same_name() {
    let site = Site::new();
    let old = wifi("Corp", "correct horse");
    site.apply(&[], std::slice::from_ref(&old));
    let place = site.tree().into_keys().find(|path| path.ends_with(".nmconnection")).unwrap();
    site.apply(&[old], &[wifi("Corp", "battery staple")]);
    let connections: Vec<String> =
        site.tree().into_keys().filter(|path| path.contains("system-connections/")).collect();
    assert_eq!(connections, std::slice::from_ref(&place));
    assert!(site.read(&place).unwrap().contains("psk=battery staple\n"));
}

#[test]
fn what_somebody_changed_is_told_and_put_back() {
    let site = Site::new();
    let profiles = some();
    site.apply(&[], &profiles);
    let whole = site.tree();
    let keyfile = whole.keys().find(|path| path.ends_with(".nmconnection")).unwrap().clone();
    std::fs::remove_file(site.root.join("etc/sysctl.d/90-mdm-agent.conf")).unwrap();
    site.write("etc/firefox/policies/policies.json", "{}");
    std::fs::set_permissions(site.root.join(&keyfile), std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = site.platform.converge(&profiles, Others::Go).unwrap();
    let drift: BTreeMap<&str, DriftKind> = found.drift.iter().map(|drift| (drift.path.as_str(), drift.what)).collect();
    assert_eq!(
        drift,
        BTreeMap::from([
            ("/etc/sysctl.d/90-mdm-agent.conf", DriftKind::Removed),
            ("/etc/firefox/policies/policies.json", DriftKind::Changed),
            (format!("/{keyfile}").as_str(), DriftKind::Permissions),
        ])
    );
    assert_eq!(site.tree(), whole);
    assert_eq!(site.platform.converge(&profiles, Others::Go).unwrap().drift, []);
    assert_eq!(site.platform.ledger().unwrap().drift.len(), 3, "what was found last can still be asked for");
}

#[test]
fn a_lost_ledger_is_found_again_by_the_names_that_only_the_agent_gives() {
    let site = Site::new();
    let profiles = [wifi("Corp", "correct horse"), sysctl("kernel.sysrq", "0")];
    site.apply(&[], &profiles);
    let whole = site.tree();
    for damage in [
        "",
        "nonsense",
        "{\"version\":99,\"settled\":null,\"files\":{},\"directories\":[],\"untold\":[],\"profiles\":{},\"drift\":[]}",
    ] {
        std::fs::write(site.state.join("ledger.json"), damage).unwrap();
        let found = site.platform.converge(&profiles, Others::Go).unwrap();
        assert_eq!(found.refused, BTreeMap::new(), "{damage}");
        assert_eq!(site.tree(), whole);
    }
    std::fs::remove_file(site.state.join("ledger.json")).unwrap();
    let changed = [wifi("Corp", "battery staple"), sysctl("kernel.sysrq", "1")];
    assert_eq!(site.apply(&profiles, &changed).failed, BTreeMap::new());
}

#[test]
fn a_store_that_was_lost_takes_nothing_away_until_the_server_has_spoken() {
    let site = Site::new();
    let profiles = some();
    site.apply(&[], &profiles);
    let whole = site.tree();
    site.platform.converge(&[], Others::Stay).unwrap();
    assert_eq!(site.tree(), whole);
    let again = site.platform.put_in_force(&[], &application(&profiles[..1]), Others::Stay).unwrap();
    assert_eq!(again.failed, BTreeMap::new());
    assert_eq!(site.tree(), whole);
    site.platform.converge(&profiles[..1], Others::Go).unwrap();
    assert!(site.read("etc/sysctl.d/90-mdm-agent.conf").is_none());
}
