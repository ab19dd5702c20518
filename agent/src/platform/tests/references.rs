//! What profiles share and what they refer to: one place has one holder, and who refers to something follows it.

use std::os::unix::fs::chown;

use super::*;
use crate::engine::application::DriftOutcome;
use crate::platform::ledger::Standing;
use crate::platform::translate::certificate::testing::{install, made, network, pfx};

const LOCALTIME: &str = "etc/localtime";

fn zone(name: &str) -> Profile {
    policy("TimeLanguageSettings/ConfigureTimeZone", name)
}

fn own_zone(name: &str) -> Profile {
    profile("./Device/Vendor/LinuxMDM/Config/Time/Zone", &[("", name)])
}

fn removal(profile: &Profile) -> Application {
    Application { profiles: [(profile.root.to_string(), None)].into(), ..Application::default() }
}

/// A network whose certificate stays on the machine although its own profile left: the site, the network, the key.
fn with_key_kept() -> (Site, [Profile; 1], String) {
    let site = Site::new();
    let ada = made("ada");
    let (certificate, network) = (install(&pfx(&ada, "x"), "x"), network(&ada.root));
    let both = [certificate.clone(), network.clone()];
    assert_eq!(site.apply(&[], &both).failed, BTreeMap::new());
    site.platform.put_in_force(&both, &removal(&certificate), Others::Go).unwrap();
    let key = site.tree().into_keys().find(|path| path.ends_with("-key.pem")).unwrap();
    (site, [network], key)
}

#[test]
fn a_key_that_is_kept_for_a_network_is_watched_and_put_right() {
    let (site, network, key) = with_key_kept();
    let content = site.read(&key);
    let place = site.root.join(&key);
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = site.platform.converge(&network, Others::Go).unwrap();
    assert_eq!(found.drift.iter().map(|drift| drift.what.as_str()).collect::<Vec<_>>(), ["permissions"]);
    assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    chown(&place, Some(1234), None).unwrap();
    let found = site.platform.converge(&network, Others::Go).unwrap();
    assert_eq!(found.drift.iter().map(|drift| drift.what.as_str()).collect::<Vec<_>>(), ["owner"]);
    assert_eq!((place.metadata().unwrap().uid(), site.read(&key)), (0, content));
    assert_eq!(site.platform.converge(&network, Others::Go).unwrap().drift, []);
    assert_eq!(site.platform.ledger().unwrap().profiles, BTreeMap::new());
}

#[test]
fn a_network_whose_key_was_deleted_is_not_applied_any_more() {
    let (site, network, key) = with_key_kept();
    std::fs::remove_file(site.root.join(&key)).unwrap();
    let found = site.platform.converge(&network, Others::Go).unwrap();
    let drift: Vec<_> = found.drift.iter().map(|drift| (drift.what.as_str(), drift.path.as_str())).collect();
    assert_eq!(drift, [("removed", format!("/{key}").as_str())]);
    let ledger = site.platform.ledger().unwrap();
    assert!(matches!(ledger.profiles[&network[0].root.to_string()], Standing::Waiting { .. }), "{ledger:?}");
    assert_eq!(site.platform.converge(&network, Others::Go).unwrap().drift, []);
    site.platform.clear(&mut Vec::new()).unwrap();
    assert!(!site.tree().keys().any(|path| path.contains("etc/mdm-agent")), "{:?}", site.tree());
}

#[test]
fn a_network_follows_a_certificate_that_is_replaced_under_the_same_name() {
    let site = Site::new();
    let ada = made("ada");
    let eve = crate::platform::translate::certificate::testing::issued_by(&ada, "eve");
    let (old, new) = (install(&pfx(&ada, "x"), "x"), install(&pfx(&eve, "x"), "x"));
    let network = network(&ada.root);
    site.apply(&[], &[old.clone(), network.clone()]);
    assert!(site.read(&keyfile(&site)).unwrap().contains("identity=ada\n"));
    site.apply(&[old, network.clone()], std::slice::from_ref(&new));
    assert!(site.read(&keyfile(&site)).unwrap().contains("identity=eve\n"));
    let both = [new, network];
    assert_eq!(site.platform.foresee(&both).unwrap().steps, []);
    let stamps = stamps(&site.root);
    site.platform.converge(&both, Others::Go).unwrap();
    assert_eq!(super::stamps(&site.root), stamps);
}

fn keyfile(site: &Site) -> String {
    site.tree().into_keys().find(|path| path.ends_with(".nmconnection")).unwrap()
}

#[test]
fn one_place_has_one_holder_steadily() {
    let site = Site::new();
    let (first, second) = (zone("Europe/Berlin"), own_zone("Etc/UTC"));
    site.apply(&[], std::slice::from_ref(&first));
    let outcome = site.apply(std::slice::from_ref(&first), std::slice::from_ref(&second));
    assert_eq!(outcome.failed.keys().cloned().collect::<BTreeSet<_>>(), roots(&[&second]));
    // Even where both are stored, and nothing is ever settled.
    let both = [first, second, wifi("Corp", "short"), policy("No/Such", "1")];
    for _ in 0..5 {
        let found = site.platform.converge(&both, Others::Go).unwrap();
        assert!(found.applied.contains_key(&both[0].root.to_string()));
        assert!(found.refused.contains_key(&both[1].root.to_string()), "{found:?}");
        let target = std::fs::read_link(site.root.join(LOCALTIME)).unwrap();
        assert_eq!(target, Path::new("/usr/share/zoneinfo/Europe/Berlin"));
    }
}

#[test]
fn two_profiles_of_one_value_hold_it_together_until_the_last_one_leaves() {
    let site = Site::new();
    let both = [zone("Europe/Berlin"), own_zone("Europe/Berlin")];
    assert_eq!(site.apply(&[], &both).failed, BTreeMap::new());
    let path = crate::platform::path::MachinePath::new(format!("/{LOCALTIME}"));
    assert_eq!(site.platform.ledger().unwrap().files[&path].profiles, roots(&[&both[0], &both[1]]));
    let stamp = stamps(&site.root)[LOCALTIME];
    site.platform.put_in_force(&both, &removal(&both[0]), Others::Go).unwrap();
    assert_eq!(site.platform.ledger().unwrap().files[&path].profiles, roots(&[&both[1]]));
    assert_eq!(stamps(&site.root)[LOCALTIME], stamp, "the file is not touched");
    site.platform.put_in_force(&both[1..], &removal(&both[1]), Others::Go).unwrap();
    let target = std::fs::read_link(site.root.join(LOCALTIME)).unwrap();
    assert_eq!(target, Path::new("/usr/share/zoneinfo/Etc/UTC"));
}

#[test]
fn an_edited_key_is_kept_when_its_last_user_leaves() {
    let (site, network, key) = with_key_kept();
    site.write(&key, "mine");
    let found = site.platform.converge(&network, Others::Go).unwrap();
    assert!(found.drift.iter().any(|drift| drift.what.as_str() == "changed"), "{found:?}");
    let mut drift = Vec::new();
    site.platform.clear(&mut drift).unwrap();
    assert!(!site.root.join(&key).exists());
    let kept = std::fs::read_dir(crate::platform::quarantine::place(&site.state)).unwrap();
    let kept: Vec<String> = kept.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(kept, ["mine"]);
    assert!(drift.iter().all(|drift| drift.outcome == DriftOutcome::Removed), "{drift:?}");
}
